#!/usr/bin/env python3
"""Tickets as issues of one GitHub repository."""

import os

from answer import Failed, main
from web import Web, part

PAGES = 20


class Repository:
    def __init__(self, settings):
        owner, slash, name = settings["repository"].partition("/")
        if not slash or "/" in name:
            raise Failed(f"{settings['repository']!r} is no repository: OWNER/NAME")
        self.base = f"/repos/{part(owner)}/{part(name)}"
        self.web = Web(settings["url"], {
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }, timeout=15, ca_file=settings["ca_file"])

    def pages(self, path, query):
        for page in range(1, PAGES + 1):
            found = self.web.json("GET", path, query={**query, "per_page": "100", "page": str(page)})
            yield from found
            if len(found) < 100:
                return
        raise Failed(f"more than {PAGES * 100} entries at {path}")

    def path(self, id):
        number = id.removeprefix("#")
        if not number.isdigit():
            raise Failed(f"{id!r} is no issue's number")
        return f"{self.base}/issues/{int(number)}"

    def state(self, id, state):
        made = self.web.act("PATCH", self.path(id), body={"state": state})
        return {"id": str(made["number"]), "state": made["state"]}


def find(args, settings):
    repository = Repository(settings)
    if args["title"] is None and args["label"] is None:
        raise Failed("a title or a label says which tickets")
    query = {"state": "all", "sort": "created", "direction": "desc"}
    if args["label"] is not None:
        if "," in args["label"]:
            raise Failed("a label of GitHub has no comma")
        query["labels"] = args["label"]
    tickets = [
        {"id": str(issue["number"]), "title": issue["title"], "url": issue["html_url"], "state": issue["state"]}
        for issue in repository.pages(f"{repository.base}/issues", query)
        # What GitHub lists as issues are pull requests too.
        if "pull_request" not in issue and args["title"] in (None, issue["title"])]
    return {"count": len(tickets), "tickets": tickets}


def get(args, settings):
    repository = Repository(settings)
    issue = repository.web.json("GET", repository.path(args["id"]))
    comments = [one["body"] or "" for one in repository.pages(repository.path(args["id"]) + "/comments", {})]
    return {"id": str(issue["number"]), "title": issue["title"], "state": issue["state"], "comments": comments}


def create(args, settings):
    repository = Repository(settings)
    labels = [settings["labels"][args["priority"]]] if args["priority"] in (settings["labels"] or {}) else []
    if args["label"] is not None:
        if "," in args["label"]:
            raise Failed("a label of GitHub has no comma")
        labels.append(args["label"])
    made = repository.web.act("POST", f"{repository.base}/issues", body={
        "title": args["title"], "body": args["text"] or "", "labels": labels})
    return {"id": str(made["number"]), "url": made["html_url"]}


def comment(args, settings):
    repository = Repository(settings)
    before = repository.web.json("GET", repository.path(args["id"]))
    repository.web.act("POST", repository.path(args["id"]) + "/comments", body={"body": args["text"]})
    return {"id": str(before["number"]), "comments": before["comments"] + 1}


def close(args, settings):
    return Repository(settings).state(args["id"], "closed")


def reopen(args, settings):
    return Repository(settings).state(args["id"], "open")


if __name__ == "__main__":
    main({"find": find, "get": get, "create": create, "comment": comment, "close": close, "reopen": reopen})
