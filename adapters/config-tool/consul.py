#!/usr/bin/env python3
"""Settings in Consul's key-value store. Every change is a check-and-set on the index of what was read just before, so
that the value it says was there before is the one that it replaced."""

import base64
import json
import os
import urllib.parse

from answer import Failed, Unknown, main, seconds
from web import Refused, Web

# Consul says so, with 500, when it could not act at all.
NOT_DONE = (b"No cluster leader", b"No known Consul servers", b"No path to datacenter")


class Store:
    def __init__(self, settings):
        token = os.environ.get("RUNBOOK_CONSUL_TOKEN") or None
        self.web = Web(settings["url"], {"X-Consul-Token": token}, seconds(settings["within"]), settings["ca_file"])
        self.prefix = settings["prefix"]
        self.query = {"dc": settings["datacenter"]} if settings["datacenter"] else {}

    def path(self, key):
        parts = (self.prefix + key).split("/")
        if not key or not parts[0] or "." in parts or ".." in parts:
            raise Failed(f"{self.prefix + key!r} is no key: it has a name, does not begin with /, and has no .. in it")
        return "/v1/kv/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)

    def get(self, key):
        """Whether a key is there, its value, and the index that its next change must name: 0 where it is not."""
        # `consistent`: the leader asks the others whether it still leads before it answers.
        query = {**self.query, "consistent": "true"}
        status, body = self.web.ask("GET", self.path(key), query=query, ok=lambda status: status in (200, 404))
        if status == 404:
            return False, "", 0
        try:
            (found,) = json.loads(body)
            return True, base64.b64decode(found["Value"] or "").decode(), int(found["ModifyIndex"])
        except UnicodeDecodeError as why:
            raise Failed(f"the value of {key!r} is no text") from why
        except (ValueError, TypeError, KeyError) as why:
            raise Failed(f"Consul's answer for {key!r} cannot be read: {why}") from why

    def change(self, method, key, index, **more):
        try:
            done = self.web.act(method, self.path(key), query={**self.query, "cas": str(index)}, **more)
        except Refused as why:
            if why.status >= 500 and not any(text in why.body for text in NOT_DONE):
                raise Unknown(f"{why}; it may have acted") from why
            raise
        # The answer of a change that was refused is 200 and `false`.
        if done is not True:
            raise Failed(f"somebody else changed {key!r} since it was read; nothing was done")

    def put(self, key, value):
        """Sets it; whether it was there, and what it was."""
        had, previous, index = self.get(key)
        self.change("PUT", key, index, text=value)
        return had, previous

    def remove(self, key):
        had, _, index = self.get(key)
        if had:
            self.change("DELETE", key, index)


def assigned(args):
    key, equals, value = args["assignment"].partition("=")
    if not equals:
        raise Failed(f"{args['assignment']!r} is not KEY=VALUE")
    return key, value


def get(args, settings):
    present, value, _ = Store(settings).get(args["key"])
    return {"key": args["key"], "present": present, "value": value}


def compare(args, settings):
    key, value = assigned(args)
    present, found, _ = Store(settings).get(key)
    return {"key": key, "present": present, "value": found, "same": present and found == value}


def assign(args, settings):
    key, value = assigned(args)
    had, previous = Store(settings).put(key, value)
    return {"key": key, "value": value, "had": had, "previous": previous}


def restore(args, settings):
    key, store = args["key"], Store(settings)
    if args["present"]:
        store.put(key, args["value"])
    else:
        store.remove(key)
    return {"key": key, "present": args["present"], "value": args["value"] if args["present"] else ""}


if __name__ == "__main__":
    main({"get": get, "compare": compare, "set": assign, "restore": restore})
