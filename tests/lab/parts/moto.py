"""moto, which answers as the interfaces of AWS do, and the CLI that asks it. An account has one user, with one key."""

from kit import CACHE, listens

NEEDS = ()
PROGRAMS = {}
URL = "http://127.0.0.1:5000"
USER = "svc-export"


def lacks():
    needed = {"moto_server": "moto[server]", "aws": "awscli"}
    return [f"{name} (pip install '{package}' into {CACHE}/venv)"
            for name, package in needed.items() if not program(name).exists()]


def program(name):
    return CACHE / "venv/bin" / name


def start(lab):
    lab.daemon("moto", program("moto_server"), "-H", "127.0.0.1", "-p", "5000")
    # The CLI's home is the lab's own: nobody's real account is ever meant.
    (lab.dir / "bin/aws").symlink_to(program("aws"))
    lab.write("home/.aws/credentials", "[lab]\naws_access_key_id = lab\naws_secret_access_key = lab\n", 0o600)
    lab.until("moto listens", lambda: listens("127.0.0.1", 5000))
    for operation in ("create-user", "create-access-key"):
        words = ["--profile=lab", "--region=us-east-1", f"--endpoint-url={URL}", "iam", operation]
        lab.run("aws", *words, f"--user-name={USER}")
    return {"url": URL, "user": USER}
