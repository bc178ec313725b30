#!/usr/bin/env python3
"""Slack's Web API. It says no with 200 and `"ok": false`."""

import os
import re
import time

from answer import Failed, Unknown, main, seconds
from web import Web

PAGES = 50
# After these, says Slack, a part of it may have been done.
IN_DOUBT = ("internal_error", "fatal_error", "service_unavailable", "request_timeout")


class Slack:
    def __init__(self, settings):
        self.web = Web(settings["url"], {"Authorization": f"Bearer {os.environ['SLACK_TOKEN']}"})
        self.ids = settings["ids"] or {}

    def look(self, method, **query):
        answer = self.web.json("GET", f"/api/{method}", query=query)
        if answer.get("ok") is not True:
            raise Failed(f"Slack: {method}: {answer.get('error', 'no reason was given')}")
        return answer

    def act(self, method, allow=(), **body):
        """The answer; one with an error of `allow` too."""
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = self.web.act("POST", f"/api/{method}", body=body, headers=headers) or {}
        error = answer.get("error", "no reason was given")
        if answer.get("ok") is True or error in allow:
            return answer
        if error in IN_DOUBT:
            raise Unknown(f"Slack: {method}: {error}; it may have acted")
        needed = f" (it needs the scope {answer['needed']})" if answer.get("needed") else ""
        raise Failed(f"Slack: {method}: {error}{needed}")

    def pages(self, method, key, **query):
        cursor = None
        for _ in range(PAGES):
            more = {"cursor": cursor} if cursor else {}
            answer = self.look(method, **query, **more)
            yield from answer[key]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
        raise Failed(f"Slack: {method} has more than {PAGES} pages")

    def find(self, name):
        """A channel by its name; none where there is none."""
        if name in self.ids:
            return self.look("conversations.info", channel=self.ids[name])["channel"]
        query = {"types": "public_channel,private_channel", "exclude_archived": "false", "limit": "999"}
        for channel in self.pages("conversations.list", "channels", **query):
            if channel["name"] == name:
                return channel
        return None

    def found(self, name):
        channel = self.find(name)
        if channel is None:
            raise Failed(f"Slack has no channel {name!r}, or the app is not in it")
        return channel


def plain(name):
    return name.removeprefix("#")


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescaped(text):
    """A text as it was posted: Slack puts links in brackets, with or without what they show."""
    text = re.sub(r"<((?:https?|mailto):[^|>]*)(?:\|[^>]*)?>", lambda link: link[1].removeprefix("mailto:"), text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def history(args, settings):
    slack = Slack(settings)
    oldest = time.time() - seconds(args["last"])
    messages = []
    where = slack.found(plain(args["channel"]))["id"]
    for message in slack.pages("conversations.history", "messages", channel=where, limit="200"):
        at = float(message["ts"])
        if at < oldest:
            break
        messages.append({
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            "author": message.get("username") or message.get("user") or message.get("bot_id") or "",
            "text": unescaped(message.get("text", "")),
        })
    return {"messages": messages}


def post(args, settings):
    slack, name = Slack(settings), plain(args["channel"])
    where = slack.ids.get(name, name)
    answer = slack.act("chat.postMessage", channel=where, text=escaped(args["text"]), unfurl_links=False)
    return {"channel": name, "id": answer["ts"]}


def channel(args, settings):
    name = plain(args["name"])
    found = Slack(settings).find(name)
    return {"name": name, "exists": found is not None, "archived": bool(found and found["is_archived"])}


def create(args, settings):
    slack, name = Slack(settings), plain(args["name"])
    answer = slack.act("conversations.create", allow=["name_taken"], name=name)
    created = answer["ok"] is True
    found = answer["channel"] if created else slack.found(name)
    if not created and found["is_archived"]:
        slack.act("conversations.unarchive", allow=["not_archived"], channel=found["id"])
    if created and args["topic"]:
        slack.act("conversations.setTopic", channel=found["id"], topic=args["topic"][:250])
    return {"name": name, "created": created, "url": f"https://slack.com/app_redirect?channel={found['id']}"}


def archive(args, settings):
    slack, name = Slack(settings), plain(args["name"])
    slack.act("conversations.archive", allow=["already_archived"], channel=slack.found(name)["id"])
    return {"name": name, "archived": True}


if __name__ == "__main__":
    main({"history": history, "post": post, "channel": channel, "create-channel": create, "archive-channel": archive})
