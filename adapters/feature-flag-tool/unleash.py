#!/usr/bin/env python3
"""What Unleash's Admin API says of a project's flags, in the form of the contract."""

import os

from answer import Failed, main
from web import Web, part


def status(args, settings):
    web = Web(settings["url"], {"Authorization": os.environ.get("UNLEASH_TOKEN")}, ca_file=settings["ca_file"])
    where = settings["environment"]
    found = web.json("GET", f"/api/admin/projects/{part(settings['project'])}/features")["features"]
    known = {}
    for flag in found:
        here = [one for one in flag["environments"] if one["name"] == where]
        if here and not flag.get("archived"):
            known[flag["name"]] = (flag, bool(here[0]["enabled"]))
    names = list(dict.fromkeys(args["names"] or sorted(known)))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failed(f"the project {settings['project']!r} has no flag {', '.join(unknown)} in {where!r}")
    return {
        "enabled": [name for name in names if known[name][1]],
        "disabled": [name for name in names if not known[name][1]],
        "flags": [
            {"name": name, "enabled": known[name][1], "critical": name in settings["critical"],
             "description": known[name][0].get("description") or ""}
            for name in names],
    }


if __name__ == "__main__":
    main({"status": status})
