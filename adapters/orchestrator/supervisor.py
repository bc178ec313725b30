#!/usr/bin/env python3
"""Supervisor, by its XML-RPC interface: the processes of a group are the instances of a service.

`supervisorctl` speaks the same, but shows neither when a process was started nor why it ended.
"""

import base64
import http.client
import os
import re
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import xmlrpc.client

from answer import Failed, Unknown, main

STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL = 0, 10, 20, 30, 40, 100, 200
NAMES = {0: "stopped", 10: "starting", 20: "running", 30: "failing", 40: "stopping", 100: "exited", 200: "given up"}
BAD_NAME, ALREADY_STARTED, NOT_RUNNING = 10, 60, 70


class Lost(Failed):
    """The connection broke after something was asked."""


class Line(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=90)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Supervisor:
    def __init__(self, settings):
        self.server = settings["server"]
        self.user, self.password = settings.get("user"), os.environ.get("RUNBOOK_PASSWORD")

    def ask(self, method, *words):
        """One call. A fault of Supervisor is told as it is: see `xmlrpc.client.Fault`."""
        body = xmlrpc.client.dumps(words, f"supervisor.{method}").encode()
        head = {"Content-Type": "text/xml"}
        if self.user:
            both = f"{self.user}:{self.password or ''}".encode()
            head["Authorization"] = "Basic " + base64.b64encode(both).decode()
        line = self.line()
        try:
            line.connect()
        except OSError as why:
            raise Failed(f"Supervisor at {self.server}: {why.strerror or why}") from why
        try:
            line.request("POST", "/RPC2", body, head)
            answer = line.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as why:
            raise Lost(f"Supervisor did not finish its answer to {method}: {why}") from why
        finally:
            line.close()
        if answer.status == 401:
            raise Failed("Supervisor refuses the name or the password (401)")
        if answer.status != 200:
            raise Failed(f"Supervisor answers {answer.status} {answer.reason}")
        try:
            (value,), _ = xmlrpc.client.loads(text)
        except xmlrpc.client.Fault:
            raise
        except Exception as why:
            raise Lost(f"Supervisor's answer to {method} cannot be read: {type(why).__name__}") from why
        return value

    def line(self):
        if self.server.startswith("/"):
            return Line(self.server)
        where = urllib.parse.urlsplit(self.server)
        if where.scheme != "http" or where.hostname not in ("127.0.0.1", "::1", "localhost") or not where.port:
            raise Failed(f"{self.server!r} is neither the path of a socket nor http://127.0.0.1:PORT")
        return http.client.HTTPConnection(where.hostname, where.port, timeout=90)


class Service:
    def __init__(self, args, settings):
        self.settings, self.supervisor = settings, Supervisor(settings)
        self.name = args.get("service") or settings["service"]
        self.health = (settings.get("health") or {}).get(self.name)

    def instances(self):
        """The processes of the group, in the order of their names."""
        found = [one for one in self.supervisor.ask("getAllProcessInfo") if one["group"] == self.name]
        if not found:
            raise Failed(f"Supervisor has no program or group {self.name}")
        return sorted(found, key=lambda one: [int(part) if part.isdigit() else part
                                              for part in re.split(r"(\d+)", one["name"])])

    def ready(self, one):
        if one["state"] != RUNNING:
            return False
        if not self.health:
            return True
        number = re.search(r"(\d*)$", one["name"])[1]
        url = self.health.replace("{name}", one["name"]).replace("{number}", number)
        if not url.startswith(("http://", "https://")):
            raise Failed(f"the setting `health` of {self.name} is no URL: {url}")
        try:
            with urllib.request.urlopen(url, timeout=3) as answer:
                return 200 <= answer.status < 300
        except (urllib.error.URLError, OSError, http.client.HTTPException):
            return False

    def do(self, method, one, is_so):
        """Starts or stops an instance. What was lost on the way is asked."""
        name = f"{one['group']}:{one['name']}"
        try:
            self.supervisor.ask(method, name, True)
        except xmlrpc.client.Fault as why:
            if why.faultCode not in (ALREADY_STARTED, NOT_RUNNING):
                raise Failed(f"{name}: {why.faultString}") from why
        except Lost as why:
            try:
                now = self.supervisor.ask("getProcessInfo", name)
            except (Failed, xmlrpc.client.Fault):
                raise Unknown(f"{name}: {why}") from why
            if not is_so(now):
                raise Unknown(f"{name} is {NAMES.get(now['state'], now['state'])}, and {why}") from why

    def await_ready(self, names):
        """Waits until these serve; the names of those that do not in time."""
        deadline = time.monotonic() + self.settings["patience"]
        while True:
            left = [one["name"] for one in self.instances() if one["name"] in names and not self.ready(one)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.3)


def wanted(instances):
    """Those that are meant to run: a stopped one was stopped by somebody."""
    return [one for one in instances if one["state"] not in (STOPPED, STOPPING)]


# ── What the contract asks ────────────────────────────────────────────────────────────────────────────────────────


def status(args, settings):
    service = Service(args, settings)
    instances = service.instances()
    meant = wanted(instances)
    ready = [one for one in meant if service.ready(one)]
    cpu, memory = used([one["pid"] for one in meant if one["pid"]])
    machine = os.cpu_count() or 1
    cpus = min(machine, (settings.get("cpus_each") or machine) * max(1, len(meant)))
    room = total_memory()
    if settings.get("memory_each"):
        room = min(room, size(settings["memory_each"]) * max(1, len(meant)))
    return {
        "service": service.name,
        "replicas": len(meant),
        "ready": len(ready),
        "max_replicas": len(instances),
        # The oldest start: it is later only when each instance was restarted.
        "generation": min((one["start"] for one in meant), default=0),
        "crashes": crashes(service, instances),
        "cpu_percent": round(100 * cpu / cpus, 1),
        "memory_percent": round(100 * memory / room, 1),
    }


def scale(args, settings):
    service, count = Service(args, settings), args["replicas"]
    instances = service.instances()
    meant = wanted(instances)
    if count < 1:
        raise Failed("at least one instance stays")
    if count > len(instances):
        raise Failed(f"{service.name} has {len(instances)} processes (numprocs), so {count} cannot run: raising that "
                     "restarts all of them")
    names = [one["name"] for one in meant]
    idle = [one for one in instances if one["name"] not in names]
    started = idle[:max(0, count - len(meant))]
    for one in started:
        service.do("startProcess", one, lambda now: now["state"] in (STARTING, RUNNING))
    for one in reversed(meant[count:]):
        service.do("stopProcess", one, lambda now: now["state"] in (STOPPED, STOPPING, EXITED, FATAL))
    service.await_ready([one["name"] for one in started])
    now = wanted(service.instances())
    if len(now) != count:
        raise Failed(f"{len(now)} instances are meant to run, not {count}: somebody else acts on them")
    ready = len([one for one in now if service.ready(one)])
    return {"service": service.name, "replicas": len(now), "previous": len(meant), "ready": ready}


def restart(args, settings):
    began, service = time.monotonic(), Service(args, settings)
    meant = wanted(service.instances())
    if not meant:
        raise Failed(f"no instance of {service.name} is meant to run")
    for at, one in enumerate(meant):
        service.do("stopProcess", one, lambda now: now["state"] in (STOPPED, STOPPING, EXITED, FATAL))
        service.do("startProcess", one, lambda now: now["state"] in (STARTING, RUNNING))
        if service.await_ready([one["name"]]):
            rest = len(meant) - at - 1
            raise Failed(f"{one['name']} does not serve {settings['patience']} s after its restart; "
                         f"{rest} more are as they were")
    now = wanted(service.instances())
    ready = len([one for one in now if service.ready(one)])
    seconds = round(time.monotonic() - began, 3)
    return {"service": service.name, "ready": ready, "replicas": len(now), "seconds": seconds}


# ── Numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def crashes(service, instances):
    """Unplanned ends in the last hour, out of Supervisor's own log."""
    names = {one["name"] for one in instances}
    log = service.supervisor.ask("readLog", -262144, 0)
    since, count = time.time() - 3600, 0
    for line in log.splitlines():
        found = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ \w+ exited: (\S+) \(.*; not expected\)", line)
        if found and found[2] in names:
            count += time.mktime(time.strptime(found[1], "%Y-%m-%d %H:%M:%S")) >= since
    return count


def used(pids):
    """Processors and bytes that these and all that they started use, over half a second."""
    family = descendants(pids)
    before = {pid: ticks(pid) for pid in family}
    began = time.monotonic()
    if family:
        time.sleep(0.5)
    took = max(time.monotonic() - began, 0.001)
    spent = sum(max(0, (ticks(pid) or 0) - before[pid]) for pid in family if before[pid] is not None)
    return spent / os.sysconf("SC_CLK_TCK") / took, sum(resident(pid) for pid in family)


def descendants(pids):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat(entry)
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found, ahead = set(), [pid for pid in pids if stat(pid)]
    while ahead:
        pid = ahead.pop()
        if pid not in found:
            found.add(pid)
            ahead += parents.get(pid, [])
    return found


def stat(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def ticks(pid):
    fields = stat(pid)
    return int(fields[11]) + int(fields[12]) if fields else None


def resident(pid):
    fields = stat(pid)
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def total_memory():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def size(text):
    number, _, unit = str(text).partition(" ")
    return int(float(number) * {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}[unit])


if __name__ == "__main__":
    main({"status": status, "scale": scale, "restart": restart})
