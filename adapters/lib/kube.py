#!/usr/bin/env python3
"""Deployments of one Kubernetes namespace, by kubectl: what the deploy tool and the orchestrator share."""

import json

from answer import Failed, TimedOut, Unknown, complaint, run

REVISION = "deployment.kubernetes.io/revision"
REVISIONS_BEFORE = "deployment.kubernetes.io/revision-history"
REQUEST = 20
# kubectl says so when nothing was sent, or the server said no.
KNOWN = (
    "(NotFound)", "(Forbidden)", "(Unauthorized)", "(Conflict)", "(Invalid)", "(BadRequest)", "(MethodNotAllowed)",
    "is forbidden:", "Operation cannot be fulfilled", "is invalid:", "denied the request", "not found",
    "must be logged in", "was refused - did you specify the right host or port?", "no such host", "certificate",
    "unable to find specified revision", "no rollout history found", "cannot rollback a paused deployment",
    "can't restart paused deployment", "restart has already been triggered", "Expected replicas to be",
    "unable to find container", "unknown flag", "unknown command", "context was not found", "does not exist",
    "no configuration has been provided",
)


class Kube:
    def __init__(self, settings):
        self.namespace = settings["namespace"]
        self.words = ["kubectl", f"--namespace={self.namespace}"]
        for name in ("context", "kubeconfig"):
            if settings[name]:
                self.words.append(f"--{name}={settings[name]}")

    def ask(self, *words):
        """What kubectl finds, as JSON. Nothing is changed."""
        done = run([*self.words, *words, f"--request-timeout={REQUEST}s"], REQUEST + 10)
        if done.returncode != 0:
            raise Failed(f"kubectl {words[0]}: {complaint(done)}")
        try:
            return json.loads(done.stdout)
        except ValueError as why:
            raise Failed(f"kubectl {words[0]} printed no whole JSON: {why}") from why

    def act(self, *words):
        """What kubectl says of a change."""
        try:
            done = run([*self.words, *words, f"--request-timeout={REQUEST}s"], REQUEST + 10)
        except TimedOut as why:
            raise Unknown(f"{why}; it may have acted") from why
        if done.returncode == 0:
            return " ".join(done.stdout.split())
        why = f"kubectl {' '.join(words[:2])}: {complaint(done)}"
        raise (Failed if any(text in done.stderr for text in KNOWN) else Unknown)(why)

    def settle(self, name, within):
        """Waits until a rollout is over. What is wrong with it in words, and whether Kubernetes gave it up."""
        words = ["rollout", "status", f"deployment/{name}", f"--timeout={within:g}s"]
        try:
            done = run([*self.words, *words], within + 10)
        except TimedOut as why:
            return str(why), False
        if done.returncode == 0:
            return None, False
        return complaint(done), "exceeded its progress deadline" in done.stderr

    def deployments(self):
        """The deployments of the namespace by their names, each with its replica sets."""
        found = self.ask("get", "deployments.apps,replicasets.apps", "--output=json")["items"]
        sets = [one for one in found if one["kind"] == "ReplicaSet"]
        return {one["metadata"]["name"]: Deployment(one, sets) for one in found if one["kind"] == "Deployment"}

    def deployment(self, name):
        found = self.deployments()
        if name not in found:
            there = f"there are {', '.join(sorted(found))}" if found else "there is none"
            raise Failed(f"the namespace {self.namespace} has no deployment {name!r}; {there}")
        return found[name]


class Deployment:
    def __init__(self, raw, sets=()):
        self.raw, self.name = raw, raw["metadata"]["name"]
        self.spec, self.status = raw["spec"], raw.get("status") or {}
        self.revision = revision(raw)
        mine = [one for one in sets if owned(one, raw["metadata"].get("uid"))]
        # Newest first; what a rollback goes back to becomes the newest.
        self.sets = sorted((one for one in mine if revision(one)), key=revision, reverse=True)

    @property
    def wanted(self):
        return self.spec.get("replicas", 1)

    @property
    def ready(self):
        return self.status.get("readyReplicas", 0)

    def condition(self, kind):
        found = [one for one in self.status.get("conditions") or [] if one["type"] == kind]
        return found[0] if found else {}

    @property
    def given_up(self):
        return self.condition("Progressing").get("reason") == "ProgressDeadlineExceeded"

    @property
    def rolling(self):
        """Whether a rollout is under way, by the rules of `kubectl rollout status`."""
        if self.status.get("observedGeneration", 0) < self.raw["metadata"].get("generation", 0):
            return True
        updated = self.status.get("updatedReplicas", 0)
        over = updated >= self.wanted and self.status.get("replicas", 0) <= updated
        return not (over and self.status.get("availableReplicas", 0) >= updated) and not self.given_up

    @property
    def healthy(self):
        return self.ready >= self.wanted and not self.given_up \
            and self.condition("Available").get("status", "True") == "True"


def revision(raw):
    text = (raw["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def owned(one, uid):
    return any(owner.get("controller") and owner.get("uid") == uid
               for owner in one["metadata"].get("ownerReferences") or [])
