#!/usr/bin/env python3
"""What has to be done on the host of a PostgreSQL node, beside its data.

`postgres.py` imports it where the node lives on this machine, and else sends the whole file to `python3 -` on the
node's host. So it needs nothing but Python's standard library and PostgreSQL's own programs, and its words, a password
among them, never stand on a command line.
"""

import glob
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import time


class HostFailed(Exception):
    """What could not be done here. Its text is for people."""


def serve(ask):
    """One question or one act; what cannot be done comes back as `{"failed": …}`."""
    try:
        return {"did": ACTS[ask["act"]](Place(ask), ask)}
    except HostFailed as why:
        return {"failed": str(why)}
    except OSError as why:
        return {"failed": str(why)}


class Place:
    """A data directory, and the programs for it."""

    def __init__(self, ask):
        self.data = os.path.realpath(ask["data"])
        if not os.path.isabs(ask["data"]) or self.data == "/":
            raise HostFailed(f"{ask['data']} cannot be a data directory: write its whole path")
        self.control = os.path.join(self.data, "global", "pg_control")
        self.aside = self.control + ".fenced"
        self.owner, self.password = ask["owner"], ask.get("password")
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(re.sub(r"\D", "", path) or 0))
        self.bin = ask.get("bin") or (found[-1] if found else "")

    def run(self, program, *words, timeout=60):
        """Runs one of PostgreSQL's programs; as the data's owner where we are root."""
        more, env = {}, {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "PGCONNECT_TIMEOUT": "3"}
        if self.password is not None:
            env["PGPASSWORD"] = self.password
        if os.geteuid() == 0:
            try:
                owner = pwd.getpwnam(self.owner)
            except KeyError:
                raise HostFailed(f"there is no account {self.owner}") from None
            more = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
            env["HOME"] = owner.pw_dir
        try:
            return subprocess.run([os.path.join(self.bin, program), *words], env=env, cwd="/", text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=timeout, **more)
        except subprocess.TimeoutExpired:
            raise HostFailed(f"{program} did not end within {timeout} s") from None

    def processes(self):
        """Everything that works in the data directory: an orphan of a killed server writes on for a while."""
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == self.data:
                    found.append(int(entry))
            except OSError:
                pass                            # it ended meanwhile, or it is a zombie
        return found

    def server(self):
        """The server's process id, if it is one that works here."""
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as file:
                pid = int(file.readline())
        except (OSError, ValueError):
            return None
        return pid


def look(place, _):
    """What the files say while the server may be dead."""
    processes = place.processes()
    here = os.path.exists(place.control)
    damaged = False
    if here:
        # Its control file has a checksum of its own.
        told = place.run("pg_controldata", "-D", place.data, timeout=10)
        damaged = told.returncode != 0 or "WARNING" in told.stdout + told.stderr
    try:
        logs = os.listdir(os.path.join(place.data, "pg_wal"))
    except OSError:
        logs = []
    lines = [int(name[:8], 16) for name in logs if re.fullmatch(r"[0-9A-F]{8}\.history", name)]
    return {
        "data": os.path.isdir(place.data),
        "fenced": not here and os.path.exists(place.aside) and not processes,
        "standby": os.path.exists(os.path.join(place.data, "standby.signal")),
        "timeline": max(lines, default=1),
        "processes": len(processes),
        "damaged": damaged,
    }


def stop(place, ask):
    """Ends all of the node. A killed server keeps its id until somebody reaps it, and its pid file stays."""
    server = place.server()
    if server in place.processes():
        os.kill(server, {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[ask["how"]])
    if not wait(20, lambda: not place.processes()):
        for pid in place.processes():
            os.kill(pid, signal.SIGKILL)
    wait(10, lambda: not place.processes() and not (server and os.path.exists(f"/proc/{server}")))
    left = place.processes()
    if left:
        raise HostFailed(f"processes {', '.join(map(str, left))} still work in {place.data}")
    return {}


def fence(place, _):
    # As `pg_upgrade --link` does it with an old cluster: no server starts without its control file, whoever starts
    # it. First, so that what is stopped next cannot be back before we are done.
    if not os.path.isdir(place.data):
        raise HostFailed(f"{place.data} is no directory: nothing here can be fenced")
    set_aside(place)
    stop(place, {"how": "immediate"})
    if os.path.exists(place.control):
        # The last checkpoint of the dying server wrote it anew.
        set_aside(place)
    return {"how": "stopped, and its control file is set aside: no server starts on it"}


def set_aside(place):
    if os.path.exists(place.control):
        os.rename(place.control, place.aside)
        sync(os.path.dirname(place.control))


def unfence(place, _):
    if not os.path.exists(place.control):
        if not os.path.exists(place.aside):
            raise HostFailed(f"neither {place.control} nor {place.aside} is there")
        os.rename(place.aside, place.control)
        sync(os.path.dirname(place.control))
    return {}


def start(place, ask):
    """Starts the server with the words that it was last started with."""
    if not os.path.exists(place.control):
        raise HostFailed("it is fenced; `rejoin` is the way back")
    words = ask.get("words") or last_words(place.data)
    log = os.path.join(os.path.dirname(place.data), "runbook-start.log")
    said = ["start", "-w", "-t", "60", "-s", "-D", place.data, "-l", log]
    if words:
        said += ["-o", " ".join(shlex.quote(word) for word in words)]
    done = place.run("pg_ctl", *said, timeout=90)
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["pg_ctl says nothing"])[0]
        raise HostFailed(f"the server did not start: {why}; see {log}")
    return {}


def last_words(data):
    """The server's own words of its last start, without its name and its directory."""
    try:
        with open(os.path.join(data, "postmaster.opts")) as file:
            words = shlex.split(file.readline())[1:]
    except (OSError, ValueError):
        return []
    kept, at = [], 0
    while at < len(words):
        if words[at] == "-D":
            at += 2
            continue
        kept.append(words[at])
        at += 1
    return kept


def copy(place, ask):
    """Takes a fresh copy of the primary; what was there before is kept beside it."""
    parts = place.processes()
    if parts:
        raise HostFailed(f"processes {', '.join(map(str, parts))} still work in {place.data}")
    kept, words = None, last_words(place.data)
    if os.path.isdir(place.data):
        set_aside(place)                        # what is kept is no server's: nobody starts it by mistake
        kept = f"{place.data}.{time.strftime('%Y%m%dT%H%M%S')}"
        os.rename(place.data, kept)
        sync(os.path.dirname(place.data))
    try:
        done = place.run("pg_basebackup", "-D", place.data, "-d", ask["source"], "-R", "-c", "fast", "-w",
                         timeout=ask["most"])
        if done.returncode != 0:
            why = (done.stderr.strip().splitlines() or ["pg_basebackup says nothing"])[0]
            raise HostFailed(f"no copy of the primary: {why}")
    except BaseException:
        # What is not whole is nothing to start from; what was there before is fenced, and can be tried again.
        shutil.rmtree(place.data, ignore_errors=True)
        if kept and not os.path.exists(place.data):
            os.rename(kept, place.data)
        raise
    return {"kept": kept or "", "words": words}


def rewind(place, ask):
    """Takes the node's own writes back to where the primary left it, and copies what is new."""
    parts = place.processes()
    if parts:
        raise HostFailed(f"processes {', '.join(map(str, parts))} still work in {place.data}")
    words = last_words(place.data)
    # pg_rewind needs the control file, and recovery before it can begin forbids a standby's file. While it works,
    # only whoever starts servers by hand could start this one.
    try:
        unfence(place, ask)
        done = place.run("pg_rewind", "--target-pgdata", place.data, "--source-server", ask["source"], "-R",
                         timeout=ask["most"])
    except BaseException:
        # Half of it is done, and no standby's file is there: nobody may start this.
        set_aside(place)
        raise
    if done.returncode != 0:
        set_aside(place)
        why = (done.stderr.strip().splitlines() or ["pg_rewind says nothing"])[-1]
        raise HostFailed(f"it cannot be rewound: {why}; it is fenced again, and `rejoin_by: copy` needs nothing of it")
    if not os.path.exists(os.path.join(place.data, "standby.signal")):
        set_aside(place)
        raise HostFailed("pg_rewind left no standby.signal: it would start as a primary; it is fenced again")
    return {"kept": "", "words": words}


def verify(place, ask):
    """The newest base backup, and whether all of it is as its manifest says."""
    manifests = glob.glob(os.path.join(glob.escape(ask["backups"]), "*", "backup_manifest"))
    if not manifests:
        raise HostFailed(f"there is no backup in {ask['backups']}: none of its directories has a backup_manifest")
    newest = max(manifests, key=os.path.getmtime)
    done = place.run("pg_verifybackup", "-q", os.path.dirname(newest), timeout=50)
    return {"usable": done.returncode == 0, "finished": os.path.getmtime(newest), "location": os.path.dirname(newest)}


def wait(most, condition):
    deadline = time.monotonic() + most
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def sync(directory):
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


ACTS = {
    "look": look, "stop": stop, "fence": fence, "unfence": unfence, "start": start, "copy": copy, "rewind": rewind,
    "verify": verify,
}
