"""moto, which answers as the interfaces of AWS do."""

from kit import CACHE, listens

NEEDS = ()
PROGRAMS = {}
URL = "http://127.0.0.1:5000"


def lacks():
    return [] if server().exists() else [f"moto (pip install 'moto[server]' into {CACHE}/venv)"]


def server():
    return CACHE / "venv/bin/moto_server"


def start(lab):
    lab.daemon("moto", server(), "-H", "127.0.0.1", "-p", "5000")
    lab.until("moto listens", lambda: listens("127.0.0.1", 5000))
    return {"url": URL}
