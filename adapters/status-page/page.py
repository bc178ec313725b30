#!/usr/bin/env python3
"""A status page that is a file: a JSON document, which the team's own site shows."""

import contextlib
import fcntl
import json
import os
import time
from datetime import datetime, timezone

from answer import Failed, main, replace


def now():
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def load(path):
    try:
        with open(path) as file:
            page = json.load(file)
        if not isinstance(page, dict) or not isinstance(page.get("incidents"), list):
            raise ValueError("it has no list `incidents`")
        return page
    except FileNotFoundError:
        return {"incidents": []}
    except (OSError, ValueError) as why:
        raise Failed(f"{path}: {getattr(why, 'strerror', None) or why}") from why


@contextlib.contextmanager
def changed(settings):
    """The page, for one writer at a time; what was made of it is stored as a whole."""
    path = settings["file"]
    try:
        lock = open(f"{path}.lock", "a")
    except OSError as why:
        raise Failed(f"{path}.lock: {why.strerror}") from why
    with lock:
        deadline = time.monotonic() + 20
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failed(f"somebody else is writing {path}") from None
                time.sleep(0.05)
        page = load(path)
        yield page
        replace(path, json.dumps(page, ensure_ascii=False, indent=1) + "\n")


def told(entry, settings):
    return {
        "id": entry["id"], "title": entry["title"], "status": entry["status"],
        "message": entry["updates"][-1]["message"], "url": url(entry, settings),
    }


def url(entry, settings):
    return f"{settings['url'].rstrip('/')}/{entry['id']}"


def found(page, wanted):
    entry = next((entry for entry in page["incidents"] if entry["id"] == wanted), None)
    if entry is None:
        raise Failed(f"the page has no incident {wanted}")
    return entry


def list_(_, settings):
    def lately(entry):
        if entry["status"] != "resolved":
            return True
        at = datetime.fromisoformat(entry["updates"][-1]["at"].replace("Z", "+00:00"))
        return (datetime.now(timezone.utc) - at).total_seconds() < 86400

    entries = [entry for entry in load(settings["file"])["incidents"] if lately(entry)]
    return {"incidents": [told(entry, settings) for entry in reversed(entries)]}


def open_(args, settings):
    key = os.environ.get("RUNBOOK_IDEMPOTENCY_KEY")
    with changed(settings) as page:
        again = next((entry for entry in page["incidents"] if key and entry.get("key") == key), None)
        if again:
            # The same request, whose answer was lost: the public reads it once.
            return {"id": again["id"], "url": url(again, settings)}
        last = max((int(entry["id"].rpartition("-")[2]) for entry in page["incidents"]
                    if entry["id"].rpartition("-")[2].isdigit()), default=0)
        entry = {
            "id": f"inc-{last + 1}", "title": args["title"], "status": args["status"], "impact": args["impact"],
            "components": args.get("components") or [], "key": key,
            "updates": [{"at": now(), "status": args["status"], "message": args["message"]}],
        }
        page["incidents"].append(entry)
    return {"id": entry["id"], "url": url(entry, settings)}


def update(args, settings):
    with changed(settings) as page:
        entry = found(page, args["id"])
        if entry["status"] == "resolved":
            raise Failed(f"{args['id']} is resolved: open another one")
        add(entry, args["status"], args["message"])
    return {"id": entry["id"], "status": entry["status"]}


def resolve(args, settings):
    with changed(settings) as page:
        entry = found(page, args["id"])
        if entry["status"] != "resolved":
            add(entry, "resolved", args["message"])
    return {"id": entry["id"], "status": "resolved"}


def add(entry, status, message):
    entry["status"] = status
    entry["updates"].append({"at": now(), "status": status, "message": message})


if __name__ == "__main__":
    main({"list": list_, "open": open_, "update": update, "resolve": resolve})
