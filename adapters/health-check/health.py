#!/usr/bin/env python3
"""Checks of services by HTTP, by a TCP connection, or by a command. Ill health is an answer, not a failure."""

import concurrent.futures
import os
import signal
import socket
import subprocess
import time
import urllib.parse

from answer import Failed, main, seconds
from web import Lost, Unreachable, Web

AT_ONCE = 16


def check(probe):
    """`probe` looks at one service, and gives whether it is healthy and what was seen."""
    def run(args, settings):
        services = settings["services"]
        if not services:
            raise Failed("the setting `services` names no service, and nothing looked at is not healthy")
        if args["target"] not in (None, settings["environment"]):
            raise Failed(f"the target {args['target']!r} is not this environment, which is {settings['environment']!r}")
        if args["service"] is not None:
            if args["service"] not in services:
                raise Failed(f"there is no service {args['service']!r}; the setting `services` names "
                             + ", ".join(sorted(services)))
            services = {args["service"]: services[args["service"]]}
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            checks = list(pool.map(lambda one: look(probe, *one, settings), services.items()))
        failing = [one["service"] for one in checks if not one["healthy"]]
        good = len(checks) - len(failing)
        return {
            "healthy": not failing,
            "failing": failing,
            "summary": f"{good} of {len(checks)} services are healthy",
            "checks": checks,
        }
    return run


def look(probe, name, where, settings):
    began = time.monotonic()
    healthy, detail = probe(name, where, settings)
    took = time.monotonic() - began
    return {"service": name, "healthy": healthy, "latency": f"{round(took * 1000)}ms",
            "detail": " ".join(str(detail).split())[:200]}


def by_http(name, url, settings):
    if not isinstance(url, str):
        raise Failed(f"`services`: {name} is the URL that is asked")
    parts = urllib.parse.urlsplit(url)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path or "/"
    if parts.query:
        path += "?" + parts.query
    token = os.environ.get("HEALTH_TOKEN")
    headers = {"Authorization": f"Bearer {token}" if token else None}
    web = Web(base, headers, timeout=seconds(settings["within"]), ca_file=settings["ca_file"])
    try:
        status, body = web.ask("GET", path, ok=lambda status: True)
    except (Unreachable, Lost) as why:
        return False, why
    if status not in settings["statuses"]:
        return False, f"{status}: {body.decode(errors='replace')}"
    wanted = settings["contains"]
    if wanted and wanted not in body.decode(errors="replace"):
        return False, f"{status}, but the answer does not hold {wanted!r}"
    return True, status


def by_tcp(name, where, settings):
    host, _, port = str(where).rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise Failed(f"`services`: {name} is HOST:PORT, not {where!r}")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds(settings["within"])):
            return True, "it accepts connections"
    except TimeoutError:
        return False, f"no connection to {where} within {settings['within']}"
    except OSError as why:
        return False, f"{where}: {why.strerror or why}"


def by_command(name, words, settings):
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise Failed(f"`services`: {name} is a list of words: the program and what it gets")
    try:
        # A session of its own, so that nothing it started outlives it.
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 start_new_session=True)
    except OSError as why:
        raise Failed(f"the check of {name} cannot be started: {words[0]}: {why.strerror}") from why
    try:
        said, _ = child.communicate(timeout=seconds(settings["within"]))
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return False, f"it did not end within {settings['within']}"
    lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if child.returncode == 0:
        return True, last or "ok"
    return False, f"exit status {child.returncode}" + (f": {last}" if last else "")


if __name__ == "__main__":
    main({"http": check(by_http), "tcp": check(by_tcp), "command": check(by_command)})
