"""The shop's repository: its two versions, the second with a mistake in it, and the Makefile that deploys them. Where it
comes from is another directory."""

import shutil

from kit import HERE

NEEDS = ()
PROGRAMS = {"git": "git", "make": "make"}
WHO = ["-c", "user.name=Ana", "-c", "user.email=ana@lab.example"]


def start(lab):
    repository = lab.dir / "repository"
    shutil.copytree(HERE / "shop", repository, ignore=shutil.ignore_patterns("v1", "v2"))
    lab.run("git", "init", "-q", "-b", "main", repository)

    def commit(version, message):
        shutil.copy(HERE / "shop" / version / "price.py", repository / "price.py")
        lab.run("git", "add", "-A", cwd=repository)
        lab.run("git", *WHO, "commit", "-q", "-m", message, cwd=repository)
        lab.run("git", "tag", version, cwd=repository)

    commit("v1", "Take orders")
    commit("v2", "Of every three items one is free")
    origin = lab.dir / "origin.git"
    lab.run("git", "clone", "-q", "--bare", repository, origin)
    lab.run("git", "remote", "add", "origin", origin, cwd=repository)
    return {"repository": str(repository), "versions": ["v1", "v2"]}
