"""The lab's network: loopback, and an outside from where users and an attacker come."""

from kit import ATTACKER, EDGE, EXPORT, USER

NEEDS = ()
PROGRAMS = {"curl": "curl", "ip": "iproute2", "nsenter": "util-linux", "unshare": "util-linux", "mount": "mount", "setpriv": "util-linux"}
STEPS = f"""
    link set lo up
    netns add outside
    link add edge type veth peer name uplink netns outside
    address add {EDGE}/24 dev edge
    address add {EXPORT}/24 dev edge
    link set edge up
    -n outside link set lo up
    -n outside address add {USER}/24 dev uplink
    -n outside address add {ATTACKER}/24 dev uplink
    -n outside link set uplink up
"""


def start(lab):
    for step in STEPS.strip().splitlines():
        lab.run("ip", *step.split())
    return {"edge": EDGE, "export": EXPORT, "user": USER, "attacker": ATTACKER, "outside": "outside"}
