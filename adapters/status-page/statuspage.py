#!/usr/bin/env python3
"""Atlassian Statuspage."""

import datetime
import os

from answer import Failed, main
from web import Web, part

STATES = ("investigating", "identified", "monitoring", "resolved")
RECENT = datetime.timedelta(hours=24)


class Page:
    def __init__(self, settings):
        self.web = Web(settings["url"], {"Authorization": f"OAuth {os.environ['STATUSPAGE_KEY']}"}, timeout=15)
        self.base = f"/v1/pages/{part(settings['page'])}"

    def components(self, names):
        """The ids of components by their names."""
        if not names:
            return []
        known = {}
        for one in self.web.json("GET", f"{self.base}/components", query={"per_page": "500"}):
            known.setdefault(one["name"], one["id"])
        unknown = [name for name in names if name not in known]
        if unknown:
            raise Failed(f"the page has no component {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return [known[name] for name in names]

    def change(self, id, body):
        return self.web.act("PATCH", f"{self.base}/incidents/{part(id)}", body={"incident": body})


def seen(incident):
    updates = sorted(incident.get("incident_updates") or [], key=lambda one: one["created_at"])
    return {
        "id": incident["id"],
        "title": incident["name"],
        "status": "resolved" if incident["status"] == "postmortem" else incident["status"],
        "message": (updates[-1].get("body") or "") if updates else "",
        "url": incident.get("shortlink") or "",
    }


def stands(incident):
    """Whether it is not resolved, or was a short while ago."""
    if incident["status"] not in (*STATES, "postmortem"):
        return False        # maintenance
    ended = incident.get("resolved_at")
    if incident["status"] not in ("resolved", "postmortem") or not ended:
        return True
    ended = datetime.datetime.fromisoformat(ended.replace("Z", "+00:00"))
    return datetime.datetime.now(datetime.timezone.utc) - ended <= RECENT


def incidents(args, settings):
    page = Page(settings)
    found = page.web.json("GET", f"{page.base}/incidents", query={"limit": "100"})
    return {"incidents": [seen(one) for one in found if stands(one)]}


def begin(args, settings):
    page = Page(settings)
    made = page.web.act("POST", f"{page.base}/incidents", body={"incident": {
        "name": args["title"],
        "status": args["status"],
        "impact_override": args["impact"],
        "body": args["message"],
        "component_ids": page.components(args["components"]),
        "deliver_notifications": settings["notify"],
    }})
    return {"id": made["id"], "url": made.get("shortlink") or ""}


def update(args, settings):
    body = {"status": args["status"], "body": args["message"], "deliver_notifications": settings["notify"]}
    made = Page(settings).change(args["id"], body)
    return {"id": made["id"], "status": made["status"]}


def resolve(args, settings):
    body = {"status": "resolved", "body": args["message"], "deliver_notifications": settings["notify"]}
    made = Page(settings).change(args["id"], body)
    return {"id": made["id"], "status": made["status"]}


if __name__ == "__main__":
    main({"list": incidents, "open": begin, "update": update, "resolve": resolve})
