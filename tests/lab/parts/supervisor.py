"""Supervisor, which keeps the application running. What it runs, other parts put into its directory."""

NEEDS = ()
PROGRAMS = {"supervisord": "supervisor", "supervisorctl": "supervisor"}


def start(lab):
    (lab.dir / "supervisor.d").mkdir(exist_ok=True)
    config = lab.write("supervisor.conf", f"""\
[unix_http_server]
file = {lab.dir}/run/supervisor.sock
chmod = 0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://{lab.dir}/run/supervisor.sock
[supervisord]
user = root
nodaemon = true
logfile = {lab.dir}/log/supervisord.log
pidfile = {lab.dir}/run/supervisord.pid
childlogdir = {lab.dir}/log
[include]
files = {lab.dir}/supervisor.d/*.conf
""")
    lab.daemon("supervisor", "supervisord", "-c", config)
    lab.until("supervisor answers", lambda: lab.run("supervisorctl", "-c", config, "pid"))
    return {"config": str(config), "socket": f"{lab.dir}/run/supervisor.sock"}
