#!/usr/bin/env python3
"""Settings in etcd, by etcdctl.

A value is what it was given, to the byte. What was there before comes back with the change itself (`--prev-kv`), so
that nobody can have changed it in between.
"""

import base64
import json

from answer import Failed, TimedOut, Unknown, complaint, main, run, seconds

# What etcdctl complains about when nothing reached a server.
NEVER_SENT = ("Error while dialing", "SubConns are in TransientFailure", "no such host", "connection refused")
# And when it was sent, and nobody knows.
IN_DOUBT = ("DeadlineExceeded", "deadline exceeded", "Unavailable", "request timed out", "leader changed",
            "transport is closing", "EOF")


class Etcd:
    def __init__(self, settings):
        self.prefix = settings["prefix"]
        self.within = seconds(settings["within"])
        self.words = ["etcdctl", "--write-out=json", f"--endpoints={','.join(settings['endpoints'])}",
                      f"--dial-timeout={self.within:g}s", f"--command-timeout={self.within:g}s"]
        for flag in ("cacert", "cert", "key"):
            if settings[flag]:
                self.words.append(f"--{flag}={settings[flag]}")

    def ask(self, words, acts):
        try:
            done = run(self.words + words, self.within * 2 + 2)
        except TimedOut as why:
            if acts:
                raise Unknown(str(why)) from why
            raise
        if done.returncode != 0:
            why = complaint(done)
            if acts and not any(text in done.stderr for text in NEVER_SENT) \
                    and any(text in done.stderr for text in IN_DOUBT):
                raise Unknown(f"etcdctl: {why}")
            raise Failed(f"etcdctl: {why}")
        try:
            return json.loads(done.stdout)
        except ValueError as why:
            kind = Unknown if acts else Failed
            raise kind(f"etcdctl printed no JSON: {done.stdout[:100]!r}") from why

    def get(self, key):
        """Whether a key is there, and its value."""
        found = self.ask(["get", "--", self.prefix + key], acts=False).get("kvs") or []
        return (True, text(found[0], key)) if found else (False, "")

    def put(self, key, value):
        before = self.ask(["put", "--prev-kv", "--", self.prefix + key, value], acts=True).get("prev_kv")
        try:
            return (True, text(before, key)) if before else (False, "")
        except Failed as why:
            raise Unknown(f"it is set, and what was there before is lost: {why}") from why

    def delete(self, key):
        self.ask(["del", "--", self.prefix + key], acts=True)


def text(pair, key):
    try:
        return base64.b64decode(pair.get("value", "")).decode()
    except UnicodeDecodeError as why:
        raise Failed(f"the value of {key!r} is no text") from why


def named(key):
    if not key:
        raise Failed("the setting has no name")
    return key


def assigned(args):
    key, equals, value = args["assignment"].partition("=")
    if not equals:
        raise Failed(f"{args['assignment']!r} is not KEY=VALUE")
    return named(key), value


def get(args, settings):
    present, value = Etcd(settings).get(named(args["key"]))
    return {"key": args["key"], "present": present, "value": value}


def compare(args, settings):
    key, value = assigned(args)
    present, found = Etcd(settings).get(key)
    return {"key": key, "present": present, "value": found, "same": present and found == value}


def assign(args, settings):
    key, value = assigned(args)
    etcd = Etcd(settings)
    etcd.get(key)       # a value that is no text could not be put back
    had, previous = etcd.put(key, value)
    return {"key": key, "value": value, "had": had, "previous": previous}


def restore(args, settings):
    key, etcd = named(args["key"]), Etcd(settings)
    if args["present"]:
        etcd.put(key, args["value"])
    else:
        etcd.delete(key)
    return {"key": key, "present": args["present"], "value": args["value"] if args["present"] else ""}


if __name__ == "__main__":
    main({"get": get, "compare": compare, "set": assign, "restore": restore})
