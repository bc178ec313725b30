#!/usr/bin/env python3
"""One instance of the lab's shop: takes orders, searches, says how it is.

    server.py --service shop --port 8001 --log FILE [--database CONNINFO] [--suggestions URL] [--flags URL]

Its version is the release that it was started from. What it does it counts (`/metrics`) and writes down, one JSON
object a line.
"""

import argparse
import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import price

VERSION = (Path(__file__).resolve().parent / "VERSION").read_text().strip()
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Database:
    """A few connections that are used again. One that broke is thrown away, and nothing is sent twice."""

    def __init__(self, conninfo):
        self.conninfo, self.idle, self.lock = conninfo, [], threading.Lock()

    def execute(self, sql, values=()):
        import psycopg2

        with self.lock:
            connection = self.idle.pop() if self.idle else None
        connection = connection or psycopg2.connect(self.conninfo)
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, values)
        except Exception:
            connection.close()
            # The others lead to the same server.
            with self.lock:
                others, self.idle = self.idle, []
            for other in others:
                other.close()
            raise
        with self.lock:
            self.idle.append(connection)


class Counts:
    def __init__(self):
        self.lock = threading.Lock()
        self.requests, self.buckets, self.seconds, self.count, self.running = {}, [0] * len(BUCKETS), 0.0, 0, 0

    def add(self, path, code, took):
        with self.lock:
            self.requests[path, code] = self.requests.get((path, code), 0) + 1
            self.seconds, self.count = self.seconds + took, self.count + 1
            for at, bound in enumerate(BUCKETS):
                self.buckets[at] += took <= bound

    def text(self, service):
        with self.lock:
            requests, buckets = dict(self.requests), list(self.buckets)
            seconds, count, running = self.seconds, self.count, self.running
        own = f'service="{service}"'
        lines = ["# TYPE shop_info gauge", f'shop_info{{{own},version="{VERSION}"}} 1']
        lines.append("# TYPE http_requests_total counter")
        # From zero: what appears with its first failure has no increase in its first minutes.
        for path in ("/order", "/search"):
            for code in (200, 201, 500, 503):
                requests.setdefault((path, code), 0)
        for (path, code), number in sorted(requests.items()):
            lines.append(f'http_requests_total{{{own},path="{path}",status="{code}"}} {number}')
        lines.append("# TYPE http_request_duration_seconds histogram")
        for bound, number in zip(BUCKETS, buckets):
            lines.append(f'http_request_duration_seconds_bucket{{{own},le="{bound}"}} {number}')
        lines.append(f'http_request_duration_seconds_bucket{{{own},le="+Inf"}} {count}')
        lines.append(f"http_request_duration_seconds_sum{{{own}}} {seconds:.6f}")
        lines.append(f"http_request_duration_seconds_count{{{own}}} {count}")
        lines += ["# TYPE http_requests_in_progress gauge", f"http_requests_in_progress{{{own}}} {running}"]
        lines += ["# TYPE process_cpu_seconds_total counter", f"process_cpu_seconds_total{{{own}}} {time.process_time()}"]
        lines += ["# TYPE process_resident_memory_bytes gauge", f"process_resident_memory_bytes{{{own}}} {resident()}"]
        return "\n".join(lines) + "\n"


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Log:
    def __init__(self, path, service, instance):
        self.file, self.lock = open(path, "a"), threading.Lock()
        self.own = {"service": service, "instance": instance, "version": VERSION}

    def write(self, level, message, **more):
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "level": level, **self.own, "message": message, **more}) + "\n"
        with self.lock:
            self.file.write(line)
            self.file.flush()


class Flags:
    """Which features are on, asked each second. A server of flags that is away changes nothing."""

    def __init__(self, url, token):
        self.request, self.off = urllib.request.Request(url, headers={"Authorization": token or ""}), set()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            try:
                with urllib.request.urlopen(self.request, timeout=2) as answer:
                    features = json.load(answer)["features"]
                self.off = {one["name"] for one in features if not one["enabled"]}
            except (OSError, ValueError, KeyError):
                pass
            time.sleep(1)


class Shop:
    def __init__(self, asked):
        self.flags = Flags(asked.flags, asked.flags_token) if asked.flags else None
        self.asked, self.counts = asked, Counts()
        self.log = Log(asked.log, asked.service, f"{asked.service}-{asked.port}")
        self.database = Database(asked.database) if asked.database else None

    def order(self, order):
        total = price.total(order["items"])
        self.database.execute("insert into orders (number, cents) values (%s, %s)", (order["number"], total))
        return 201, {"number": order["number"], "cents": total}

    def search(self):
        """Suggestions come from somebody else, who may have enough of us. A search works without them too."""
        wanted = self.flags is None or "search-suggestions" not in self.flags.off
        if not self.asked.suggestions or not wanted:
            return 200, {"found": [], "suggestions": []}
        try:
            asking = urllib.request.Request(self.asked.suggestions, headers={"X-Caller": "search-suggestions"})
            with urllib.request.urlopen(asking, timeout=2) as answer:
                return 200, {"found": [], "suggestions": json.load(answer)}
        except urllib.error.HTTPError as refused:
            self.log.write("warn", f"suggestions: {refused.code} from maps")
        except OSError as error:
            self.log.write("warn", f"suggestions: {error}")
        return 200, {"found": [], "suggestions": []}

    def health(self):
        """Well if it can do what it is there for."""
        try:
            if self.database:
                self.database.execute("select 1 from orders limit 1")
            return 200, {"status": "ok", "version": VERSION}
        except Exception as error:
            return 503, {"status": "failing", "version": VERSION, "detail": first_line(error)}


def first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    shop: Shop

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path == "/metrics":
            return self.answer(200, self.shop.counts.text(self.shop.asked.service), "text/plain; version=0.0.4")
        if path == "/alive":
            return self.answer(200, {"version": VERSION})
        if path == "/health":
            return self.answer(*self.shop.health())
        if path == "/search":
            return self.counted(path, self.shop.search)
        return self.answer(404, {"error": f"there is no {path}"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/order" and self.shop.database:
            return self.counted("/order", lambda: self.shop.order(json.loads(body)))
        return self.answer(404, {"error": f"there is no {self.path}"})

    def counted(self, path, act):
        shop, began = self.shop, time.monotonic()
        with shop.counts.lock:
            shop.counts.running += 1
        try:
            code, body = act()
        except Exception as error:
            code, body = 500, {"error": first_line(error)}
            shop.log.write("error", f"{path}: {type(error).__name__}: {first_line(error)}", ip=self.caller())
        took = time.monotonic() - began
        with shop.counts.lock:
            shop.counts.running -= 1
        shop.counts.add(path, code, took)
        if code < 400:
            shop.log.write("info", f"{self.command} {path} {code}", ip=self.caller())
        self.answer(code, body)

    def caller(self):
        return self.headers.get("X-Forwarded-For", self.client_address[0])

    def answer(self, code, body, kind="application/json"):
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(code)
        for name, value in (("Content-Type", kind), ("Content-Length", len(data)), ("X-Version", VERSION)):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A caller who hangs up, as the balancer's check does, is no error of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--database")
    parser.add_argument("--suggestions")
    parser.add_argument("--flags")
    parser.add_argument("--flags-token")
    Handler.shop = Shop(parser.parse_args())
    server = Server(("127.0.0.1", Handler.shop.asked.port), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    Handler.shop.log.write("info", f"started {VERSION}")
    server.serve_forever()


if __name__ == "__main__":
    main()
