"""Prometheus, which asks the application and HAProxy how they are each second."""

from kit import fetch

NEEDS = ()
PROGRAMS = {"prometheus": "prometheus", "promtool": "prometheus"}
URL = "http://127.0.0.1:9090"


def start(lab):
    from parts.app import EXPORT, SHOP

    shop = ", ".join(f"'127.0.0.1:{port}'" for port in (*SHOP, EXPORT))
    config = lab.write("prometheus/prometheus.yml", f"""\
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [{lab.dir}/prometheus/rules.yml]
alerting:
  alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:9093'] }}] }}]
scrape_configs:
  - job_name: shop
    static_configs: [{{ targets: [{shop}] }}]
  - job_name: haproxy
    static_configs: [{{ targets: ['127.0.0.1:8404'] }}]
""")
    lab.write("prometheus/rules.yml", """\
groups:
  - name: shop
    rules:
      - alert: OrdersFail
        expr: >-
          sum(rate(http_requests_total{service="shop",status=~"5.."}[30s]))
          / sum(rate(http_requests_total{service="shop"}[30s])) > 0.05
        labels: { severity: critical, service: shop }
        annotations: { summary: Orders fail }
""")
    lab.run("promtool", "check", "config", config)
    data = f"--storage.tsdb.path={lab.dir}/prometheus/data"
    lab.daemon("prometheus", "prometheus", f"--config.file={config}", data, "--web.listen-address=127.0.0.1:9090")
    lab.until("Prometheus is ready", lambda: fetch(f"{URL}/-/ready"))
    return {"url": URL, "config": str(config)}
