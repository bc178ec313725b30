"""What all parts of the lab share: where things are, starting programs, waiting."""

import json
import os
import pwd
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What Debian does not have: `.ci/run` puts it here.
CACHE = Path(os.environ.get("RUNBOOK_LAB_CACHE") or Path.home() / ".cache/runbook-lab")
# The lab has a network of its own, so its addresses can be the same in each.
EDGE, EXPORT, USER, ATTACKER = "203.0.113.1", "203.0.113.2", "203.0.113.10", "203.0.113.66"


class Missing(Exception):
    """What this machine lacks. Its text is for people."""


class Failed(Exception):
    """What did not come to stand. Its text is for people."""


class Lab:
    """A directory, and what is started in it."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.facts = {"dir": str(self.dir)}
        for name in ("bin", "home", "log", "run", "team"):
            (self.dir / name).mkdir(parents=True, exist_ok=True)

    @property
    def env(self):
        path = f"{self.dir}/team/bin:{self.dir}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": str(self.dir / "home"), "LC_ALL": "C.UTF-8", "LAB": str(self.dir)}

    def directory(self, name, owner=None):
        """A directory in the lab that only its owner reads."""
        path = self.dir / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        if owner:
            shutil.chown(path, owner, pwd.getpwnam(owner).pw_gid)
        return path

    def write(self, name, text, mode=0o644):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def run(self, *argv, user=None, timeout=60, **more):
        """Runs a program to its end; it has to succeed."""
        argv = [*as_user(user), *map(str, argv)]
        more.setdefault("env", self.env)
        more.setdefault("cwd", self.dir)
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **more)
        if done.returncode != 0:
            raise Failed(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def daemon(self, name, *argv, user=None, env=None, cwd=None):
        """Starts a program that stays. Whoever kills it finds it gone at once: the lab's first process reaps it."""
        with open(self.dir / f"log/{name}.log", "a") as log:
            subprocess.run(
                ["setsid", "--fork", *as_user(user), *map(str, argv)],
                env={**self.env, **(env or {})}, cwd=cwd or self.dir,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=True,
            )

    def until(self, what, condition, seconds=30):
        """Waits for a condition. What goes wrong meanwhile is no answer yet."""
        deadline, why = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            try:
                if (answer := condition()) is not None and answer is not False:
                    return answer
            except (OSError, ValueError, KeyError, Failed) as error:
                why = error
            time.sleep(0.05)
        raise Failed(f"not within {seconds} s: {what}{f' ({why})' if why else ''}")


def as_user(name):
    if name is None or pwd.getpwnam(name).pw_uid == os.geteuid():
        return []
    return ["setpriv", "--reuid", name, "--regid", str(pwd.getpwnam(name).pw_gid), "--init-groups"]


def listens(address, port):
    with socket.create_connection((address, port), timeout=2):
        return True


def fetch(url, body=None, headers=None, method=None):
    """The JSON of an answer, or its text."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=5) as answer:
        text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text
