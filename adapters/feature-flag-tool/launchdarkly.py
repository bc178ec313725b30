#!/usr/bin/env python3
"""Flags of one project and one environment of LaunchDarkly. A flag is on where its targeting is on."""

import os

from answer import Failed, Unknown, main
from web import Web, part

PAGE = 100
PAGES = 50
SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"


class Project:
    def __init__(self, settings):
        self.web = Web(settings["url"], {"Authorization": os.environ["LAUNCHDARKLY_TOKEN"]}, timeout=15)
        self.base = f"/api/v2/flags/{part(settings['project'])}"
        self.where = settings["environment"]
        self.who = settings["who"]

    def on(self, flag):
        here = (flag.get("environments") or {}).get(self.where)
        if here is None:
            raise Failed(f"the flag {flag['key']!r} has no environment {self.where!r}")
        return bool(here["on"])

    def flag(self, name):
        return self.web.json("GET", f"{self.base}/{part(name)}", query={"env": self.where})

    def all(self):
        for page in range(PAGES):
            query = {"env": self.where, "limit": str(PAGE), "offset": str(page * PAGE), "summary": "1"}
            found = self.web.json("GET", self.base, query=query)["items"]
            yield from found
            if len(found) < PAGE:
                return
        raise Failed(f"the project has more than {PAGES * PAGE} flags: name those that are meant")

    def turn(self, name, kind):
        body = {"environmentKey": self.where, "comment": f"runbook {self.who}", "instructions": [{"kind": kind}]}
        return self.web.act("PATCH", f"{self.base}/{part(name)}", body=body, headers={"Content-Type": SEMANTIC})


def status(args, settings):
    project = Project(settings)
    names = list(dict.fromkeys(args["names"] or []))
    flags = [project.flag(name) for name in names] or sorted(project.all(), key=lambda flag: flag["key"])
    on = {flag["key"]: project.on(flag) for flag in flags}
    return {
        "enabled": [name for name in on if on[name]],
        "disabled": [name for name in on if not on[name]],
        "flags": [
            {"name": flag["key"], "enabled": on[flag["key"]], "critical": settings["critical"] in (flag.get("tags") or []),
             "description": flag.get("description") or ""}
            for flag in flags],
    }


def before(changed, other):
    return f"{len(changed)} of {len(other)} were changed ({', '.join(changed)}); " if changed else ""


def turn(kind, wanted):
    def act(args, settings):
        project = Project(settings)
        names = list(dict.fromkeys(args["names"] or []))
        # All are looked at first: one that is not there stops the call before anything was done.
        other = [name for name in names if project.on(project.flag(name)) != wanted]
        changed = []
        for name in other:
            try:
                project.turn(name, kind)
            except Unknown as why:
                raise Unknown(before(changed, other) + str(why)) from why
            except Failed as why:
                raise Failed(before(changed, other) + str(why)) from why
            changed.append(name)
        return {"changed": changed, "unchanged": [name for name in names if name not in other]}
    return act


if __name__ == "__main__":
    main({"status": status, "enable": turn("turnFlagOn", True), "disable": turn("turnFlagOff", False)})
