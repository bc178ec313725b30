#!/usr/bin/env python3
"""nftables: one table of our own, which drops before other tables accept, and counts who talks to whom.

Each change is one transaction that also puts the table's chains and rules as the settings ask, so that there is never
half of it. What is blocked stands in the table alone: two sets of addresses, and a chain for each service, with a rule
in it while the service is cut off.
"""

import ipaddress
import json
import re

from answer import Failed, TimedOut, Unknown, complaint, main, run, seconds

FAMILIES = ((4, "ip", "ipv4_addr"), (6, "ip6", "ipv6_addr"))
KEPT = 86400                                    # how long a peer that is silent is remembered
SIZES = {"": 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "KB": 10**3, "MB": 10**6, "GB": 10**9}


class Service:
    """How a service's packets are known: by its own addresses, or by its ports and the account that it runs as."""

    def __init__(self, name, said):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,63}", name):
            raise Failed(f"{name!r} is no name for a service: letters, digits, - and _")
        self.name = name
        self.addresses = [network(text) for text in said.get("addresses") or []]
        self.ports = [whole(port, 65535, f"a port of {name}") for port in said.get("ports") or []]
        self.user = None if said.get("user") is None else whole(said["user"], 2**32 - 2, f"the user id of {name}")
        if bool(self.addresses) == bool(self.ports) or bool(self.ports) != (self.user is not None):
            raise Failed(f"{name} needs either `addresses` of its own, or both `ports` and the number of its `user`: "
                         "by ports alone, what it opens itself would go on")
        usual = re.fullmatch(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)", str(said.get("usual_per_hour") or ""))
        if not usual or usual[2] not in SIZES:
            raise Failed(f"{name} needs `usual_per_hour`: what it sends out in an hour of a usual day, such as 600 MiB")
        self.usual = float(usual[1]) * SIZES[usual[2]]


class Wall:
    def __init__(self, settings):
        self.table, self.via = settings["table"], settings.get("via") or []
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", self.table):
            raise Failed(f"{self.table!r} is no name for a table: small letters, digits and _")
        self.services = {name: Service(name, said or {}) for name, said in (settings.get("services") or {}).items()}
        self.never = [network(text) for text in settings.get("never") or []]
        self.known = [network(text) for text in settings.get("known") or []]
        self.inside = [network(text) for text in settings.get("inside") or []]
        self.threats = settings.get("threats")
        self.most = settings.get("new_per_minute") or 0

    def service(self, name):
        if name not in self.services:
            known = f"only {', '.join(self.services)}" if self.services else "none at all"
            raise Failed(f"the setting `services` has no {name}, {known}")
        return self.services[name]

    # ── nft ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def entries(self):
        """Everything in the table; nothing where there is no table."""
        done = run([*self.via, "nft", "-j", "list", "table", "inet", self.table], 15)
        if done.returncode != 0:
            if "No such file or directory" in done.stderr and "list table" in done.stderr:
                return []
            raise Failed(f"nft: {said(done)}")
        try:
            return json.loads(done.stdout)["nftables"]
        except (ValueError, KeyError, TypeError):
            raise Failed("nft's answer is no JSON") from None

    def apply(self, entries, changes, check=False):
        """All of it in one transaction: the table as the settings ask, and these changes."""
        # The rules are written anew from the settings. Who is cut off by a rule that they do not name would be let out.
        others = [name for name in self.all_cut(entries) if name not in self.services]
        if others:
            raise Failed(f"{', '.join(others)} is cut off in the table {self.table}, and `services` does not name it: any "
                         "change made here would let its traffic through. Add it to `services` as it was")
        words = [*self.via, "nft", *(["-c"] if check else []), "-f", "-"]
        try:
            done = run(words, 20, input=self.skeleton() + "".join(f"{line}\n" for line in changes))
        except TimedOut as late:
            raise Unknown(str(late)) from late
        if done.returncode != 0:
            # Where another machine is asked, only nft's own word says that nothing was done.
            if self.via and "Error:" not in done.stderr:
                raise Unknown(f"nft's answer got lost: {said(done)}")
            raise Failed(f"nft: {said(done)}")

    def after(self):
        """Everything in the table once it was changed: who cannot look then knows no more than that."""
        try:
            return self.entries()
        except Failed as why:
            raise Unknown(f"nft took it, and what came of it cannot be asked: {why}") from why

    def skeleton(self):
        """The table, its sets and its rules, without what is blocked. It adds what is missing and keeps the rest."""
        at = f"inet {self.table}"
        lines = [f"add table {at}"]
        for family, _, kind in FAMILIES:
            lines.append(f"add set {at} blocked{family} {{ type {kind}; flags interval; }}")
            lines.append(f"add set {at} suspects{family} {{ type {kind}; flags dynamic,timeout; size 65536; timeout 1d; }}")
            lines.append(f"add set {at} pace{family} {{ type {kind}; flags dynamic,timeout; size 65536; timeout 2m; }}")
        for hook in ("input", "forward", "output"):
            lines.append(f"add chain {at} {hook} {{ type filter hook {hook} priority -10; policy accept; }}")
            lines.append(f"flush chain {at} {hook}")
        for service in self.services.values():
            lines.append(f"add chain {at} cut_{service.name}")
            for family, _, kind in FAMILIES:
                for what in ("to", "from", "called", "calls"):
                    lines.append(f"add set {at} {what}{family}_{service.name} {{ type {kind}; flags dynamic,timeout; "
                                 f"size 65536; timeout {KEPT}s; counter; }}")
        for family, ip, _ in FAMILIES:
            for hook, sides in (("input", ["saddr"]), ("forward", ["saddr", "daddr"]), ("output", ["daddr"])):
                for side in sides:
                    lines.append(f"add rule {at} {hook} {ip} {side} @blocked{family} counter drop")
        for service in self.services.values():
            if service.user is not None:
                lines.append(f"add rule {at} output meta skuid {service.user} jump cut_{service.name}")
            for hook, inbound, match in matches(service):
                lines.append(f"add rule {at} {hook} {match} jump cut_{service.name}")
                for family, ip, _ in FAMILIES:
                    if match.startswith("ip") and match.split()[0] != ip:
                        continue
                    # Bytes that come in are counted by where they come from, others by where they go to.
                    side, bytes_, opens = ("saddr", "from", "called") if inbound else ("daddr", "to", "calls")
                    key = f"{ip} {side}"
                    update = f"add rule {at} {hook} {match} meta nfproto ipv{family}"
                    new = f"{update} ct state new"
                    lines.append(f"{update} update @{bytes_}{family}_{service.name} {{ {key} }}")
                    lines.append(f"{new} update @{opens}{family}_{service.name} {{ {key} }}")
                    if inbound and self.most:
                        lines.append(f"{new} update @pace{family} {{ {key} limit rate over {self.most}/minute burst "
                                     f"{self.most} packets }} update @suspects{family} {{ {key} }}")
        return "".join(f"{line}\n" for line in lines)

    # ── What stands there ─────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def elements(entries, name):
        """The elements of a set: network, and what stands beside it."""
        found = []
        for entry in entries:
            if entry.get("set", {}).get("name") == name:
                for element in entry["set"].get("elem", []):
                    beside = element.get("elem", {}) if isinstance(element, dict) else {}
                    value = beside.get("val", element)
                    found += [(net, beside) for net in networks(value)]
        return found

    def blocked(self, entries):
        return [net for family, _, _ in FAMILIES for net, _ in self.elements(entries, f"blocked{family}")]

    @staticmethod
    def cut(entries, service):
        """Whether the service's packets come to a rule that drops them."""
        rules = [entry["rule"] for entry in entries if "rule" in entry]
        drops = any(rule["chain"] == f"cut_{service}" and {"drop": None} in rule["expr"] for rule in rules)
        jump = {"jump": {"target": f"cut_{service}"}}
        return drops and any(jump in rule["expr"] for rule in rules)

    @classmethod
    def all_cut(cls, entries):
        """The services that are cut off, whether or not the settings name them."""
        chains = [entry["rule"]["chain"] for entry in entries if "rule" in entry]
        names = {chain.removeprefix("cut_") for chain in chains if chain.startswith("cut_")}
        return sorted(name for name in names if cls.cut(entries, name))

    def sockets(self):
        """The connections of this host that stand: our address and port, the other address, and whose it is."""
        try:
            done = run([*self.via, "ss", "-HtnOe", "state", "established"], 10)
        except Failed:
            return []
        found = []
        for line in done.stdout.splitlines() if done.returncode == 0 else []:
            words = line.split()
            if len(words) < 4:
                continue
            here, port = split(words[2])
            there, _ = split(words[3])
            user = re.search(r"\buid:(\d+)", line)
            if here and there:
                found.append((here, port, there, int(user[1]) if user else 0))
        return found


def matches(service):
    """Where a service's packets are seen: the hook, whether they come in, and how they are known."""
    if service.addresses:
        for net in service.addresses:
            ip = "ip" if net.version == 4 else "ip6"
            yield "input", True, f"{ip} daddr {net}"
            yield "output", False, f"{ip} saddr {net}"
            yield "forward", True, f"{ip} daddr {net}"
            yield "forward", False, f"{ip} saddr {net}"
        return
    ports = ", ".join(map(str, service.ports))
    yield "input", True, f"meta l4proto {{ tcp, udp }} th dport {{ {ports} }}"
    yield "output", False, f"meta l4proto {{ tcp, udp }} th sport {{ {ports} }}"
    yield "output", False, f"meta skuid {service.user} th sport != {{ {ports} }}"


def whole(value, most, what):
    text = str(value)
    if not text.isdigit() or int(text) > most:
        raise Failed(f"{what} is {value!r}, which is no number up to {most}")
    return int(text)


def network(text):
    """An address or a network, as nft is given it: read and written anew, never the text itself."""
    if "%" in str(text):
        raise Failed(f"{text!r} has a zone, which means something on one machine only")
    try:
        net = ipaddress.ip_network(str(text).strip())
    except ValueError as why:
        raise Failed(f"{text!r} is neither an address nor a network: {why}") from None
    mapped = getattr(net.network_address, "ipv4_mapped", None)
    if mapped and net.prefixlen >= 96:
        return ipaddress.ip_network(f"{mapped}/{net.prefixlen - 96}")
    return net


def networks(value):
    """The networks of one element of a set, as nft prints it."""
    if isinstance(value, str):
        return [network(value)]
    if "prefix" in value:
        return [network(f"{value['prefix']['addr']}/{value['prefix']['len']}")]
    if "range" in value:
        first, last = (ipaddress.ip_address(one) for one in value["range"])
        return list(ipaddress.summarize_address_range(first, last))
    raise Failed(f"nft has an element that cannot be read: {json.dumps(value)[:80]}")


def split(text):
    """`10.0.0.1:80`, `[::1]:80` and `[::ffff:10.0.0.1%eth0]:80` as an address and a port."""
    host, _, port = text.rpartition(":")
    try:
        net = network(host.strip("[]").partition("%")[0])
    except Failed:
        return None, 0
    return net, int(port) if port.isdigit() else 0


def within(net, others):
    return next((other for other in others if other.version == net.version and net.subnet_of(other)), None)


def written(net):
    return str(net.network_address) if net.num_addresses == 1 else str(net)


def said(done):
    line = next((line for line in done.stderr.splitlines() if "Error:" in line), None)
    return line.partition("Error:")[2].strip() if line else complaint(done)


# ── What the contract asks ────────────────────────────────────────────────────────────────────────────────────────


def status(args, settings):
    wall = Wall(settings)
    entries, name = wall.entries(), args.get("service")
    blocked = wall.blocked(entries)
    told = {"service": name or "", "blocked": bool(name) and wall.cut(entries, wall.service(name).name)}
    asked = args.get("ips")
    if not asked:
        return {**told, "blocked_ips": [written(net) for net in blocked], "open_ips": []}
    shut = [text for text in asked if within(network(text), blocked)]
    return {**told, "blocked_ips": shut, "open_ips": [text for text in asked if text not in shut]}


def connections(args, settings):
    wall = Wall(settings)
    service = wall.service(args["service"])
    entries, last = wall.entries(), seconds(args["last"])
    if not any(entry.get("set", {}).get("name") == f"to4_{service.name}" for entry in entries):
        raise Failed(f"nothing counts what {service.name} sends yet: set the table up beforehand, as docs/nftables.md says")
    peers, listed = {}, threats(wall.threats)
    for what in ("to", "from", "called", "calls"):
        for family, _, _ in FAMILIES:
            for net, beside in wall.elements(entries, f"{what}{family}_{service.name}"):
                silent = KEPT - (beside.get("expires") or 0)
                if silent > last or within(net, wall.inside):
                    continue
                counter = beside.get("counter") or {}
                peers.setdefault(net, {})[what] = counter.get("bytes" if what in ("to", "from") else "packets", 0)
    paced = {net for family, _, _ in FAMILIES for net, _ in wall.elements(entries, f"suspects{family}")}
    told = []
    for net, seen in peers.items():
        out = "calls" in seen
        told.append({
            "ip": written(net), "direction": "out" if out else "in", "bytes": seen.get("to", 0) + seen.get("from", 0),
            "requests": seen.get("calls" if out else "called", 0), "known": within(net, wall.known) is not None,
        })
    suspicious = [net for net in peers if (net in paced or within(net, listed)) and not within(net, wall.known)]
    return {
        "suspicious": [written(net) for net in suspicious],
        "sent_out": sum(seen.get("to", 0) for seen in peers.values()),
        "usual_sent_out": int(service.usual * last / 3600),
        "peers": sorted(told, key=lambda peer: -peer["bytes"]),
    }


def threats(path):
    """The addresses of a threat list, one a line; what follows a `#` or `;` is a remark."""
    if not path:
        return []
    try:
        with open(path) as file:
            lines = [re.split(r"[#;]", line)[0].strip() for line in file]
    except OSError as why:
        raise Failed(f"the threat list {path}: {why.strerror}") from why
    return [network(line) for line in lines if line]


def block_all(args, settings, check=False):
    wall = Wall(settings)
    service = wall.service(args["service"])
    before = wall.entries()
    ours = [there for here, port, there, user in wall.sockets()
            if within(here, service.addresses) or port in service.ports or (service.ports and user == service.user)]
    chain = f"inet {wall.table} cut_{service.name}"
    wall.apply(before, [f"flush chain {chain}", f"add rule {chain} counter drop"], check)
    if check:
        return {"would": f"drop everything from and to {service.name}", "connections": len(ours)}
    if not wall.cut(wall.after(), service.name):
        raise Failed(f"nft took it, and {service.name} is not cut off")
    return {"service": service.name, "blocked": True, "dropped": len(ours)}


def unblock(args, settings):
    wall = Wall(settings)
    service = wall.service(args["service"])
    before = wall.entries()
    if wall.cut(before, service.name):
        wall.apply(before, [f"flush chain inet {wall.table} cut_{service.name}"])
    return {"service": service.name, "blocked": False}


def sorted_out(asked, blocked):
    """What is asked for once each, and what of it is blocked already."""
    nets = {}
    for text in asked or []:
        nets.setdefault(network(text), text)
    return nets, {net: within(net, blocked) for net in nets}


def block_ip(args, settings, check=False):
    wall = Wall(settings)
    before = wall.entries()
    blocked = wall.blocked(before)
    nets, within_ = sorted_out(args.get("ips"), blocked)
    new = [net for net in nets if within_[net] is None]
    for net in new:
        guard(wall, net)
        covers = [other for other in [*blocked, *new] if other != net and within(other, [net])]
        if covers:
            raise Failed(f"{net} holds {written(covers[0])}, which is blocked by itself: leave out one of them")
    cut = [there for _, _, there, _ in wall.sockets() if within(there, new)] if new else []
    if new:
        wall.apply(before, [element("add", wall, net) for net in new], check)
    if check:
        return {"would": f"block {', '.join(map(written, new)) or 'nothing'}", "connections": len(cut)}
    return {
        "changed": [nets[net] for net in new], "unchanged": [nets[net] for net in nets if net not in new],
        "dropped": len(cut),
    }


def guard(wall, net):
    if net.is_loopback or net.is_unspecified or net.prefixlen == 0 or net.is_multicast:
        raise Failed(f"{net} is not blocked: it is this machine's own, or everybody's")
    own = next((other for other in wall.never if other.version == net.version and other.overlaps(net)), None)
    if own:
        raise Failed(f"{written(net)} is not blocked: the setting `never` keeps {written(own)} open")


def unblock_ip(args, settings):
    wall = Wall(settings)
    before = wall.entries()
    blocked = wall.blocked(before)
    nets, within_ = sorted_out(args.get("ips"), blocked)
    shut = [net for net in nets if within_[net]]
    for net in shut:
        if net not in blocked:
            raise Failed(f"{written(net)} is blocked as a part of {written(within_[net])}: unblock that")
    if shut:
        wall.apply(before, [element("delete", wall, net) for net in shut])
    return {"changed": [nets[net] for net in shut], "unchanged": [nets[net] for net in nets if net not in shut]}


def element(verb, wall, net):
    return f"{verb} element inet {wall.table} blocked{net.version} {{ {written(net)} }}"


def table(_, settings):
    """The table without what is blocked, for whoever loads it when the machine starts."""
    return {"nft": Wall(settings).skeleton()}


def setup(_, settings):
    wall = Wall(settings)
    wall.apply(wall.entries(), [])
    return {"done": True}


if __name__ == "__main__":
    main({
        "status": status, "connections": connections, "block-all": block_all, "unblock": unblock,
        "block-ip": block_ip, "unblock-ip": unblock_ip,
        "plan-block-all": lambda args, settings: block_all(args, settings, check=True),
        "plan-block-ip": lambda args, settings: block_ip(args, settings, check=True),
        "table": table, "setup": setup,
    })
