#!/usr/bin/env python3
"""PostgreSQL with streaming replication, by psql and by what is done on the nodes' hosts (postgres_host.py).

Nothing is kept here: which node is primary, which are fenced and where applications get to is asked anew each time.
"""

import json
import os
import re
import secrets
import time
from datetime import datetime, timezone

import postgres_host
from answer import Failed, TimedOut, Unknown, complaint, main, run

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class NoAnswer(Failed):
    """A node that cannot be asked by SQL, and what psql says of it."""


class Cluster:
    def __init__(self, args, settings):
        self.settings = settings
        self.name = settings["cluster"]
        asked = args.get("cluster")
        if asked is not None and asked != self.name:
            raise Failed(f"this adapter is bound to the cluster {self.name}, not to {asked}")
        self.nodes = settings["nodes"]
        for node, where in self.nodes.items():
            if not NAME.fullmatch(node):
                raise Failed(f"{node!r} is no name for a node")
            conninfo(where)
        if not self.nodes:
            raise Failed("the setting `nodes` names no node")
        if re.search(r"password\s*=|://[^/@]*:[^/@]*@", settings.get("application") or ""):
            raise Failed("a password does not belong into `application`: use the setting `application_password`")
        self.commands = settings.get("commands") or {}
        self.data = settings.get("data") or {}
        self.seen = {}

    def known(self, node):
        if node not in self.nodes:
            raise Failed(f"{self.name} has no node {node}, only {', '.join(self.nodes)}")
        return node

    # ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────────

    def psql(self, where, script, timeout, password="RUNBOOK_PASSWORD", **more):
        """What psql makes of a script. No value stands in its text: they come by variables of its environment."""
        env = {**os.environ, **more, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "3"}
        if os.environ.get(password):
            env["PGPASSWORD"] = os.environ[password]
        for name in ("RUNBOOK_PASSWORD", "RUNBOOK_APPLICATION_PASSWORD"):
            env.pop(name, None)
        words = ["psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-d", where, "-f", "-"]
        return run(words, timeout, env=env, input=script)

    def sql(self, node, statement, timeout=10, **more):
        """What one statement on a node itself, beside the applications' address, gives as JSON."""
        done = self.psql(self.nodes[node], statement + ";\n", timeout, **more)
        if done.returncode != 0:
            raise NoAnswer(f"{node}: {said(done.stderr)}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def host(self, node, act, timeout=30, **more):
        """What is done on a node's host; it fails where the host cannot be asked."""
        if node not in self.data:
            raise Failed(f"the setting `data` does not say where {node}'s data is")
        ask = {"act": act, "data": self.data[node], "owner": self.settings["owner"], "bin": self.settings["bin"],
               "password": os.environ.get("RUNBOOK_PASSWORD") or None, **more}
        reach = self.settings.get("on_host") or []
        if not reach:
            told = postgres_host.serve(ask)
        else:
            with open(os.path.join(HERE, "postgres_host.py")) as file:
                script = f"{file.read()}\nimport json\nprint(json.dumps(serve(json.loads({json.dumps(ask)!r}))))\n"
            try:
                done = run([word.replace("{node}", node) for word in reach] + ["python3", "-"], timeout, input=script)
            except TimedOut as late:
                if act == "look":
                    raise
                raise Unknown(f"{node}: {late}") from late
            if done.returncode != 0:
                if act != "look" and re.search(r"closed by|Broken pipe|not responding|reset by peer", done.stderr):
                    raise Unknown(f"{node}: the connection to its host broke: {complaint(done)}")
                raise Failed(f"{node}'s host cannot be asked: {complaint(done)}")
            try:
                told = json.loads(done.stdout.splitlines()[-1])
            except (ValueError, IndexError):
                raise Failed(f"{node}'s host answers no JSON: {done.stdout[:80]!r}") from None
        if "failed" in told:
            raise Failed(f"{node}: {told['failed']}")
        return told["did"]

    def command(self, name, node, timeout=60):
        """Runs the team's own command for something, if there is one; whether there was, and its status."""
        words = self.commands.get(name)
        if not words:
            return None
        return run([word.replace("{node}", node) for word in words], timeout)

    FACTS = """
        select json_build_object(
          'replica', pg_is_in_recovery(),
          'read_only', current_setting('default_transaction_read_only') = 'on',
          'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
          'max_connections', current_setting('max_connections')::int,
          'started_at', pg_postmaster_start_time(),
          'damaged', (select coalesce(sum(checksum_failures), 0) > 0 from pg_stat_database),
          'streaming', exists (select from pg_stat_wal_receiver where status = 'streaming'),
          'paused', pg_is_in_recovery() and pg_is_wal_replay_paused(),
          'source', case when pg_is_in_recovery() then current_setting('primary_conninfo', true) end,
          'written', case when not pg_is_in_recovery() then pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') end,
          'received', pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0'),
          'applied', pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'),
          'age', extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()))"""

    def look(self):
        """What each node says of itself; where it does not answer, why."""
        facts = {}
        for node in self.nodes:
            try:
                facts[node] = self.sql(node, self.FACTS)
            except TimedOut as late:
                facts[node] = NoAnswer(f"{node}: {late}")
            except NoAnswer as why:
                facts[node] = why
        return facts

    def files(self, node):
        """What the node's files say; nothing where nobody can be asked."""
        if node not in self.seen:
            try:
                self.seen[node] = self.host(node, "look", timeout=15)
            except Failed:
                self.seen[node] = None
        return self.seen[node]

    def fenced(self, node):
        """Whether it cannot take writes, whoever asks and whoever restarts it; nothing where nobody can say."""
        asked = self.command("fenced", node, 15)
        if asked is not None:
            if asked.returncode not in (0, 1):
                raise Failed(f"`fenced` says neither yes (0) nor no (1) of {node}: {complaint(asked)}")
            return asked.returncode == 0
        files = self.files(node)
        return files["fenced"] if files else None

    def primary(self, facts):
        """The node that takes writes, else the one that last did."""
        writable = [node for node, fact in facts.items() if answers(fact) and not fact["replica"]]
        if len(writable) > 1:
            raise Failed(f"{' and '.join(writable)} are primaries side by side: fence all but one, now")
        if writable:
            return writable[0]
        silent = [node for node, fact in facts.items() if not answers(fact)]
        # A standby has its file; of old primaries, the one whose timeline is the newest was the last.
        silent = [node for node in silent if not (self.files(node) or {}).get("standby")]
        newest = max(((self.files(node) or {}).get("timeline", 0) for node in silent), default=0)
        silent = [node for node in silent if not self.files(node) or self.files(node)["timeline"] == newest]
        if len(silent) > 1:
            # Those that follow it know its address.
            followed = {address(fact["source"]) for fact in facts.values() if answers(fact) and fact["source"]}
            silent = [node for node in silent if address(self.nodes[node]) in followed] or silent
        if len(silent) == 1:
            return silent[0]
        if not silent:
            raise Failed("all nodes are replicas, and none of them is the primary's")
        raise Failed(f"none takes writes, and nobody can say which was the primary: {', '.join(silent)}")

    def replicas(self, facts, primary):
        """Each replica, the freshest first: the one that received most."""
        # Of a dead primary nobody knows what it wrote last. If each commit waited for a standby, what the freshest
        # received is all that anybody was promised; if not, all since a replica's last change may be missing.
        live = [fact for fact in facts.values() if answers(fact)]
        promised = None
        if answers(facts[primary]) and not facts[primary]["replica"]:
            promised = facts[primary]["written"]
        elif self.settings.get("synchronous"):
            promised = max((fact["received"] or 0 for fact in live), default=0)
        found = []
        for node, fact in facts.items():
            if node == primary:
                continue
            if not answers(fact):
                found.append((-1, {"name": node, "state": "stopped", "lag": 0, "behind": 0}))
                continue
            received, applied = int(fact["received"] or 0), int(fact["applied"] or 0)
            whole = promised is not None and applied >= promised
            found.append((received, {
                "name": node,
                "state": "streaming" if fact["streaming"] and not fact["paused"] else "replaying",
                "lag": 0 if whole else round(max(0, fact["age"] or 0), 3),
                "behind": max(0, received - applied),
            }))
        return [replica for _, replica in sorted(found, key=lambda one: -one[0])]

    def reached(self, facts):
        """The node that the applications' address leads to: nothing where it leads nowhere, or nobody knows."""
        where = self.settings.get("application")
        if not where:
            return None
        try:
            done = self.psql(where, "select to_json(pg_postmaster_start_time());\n", 10, "RUNBOOK_APPLICATION_PASSWORD")
        except TimedOut:
            # A pooler that queues, or an address of hosts that are gone.
            return None
        if done.returncode != 0:
            return None
        return self.which(facts, json.loads(done.stdout))

    @staticmethod
    def which(facts, started):
        """The node whose server was started then, to the microsecond."""
        same = [node for node, fact in facts.items() if answers(fact) and fact["started_at"] == started]
        return same[0] if len(same) == 1 else None

    def pending(self, facts, primary):
        """Whether there is a primary to which the applications' address does not lead."""
        fact = facts[primary]
        if not answers(fact) or fact["replica"] or not self.settings.get("application"):
            return False
        return self.reached(facts) != primary


def answers(fact):
    return isinstance(fact, dict)


def said(stderr):
    """What psql complained about: its first line. Those that follow guess at reasons."""
    line = next((line.strip() for line in stderr.splitlines() if line.strip()), "psql says nothing")
    return re.sub(r"^psql:(<stdin>:\d+:)? ?(error: )?", "", line)


def conninfo(text):
    """The words of a connection string, `host=db-1 port=5432 …`."""
    if not isinstance(text, str) or "://" in text:
        raise Failed("a connection string is written in words: host=db-1 port=5432 dbname=postgres user=control")
    found, rest = {}, text.strip()
    while rest:
        part = re.match(r"([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?:\s+|$)", rest)
        if not part:
            raise Failed("a connection string cannot be read; it is written host=db-1 port=5432 dbname=postgres")
        value = part[2] if part[2] is not None else part[3]
        found[part[1]] = re.sub(r"\\(.)", r"\1", value)
        rest = rest[part.end():]
    if "password" in found:
        raise Failed("a password does not belong into a connection string: use the setting `password`")
    return found


def address(text):
    found = {}
    for name, quoted, plain in re.findall(r"(host|hostaddr|port)\s*=\s*(?:'([^']*)'|(\S+))", text or ""):
        found[name] = quoted or plain
    return found.get("hostaddr") or found.get("host"), found.get("port", "5432")


# ── What the contract asks ────────────────────────────────────────────────────────────────────────────────────────


def status(args, settings):
    cluster = Cluster(args, settings)
    facts = cluster.look()
    primary = cluster.primary(facts)
    fact, files = facts[primary], cluster.files(primary)
    silent = {node: cluster.fenced(node) for node in cluster.nodes if not answers(facts[node])}
    told = {
        "cluster": cluster.name,
        "primary": primary,
        "fenced": [node for node, fenced in silent.items() if fenced],
    }
    unsure = [node for node, fenced in silent.items() if fenced is None]
    if unsure:
        told["unsure"] = unsure
    if answers(fact):
        role = "replica" if fact["replica"] else "primary"
        detail = f"{primary} is {role}, with {fact['connections']} connections"
        if cluster.pending(facts, primary):
            detail += "; the applications' address does not lead to it"
        return {
            **told, "state": "running", "host_reachable": True, "role": role,
            "writable": not fact["replica"] and not fact["read_only"],
            "corruption": fact["damaged"], "connections": fact["connections"],
            "max_connections": fact["max_connections"], "started_at": fact["started_at"], "detail": detail,
        }
    why = str(fact)
    # A refused connection is an answer of the host; so is whatever a server itself says. One that lets nobody in (a
    # wrong password, no slot left) runs all the same, and one that says nothing although it is there is not stopped.
    refused = re.search(r"Connection refused|No such file or directory", why)
    starting = re.search(r"57P03|starting up|not yet accepting|in recovery mode", why)
    answered = files is not None or refused is not None or "FATAL" in why
    if starting:
        state = "starting"
    elif refused or (files and not files["processes"]):
        state = "stopped"
    else:
        state = "running" if "FATAL" in why else "unreachable"
    if primary in told["fenced"]:
        why = f"{primary} is fenced"
    elif files and files["damaged"]:
        why += "; its control file is damaged"
    elif files:
        why += f"; {files['processes'] or 'no'} processes of it are left"
    return {
        **told, "state": state, "host_reachable": answered, "role": "unknown", "writable": False,
        "corruption": bool(files and files["damaged"]), "connections": 0, "max_connections": 0, "detail": why,
    }


def replica_status(args, settings):
    cluster = Cluster(args, settings)
    facts = cluster.look()
    primary = cluster.primary(facts)
    replicas = cluster.replicas(facts, primary)
    able = [replica for replica in replicas if replica["state"] != "stopped"]
    freshest = {key: able[0][key] for key in ("name", "lag", "behind")} if able else None
    pending = cluster.pending(facts, primary)
    return {"primary": primary, "failover_pending": pending, "replicas": replicas, "freshest": freshest}


def backup_status(args, settings):
    cluster = Cluster(args, settings)
    if not settings.get("backups"):
        raise Failed("the setting `backups` does not say where the base backups are")
    ask = {"act": "verify", "data": settings["backups"], "backups": settings["backups"],
           "owner": settings["owner"], "bin": settings["bin"]}
    told = postgres_host.serve(ask)
    if "failed" in told:
        raise Failed(told["failed"])
    finished = datetime.fromtimestamp(told["did"]["finished"], timezone.utc)
    return {
        "usable": told["did"]["usable"],
        "finished": finished.isoformat(),
        "age": max(0, round((datetime.now(timezone.utc) - finished).total_seconds(), 3)),
        "recoverable_to": finished.isoformat(),     # an archive is not looked at: a backup reaches to its own end
        "location": told["did"]["location"],
    }


# The row is rolled back and the transaction commits: so nothing stays, and yet a commit that no standby confirms
# shows. It comes back as a warning, when statement_timeout ends the wait.
PROBE = """
\\getenv token RUNBOOK_TOKEN
\\getenv held RUNBOOK_TABLE
set statement_timeout = '5s';
begin;
savepoint probe;
insert into :"held" (token) values (:'token');
select json_build_object('started', pg_postmaster_start_time(), 'rows', count(*),
    'name', current_setting('cluster_name')) from :"held" where token = :'token';
rollback to savepoint probe;
commit;
reset statement_timeout;
"""


def write_check(args, settings):
    cluster = Cluster(args, settings)
    where = needed(settings, "application")
    table = settings["write_check_table"]
    began, token = time.monotonic(), secrets.token_hex(8)
    try:
        done = cluster.psql(where, PROBE, 15, "RUNBOOK_APPLICATION_PASSWORD", RUNBOOK_TOKEN=token, RUNBOOK_TABLE=table)
    except TimedOut as late:
        return {"writable": False, "node": "", "took": round(time.monotonic() - began, 3), "detail": str(late)}
    took = round(time.monotonic() - began, 3)
    if "42P01" in done.stderr or "42703" in done.stderr:
        raise Failed(f"there is no table to try it on: create table {table} (token text)")
    node, rows = "", 0
    if done.stdout.strip():
        seen = json.loads(done.stdout.splitlines()[0])
        rows = seen["rows"]
        # Which node that was: it, and nobody else, was started at that very moment.
        node = cluster.which(cluster.look(), seen["started"]) or seen["name"] or ""
    writable = done.returncode == 0 and rows == 1 and "WARNING" not in done.stderr
    detail = f"row written and read back on {node or 'a node that is none of ours'}"
    if not writable:
        detail = said(done.stderr) if done.stderr.strip() else "no row came back"
    return {"writable": writable, "node": node, "took": took, "detail": detail}


# ── Statements ────────────────────────────────────────────────────────────────────────────────────────────────────


def prepared(sql, bind):
    """One statement with `$1` for its first named parameter, and the values in that order.

    Words in quotes and comments are passed over as they stand. Where this reading and the server's differ, a
    parameter is missing, never a value in the text: values go to the server by themselves.
    """
    bind, names, out, at = bind or {}, [], [], 0
    sql = sql.strip().rstrip(";").rstrip()
    quoted = re.compile(
        r"(?P<skip>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$"
        r"|--[^\n]*|/\*.*?\*/|::|:=|[A-Za-z_][A-Za-z0-9_$]*)|:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<bad>;|\$[0-9])",
        re.DOTALL)
    for part in quoted.finditer(sql):
        if part["bad"]:
            raise Failed("one statement at a time: there is a `;` in it" if part["bad"] == ";" else
                         f"{part['bad']} is no named parameter: write `:name`, and its value in `bind`")
        if not part["name"]:
            continue
        if part["name"] not in bind:
            raise Failed(f"`:{part['name']}` has no value in `bind`")
        if part["name"] not in names:
            names.append(part["name"])
        out += [sql[at:part.start()], f"${names.index(part['name']) + 1}"]
        at = part.end()
    out.append(sql[at:])
    unused = [name for name in bind if name not in names]
    if unused:
        raise Failed(f"the statement has no `:{unused[0]}`, for which `bind` has a value")
    return "".join(out), [text(bind[name]) for name in names]


def text(value):
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


# The server itself quotes the values, as text whose type it finds from the statement. The statement is prepared: no
# second one can hide in it, and the transaction that it runs in cannot be left from inside.
PREPARE = """
\\getenv sql RUNBOOK_SQL
\\getenv bind RUNBOOK_BIND
\\getenv name RUNBOOK_NAME
\\getenv most RUNBOOK_MOST
\\echo begun
begin MODE;
select set_config('runbook.sql', :'sql', true), set_config('runbook.bind', :'bind', true),
    set_config('runbook.name', :'name', true), set_config('runbook.most', :'most', true) \\gset ignored_
set local statement_timeout = 'LIMIT';
do $runbook$ begin
    execute 'prepare ' || quote_ident(current_setting('runbook.name')) || ' as ' || current_setting('runbook.sql');
end $runbook$;
select 'execute ' || quote_ident(current_setting('runbook.name')) || coalesce('(' || string_agg(
    coalesce(quote_literal(value), 'null'), ', ' order by place) || ')', '') as call
    from jsonb_array_elements_text(current_setting('runbook.bind')::jsonb) with ordinality as given (value, place) \\gset
select set_config('runbook.call', :'call', true) \\gset ignored_
"""

READ = PREPARE.replace("MODE", "read only").replace("LIMIT", "50s") + """
do $runbook$ declare
    one record;
    found text[] := '{}';
begin
    for one in execute current_setting('runbook.call') loop
        found := found || row_to_json(one)::text;
        exit when cardinality(found) > current_setting('runbook.most')::int;
    end loop;
    perform set_config('runbook.rows', '[' || array_to_string(found, ',') || ']', true);
end $runbook$;
select current_setting('runbook.rows');
deallocate :"name";
rollback;
"""

CHANGE = PREPARE.replace("MODE", "read write").replace("LIMIT", "280s") + """
:call;
\\set affected :ROW_COUNT
deallocate :"name";
\\echo committing
commit;
\\echo affected :affected
"""


def statement(script, args, settings, timeout, most=0):
    cluster = Cluster(args, settings)
    sql, values = prepared(args["sql"], args.get("bind"))
    return cluster.psql(
        needed(settings, "application"), script, timeout, "RUNBOOK_APPLICATION_PASSWORD",
        RUNBOOK_SQL=sql, RUNBOOK_BIND=json.dumps(values), RUNBOOK_NAME=f"runbook_{secrets.token_hex(8)}",
        RUNBOOK_MOST=str(most))


def query(args, settings):
    limit = args["limit"]
    if limit < 0:
        raise Failed("`limit` cannot be less than 0")
    done = statement(READ, args, settings, 55, limit)
    if done.returncode != 0:
        raise Failed(said(done.stderr))
    rows = json.loads(done.stdout.split("\n", 1)[1])
    return {"rows": rows[:limit], "count": len(rows[:limit]), "truncated": len(rows) > limit}


def execute(args, settings):
    try:
        done = statement(CHANGE, args, settings, 290)
    except TimedOut as late:
        raise Unknown(f"{late}; whether it was committed, nobody saw") from late
    printed = done.stdout.splitlines()
    if done.returncode != 0:
        # Without `commit` nothing stays. With it, an error of the server says that nothing stays; silence says nothing.
        if "committing" in printed and not re.search(r"ERROR: +[0-9A-Z]{5}", done.stderr):
            raise Unknown(f"the connection broke while it committed: {said(done.stderr)}")
        raise Failed(said(done.stderr))
    affected = re.fullmatch(r"affected (\d+)", printed[-1] if printed else "")
    if not affected:
        raise Unknown("it was committed, and psql does not say how many rows it changed")
    return {"affected": int(affected[1])}


# ── What is done to nodes ─────────────────────────────────────────────────────────────────────────────────────────


def needed(settings, name):
    if not settings.get(name):
        raise Failed(f"this needs the setting `{name}`")
    return settings[name]


def own(cluster, name, node, timeout):
    """Runs the team's own command, if there is one; whether there was. Its failure is one."""
    try:
        done = cluster.command(name, node, timeout)
    except TimedOut as late:
        raise Unknown(f"`{name}` for {node}: {late}") from late
    if done is not None and done.returncode != 0:
        raise Failed(f"`{name}` for {node}: {complaint(done)}")
    return done is not None


def stop(cluster, node, how):
    if not own(cluster, "stop", node, 60):
        cluster.host(node, "stop", 60, how=how)


def start(cluster, node, words=None):
    if not own(cluster, "start", node, 90):
        cluster.host(node, "start", 100, words=words)


def restart(args, settings):
    cluster = Cluster(args, settings)
    began = time.monotonic()
    primary = cluster.primary(cluster.look())
    if cluster.fenced(primary):
        raise Failed(f"{primary} is fenced")
    stop(cluster, primary, "fast")
    start(cluster, primary)
    deadline = time.monotonic() + 60
    while not answers(fact := cluster.look()[primary]):
        if time.monotonic() > deadline:
            raise Failed(f"{primary} was restarted and does not answer: {fact}")
        time.sleep(0.2)
    seconds = round(time.monotonic() - began, 3)
    return {"state": "running", "seconds": seconds, "detail": f"{primary} accepts connections"}


def fence(args, settings):
    cluster = Cluster(args, settings)
    node = cluster.known(args["node"])
    how = []
    if own(cluster, "fence", node, 90):
        how.append("cut off by the team's command")
    else:
        how.append(cluster.host(node, "fence", 60)["how"])
    if own(cluster, "route_away", node, 30):
        how.append("no route leads to it")
    cluster.seen.clear()
    if not cluster.fenced(node):
        raise Failed(f"{node} is not fenced although all was done for it: do not promote another")
    try:
        cluster.sql(node, "select to_json(1)")
    except (NoAnswer, TimedOut):
        return {"node": node, "fenced": True, "how": "; ".join(how)}
    raise Failed(f"{node} still answers: do not promote another")


def unfence(args, settings):
    cluster = Cluster(args, settings)
    node = cluster.known(args["node"])
    facts = cluster.look()
    writable = [other for other, fact in facts.items() if other != node and answers(fact) and not fact["replica"]]
    files = cluster.files(node)
    standby = bool(files and files["standby"])
    if writable and not standby:
        raise Failed(f"{writable[0]} is primary now, and {node} would be a second one: `rejoin` it")
    # Who cannot be seen may be the primary: that nobody was seen is not that there is none.
    unseen = [other for other, fact in facts.items()
              if other != node and not answers(fact) and not (cluster.files(other) or {}).get("standby")]
    own_place = address(cluster.nodes[node])
    elsewhere = [other for other, fact in facts.items()
                 if other != node and answers(fact) and fact["streaming"] and address(fact["source"]) != own_place]
    if not standby and (unseen or elsewhere):
        why = (f"{unseen[0]} does not answer and may be primary now" if unseen
               else f"{elsewhere[0]} follows another node than {node}")
        raise Failed(f"{why}: {node} would be a second one. Look at that first, or `rejoin` {node}")
    if not own(cluster, "unfence", node, 90):
        cluster.host(node, "unfence")
    if not writable and not standby:
        own(cluster, "route_to", node, 30)
    return {"node": node, "fenced": False}


def failover(args, settings):
    cluster = Cluster(args, settings)
    began = time.monotonic()
    facts = cluster.look()
    old = cluster.primary(facts)
    if answers(facts[old]):
        raise Failed(f"{old} takes writes: there is nothing to fail over. Fence it first if it is to be replaced")
    able = [replica["name"] for replica in cluster.replicas(facts, old) if replica["state"] != "stopped"]
    target = args.get("to_replica") or next(iter(able), None)
    if target is None:
        raise Failed("no replica answers")
    if cluster.known(target) not in able:
        raise Failed(f"{target} is no running replica")
    if facts[target]["paused"]:
        raise Failed(f"{target} has its replay paused: select pg_wal_replay_resume()")
    # Where nobody can be asked, a person has cut it off; where the tool can ask, it does.
    fenced = cluster.fenced(old)
    if fenced is False:
        raise Failed(f"{old} is not fenced: it could come back as a second primary")
    streams = [other for other in able if facts[other]["streaming"]]
    if not fenced and streams:
        raise Failed(f"{', '.join(streams)} still receives from {old}, so it may live and only be out of our sight: cut it "
                     "off first. Where it is dead for certain, wait until its replicas have noticed (wal_receiver_timeout)")
    try:
        promoted = cluster.sql(target, "select to_json(pg_promote(true, 60))", timeout=75)
    except (NoAnswer, TimedOut) as why:
        raise Unknown(f"{target} was told to become primary, and then: {why}") from why
    if promoted is not True:
        raise Unknown(f"{target} was told to become primary, and is not yet after 60 s")
    later = []
    for other in able:
        if other != target:
            try:
                follow(cluster, other, facts[other]["source"], target)
            except (Failed, Unknown, NoAnswer, TimedOut) as why:
                later.append(str(why))
    # From here on it has happened: what is left to do is told, and is no failure of the promotion.
    routed = False
    try:
        routed = own(cluster, "route_to", target, 30)
    except (Failed, Unknown, TimedOut) as why:
        later.append(f"the applications' address does not lead to {target}: {why}")
    deadline = time.monotonic() + 20
    while settings.get("application") and cluster.reached(cluster.look()) != target:
        if time.monotonic() > deadline:
            later.append("the applications' address does not lead to it yet")
            break
        time.sleep(0.25)
    told = {"promoted": target, "previous": old, "seconds": round(time.monotonic() - began, 3), "routed": routed}
    return {**told, "left": later} if later else told


def follow(cluster, node, source, primary):
    """Points a replica at another primary, and changes nothing else of how it connects."""
    host, port = address(cluster.nodes[primary])
    words = {**conninfo(re.sub(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", "", source or "")), "port": port}
    password = re.search(r"\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)", source or "")
    words.pop("hostaddr", None)
    words["host"] = host or ""
    joined = " ".join(f"{name}={quoted(value)}" for name, value in words.items())
    if password:
        joined += f" password={password[1]}"
    cluster.sql(node, "\\getenv where RUNBOOK_WHERE\nalter system set primary_conninfo = :'where'", RUNBOOK_WHERE=joined)
    cluster.sql(node, "select to_json(pg_reload_conf())")


def quoted(value):
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def rejoin(args, settings):
    cluster = Cluster(args, settings)
    began = time.monotonic()
    node = cluster.known(args["node"])
    facts = cluster.look()
    primary = cluster.primary(facts)
    if primary == node:
        raise Failed(f"{node} is the primary itself")
    if not answers(facts[primary]):
        raise Failed(f"{primary} is down: there is nothing to follow")
    if not (answers(facts[node]) and facts[node]["streaming"]):
        if answers(facts[node]):
            raise Failed(f"{node} answers and does not stream: look at its log, or fence it to build it anew")
        files = cluster.files(node)
        if files is None:
            raise Failed(f"{node}'s host cannot be asked, or `data` does not say where its data is")
        if files["data"] and not files["fenced"]:
            raise Failed(f"{node} is not fenced: fence it, so that nothing starts on what is thrown away")
        source = " ".join(f"{name}={quoted(value)}" for name, value in conninfo(cluster.nodes[primary]).items()
                          if name != "dbname" or settings["rejoin_by"] == "rewind")
        if settings["rejoin_by"] == "rewind" and files["data"]:
            # Until its first checkpoint the new primary's control file has the old timeline, and pg_rewind finds
            # nothing to do.
            cluster.sql(primary, "checkpoint", timeout=600)
        act = "rewind" if settings["rejoin_by"] == "rewind" and files["data"] else "copy"
        done = cluster.host(node, act, 6900, source=source, most=6600)
        start(cluster, node, done["words"])
    deadline = time.monotonic() + 60
    while not (answers(fact := cluster.look()[node]) and fact["streaming"]):
        if time.monotonic() > deadline:
            raise Failed(f"{node} does not stream from {primary}: {fact if not answers(fact) else 'see its log'}")
        time.sleep(0.2)
    return {"node": node, "follows": primary, "seconds": round(time.monotonic() - began, 3)}


if __name__ == "__main__":
    main({
        "status": status, "replica-status": replica_status, "backup-status": backup_status,
        "write-check": write_check, "query": query, "execute": execute, "restart": restart, "fence": fence,
        "unfence": unfence, "failover": failover, "rejoin": rejoin,
    })
