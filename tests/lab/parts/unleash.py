"""Unleash, the server of feature flags, in the lab's own PostgreSQL: whichever node is primary."""

from kit import CACHE, fetch

NEEDS = ("postgres", "haproxy")
PROGRAMS = {"node": "nodejs"}
URL = "http://127.0.0.1:4242"
TOKEN, CLIENT = "*:*.lab-admin-token", "default:production.lab-client-token"
FLAGS = {
    "recommendations": True, "search-suggestions": True, "export": True, "payments-maintenance": False,
}


def lacks():
    return [] if server().exists() else [f"unleash-server (npm install --prefix {CACHE}/npm unleash-server)"]


def server():
    return CACHE / "npm/node_modules/unleash-server/dist/server.js"


def start(lab):
    env = {
        "DATABASE_HOST": "127.0.0.1", "DATABASE_PORT": "5432", "DATABASE_NAME": "unleash",
        "DATABASE_USERNAME": "unleash", "DATABASE_PASSWORD": "none", "DATABASE_SSL": "false",
        "INIT_ADMIN_API_TOKENS": TOKEN, "INIT_CLIENT_API_TOKENS": CLIENT, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "4242",
        "NODE_ENV": "production", "CHECK_VERSION": "false", "SEND_TELEMETRY": "false", "LOG_LEVEL": "warn",
    }
    # It ends when its database goes away, and expects to be started again.
    lab.daemon("unleash", "sh", "-c", f"while :; do node {server()}; sleep 1; done", env=env)
    lab.until("Unleash is well", lambda: fetch(f"{URL}/health"), 60)
    for name, on in FLAGS.items():
        admin("features", {"name": name, "type": "operational", "description": f"The shop's {name}"})
        strategy = {"name": "default", "parameters": {}, "constraints": [], "segments": []}
        admin(f"features/{name}/environments/production/strategies", strategy)
        if on:
            admin(f"features/{name}/environments/production/on")
    lab.write("run/unleash.token", TOKEN, 0o600)
    return {"url": URL, "token": TOKEN, "flags": list(FLAGS)}


def admin(path, body=None):
    url = f"{URL}/api/admin/projects/default/{path}"
    return fetch(url, body, {"Authorization": TOKEN}, method="POST")
