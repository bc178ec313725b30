"""A PostgreSQL primary and its standby, with the shop's database in them and a backup beside them.

What is a node's own stands on its command line: a file in the data directory would be copied to the next node. A commit
waits for the standby, as long as the first primary is one.
"""

import os
from pathlib import Path

from kit import listens

NEEDS = ()
PROGRAMS = {}
NODES = {"db-1": "127.0.0.11", "db-2": "127.0.0.12"}
OWNER = "postgres"
SCHEMA = """
    create table orders (number bigint primary key, cents int not null, at timestamptz not null default now());
    create table write_check (token text);
    create table payments (id text primary key, amount int, currency text, status text);
    insert into payments values
        ('pay-1041', 4200, 'EUR', 'pending'), ('pay-1042', 990, 'EUR', 'pending'), ('pay-1043', 1980, 'EUR', 'paid');
    grant all on all tables in schema public to shop;
"""


def lacks():
    return [] if programs() else ["PostgreSQL's server programs (postgresql-15)"]


def programs():
    """The directory of PostgreSQL's programs: Debian's newest."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def start(lab):
    bin = programs()
    for node in NODES:
        lab.directory(f"db/{node}", OWNER)
    (lab.dir / "db").chmod(0o711)
    lab.directory("db/backups", OWNER)
    words = ["-U", "postgres", "-A", "trust", "--data-checksums", "--no-locale", "-E", "UTF8", "-N"]
    lab.run(bin / "initdb", *words, "-D", data(lab, "db-1"), user=OWNER)
    serve(lab, "db-1")
    admin(lab, "create role shop login; create role unleash login")
    for database in ("shop", "unleash"):
        admin(lab, f"create database {database} owner {database}")
    admin(lab, SCHEMA, "shop")
    source = f"host={NODES['db-1']} user=postgres"
    lab.run(bin / "pg_basebackup", "-d", source, "-c", "fast", "-D", lab.dir / "db/backups/nightly", user=OWNER)
    # The backup is a copy of the primary of this very moment: so the standby need not take another.
    lab.run("cp", "-a", lab.dir / "db/backups/nightly", data(lab, "db-2"))
    (data(lab, "db-2") / "standby.signal").touch()
    os.unlink(data(lab, "db-2") / "backup_manifest")
    with open(data(lab, "db-2") / "postgresql.auto.conf", "a") as settings:
        settings.write(f"primary_conninfo = '{source}'\n")
    serve(lab, "db-2")
    # Only now, since a copy of the data brings its settings along.
    admin(lab, "alter system set synchronous_standby_names = 'ANY 1 (\"db-2\")'")
    admin(lab, "select pg_reload_conf()")
    lab.until("the standby confirms commits", lambda: admin(
        lab, "select 1 from pg_stat_replication where sync_state = 'quorum'").strip() == "1")
    return {
        "bin": str(bin), "nodes": NODES, "data": {node: str(data(lab, node)) for node in NODES},
        "backups": f"{lab.dir}/db/backups",
    }


def data(lab, node):
    return lab.dir / "db" / node / "data"


def serve(lab, node):
    own = {"listen_addresses": NODES[node], "cluster_name": node, "unix_socket_directories": lab.dir / "db" / node}
    words = " ".join(f"-c {name}={value}" for name, value in own.items())
    log = lab.dir / "db" / node / "log"
    lab.run(programs() / "pg_ctl", "start", "-w", "-s", "-D", data(lab, node), "-l", log, "-o", words, user=OWNER)
    lab.until(f"{node} listens", lambda: listens(NODES[node], 5432))


def admin(lab, sql, database="postgres"):
    where = f"host={NODES['db-1']} user=postgres dbname={database}"
    return lab.run(programs() / "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-d", where, "-c", sql)
