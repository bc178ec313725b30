#!/usr/bin/env python3
"""Flags in a file of flagd, which reads it again as soon as it is another one. There is no other way in."""

import fcntl
import json
import os
import stat

from answer import Failed, main, replace

STATES = {"ENABLED": True, "DISABLED": False}


class File:
    """The file, held against others of our kind while it is changed."""

    def __init__(self, path):
        # Where it is a link, what it leads to is replaced.
        self.path = os.path.realpath(path)

    def __enter__(self):
        directory = os.path.dirname(self.path)
        try:
            self.lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as why:
            raise Failed(f"{directory}: {why.strerror}") from why
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_):
        os.close(self.lock)

    def read(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                self.text = file.read()
            found = json.loads(self.text, object_pairs_hook=once)
        except OSError as why:
            raise Failed(f"{self.path}: {why.strerror}") from why
        except ValueError as why:
            raise Failed(f"{self.path} is no JSON: {why}") from why
        flags = found.get("flags") if isinstance(found, dict) else None
        if not isinstance(flags, dict):
            raise Failed(f"{self.path} has no object `flags`")
        for name, flag in flags.items():
            if not isinstance(flag, dict) or flag.get("state") not in STATES:
                raise Failed(f"{self.path}: the state of {name!r} is neither ENABLED nor DISABLED")
        return found

    def write(self, found):
        with open(self.path, encoding="utf-8") as file:
            if file.read() != self.text:
                raise Failed(f"{self.path} was changed by somebody else meanwhile")
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        replace(self.path, json.dumps(found, indent=2, ensure_ascii=False) + "\n", mode)


def once(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice in one object")
    return found


def wanted(names, flags, path):
    unknown = [name for name in names if name not in flags]
    if unknown:
        raise Failed(f"{path} has no flag {', '.join(unknown)}")
    return list(dict.fromkeys(names))


def status(args, settings):
    with File(settings["file"]) as file:
        flags = file.read()["flags"]
    names = wanted(args["names"] or sorted(flags), flags, file.path)
    on = {name: STATES[flags[name]["state"]] for name in names}
    return {
        "enabled": [name for name in names if on[name]],
        "disabled": [name for name in names if not on[name]],
        "flags": [
            {"name": name, "enabled": on[name], "critical": name in settings["critical"],
             "description": str((flags[name].get("metadata") or {}).get("description", ""))}
            for name in names],
    }


def turn(state):
    def act(args, settings):
        with File(settings["file"]) as file:
            found = file.read()
            names = wanted(args["names"] or [], found["flags"], file.path)
            changed = [name for name in names if found["flags"][name]["state"] != state]
            for name in changed:
                found["flags"][name]["state"] = state
            if changed:
                file.write(found)
        return {"changed": changed, "unchanged": [name for name in names if name not in changed]}
    return act


if __name__ == "__main__":
    main({"status": status, "enable": turn("ENABLED"), "disable": turn("DISABLED")})
