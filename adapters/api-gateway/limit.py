#!/usr/bin/env python3
"""HAProxy as the gateway: a map holds the limit, two stick tables what was counted."""

import re

from answer import Failed, main
from haproxy import Socket, name

KEY = "rps"


class Gateway:
    def __init__(self, settings):
        self.socket, self.map = Socket(settings["socket"]), settings["map"]
        if not re.fullmatch(r"[A-Za-z0-9_./-]+", self.map):
            raise Failed(f"{self.map!r} is no path of a map")

    def limit(self):
        """The limit, 0 where there is none; nothing where the map has no line for it."""
        answer = self.socket.ask(f"show map {self.map}")
        found = []
        for line in answer.splitlines():
            words = line.split()
            if len(words) == 3 and words[0].startswith("0x") and words[1] == KEY:
                found.append(words[2])
            elif line.strip() and not (words[0].startswith("0x") or line.startswith("#")):
                raise Failed(f"HAProxy: {line.strip()} (`show map {self.map}`)")
        if len(found) > 1:
            raise Failed(f"the map {self.map} has {len(found)} lines for {KEY}: leave one")
        if found and not found[0].isdigit():
            raise Failed(f"the map {self.map} holds {found[0]!r} for {KEY}, which is no number")
        return int(found[0]) if found else None

    def counted(self, table):
        """The entries of a stick table: key, and what is stored by name, rates with their period in seconds."""
        answer = self.socket.ask(f"show table {name(table)}")
        if not answer.startswith("# table:"):
            raise Failed(f"HAProxy: {answer.strip().splitlines()[0] if answer.strip() else 'no answer'} ({table})")
        rows = []
        for line in answer.splitlines():
            if not line.startswith("0x"):
                continue
            _, _, rest = line.partition(": ")
            key = re.match(r"key=(.*?) use=\d+ ", rest)
            if not key:
                raise Failed(f"HAProxy: the table {table} has a line that cannot be read: {line[:80]}")
            stored = {}
            for word, period, value in re.findall(r"(\w+)(?:\((\d+)\))?=(\S+)", rest[key.end():]):
                stored[word] = (int(value), int(period) / 1000 if period else None) if value.isdigit() else None
            rows.append((key[1].replace("\\ ", " "), stored))
        return rows


def rate(stored, kind):
    """How many a second."""
    found = stored.get(kind)
    if not found or not found[1]:
        raise Failed(f"the stick table does not store {kind}(…)")
    return found[0] / found[1]


def usage(_, settings):
    gateway = Gateway(settings)
    known = settings.get("callers") or {}
    callers, throttled, wait = [], 0.0, 0
    for key, stored in gateway.counted(settings["callers_table"]):
        asked, refused = rate(stored, "http_req_rate"), rate(stored, "gpc0_rate")
        throttled += refused
        if refused and stored.get("gpt0"):
            wait = max(wait, stored["gpt0"][0])
        own = known.get(key) or {}
        callers.append({
            "name": key, "rps": round(asked, 2), "critical": own.get("critical") in (True, "true"),
            "flag": own.get("flag") or "",
        })
    total = sum(caller["rps"] for caller in callers)
    passed = turned_away = 0.0
    for _, stored in gateway.counted(settings["limit_table"]):
        passed += rate(stored, "http_req_rate")
        turned_away += rate(stored, "gpc1_rate")
    return {
        "provider": settings["provider"],
        "rps": round(total, 2),
        "quota_rps": settings["quota_rps"],
        "throttled_percent": share(throttled, total),
        "rejected_percent": share(turned_away, passed),
        "retry_after": wait,
        "callers": sorted(callers, key=lambda caller: -caller["rps"]),
    }


def share(part, whole):
    return round(min(100.0, 100 * part / whole), 2) if whole else 0


def get_rate_limit(_, settings):
    limit = Gateway(settings).limit() or 0
    return {"limited": limit > 0, "rps": limit}


def set_rate_limit(args, settings):
    if args["rps"] <= 0:
        raise Failed("a limit is at least 1; `restore-rate-limit` takes it away")
    return set_to(Gateway(settings), args["rps"])


def restore_rate_limit(args, settings):
    if args["rps"] < 0:
        raise Failed("a limit is at least 1, and 0 stands for none")
    return set_to(Gateway(settings), args["rps"])


def set_to(gateway, rps):
    previous = gateway.limit()
    if previous != rps:
        verb = "add" if previous is None else "set"
        gateway.socket.change(f"{verb} map {gateway.map} {KEY} {rps}", lambda: gateway.limit() == rps)
    return {"rps": rps, "previous": previous or 0}


if __name__ == "__main__":
    main({
        "usage": usage, "get-rate-limit": get_rate_limit, "set-rate-limit": set_rate_limit,
        "restore-rate-limit": restore_rate_limit,
    })
