#!/usr/bin/env python3
"""Pages as alerts of Alertmanager: its routes say whom a team's alert reaches.

A page is an alert with the label `runbook_key`. Taking it is a silence over that label; closing it ends the alert and
the silences. Alertmanager forgets what has ended, so a closed page reads `none`.
"""

import datetime
import json
import os

from answer import Failed, main, seconds
from web import Web, part

KEY = "runbook_key"


class Alertmanager:
    def __init__(self, settings):
        token = os.environ.get("ALERTMANAGER_TOKEN")
        headers = {"Authorization": f"Bearer {token}" if token else None}
        self.web = Web(settings["url"], headers, ca_file=settings["ca_file"])

    def alerts(self, key):
        return self.web.json("GET", "/api/v2/alerts", query={"filter": matcher(key)})

    def silences(self, key):
        found = self.web.json("GET", "/api/v2/silences", query={"filter": matcher(key)})
        ours = [{"name": KEY, "value": key}]
        return [
            one["id"] for one in found
            if one["status"]["state"] != "expired"
            and [{"name": m["name"], "value": m["value"]} for m in one["matchers"]] == ours]

    def send(self, alert):
        self.web.act("POST", "/api/v2/alerts", body=[alert])


def matcher(key):
    # What JSON quotes, Alertmanager reads as a quoted text.
    return f"{KEY}={json.dumps(key, ensure_ascii=False)}"


def moment(after=0.0):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=after)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def state(alerts):
    if not alerts:
        return "none"
    return "acknowledged" if all(one["status"]["silencedBy"] for one in alerts) else "triggered"


def status(args, settings):
    return {"key": args["key"], "state": state(Alertmanager(settings).alerts(args["key"])), "person": ""}


def page(args, settings):
    manager = Alertmanager(settings)
    found = manager.alerts(args["key"])
    labels = {**(settings["labels"] or {}), "alertname": settings["alertname"], KEY: args["key"], "team": args["team"],
              "severity": args["severity"]}
    manager.send({
        "labels": labels,
        "annotations": {"summary": args["summary"]},
        "startsAt": moment(),
        "endsAt": moment(seconds(settings["lasts"])),
    })
    known = [one for one in found if one["labels"] == labels]
    return {"key": args["key"], "state": state(known) if known else "triggered", "person": ""}


def acknowledge(args, settings):
    manager = Alertmanager(settings)
    now = state(manager.alerts(args["key"]))
    if now == "none":
        raise Failed(f"no page with the key {args['key']!r} stands")
    if now == "triggered":
        manager.web.act("POST", "/api/v2/silences", body={
            "matchers": [{"name": KEY, "value": args["key"], "isRegex": False, "isEqual": True}],
            "startsAt": moment(),
            "endsAt": moment(seconds(settings["quiet"])),
            "createdBy": settings["who"],
            "comment": "taken",
        })
    return {"key": args["key"], "state": "acknowledged"}


def resolve(args, settings):
    manager = Alertmanager(settings)
    for alert in manager.alerts(args["key"]):
        kept = {name: alert[name] for name in ("labels", "annotations", "startsAt")}
        manager.send({**kept, "endsAt": moment()})
    for silence in manager.silences(args["key"]):
        manager.web.act("DELETE", f"/api/v2/silence/{part(silence)}")
    return {"key": args["key"], "state": "resolved"}


if __name__ == "__main__":
    main({"status": status, "page": page, "acknowledge": acknowledge, "resolve": resolve})
