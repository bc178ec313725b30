"""localstripe, which answers as the interface of Stripe does."""

from kit import CACHE, listens

NEEDS = ()
PROGRAMS = {}
URL = "http://127.0.0.1:8420"


def lacks():
    return [] if server().exists() else [f"localstripe (pip install localstripe into {CACHE}/venv)"]


def server():
    return CACHE / "venv/bin/localstripe"


def start(lab):
    lab.daemon("localstripe", server(), "--port", "8420", "--from-scratch", cwd=lab.directory("localstripe"))
    lab.until("localstripe listens", lambda: listens("127.0.0.1", 8420))
    return {"url": URL, "key": "sk_test_lab"}
