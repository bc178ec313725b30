#!/usr/bin/python3 -B
"""A small production to try runbooks on: real programs, in a directory and a network of their own.

    lab.py up [--with PART,…] [DIR]       until standard input ends, or TERM; says where things are in one JSON line
    lab.py shell [--with PART,…] [DIR]    the same, and a shell in it
    lab.py missing [--with PART,…]        what this machine lacks
    lab.py parts                          what there is

Without DIR there is one for the time being. Without --with all that this machine has is started. All of it lives in
namespaces of its own: when the lab's first process ends, however that comes about, so does everything.
"""

import argparse
import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kit import HERE, Failed, Lab, Missing

# In the order in which they are named to people.
PARTS = (
    "network postgres etcd haproxy git supervisor app prometheus alertmanager unleash nftables moto localstripe"
).split()
PYTHON = "/usr/bin/python3"         # Debian's own, which its packages are for


def part(name):
    return importlib.import_module(f"parts.{name}")


def whole(names):
    """These parts, and those that they cannot do without; each after what it needs."""
    found = []

    def add(name):
        for need in part(name).NEEDS:
            add(need)
        if name not in found:
            found.append(name)

    for name in ["network", *names]:
        add(name)
    return found


def lacks(name):
    """What this machine lacks for a part."""
    needs = getattr(part(name), "PROGRAMS", {})
    lacking = [f"{program} ({package})" for program, package in needs.items() if not there(program)]
    return lacking + getattr(part(name), "lacks", list)()


def there(program):
    return shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin") is not None


def check(names):
    if os.geteuid() != 0:
        raise Missing("the lab needs root, for namespaces and for users of their own")
    if not Path(PYTHON).exists():
        raise Missing(f"there is no {PYTHON} (python3)")
    lacking = [f"{name} needs {', '.join(what)}" for name in names if (what := lacks(name))]
    if lacking:
        raise Missing("; ".join(lacking))


def chosen(text):
    """The parts that were asked for; without a word, those that can be had."""
    if text is None:
        return whole([name for name in PARTS if not any(lacks(each) for each in whole([name]))])
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in PARTS:
            sys.exit(f"lab: there is no part {name}; there are {', '.join(PARTS)}")
    return whole(names)


# ── Outside: become a first process that takes everything along when it ends ──────────────────────────────────────


def enter(verb, names, directory):
    """Starts over in namespaces of its own, and hands on what it is told."""
    spaces = ["--net", "--pid", "--mount", "--ipc", "--fork", "--kill-child=TERM"]
    temporary = directory is None
    directory = Path(directory or tempfile.mkdtemp(prefix="lab", dir="/tmp")).resolve()
    directory.mkdir(exist_ok=True)
    directory.chmod(0o711)                              # the database's owner has to get through
    inside = ["inside", verb, ",".join(names), directory, "temporary" if temporary else "kept"]
    die_with_parent()
    argv = ["unshare", *spaces, PYTHON, "-B", str(HERE / "lab.py"), *map(str, inside)]
    outer = subprocess.Popen(argv, preexec_fn=die_with_parent)

    def hand_on(told, _):
        # `unshare` itself hears nothing while it waits for what it started.
        for pid in Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split():
            os.kill(int(pid), told)

    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, hand_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN if verb == "shell" else hand_on)
    return outer.wait()


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)          # PR_SET_PDEATHSIG


# ── Inside ────────────────────────────────────────────────────────────────────────────────────────────────────────


def first_process(verb, names, directory, temporary):
    """Starts the parts in a child, reaps whatever dies in here, and ends when it is told to."""
    pid = int(os.readlink("/proc/self"))                # as those outside see us: /proc is still theirs
    for mount in (["proc", "/proc"], ["tmpfs", "/run"]):
        subprocess.run(["mount", "-t", mount[0], mount[0], mount[1]], check=True)

    def end(*_):
        raise SystemExit(0)

    for ends in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(ends, end)
    worker = os.fork()
    if worker == 0:
        for ends in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(ends, signal.SIG_DFL)
        os._exit(stand(verb, names, directory, pid))
    try:
        code = watch(worker, leashed=verb == "up")
    except SystemExit as ended:
        code = ended.code
    for ends in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGCHLD):
        signal.signal(ends, signal.SIG_DFL if ends == signal.SIGCHLD else signal.SIG_IGN)
    end_all()
    if temporary:
        shutil.rmtree(directory, ignore_errors=True)
    return code


def watch(worker, leashed):
    """Until standard input ends, or the lab did not come to stand; for a shell, until that ends."""

    def reap(*_):
        while (ended := next_dead()) is not None:
            pid, code = ended
            if pid == worker and code != 0:
                raise SystemExit(code)

    if leashed:
        signal.signal(signal.SIGCHLD, reap)
        reap()
        while os.read(0, 4096):
            pass
        return 0
    while True:
        pid, status = os.wait()
        if pid == worker:
            return os.waitstatus_to_exitcode(status)


def next_dead():
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def end_all():
    """Nobody is left but this process."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.wait()
    except (ChildProcessError, ProcessLookupError):
        pass


def stand(verb, names, directory, pid):
    """Starts the parts, each as soon as what it needs stands."""
    lab = Lab(directory)
    lab.facts["pid"] = pid
    begun = {}

    def start(name):
        for need in part(name).NEEDS:
            begun[need].result()
        lab.facts[name] = part(name).start(lab) or {}

    try:
        team(lab)
        with ThreadPoolExecutor(len(names)) as pool:
            # The network is the first of them. All others need it, and say nothing of it.
            for name in names:
                begun[name] = pool.submit(start, name)
                begun["network"].result()
        for future in begun.values():
            future.result()
    except (Failed, subprocess.SubprocessError) as why:
        print(f"lab: {why}\n{last_words(lab)}", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        print(last_words(lab), file=sys.stderr)
        return 1
    lab.write("lab.json", json.dumps(lab.facts, indent=2) + "\n")
    if verb == "up":
        print(json.dumps(lab.facts), flush=True)
        return 0
    return shell(lab, names)


def last_words(lab):
    """The end of what each program said, which is gone with the lab."""
    found = []
    for path in sorted((lab.dir / "log").glob("*.log")):
        if lines := path.read_text(errors="replace").splitlines()[-5:]:
            found += [f"{path.name}:", *(f"    {line[:300]}" for line in lines)]
    return "\n".join(found)


def team(lab):
    """The team's files; what is in them about places becomes true for this lab."""
    shutil.copytree(HERE / "team", lab.dir / "team", dirs_exist_ok=True)
    # Chat and status page are those of the other test bench.
    shutil.copy(HERE.parent / "postgres/team/bin/ops", lab.dir / "team/bin/ops")
    (lab.dir / "team/var").mkdir(exist_ok=True)
    for path in (lab.dir / "team").glob("*.yaml"):
        path.write_text(path.read_text().replace("@LAB@", str(lab.dir)))
    (lab.dir / "bin/python3").symlink_to(PYTHON)


def shell(lab, names):
    print(f"The lab stands: {', '.join(names)}.\nIts files are in {lab.dir}; lab.json says where everything is.")
    print((lab.dir / "team/welcome").read_text())
    env = {**os.environ, **lab.env, "RUNBOOK_STATE_DIR": str(lab.dir / "state"), "PS1": r"lab:\W\$ "}
    env["PATH"] = f"{lab.env['PATH']}:{os.environ.get('LAB_PATH', '')}"
    subprocess.run(["bash", "--norc", "-i"], env=env, cwd=lab.dir / "team", check=False)
    return 0


def main():
    parser = argparse.ArgumentParser(prog="lab.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("up", "shell", "missing"):
        one = verbs.add_parser(verb)
        one.add_argument("--with", dest="parts", metavar="PART,…")
        if verb != "missing":
            one.add_argument("directory", nargs="?", metavar="DIR")
    verbs.add_parser("parts")
    asked = parser.parse_args()
    if asked.verb == "parts":
        print("\n".join(PARTS))
        return
    try:
        names = whole(PARTS) if asked.verb == "missing" and asked.parts is None else chosen(asked.parts)
        check(names)
    except Missing as what:
        print(f"lab: {what}", file=sys.stderr)
        sys.exit(69)
    if asked.verb != "missing":
        sys.exit(enter(asked.verb, names, asked.directory))


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        verb, names, directory, lifetime = sys.argv[2:]
        sys.exit(first_process(verb, names.split(","), Path(directory), lifetime == "temporary"))
    main()
