"""HAProxy in its three roles: balancer and gateway in front of the shop, way out to a provider, address of the database.

The gateway's limit is a line of a map, so that it changes at run time: `set map FILE rps 100`; 0 is none.
"""

from kit import EDGE, EXPORT, fetch, listens

NEEDS = ()
PROGRAMS = {"haproxy": "haproxy"}
QUOTA = 40                          # calls a second that the provider allows


def start(lab):
    limits = lab.write("haproxy/limits.map", "rps 0\n")
    config = lab.write("haproxy/haproxy.cfg", CONFIG.format(
        dir=lab.dir, edge=EDGE, export=EXPORT, quota=QUOTA, limits=limits, nodes=nodes(lab), asks=asks_for_the_primary(),
    ))
    lab.run("haproxy", "-c", "-q", "-f", config)
    lab.daemon("haproxy", "haproxy", "-W", "-db", "-f", config, "-p", lab.dir / "run/haproxy.pid")
    lab.until("HAProxy answers", lambda: fetch("http://127.0.0.1:8404/metrics") and listens("127.0.0.1", 5432))
    return {
        "config": str(config), "socket": f"{lab.dir}/run/haproxy.sock", "limits": str(limits), "quota": QUOTA,
        "gateway": f"http://{EDGE}", "export": f"http://{EXPORT}",
        "database": "127.0.0.1:5432",
    }


CONFIG = """\
global
    stats socket {dir}/run/haproxy.sock mode 600 level admin
    log stdout format raw local0 notice
    maxconn 2000

defaults
    mode http
    log global
    option dontlognull
    timeout connect 2s
    timeout client 60s
    timeout server 10s
    timeout http-request 10s
    retries 3
    option redispatch

frontend metrics
    bind 127.0.0.1:8404
    http-request use-service prometheus-exporter if {{ path /metrics }}

# ── In front of the shop, as docs/haproxy.md shows it, with a shorter memory ──
frontend gateway
    bind 127.0.0.1:8080
    bind {edge}:80
    option forwardfor
    http-request track-sc1 fe_id table limit
    http-request set-var(txn.limit) str(rps),map({limits},0)
    acl limited  var(txn.limit) -m int gt 0
    acl used_up  sc1_gpc0_rate,sub(txn.limit) ge 0
    http-request sc-inc-gpc1(1) if limited used_up
    http-request deny deny_status 429 if limited used_up
    http-request sc-inc-gpc0(1)
    default_backend shop

backend limit
    stick-table type integer size 10 expire 1m store http_req_rate(10s),gpc0_rate(1s),gpc1_rate(10s)

backend shop
    balance roundrobin
    retry-on conn-failure empty-response
    option httpchk GET /alive
    http-check expect status 200
    default-server check inter 500ms fall 2 rise 1
    server shop-1 127.0.0.1:8001
    server shop-2 127.0.0.1:8002
    server shop-3 127.0.0.1:8003

frontend export
    bind {export}:80
    option forwardfor
    default_backend export

backend export
    server export-1 127.0.0.1:8101

# ── What the shop sends to a provider of suggestions, and that provider ──
frontend egress
    bind 127.0.0.1:8201
    http-request track-sc0 req.hdr(x-caller) table callers
    http-response sc-inc-gpc0(0) if {{ status 429 }}
    http-response sc-set-gpt0(0) res.hdr(retry-after) if {{ status 429 }}
    default_backend maps

backend callers
    stick-table type string len 64 size 1k expire 1m store http_req_rate(10s),gpc0_rate(10s),gpt0

backend maps
    server maps 127.0.0.1:8200

frontend provider
    bind 127.0.0.1:8200
    http-request track-sc0 int(1) table answered
    http-request return status 429 hdr Retry-After 30 if {{ sc_gpc0_rate(0,answered) ge {quota} }}
    http-request sc-inc-gpc0(0)
    http-request return status 200 content-type application/json string "[]"

backend answered
    stick-table type integer size 1 expire 1m store gpc0,gpc0_rate(1s)

# ── The database's address: whoever is primary ──
listen database
    bind 127.0.0.1:5432
    mode tcp
    timeout client 1h
    timeout server 1h
    option tcp-check
{asks}
    default-server check inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
{nodes}
"""


def nodes(lab):
    from parts.postgres import NODES

    return "\n".join(f"    server {name} {address}:5432" for name, address in NODES.items())


def asks_for_the_primary():
    """A check that speaks PostgreSQL: log in, and ask whether this is a standby. The answer must be `f`."""
    def message(kind, body):
        return kind + (len(body) + 4).to_bytes(4, "big") + body

    login = message(b"", (196608).to_bytes(4, "big") + b"user\0postgres\0database\0postgres\0\0")
    question = message(b"Q", b"select pg_is_in_recovery()\0")
    row = message(b"D", b"\x00\x01" + b"\x00\x00\x00\x01" + b"f")
    goodbye = message(b"X", b"")
    return "\n".join([
        "    tcp-check connect",
        f"    tcp-check send-binary {login.hex()}",
        f"    tcp-check expect binary {message(b'Z', b'I').hex()}",
        f"    tcp-check send-binary {question.hex()}",
        f"    tcp-check expect binary {row.hex()}",
        f"    tcp-check send-binary {goodbye.hex()}",
    ])
