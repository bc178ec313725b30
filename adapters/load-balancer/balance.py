#!/usr/bin/env python3
"""The servers of one of HAProxy's backends."""

from answer import Failed, main
from haproxy import Socket, name

# Bits of srv_admin_state: a person or the configuration took it out, by itself or by a server that it follows.
MAINT, DRAIN, BY_HAND = 0x01 | 0x02 | 0x04, 0x08 | 0x10, 0x01 | 0x08
STOPPED, STARTING = 0, 1                        # of srv_op_state


class Backend:
    def __init__(self, settings):
        self.socket, self.name = Socket(settings["socket"]), name(settings["backend"])

    def servers(self):
        servers = {row["srv_name"]: row for row in self.socket.table(f"show servers state {self.name}")}
        if not servers:
            raise Failed(f"HAProxy: the backend {self.name} has no server")
        return servers

    def known(self, instance):
        servers = self.servers()
        if instance not in servers:
            raise Failed(f"the backend {self.name} has no server {instance}, only {', '.join(servers)}")
        return servers


def where(server):
    """`serving`, `away` or `down`."""
    admin = int(server["srv_admin_state"])
    if admin & (MAINT | DRAIN) or int(server["srv_uweight"]) == 0:
        return "away"
    # What else is in admin is its address, which could not be looked up.
    if admin or int(server["srv_op_state"]) in (STOPPED, STARTING):
        return "down"
    return "serving"


def serving(servers, but=None):
    return [server for server, row in servers.items() if server != but and where(row) == "serving"]


def status(_, settings):
    backend = Backend(settings)
    found = {"serving": [], "away": [], "down": []}
    for server, row in backend.servers().items():
        found[where(row)].append(server)
    stats = backend.socket.table(f"show stat {backend.name} 2 -1")
    own = [row for row in stats if row["svname"] == "BACKEND"]
    if not own:
        raise Failed(f"HAProxy has no numbers of the backend {backend.name}")
    return {**found, "rps": float(own[0]["rate"] or 0)}


def route_away(args, settings):
    backend, instance = Backend(settings), args["instance"]
    servers = backend.known(instance)
    if where(servers[instance]) != "away":
        left = serving(servers, instance)
        if len(left) < settings["least"]:
            raise Failed(f"only {len(left)} would be left serving without {instance}, and `least` is {settings['least']}")
        backend.socket.change(f"set server {backend.name}/{name(instance)} state {settings['how']}",
                              lambda: where(backend.servers()[instance]) == "away")
    return {"instance": instance, "serving": len(serving(backend.servers()))}


def route_back(args, settings):
    backend, instance = Backend(settings), args["instance"]
    server = backend.known(instance)[instance]
    if int(server["srv_admin_state"]) & (MAINT | DRAIN):
        backend.socket.change(f"set server {backend.name}/{name(instance)} state ready",
                              lambda: not int(backend.servers()[instance]["srv_admin_state"]) & BY_HAND)
    servers = backend.servers()
    if where(servers[instance]) == "away":
        why = "it has weight 0" if int(servers[instance]["srv_uweight"]) == 0 else "it follows a server that is away"
        raise Failed(f"{instance} still gets no traffic: {why}")
    return {"instance": instance, "serving": len(serving(servers))}


if __name__ == "__main__":
    main({"status": status, "route-away": route_away, "route-back": route_back})
