#!/usr/bin/env python3
"""Aurora clusters of Amazon RDS. Their instances share one storage: a replica lags behind in what it shows, and has
nothing to lose."""

import datetime
import re
import time

from answer import Failed, Unknown, main, seconds
from awscli import Aws

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
SERVES = ("available", "backing-up", "storage-optimization")
WINDOW = 3600


class Cluster:
    def __init__(self, args, settings):
        self.aws, self.name = Aws(settings), args.get("cluster") or settings["cluster"]
        if not IDENTIFIER.fullmatch(self.name):
            raise Failed(f"{self.name!r} is no identifier of a cluster")

    def look(self):
        """The cluster's members and its state."""
        found = self.aws.ask("rds", "describe-db-clusters", db_cluster_identifier=self.name).get("DBClusters") or []
        if len(found) != 1:
            raise Failed(f"there is no cluster {self.name!r}")
        if not found[0]["Engine"].startswith("aurora"):
            raise Failed(f"{self.name} is a cluster of {found[0]['Engine']}; only Aurora's are known here")
        return found[0]

    def states(self):
        found = self.aws.ask("rds", "describe-db-instances", filters=f"Name=db-cluster-id,Values={self.name}")
        return {one["DBInstanceIdentifier"]: one["DBInstanceStatus"] for one in found["DBInstances"]}

    def lag(self, instance):
        """Milliseconds. Where CloudWatch knows of none in the last hour, it is told as that hour."""
        now = datetime.datetime.now(datetime.timezone.utc)
        start = now - datetime.timedelta(seconds=WINDOW)
        found = self.aws.ask(
            "cloudwatch", "get-metric-statistics", namespace="AWS/RDS", metric_name="AuroraReplicaLag",
            dimensions=f"Name=DBInstanceIdentifier,Value={instance}", start_time=start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            end_time=now.strftime("%Y-%m-%dT%H:%M:%SZ"), period=60, statistics="Maximum")
        points = sorted(found["Datapoints"], key=lambda point: point["Timestamp"])
        return round(points[-1]["Maximum"]) if points else WINDOW * 1000


def writer(cluster):
    return next((one["DBInstanceIdentifier"] for one in cluster["DBClusterMembers"] if one["IsClusterWriter"]), "")


def state(status):
    if status in SERVES or status.startswith("configuring-"):
        return "streaming"
    return "rebuilding" if status == "creating" else "stopped"


def promotable(cluster, states):
    """Members that could be promoted, by the tier that Aurora itself goes by."""
    members = [one for one in cluster["DBClusterMembers"] if not one["IsClusterWriter"]]
    ready = [one for one in members if state(states.get(one["DBInstanceIdentifier"], "")) == "streaming"]
    return sorted(ready, key=lambda one: (one["PromotionTier"], one["DBInstanceIdentifier"]))


def replica_status(args, settings):
    cluster = Cluster(args, settings)
    now, states = cluster.look(), cluster.states()
    replicas = []
    for one in now["DBClusterMembers"]:
        name = one["DBInstanceIdentifier"]
        if not one["IsClusterWriter"]:
            replicas.append({"name": name, "state": state(states.get(name, "")), "lag": f"{cluster.lag(name)}ms",
                             "behind": "0 B"})
    found = {"primary": writer(now), "failover_pending": now["Status"] == "failing-over", "replicas": replicas}
    ready = promotable(now, states)
    if ready:
        first = next(one for one in replicas if one["name"] == ready[0]["DBInstanceIdentifier"])
        found["freshest"] = {name: first[name] for name in ("name", "lag", "behind")}
    return found


def failover(args, settings):
    began, cluster = time.monotonic(), Cluster(args, settings)
    now, states = cluster.look(), cluster.states()
    previous, ready = writer(now), [one["DBInstanceIdentifier"] for one in promotable(now, states)]
    if now["Status"] == "failing-over":
        raise Failed(f"a failover of {cluster.name} is under way already")
    target = args["to_replica"] or (ready[0] if ready else None)
    if target is None or target not in ready:
        there = f"there is {', '.join(ready)}" if ready else "there is none"
        raise Failed(f"{cluster.name} has no replica {target or ''} that can be promoted now; {there}".replace("  ", " "))
    cluster.aws.ask("rds", "failover-db-cluster", acts=True, db_cluster_identifier=cluster.name,
                    target_db_instance_identifier=target)
    # AWS answers when it has begun; the cluster can still say for a moment that it is available.
    deadline = time.monotonic() + seconds(settings["patience"])
    while True:
        try:
            now = cluster.look()
        except Failed as why:
            raise Unknown(f"a failover to {target} was begun, and cannot be looked at: {why}") from why
        if writer(now) == target and now["Status"] == "available":
            taken = round(time.monotonic() - began, 3)
            return {"promoted": target, "previous": previous, "seconds": taken}
        if writer(now) not in (target, previous, "") and now["Status"] == "available":
            raise Failed(f"a failover to {target} was begun, and {writer(now)} is the writer now")
        if time.monotonic() > deadline:
            raise Unknown(f"a failover to {target} was begun and is not over: the cluster is {now['Status']}, its writer "
                          f"is {writer(now) or 'none'}")
        time.sleep(seconds(settings["pause"]))


if __name__ == "__main__":
    main({"replica-status": replica_status, "failover": failover})
