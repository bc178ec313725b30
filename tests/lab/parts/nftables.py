"""nftables, the lab's firewall: the shipped adapter's own table, loaded as it would be when a machine starts."""

import json

from kit import EXPORT, HERE

NEEDS = ()
PROGRAMS = {"nft": "nftables", "ss": "iproute2"}
ADAPTERS = HERE.parents[1] / "adapters"
# The same stands in team/runbook.yaml.
SETTINGS = {
    "table": "runbook", "new_per_minute": 60,
    "services": {"export": {"addresses": [EXPORT], "usual_per_hour": "1 MiB"}},
}


def start(lab):
    env = {**lab.env, "PYTHONPATH": f"{ADAPTERS}/lib"}
    script = ADAPTERS / "firewall/nft.py"
    lab.run("/usr/bin/python3", "-B", script, "setup", f"--settings={json.dumps(SETTINGS)}", env=env)
    return {"table": "runbook"}
