"""etcd, which keeps the shop's settings."""

from kit import fetch

NEEDS = ()
PROGRAMS = {"etcd": "etcd-server", "etcdctl": "etcd-client"}
URL = "http://127.0.0.1:2379"


def start(lab):
    words = {
        "name": "lab", "data-dir": lab.directory("etcd"), "listen-client-urls": URL, "advertise-client-urls": URL,
        "listen-peer-urls": "http://127.0.0.1:2380", "initial-advertise-peer-urls": "http://127.0.0.1:2380",
        "initial-cluster": "lab=http://127.0.0.1:2380", "enable-v2": "true",
    }
    lab.daemon("etcd", "etcd", *(f"--{name}={value}" for name, value in words.items()))
    lab.until("etcd is well", lambda: fetch(f"{URL}/health"))
    lab.run("etcdctl", "put", "/shop/checkout/max_items", "9", env={**lab.env, "ETCDCTL_API": "3"})
    return {"url": URL, "endpoints": "127.0.0.1:2379"}
