"""The shop in three instances, and one more service beside it: `export`, where customers take out their data in bulk."""

import json
from datetime import datetime, timedelta, timezone

from kit import fetch
from parts.unleash import CLIENT

NEEDS = ("git", "supervisor")
PROGRAMS = {}
DATABASE = "host=127.0.0.1 port=5432 dbname=shop user=shop connect_timeout=2 options='-c statement_timeout=2s'"
SUGGESTIONS = "http://127.0.0.1:8201/suggest"
FLAGS = "http://127.0.0.1:4242/api/client/features"
SHOP, EXPORT = (8001, 8002, 8003), 8101


def lacks():
    from importlib.util import find_spec

    return [] if find_spec("psycopg2") else ["psycopg2 for Debian's Python (python3-psycopg2)"]


def start(lab):
    yesterday = datetime.now(timezone.utc) - timedelta(days=2)
    first = {"service": "shop", "version": "v1", "previous": "", "by": "ana", "change": "Take orders"}
    release = lab.dir / "srv/releases/v1"
    release.mkdir(parents=True)
    lab.run("sh", "-c", f"git -C {lab.dir}/repository archive v1 | tar -x -C {release}")
    lab.write("srv/releases/v1/VERSION", "v1\n")
    (lab.dir / "srv/current").symlink_to(release)
    lab.write("srv/history.jsonl", json.dumps({**first, "at": yesterday.isoformat(timespec="seconds")}) + "\n")
    lab.write("supervisor.d/shop.conf", program(lab, "shop", SHOP) + program(lab, "export", (EXPORT,)))
    lab.run("supervisorctl", "-c", lab.dir / "supervisor.conf", "update")
    for port in (*SHOP, EXPORT):
        lab.until(f"port {port} answers", lambda: fetch(f"http://127.0.0.1:{port}/alive"))
    instances = {f"shop-{at + 1}": f"http://127.0.0.1:{port}" for at, port in enumerate(SHOP)}
    return {"instances": instances, "log": f"{lab.dir}/log/shop.jsonl", "releases": f"{lab.dir}/srv/releases"}


def program(lab, service, ports):
    words = f"--service {service} --port {str(ports[0])[:-1]}%(process_num)01d --log {lab.dir}/log/{service}.jsonl"
    if service == "shop":
        words += f' --database "{DATABASE}" --suggestions {SUGGESTIONS} --flags {FLAGS} --flags-token {CLIENT}'
    return f"""\
[program:{service}]
command = /usr/bin/python3 -B {lab.dir}/srv/current/server.py {words}
directory = {lab.dir}
numprocs = {len(ports)}
numprocs_start = 1
process_name = {service}-%(process_num)d
stopwaitsecs = 5
startsecs = 1
redirect_stderr = true
stdout_logfile = {lab.dir}/log/{service}.out
environment = LC_ALL="C.UTF-8"
"""
