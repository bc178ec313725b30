#!/usr/bin/env python3
"""The targets of one target group of AWS's application load balancers."""

import datetime
import re
import time

from answer import Failed, Unknown, main, seconds
from awscli import Aws

GROUP = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]+:(targetgroup/[A-Za-z0-9-]+/[0-9a-f]+)")
TARGET = re.compile(r"[A-Za-z0-9.:-]+")
PERIOD = 60
LOOKS = 10


class Group:
    def __init__(self, settings):
        self.aws, self.arn, self.settings = Aws(settings), settings["target_group"], settings
        found = GROUP.fullmatch(self.arn)
        if not found:
            raise Failed(f"{self.arn!r} is no ARN of a target group")
        self.dimension = found[1]
        self.targets = {name: self.target(name, one) for name, one in settings["instances"].items()}

    def target(self, name, one):
        if not TARGET.fullmatch(str(one.get("id", ""))):
            raise Failed(f"the setting `instances` of {name} has no id: {{ id: i-0abc, port: 8080 }}")
        return f"Id={one['id']},Port={int(one['port'])}" if one.get("port") else f"Id={one['id']}"

    def where(self):
        """Where each instance is: `serving`, `away` or `down`."""
        found = self.aws.ask("elbv2", "describe-target-health", target_group_arn=self.arn,
                             targets=list(self.targets.values()))["TargetHealthDescriptions"]
        by_target = {}
        for one in found:
            by_target[f"Id={one['Target']['Id']},Port={one['Target'].get('Port')}"] = one["TargetHealth"]
            by_target.setdefault(f"Id={one['Target']['Id']}", one["TargetHealth"])
        return {name: placed(by_target.get(target, {})) for name, target in self.targets.items()}

    def known(self, instance):
        if instance not in self.targets:
            raise Failed(f"there is no instance {instance!r} in the setting `instances`; there are {', '.join(self.targets)}")
        return self.where()

    def await_that(self, instance, so, what):
        """AWS answers before it has happened, and is silent about what it did not find: it is looked at."""
        for _ in range(LOOKS):
            try:
                now = self.where()
            except Failed as why:
                raise Unknown(f"{what}, and cannot be looked at: {why}") from why
            if so(now[instance]):
                return now
            time.sleep(seconds(self.settings["pause"]))
        raise Unknown(f"{what}, and {instance} is still {now[instance]}")

    def rps(self):
        groups = self.aws.ask("elbv2", "describe-target-groups", target_group_arns=[self.arn])["TargetGroups"]
        balancers = [arn.partition(":loadbalancer/")[2] for one in groups for arn in one.get("LoadBalancerArns") or []]
        if len(balancers) != 1 or not balancers[0].startswith("app/"):
            raise Failed(f"the target group belongs to {', '.join(balancers) or 'no load balancer'}; one application load "
                         "balancer is known here")
        # Of the last minute that is whole: CloudWatch is one behind.
        end = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0) - datetime.timedelta(seconds=PERIOD)
        start = end - datetime.timedelta(seconds=PERIOD)
        found = self.aws.ask(
            "cloudwatch", "get-metric-statistics", namespace="AWS/ApplicationELB", metric_name="RequestCount",
            dimensions=[f"Name=LoadBalancer,Value={balancers[0]}", f"Name=TargetGroup,Value={self.dimension}"],
            start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"), end_time=end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            period=PERIOD, statistics="Sum")
        # Nothing is counted where there was no request.
        return round(sum(point["Sum"] for point in found["Datapoints"]) / PERIOD, 1)


def placed(health):
    state, reason = health.get("State", "unused"), health.get("Reason", "Target.NotRegistered")
    if state in ("draining", "unhealthy.draining") or state == "unused" and reason == "Target.NotRegistered":
        return "away"
    return "serving" if state == "healthy" else "down"


def serving(now, but=None):
    return sum(place == "serving" for name, place in now.items() if name != but)


def status(_, settings):
    group = Group(settings)
    now = group.where()
    found = {place: [name for name in now if now[name] == place] for place in ("serving", "away", "down")}
    return {**found, "rps": group.rps()}


def route_away(args, settings):
    group, instance = Group(settings), args["instance"]
    now = group.known(instance)
    if now[instance] != "away":
        left = serving(now, instance)
        if left < settings["least"]:
            raise Failed(f"only {left} would be left serving without {instance}, and `least` is {settings['least']}")
        group.aws.ask("elbv2", "deregister-targets", acts=True, target_group_arn=group.arn,
                      targets=[group.targets[instance]])
        now = group.await_that(instance, lambda place: place == "away", f"{instance} was taken out of the target group")
    return {"instance": instance, "serving": serving(now)}


def route_back(args, settings):
    group, instance = Group(settings), args["instance"]
    now = group.known(instance)
    if now[instance] == "away":
        group.aws.ask("elbv2", "register-targets", acts=True, target_group_arn=group.arn,
                      targets=[group.targets[instance]])
        now = group.await_that(instance, lambda place: place != "away", f"{instance} was put into the target group")
    return {"instance": instance, "serving": serving(now)}


if __name__ == "__main__":
    main({"status": status, "route-away": route_away, "route-back": route_back})
