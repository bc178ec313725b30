"""nftables, the lab's firewall. At first it lets everything through and knows the edge's addresses."""

NEEDS = ()
PROGRAMS = {"nft": "nftables"}


def start(lab):
    lab.run("nft", "list", "ruleset")
    return {"device": "edge"}
