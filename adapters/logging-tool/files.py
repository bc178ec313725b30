#!/usr/bin/env python3
"""Log files on this machine: JSON, one object a line, and plain text that begins with its time."""

import glob
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import time
from datetime import datetime, timezone

from answer import Failed, main, replace, seconds, sync

LEVELS = ("debug", "info", "warn", "error")
NAMES = {
    "trace": "debug", "debug": "debug", "info": "info", "notice": "info", "warn": "warn", "warning": "warn",
    "error": "error", "err": "error", "fatal": "error", "critical": "error", "crit": "error", "alert": "error",
    "emerg": "error", "panic": "error",
}
SHOWN, MOST_PATTERNS = 100, 20
MARGIN = 300                                    # lines of one file may be this much out of order


class Logs:
    def __init__(self, args, settings, budget=None):
        self.sources = settings["sources"]
        asked = args.get("service")
        if asked is not None and asked not in self.sources:
            raise Failed(f"the setting `sources` has no {asked}, only {', '.join(self.sources)}")
        self.services = [asked] if asked is not None else list(self.sources)
        self.since = time.time() - seconds(args["last"])
        self.budget = budget or settings["patience"]
        self.until = time.monotonic() + self.budget

    def files(self):
        """Each file that may hold lines of that time, with its service."""
        found = []
        for service in self.services:
            for pattern in self.patterns(service):
                if not os.path.isabs(pattern):
                    raise Failed(f"{pattern} of {service}: write its whole path")
                for path in glob.glob(pattern):
                    if os.path.isfile(path) and os.path.getmtime(path) >= self.since and (service, path) not in found:
                        found.append((service, path))
        every = [pattern for service in self.services for pattern in self.patterns(service)]
        if not found and not any(glob.glob(pattern) for pattern in every):
            raise Failed(f"there are no files of {', '.join(self.services)}: see the setting `sources`")
        return found

    def patterns(self, service):
        patterns = self.sources[service]
        return [patterns] if isinstance(patterns, str) else patterns

    def records(self):
        """What was logged since, file by file."""
        for service, path in self.files():
            try:
                with opened(path) as file:
                    if not path.endswith(".gz"):
                        skip(file, self.since - MARGIN)
                    yield from self.read(service, path, file)
            except (OSError, EOFError) as why:
                raise Failed(f"{path}: {getattr(why, 'strerror', None) or why}") from why

    def read(self, service, path, file):
        before = None
        for number, raw in enumerate(file):
            if number % 4096 == 0 and time.monotonic() > self.until:
                raise Failed(f"there is more than {self.budget} s can read: ask for a shorter time, or for one service")
            record = parsed(raw, service)
            if record is None:
                continue
            if record["at"] is None:
                # The rest of what stands above it, a stack trace: told with it, not for itself.
                if before is None:
                    record["at"] = os.path.getmtime(path)
                else:
                    continue
            before = record
            if record["at"] >= self.since:
                yield record


def opened(path):
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")


def skip(file, since):
    """Goes to a place in a file before which all lines are older; they are in the order of their times, nearly."""
    low, high = 0, os.fstat(file.fileno()).st_size
    while high - low > 65536:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        at = None
        for _ in range(200):
            raw = file.readline()
            record = parsed(raw, "") if raw else None
            if not raw or (record and record["at"] is not None):
                at = record["at"] if record else None
                break
        if at is None or at >= since:
            high = middle
        else:
            low = middle
    file.seek(low)
    if low:
        file.readline()


def parsed(raw, service):
    """A line as a record; without a time, where it has none. Nothing for an empty one."""
    text = raw[:65536].decode(errors="replace").strip()
    if not text:
        return None
    if text.startswith("{"):
        try:
            entry = json.loads(text)
        except ValueError:
            entry = None
        if isinstance(entry, dict):
            lower = {str(name).lower(): value for name, value in entry.items()}
            pick = lambda *names: next((lower[name] for name in names if lower.get(name) is not None), None)
            return {
                "at": moment(pick("time", "timestamp", "@timestamp", "ts", "at", "date")),
                "level": level(str(pick("level", "severity", "lvl", "loglevel") or "info")),
                "service": service, "message": str(pick("message", "msg", "event", "error") or text),
            }
    found = TIME.match(text)
    if not found:
        return {"at": None, "level": "info", "service": service, "message": text}
    rest = text[found.end():].lstrip(" ]-:")
    word = re.search(r"\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|ALERT|EMERG|PANIC)\b",
                     rest[:120], re.IGNORECASE)
    return {"at": moment(found[1] or found[2]), "level": level(word[1] if word else "info"), "service": service,
            "message": rest}


TIME = re.compile(r"\[?(?:(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)"
                  r"|([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d))")


def moment(value):
    """A time in seconds; nothing where it cannot be read. Without a zone it is this machine's."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        while value > 1e11:                     # milli-, micro- or nanoseconds
            value /= 1000
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.strip().replace(",", ".")
    if re.fullmatch(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", text):
        now = datetime.now()
        try:
            at = datetime.strptime(f"{now.year} {text}", "%Y %b %d %H:%M:%S")
        except ValueError:
            return None
        # Syslog tells no year: what would be tomorrow was a year ago.
        return (at if at.timestamp() < now.timestamp() + 86400 else at.replace(year=now.year - 1)).timestamp()
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)? ?(Z|[+-]\d\d:?\d\d)?", text)
    if not found:
        return None
    zone = {"Z": "+00:00", None: ""}.get(found[4], found[4])
    if zone and len(zone) == 5:
        zone = f"{zone[:3]}:{zone[3:]}"
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}").timestamp() + float(found[3] or 0)
    except ValueError:
        return None


def level(text):
    return NAMES.get(text.strip().lower(), "info")


def told(at):
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def newest(records):
    """How many there are, and the newest of them, the oldest of those first."""
    kept, count = [], 0
    for record in records:
        count += 1
        kept.append(record)
        if len(kept) > 50 * SHOWN:
            kept = sorted(kept, key=lambda one: one["at"])[-SHOWN:]
    kept = sorted(kept, key=lambda one: one["at"])[-SHOWN:]
    lines = [{**record, "at": told(record["at"]), "message": record["message"][:2000]} for record in kept]
    return {"count": count, "truncated": count > len(lines), "lines": lines}


# ── What the contract asks ────────────────────────────────────────────────────────────────────────────────────────


def tail(args, settings):
    wanted = (args.get("filter") or "").lower()
    if wanted in NAMES:
        chosen = lambda record: record["level"] == NAMES[wanted]
    else:
        chosen = lambda record: wanted in record["message"].lower()
    return newest(filter(chosen, Logs(args, settings).records()))


def search(args, settings):
    words = (args.get("pattern") or "").lower()
    least = LEVELS.index(args["level"]) if args.get("level") else 0
    counts = {}

    def found():
        for record in Logs(args, settings).records():
            if LEVELS.index(record["level"]) >= least and words in record["message"].lower():
                kind = (likeness(record["message"]), record["service"])
                if kind in counts or len(counts) < 10000:
                    counts[kind] = counts.get(kind, 0) + 1
                yield record

    answer = newest(found())
    often = sorted(counts.items(), key=lambda one: -one[1])[:MOST_PATTERNS]
    patterns = [{"message": message, "count": count, "service": service} for (message, service), count in often]
    return {**answer, "patterns": patterns}


def likeness(message):
    """What a message says, without what differs each time: ids, numbers and addresses are `#`."""
    text = re.sub(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{22}|\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{12,}\b", "#", message)
    return re.sub(r"(?<![A-Za-z][-_])\b\d+(?:[.:]\d+)*(?:ms|s)?\b", "#", text)[:300]


def archive(args, settings):
    logs = Logs(args, settings, budget=1800)
    records = sum(1 for _ in logs.records())
    files, place = logs.files(), evidence(settings)
    if not records:
        raise Failed(f"nothing was logged since {told(logs.since)}: there is nothing to keep")
    now = time.time()
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
    except OSError as why:
        raise Failed(f"{place}: {why.strerror}") from why
    name = unused(place, f"arc-{datetime.fromtimestamp(now, timezone.utc):%Y%m%d-%H%M%S}")
    kept, inside = os.path.join(place, f"{name}.tar.gz"), []
    handle, new = tempfile.mkstemp(prefix=".runbook-", dir=place)
    try:
        with os.fdopen(handle, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                for service, path in files:
                    inside.append(copy(tar, service, path))
                about = {"archive": name, "label": args.get("label"), "from": told(logs.since), "to": told(now),
                         "records": records, "files": inside}
                text = json.dumps(about, indent=1).encode()
                entry = tarfile.TarInfo(f"{name}/manifest.json")
                entry.size, entry.mtime = len(text), int(now)
                tar.addfile(entry, io.BytesIO(text))
            file.flush()
            os.fsync(file.fileno())
        digest, size = digest_of(new), os.path.getsize(new)
        os.chmod(new, 0o440)
        os.rename(new, kept)
    except BaseException as why:
        if os.path.exists(new):
            os.unlink(new)
        if isinstance(why, OSError):
            raise Failed(f"the archive could not be written: {why.strerror or why}") from why
        raise
    sync(place)
    told_ = {"archive": name, "label": args.get("label") or "", "location": kept, "created": told(now), "sha256": digest}
    replace(os.path.join(place, f"{name}.json"), json.dumps(told_) + "\n", 0o440)
    replace(os.path.join(place, f"{name}.tar.gz.sha256"), f"{digest}  {name}.tar.gz\n", 0o440)
    return {"archive": name, "location": kept, "records": records, "size": size, "sha256": digest,
            "from": told(logs.since), "to": told(now)}


def copy(tar, service, path):
    """Puts a file into the archive as it is at this moment: it may grow meanwhile, and it may be cut."""
    with open(path, "rb") as file:
        entry = tar.gettarinfo(fileobj=file, arcname=f"files/{service}/{path.lstrip('/')}")
        counted = Counted(file)
        try:
            tar.addfile(entry, counted)
        except OSError as why:
            if counted.read_all < entry.size and why.errno is None:
                raise Failed(f"{path} was cut while it was read (rotated?): hold the deletion first, then try again") from why
            raise
        return {"path": path, "service": service, "size": entry.size, "sha256": counted.digest.hexdigest()}


class Counted:
    """A file that is hashed while it is read."""

    def __init__(self, file):
        self.file, self.digest, self.read_all = file, hashlib.sha256(), 0

    def read(self, size):
        part = self.file.read(size)
        self.digest.update(part)
        self.read_all += len(part)
        return part


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def unused(place, name):
    taken = set(os.listdir(place))
    return next(one for one in [name, *(f"{name}-{n}" for n in range(2, 1000))] if f"{one}.tar.gz" not in taken)


def evidence(settings):
    place = settings["evidence"]
    if not os.path.isabs(place):
        raise Failed(f"{place}: write the whole path of the directory for evidence")
    return place


def archives(_, settings):
    found = []
    for path in sorted(glob.glob(os.path.join(glob.escape(evidence(settings)), "arc-*.json"))):
        with open(path) as file:
            entry = json.load(file)
        if os.path.exists(entry["location"]):
            found.append(entry)
    return {"archives": found}


def held(settings):
    try:
        with open(settings["hold"]) as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError:
        # Somebody made it by hand: whoever tests for the file keeps everything all the same.
        return {"reason": "a file that says nothing", "since": told(os.path.getmtime(settings["hold"]))}
    except OSError as why:
        raise Failed(f"{settings['hold']}: {why.strerror}") from why


def hold(args, settings):
    found = held(settings)
    if found is None:
        found = {"reason": args["reason"], "since": told(time.time()), "run": os.environ.get("RUNBOOK_RUN_ID", "")}
        os.makedirs(os.path.dirname(settings["hold"]), exist_ok=True)
        replace(settings["hold"], json.dumps(found) + "\n")
    return {"held": True, "since": found["since"]}


def release_hold(_, settings):
    try:
        os.unlink(settings["hold"])
        sync(os.path.dirname(settings["hold"]))
    except FileNotFoundError:
        pass
    except OSError as why:
        raise Failed(f"{settings['hold']}: {why.strerror}") from why
    return {"held": False}


def hold_status(_, settings):
    found = held(settings)
    return {"held": found is not None, "reason": found["reason"] if found else ""}


if __name__ == "__main__":
    main({
        "tail": tail, "search": search, "archive": archive, "archives": archives, "hold": hold,
        "release-hold": release_hold, "hold-status": hold_status,
    })
