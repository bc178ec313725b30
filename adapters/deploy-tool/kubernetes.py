#!/usr/bin/env python3
"""Deployments of a Kubernetes namespace. A version is the tag of an image, a release a revision of the rollout."""

import datetime
import time

from answer import Failed, Unknown, main, seconds
from kube import REVISIONS_BEFORE, Kube, revision


def image(template, name):
    """The container whose image is the version, and that image."""
    containers = template["spec"]["containers"]
    for one in containers:
        if name is None or one["name"] == name:
            return one["name"], one["image"]
    raise Failed(f"there is no container {name!r}; there are {', '.join(one['name'] for one in containers)}")


def split(text):
    """An image as its repository and its version: the tag, or the digest where there is no tag."""
    name, _, digest = text.partition("@")
    path, slash, last = name.rpartition("/")
    base, _, tag = last.partition(":")
    return path + slash + base, tag or digest or "latest"


class Service:
    """A deployment, read as versions."""

    def __init__(self, deployment, container):
        self.deployment, self.container = deployment, container
        self.name, self.release = deployment.name, deployment.revision
        self.version = self.of(deployment.spec["template"])

    def of(self, template):
        return split(image(template, self.container)[1])[1]

    def kept(self):
        """The revisions that Kubernetes keeps, newest first: number, version and replica set."""
        return [(revision(one), self.of(one["spec"]["template"]), one) for one in self.deployment.sets]

    def previous(self):
        """The version before. A restart makes a revision too, of the same version."""
        return next((old for number, old, _ in self.kept() if number < self.release and old != self.version), "")

    def back(self, wanted):
        """The words that go back to the newest revision of a version; none where none is kept."""
        numbers = [number for number, old, _ in self.kept() if old == wanted]
        return ["rollout", "undo", f"deployment/{self.name}", f"--to-revision={numbers[0]}"] if numbers else None

    def new(self, wanted):
        name, now = image(self.deployment.spec["template"], self.container)
        mark = "@" if wanted.startswith("sha256:") else ":"
        return ["set", "image", f"deployment/{self.name}", f"{name}={split(now)[0]}{mark}{wanted}"]


def named(kube, args, settings):
    return Service(kube.deployment(args.get("service") or settings["service"]), settings["container"])


def status(args, settings):
    service = named(Kube(settings), args, settings)
    now = service.deployment
    return {
        "service": service.name,
        "version": service.version,
        "previous": service.previous(),
        "release": service.release,
        "in_progress": now.rolling,
        "healthy": now.healthy,
        "frozen": bool(now.spec.get("paused")),
    }


# ── What was deployed ─────────────────────────────────────────────────────────────────────────────────────────────


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def rolled_out(deployment, one):
    """When a revision was rolled out, as far as Kubernetes keeps it: when its replica set was made. One that was gone
    back to is older than that; for the one that runs, the deployment itself tells."""
    before = (one["metadata"].get("annotations") or {}).get(REVISIONS_BEFORE)
    told = deployment.condition("Progressing").get("lastUpdateTime")
    return told if before and told and revision(one) == deployment.revision else one["metadata"]["creationTimestamp"]


def history(args, settings):
    kube, now = Kube(settings), time.time()
    since = now - seconds(args["last"])
    deployments = [kube.deployment(args["service"])] if args["service"] else kube.deployments().values()
    found = []
    for deployment in deployments:
        # A container by its name is only asked for where the service is.
        service = Service(deployment, settings["container"] if args["service"] else None)
        kept = service.kept()
        for at, (_, version, one) in enumerate(kept):
            when = rolled_out(deployment, one)
            if moment(when) >= since:
                found.append({
                    "service": service.name,
                    "version": version,
                    "previous": kept[at + 1][1] if at + 1 < len(kept) else "",
                    "at": when,
                    "age": f"{max(0, int(now - moment(when)))}s",
                    "by": "",
                    "change": (one["metadata"].get("annotations") or {}).get("kubernetes.io/change-cause", ""),
                })
    found.sort(key=lambda one: moment(one["at"]), reverse=True)
    return {"count": len(found), "deploys": found}


# ── Deploying ─────────────────────────────────────────────────────────────────────────────────────────────────────


def words_of(action, args, service):
    wanted = args["to_version"] if action == "rollback" else args["version"]
    if not wanted:
        raise Failed("Kubernetes does not know what was built: name the version")
    if service.deployment.spec.get("paused"):
        raise Failed(f"the rollouts of {service.name} are paused: `kubectl rollout resume` lets them go on")
    if wanted == service.version:
        raise Failed(f"{service.name} is at {wanted} already; nothing was done")
    back = service.back(wanted)
    if back is None and action == "rollback":
        there = ", ".join(dict.fromkeys(old for _, old, _ in service.kept())) or "none"
        raise Failed(f"Kubernetes keeps no revision of {service.name} at {wanted}; it keeps {there}")
    return wanted, back or service.new(wanted)


def change(action):
    def act(args, settings):
        began, kube = time.monotonic(), Kube(settings)
        service = named(kube, args, settings)
        wanted, words = words_of(action, args, service)
        said = kube.act(*words)
        # kubectl ends well where it found nothing to do.
        if "skipped rollback" in said or not said:
            raise Failed(f"kubectl changed nothing: {said or 'the image is that already'}")
        trouble, given_up = kube.settle(service.name, seconds(settings["patience"]))
        if given_up:
            raise Failed(f"{service.name} was sent to {wanted} and does not come up: {trouble}")
        if trouble:
            raise Unknown(f"{service.name} was sent to {wanted}, and the rollout is not over: {trouble}")
        try:
            now = named(kube, args, settings)
        except Failed as why:
            raise Unknown(f"{service.name} was sent to {wanted}, and cannot be looked at: {why}") from why
        if now.version != wanted:
            raise Failed(f"{service.name} was sent to {wanted} and is at {now.version}: somebody else acts on it")
        taken = round(time.monotonic() - began, 3)
        return {"service": service.name, "version": wanted, "previous": service.version, "seconds": taken}
    return act


def plan(action):
    def show(args, settings):
        kube = Kube(settings)
        service = named(kube, args, settings)
        wanted, words = words_of(action, args, service)
        said = kube.act(*words, "--dry-run=server")
        return {"service": service.name, "version": wanted, "previous": service.version, "kubectl": said}
    return show


if __name__ == "__main__":
    main({
        "history": history, "status": status, "rollback": change("rollback"), "deploy": change("deploy"),
        "plan-rollback": plan("rollback"), "plan-deploy": plan("deploy"),
    })
