#!/usr/bin/env python3
"""Helm releases. A version is the chart's app version, or the chart's own; a release is Helm's revision."""

import datetime
import json
import re
import time

from answer import Failed, TimedOut, Unknown, complaint, main, run, seconds

WITHIN = 30
# Helm says so when nothing was sent, or nothing was changed.
KNOWN = ("release: not found", "release has no ", "Kubernetes cluster unreachable", "unknown flag", "is forbidden:",
         "another operation (install/upgrade/rollback) is in progress", "invalid argument", "Release name is invalid")


class Helm:
    def __init__(self, settings):
        self.words = ["helm", f"--namespace={settings['namespace']}"]
        for name, flag in (("context", "kube-context"), ("kubeconfig", "kubeconfig")):
            if settings[name]:
                self.words.append(f"--{flag}={settings[name]}")

    def json(self, *words):
        done = run([*self.words, *words, "--output=json"], WITHIN)
        if done.returncode != 0:
            raise Failed(f"helm {words[0]}: {complaint(done)}")
        try:
            return json.loads(done.stdout)
        except ValueError as why:
            raise Failed(f"helm {words[0]} printed no whole JSON: {why}") from why

    def major(self):
        """Helm's own major version: its flags are not the same in 3 and 4."""
        done = run(["helm", "version", "--short"], WITHIN)
        found = re.match(r"v(\d+)\.", done.stdout)
        if done.returncode != 0 or not found:
            raise Failed(f"helm version: {complaint(done)}")
        return int(found[1])

    def rollback(self, name, revision, within):
        words = ["rollback", name, str(revision), "--wait", f"--timeout={within:g}s"]
        try:
            done = run([*self.words, *words], within + WITHIN)
        except TimedOut as why:
            raise Unknown(f"{why}; it may have acted") from why
        if done.returncode != 0:
            why = f"helm rollback: {complaint(done)}"
            raise (Failed if any(text in done.stderr for text in KNOWN) else Unknown)(why)

    def preview(self, name, revision):
        how = "--dry-run=server" if self.major() >= 4 else "--dry-run"
        done = run([*self.words, "rollback", name, str(revision), how], WITHIN)
        if done.returncode != 0:
            raise Failed(f"helm rollback {how}: {complaint(done)}")
        return " ".join(done.stdout.split())


class Service:
    def __init__(self, helm, name, settings):
        self.helm, self.name, self.by = helm, name, settings["version"]
        if name.startswith("-"):
            raise Failed(f"{name!r} is no release")
        # Newest first. Helm lists the oldest first.
        self.revisions = sorted(helm.json("history", name, "--max=256"), key=lambda one: one["revision"], reverse=True)
        if not self.revisions:
            raise Failed(f"helm keeps no history of {name}")
        # One that failed or is under way was never what runs.
        self.now = next((one for one in self.revisions if one["status"] == "deployed"), self.revisions[0])
        self.newest = self.revisions[0]

    def of(self, one):
        if self.by == "app":
            return one["app_version"]
        found = re.search(r"-(v?\d+\.\d+\.\d+.*)$", one["chart"])
        return found[1] if found else one["chart"]

    @property
    def version(self):
        return self.of(self.now)

    def worked(self):
        """Those that were deployed for good once, below what runs."""
        return [one for one in self.revisions if one["status"] == "superseded" and one["revision"] < self.now["revision"]]

    def previous(self):
        return next((self.of(one) for one in self.worked() if self.of(one) != self.version), "")

    def back(self, wanted):
        if self.newest["status"].startswith("pending-"):
            raise Failed(f"helm is at {self.newest['status']} with {self.name}: another operation is in progress")
        if wanted == self.version and self.newest is self.now:
            raise Failed(f"{self.name} is at {wanted} already; nothing was done")
        found = [one["revision"] for one in [self.now, *self.worked()] if self.of(one) == wanted]
        if not found:
            there = ", ".join(dict.fromkeys(self.of(one) for one in self.worked())) or "none"
            raise Failed(f"helm keeps no revision of {self.name} at {wanted}; it keeps {there}")
        return found[0]


def service(args, settings):
    return Service(Helm(settings), args["service"] or settings["service"], settings)


def status(args, settings):
    one = service(args, settings)
    return {
        "service": one.name,
        "version": one.version,
        "previous": one.previous(),
        "release": one.newest["revision"],
        "in_progress": one.newest["status"].startswith(("pending-", "uninstalling")),
        "healthy": one.newest["status"] == "deployed",
        "frozen": False,
    }


def moment(text):
    # Helm writes nanoseconds.
    return datetime.datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))


def history(args, settings):
    since = time.time() - seconds(args["last"])
    helm = Helm(settings)
    names = [args["service"]] if args["service"] else [one["name"] for one in helm.json("list", "--all", "--max=0")]
    found = []
    for name in names:
        one = Service(helm, name, settings)
        for at, entry in enumerate(one.revisions):
            when = moment(entry["updated"])
            if when.timestamp() >= since:
                found.append({
                    "service": name,
                    "version": one.of(entry),
                    "previous": one.of(one.revisions[at + 1]) if at + 1 < len(one.revisions) else "",
                    "at": when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "age": f"{max(0, int(time.time() - when.timestamp()))}s",
                    "by": "",
                    "change": f"{entry['status']}: {entry['description']}",
                })
    found.sort(key=lambda entry: entry["at"], reverse=True)
    return {"count": len(found), "deploys": found}


def recorded(args, settings):
    """The newest revision, or none where it cannot be seen."""
    try:
        return service(args, settings).newest
    except Failed:
        return None


def rollback(args, settings):
    began, one = time.monotonic(), service(args, settings)
    revision = one.back(args["to_version"])
    try:
        one.helm.rollback(one.name, revision, seconds(settings["patience"]))
    except Unknown as why:
        # What went wrong with it is recorded as a revision too.
        then = recorded(args, settings)
        if then and then["revision"] > one.newest["revision"] and then["status"] == "failed":
            raise Failed(f"revision {then['revision']} of {one.name} failed: {then['description']}") from why
        raise
    try:
        now = service(args, settings)
    except Failed as why:
        raise Unknown(f"{one.name} was rolled back to revision {revision}, and cannot be looked at: {why}") from why
    if now.newest["revision"] <= one.newest["revision"] or now.newest["status"] != "deployed" \
            or now.version != args["to_version"]:
        raise Unknown(f"helm says that it rolled back, and revision {now.newest['revision']} of {one.name} is "
                      f"{now.newest['status']} at {now.of(now.newest)}")
    taken = round(time.monotonic() - began, 3)
    return {"service": one.name, "version": now.version, "previous": one.version, "seconds": taken}


def plan_rollback(args, settings):
    one = service(args, settings)
    revision = one.back(args["to_version"])
    said = one.helm.preview(one.name, revision)
    return {"service": one.name, "version": args["to_version"], "previous": one.version, "revision": revision, "helm": said}


if __name__ == "__main__":
    main({"history": history, "status": status, "rollback": rollback, "plan-rollback": plan_rollback})
