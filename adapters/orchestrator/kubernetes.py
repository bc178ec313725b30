#!/usr/bin/env python3
"""Instances of a service in Kubernetes: the pods of a deployment."""

import datetime
import time
import urllib.parse

from answer import Failed, Unknown, main, seconds
from kube import Kube

HOUR = 3600
CPU = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1}
MEMORY = {"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "m": 1e-3}


def quantity(text, units):
    number = str(text).rstrip("numkKMGTi")
    unit = str(text)[len(number):]
    try:
        return float(number) * units[unit]
    except (KeyError, ValueError) as why:
        raise Failed(f"{text!r} is no quantity that is understood") from why


class Service:
    def __init__(self, args, settings):
        self.kube, self.settings = Kube(settings), settings
        self.name = args.get("service") or settings["service"]

    def deployment(self):
        return self.kube.deployment(self.name)

    def autoscaler(self):
        """The autoscaler that decides how many instances there are, or none."""
        found = self.kube.ask("get", "horizontalpodautoscalers.autoscaling", "--output=json")["items"]
        for one in found:
            target = one["spec"]["scaleTargetRef"]
            if target["kind"] == "Deployment" and target["name"] == self.name:
                return one
        return None

    def selector(self, deployment):
        chosen = deployment.spec["selector"]
        if chosen.get("matchExpressions"):
            raise Failed(f"{self.name} chooses its pods by matchExpressions, which are not followed here")
        return ",".join(f"{name}={value}" for name, value in sorted(chosen["matchLabels"].items()))

    def pods(self, deployment):
        return self.kube.ask("get", "pods", f"--selector={self.selector(deployment)}", "--output=json")["items"]

    def usage(self, deployment):
        """What each container of its pods uses, from metrics-server."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{urllib.parse.quote(self.kube.namespace, safe='')}/pods"
        query = urllib.parse.urlencode({"labelSelector": self.selector(deployment)})
        try:
            found = self.kube.ask("get", "--raw", f"{path}?{query}")["items"]
        except Failed as why:
            raise Failed(f"{why}. Usage comes from metrics-server; the setting `usage: false` does without") from why
        return {(pod["metadata"]["name"], one["name"]): one["usage"] for pod in found for one in pod["containers"]}


def percent(pods, usage, what, units):
    """How much of what they may use the containers that are measured use: of the limit, or of the request."""
    used, may = 0.0, 0.0
    for pod in pods:
        for one in pod["spec"]["containers"]:
            found = usage.get((pod["metadata"]["name"], one["name"]))
            if found is None:
                continue
            given = one.get("resources") or {}
            most = (given.get("limits") or {}).get(what) or (given.get("requests") or {}).get(what)
            if most is None:
                raise Failed(f"the container {one['name']} has neither a limit nor a request of {what} to measure its "
                             "usage against; the setting `usage: false` does without")
            used, may = used + quantity(found[what], units), may + quantity(most, units)
    return round(100 * used / may, 1) if may else 0


def crashes(pods, now):
    """Restarts of containers in the last hour, at least: Kubernetes keeps their number, and the time of the last."""
    count = 0
    for pod in pods:
        young = now - moment(pod["metadata"]["creationTimestamp"]) <= HOUR
        for one in (pod.get("status") or {}).get("containerStatuses") or []:
            ended = ((one.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
            if one.get("restartCount", 0) and (young or ended and now - moment(ended) <= HOUR):
                count += one["restartCount"] if young else 1
    return count


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def status(args, settings):
    service = Service(args, settings)
    deployment, autoscaler = service.deployment(), service.autoscaler()
    pods = service.pods(deployment)
    usage = service.usage(deployment) if settings["usage"] else {}
    return {
        "service": service.name,
        "replicas": deployment.wanted,
        "ready": deployment.ready,
        "max_replicas": autoscaler["spec"]["maxReplicas"] if autoscaler else settings["max_replicas"],
        "generation": deployment.revision,
        "crashes": crashes(pods, time.time()),
        "cpu_percent": percent(pods, usage, "cpu", CPU),
        "memory_percent": percent(pods, usage, "memory", MEMORY),
    }


def scaling(args, service):
    """How many there are, and the words that change it; no words where there is nothing to change."""
    wanted = args["replicas"]
    if wanted < 1:
        raise Failed("at least one instance stays")
    if wanted > service.settings["max_replicas"]:
        raise Failed(f"{wanted} are more than the setting `max_replicas` allows ({service.settings['max_replicas']})")
    previous = service.deployment().wanted
    autoscaler = service.autoscaler()
    if autoscaler:
        name, spec = autoscaler["metadata"]["name"], autoscaler["spec"]
        raise Failed(f"the autoscaler {name} decides how many instances of {service.name} there are, from "
                     f"{spec.get('minReplicas', 1)} to {spec['maxReplicas']}: change those numbers")
    words = ["scale", f"deployment/{service.name}", f"--current-replicas={previous}", f"--replicas={wanted}"]
    return previous, words if previous != wanted else None


def scale(args, settings):
    service = Service(args, settings)
    previous, words = scaling(args, service)
    if words:
        service.kube.act(*words)
    # Those that are not ready in time are told by their number.
    service.kube.settle(service.name, seconds(settings["patience"]))
    try:
        now = service.deployment()
    except Failed as why:
        raise Unknown(f"{service.name} was told to have {args['replicas']}, and cannot be looked at: {why}") from why
    if now.wanted != args["replicas"]:
        raise Failed(f"{now.wanted} instances are wanted, not {args['replicas']}: somebody else acts on them")
    return {"service": service.name, "replicas": now.wanted, "previous": previous, "ready": now.ready}


def plan_scale(args, settings):
    service = Service(args, settings)
    previous, words = scaling(args, service)
    said = service.kube.act(*words, "--dry-run=server") if words else "nothing is to be changed"
    return {"service": service.name, "replicas": args["replicas"], "previous": previous, "kubectl": said}


def restart(args, settings):
    began, service = time.monotonic(), Service(args, settings)
    service.deployment()
    service.kube.act("rollout", "restart", f"deployment/{service.name}")
    trouble, given_up = service.kube.settle(service.name, seconds(settings["patience"]))
    if given_up:
        raise Failed(f"{service.name} is being restarted and does not come up: {trouble}")
    if trouble:
        raise Unknown(f"{service.name} is being restarted, and that is not over: {trouble}")
    try:
        now = service.deployment()
    except Failed as why:
        raise Unknown(f"{service.name} was restarted, and cannot be looked at: {why}") from why
    taken = round(time.monotonic() - began, 3)
    return {"service": service.name, "ready": now.ready, "replicas": now.wanted, "seconds": taken}


if __name__ == "__main__":
    main({"status": status, "scale": scale, "restart": restart, "plan-scale": plan_scale})
