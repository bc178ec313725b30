#!/usr/bin/env python3
"""Prometheus, and whatever speaks its HTTP API.

Nothing measured is never good news: a query without a result, or with NaN, is no data, and then `samples` is 0.
"""

import math
import os
import sys
import time

from answer import Failed, main, seconds
from web import Web

POINTS = 60


class Prometheus:
    def __init__(self, settings):
        token = os.environ.get("PROMETHEUS_TOKEN")
        headers = {
            "Authorization": f"Bearer {token}" if token else None,
            "X-Scope-OrgID": settings["tenant"],
        }
        self.web = Web(settings["url"], headers, ca_file=settings["ca_file"])
        self.label = settings["service_label"]
        self.window = seconds(settings["window"])

    def ask(self, query):
        answer = self.web.json("POST", "/api/v1/query", form={"query": query})
        if not isinstance(answer, dict) or answer.get("status") != "success":
            said = answer.get("error") if isinstance(answer, dict) else answer
            raise Failed(f"Prometheus refuses the query {query!r}: {said}")
        for warning in answer.get("warnings") or []:
            note(f"Prometheus warns: {warning}")
        return answer["data"]

    def now(self, query):
        """The series of a query with a number each at this moment: pairs of labels and number."""
        data = self.ask(query)
        if data["resultType"] == "scalar":
            found = [({}, data["result"][1])]
        elif data["resultType"] == "vector":
            found = [(series["metric"], series["value"][1]) for series in data["result"] if "value" in series]
        else:
            raise Failed(f"{query!r} is no number at a moment, but a {data['resultType']}")
        pairs = [(labels, float(text)) for labels, text in found]
        return [(labels, number) for labels, number in pairs if math.isfinite(number)]

    def over(self, query, last):
        """The series of a query over a while: pairs of labels and points. Its times are the server's."""
        step = max(round(last / POINTS), 1)
        data = self.ask(f"({query})[{max(round(last), step)}s:{step}s]")
        if data["resultType"] != "matrix":
            raise Failed(f"{query!r} is no number over time, but a {data['resultType']}")
        pairs = [
            (one["metric"], [(float(at), float(text)) for at, text in one.get("values", [])])
            for one in data["result"]]
        return [(labels, [(at, n) for at, n in points if math.isfinite(n)]) for labels, points in pairs]

    def samples(self, query, last, service):
        """At how many moments there was a number."""
        found = self.over(self.fill(query, self.window), last)
        return len({at for labels, points in found for at, _ in points
                    if service is None or labels.get(self.label) == service})

    def services(self, query, window):
        """Numbers by service."""
        found = {}
        for labels, number in self.now(self.fill(query, window)):
            name = labels.get(self.label)
            if name is None:
                raise Failed(f"{query!r} has no label {self.label!r}: it says `sum by ({self.label}) (…)`, or the "
                             "setting `service_label` names another")
            found[name] = found.get(name, 0.0) + number
        return found

    def one(self, query, window):
        """The one number of a query; none where there is no data."""
        found = self.now(self.fill(query, window))
        if len(found) > 1:
            raise Failed(f"{query!r} gives {len(found)} numbers where one is needed: put `sum(…)` or `max(…)` around it")
        return found[0][1] if found else None

    def fill(self, query, window):
        return query.replace("$window", f"{max(round(window), 1)}s")

    def rates(self, settings, window, service):
        """Requests a second and errors a second by service. None where one of them has no data: a service whose
        errors nobody counts has an unknown rate, and no good one."""
        requests = chosen(self.services(settings["requests"], window), service)
        errors = chosen(self.services(settings["errors"], window), service)
        missing = sorted(name for name in requests if name not in errors)
        if missing:
            note(f"no data about errors of {', '.join(missing)}: see the setting `errors`")
            return None
        if sum(requests.values()) <= 0:
            note(f"no requests were counted in the last {window:g} s" + (f" for {service}" if service else ""))
            return None
        return requests, {name: errors[name] for name in requests}

    def latency(self, settings, quantile, window, service):
        """A quantile in seconds; none where there is no data."""
        buckets = settings["latency"]
        if service is None:
            return self.one(f"histogram_quantile({quantile}, sum by (le) ({buckets}))", window)
        query = self.fill(f"histogram_quantile({quantile}, sum by ({self.label}, le) ({buckets}))", window)
        found = [number for labels, number in self.now(query) if labels.get(self.label) == service]
        return found[0] if found else None


def chosen(found, service):
    return found if service is None else {name: rate for name, rate in found.items() if name == service}


def percent(part, whole):
    return round(100 * part / whole, 4) if whole else 0.0


def span(number):
    """A number of seconds as a duration."""
    return f"{max(round(number * 1000), 0)}ms"


def note(text):
    print(text, file=sys.stderr, flush=True)


def errors(args, settings):
    prometheus, last, service = Prometheus(settings), seconds(args["last"]), args["service"]
    nothing = {"samples": 0, "error_percent": 0, "now_percent": 0, "requests": 0, "errors": 0, "services": [],
               "worst": ""}
    whole = prometheus.rates(settings, last, service)
    now = prometheus.rates(settings, min(prometheus.window, last), service)
    if whole is None or now is None:
        return nothing
    requests, bad = whole
    services = [
        {"service": name, "error_percent": percent(bad[name], rate), "requests": round(rate * last)}
        for name, rate in sorted(requests.items()) if rate > 0]
    return {
        "samples": prometheus.samples(settings["requests"], last, service),
        "error_percent": percent(sum(bad.values()), sum(requests.values())),
        "now_percent": percent(sum(now[1].values()), sum(now[0].values())),
        "requests": round(sum(requests.values()) * last),
        "errors": round(sum(bad.values()) * last),
        "services": services,
        "worst": max(services, key=lambda one: one["error_percent"])["service"],
    }


def dashboard(args, settings):
    prometheus, last, service = Prometheus(settings), seconds(args["last"]), args["service"]
    found = {
        "latency_p50": prometheus.latency(settings, 0.5, last, service),
        "latency_p95": prometheus.latency(settings, 0.95, last, service),
    }
    for name, setting in (("cpu_percent", "cpu"), ("memory_percent", "memory"), ("queue_depth", "queue")):
        # An empty query is one that the team does not measure, and says so.
        query = settings[setting]
        found[name] = prometheus.one(query, last) if query else 0
        if found[name] is None:
            note(f"no data for {name}: see the setting `{setting}`; where it is not measured, set it to ''")
    rates = prometheus.rates(settings, last, service)
    whole = rates is not None and None not in found.values()
    numbers = {name: number or 0 for name, number in found.items()}
    requests, bad = rates or ({}, {})
    return {
        "samples": prometheus.samples(settings["requests"], last, service) if whole else 0,
        "rps": round(sum(requests.values()), 3),
        "error_percent": percent(sum(bad.values()), sum(requests.values())),
        "latency_p50": span(numbers["latency_p50"]),
        "latency_p95": span(numbers["latency_p95"]),
        "cpu_percent": round(numbers["cpu_percent"], 2),
        "memory_percent": round(numbers["memory_percent"], 2),
        "queue_depth": round(numbers["queue_depth"]),
    }


def query(args, settings):
    prometheus, last = Prometheus(settings), seconds(args["last"])
    text = prometheus.fill(args["expression"], prometheus.window)
    now = prometheus.now(text)
    if len(now) > 1:
        raise Failed(f"{text!r} gives {len(now)} numbers where one is needed: put `sum(…)` or `max(…)` around it")
    if not now:
        # What was measured a while ago and is not any more is no number of now.
        return {"samples": 0, "value": 0, "min": 0, "max": 0, "unit": ""}
    labels, value = now[0]
    points = [point for one, points in prometheus.over(text, last) if one == labels for point in points]
    numbers = [number for _, number in points] + [value]
    return {"samples": len(points) or 1, "value": value, "min": min(numbers), "max": max(numbers), "unit": ""}


def watch(args, settings):
    prometheus, service = Prometheus(settings), args["service"]
    until = time.monotonic() + seconds(args["duration"])
    every, most = seconds(settings["every"]), seconds(args["max_latency"])
    seen = bad = missed = 0
    worst_percent = worst_latency = 0.0
    reached = False
    why = "nothing was looked at"
    while True:
        began = time.monotonic()
        try:
            rates = prometheus.rates(settings, prometheus.window, service)
            latency = prometheus.latency(settings, 0.95, prometheus.window, service)
            reached = True
        except Failed as failure:
            rates, latency, why = None, None, str(failure)
            note(why)
        if rates is None or latency is None:
            missed += 1
        else:
            rate = percent(sum(rates[1].values()), sum(rates[0].values()))
            over = rate > args["max_error_percent"] or latency > most
            seen, bad = seen + 1, bad + over
            worst_percent, worst_latency = max(worst_percent, rate), max(worst_latency, latency)
            note(f"errors {rate:g} %, 95th percentile {span(latency)}" + (" — over the limit" if over else ""))
        # The next look at its time, and none after the end.
        rest = began + every - time.monotonic()
        if time.monotonic() + max(rest, 0) > until:
            break
        time.sleep(max(rest, 0))
    if not reached:
        raise Failed(why)
    if missed:
        note(f"{missed} of {seen + missed} looks had no data, so it is not called stable")
    return {
        "samples": seen,
        "bad": bad,
        "stable": seen > 0 and bad == 0 and missed == 0,
        "worst_error_percent": worst_percent,
        "worst_latency": span(worst_latency),
    }


if __name__ == "__main__":
    main({"errors": errors, "dashboard": dashboard, "query": query, "watch": watch})
