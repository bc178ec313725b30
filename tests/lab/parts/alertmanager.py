"""Alertmanager, the pager: it holds the alerts that somebody must look at."""

from kit import fetch

NEEDS = ()
PROGRAMS = {"prometheus-alertmanager": "prometheus-alertmanager"}
URL = "http://127.0.0.1:9093"


def start(lab):
    config = lab.write("alertmanager/alertmanager.yml", "route: { receiver: team }\nreceivers: [{ name: team }]\n")
    lab.daemon(
        "alertmanager", "prometheus-alertmanager", f"--config.file={config}",
        f"--storage.path={lab.dir}/alertmanager/data", "--web.listen-address=127.0.0.1:9093",
        "--cluster.listen-address=",
    )
    lab.until("Alertmanager is ready", lambda: fetch(f"{URL}/-/ready"))
    return {"url": URL}
