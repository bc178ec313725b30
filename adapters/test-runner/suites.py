#!/usr/bin/env python3
"""The team's own test commands, and what they report: JUnit's XML, TAP, or their exit status alone."""

import os
import re
import time
import xml.etree.ElementTree as tree

from answer import Failed, TimedOut, main, run

MOST = 1740                                     # the contract's half hour, and a minute to tell of it


def run_suites(args, settings):
    suites, asked = settings["suites"], args.get("suite")
    if asked is not None and asked not in suites:
        raise Failed(f"the setting `suites` has no {asked}, only {', '.join(suites) or 'none at all'}")
    if not suites:
        raise Failed("the setting `suites` names no suite")
    began = time.monotonic()
    total, failures = 0, []
    for name in [asked] if asked is not None else list(suites):
        count, bad = suite(name, suites[name], args.get("environment") or "", settings, MOST - (time.monotonic() - began))
        total, failures = total + count, failures + bad
    return {
        # Where nothing ran, nothing was proven.
        "passed": total > 0 and not failures,
        "total": total,
        "failed": len(failures),
        "took": round(time.monotonic() - began, 3),
        "failures": failures,
    }


def suite(name, said, environment, settings, left):
    said = {"command": said} if isinstance(said, list) else said
    words = said.get("command") if isinstance(said, dict) else None
    if not isinstance(words, list) or not words:
        raise Failed(f"the suite {name} is a command: a list of words, or {{ command: […], report: FILE }}")
    directory, report = settings["dir"], said.get("report")
    if report:
        report = os.path.join(directory, report)
        # What an earlier run left behind says nothing about this one.
        if os.path.exists(report):
            os.unlink(report)
    words = [str(word).replace("{environment}", environment) for word in words]
    try:
        done = run(words, max(1, left), cwd=directory, env={**os.environ, "TEST_ENVIRONMENT": environment})
    except TimedOut as late:
        return 1, [{"name": name, "message": str(late)}]
    if done.returncode in (126, 127):
        raise Failed(f"the suite {name} did not start: {last(done)}")
    if report:
        if not os.path.exists(report):
            raise Failed(f"the suite {name} left no report {report}: {last(done)}")
        count, bad = junit(report)
    elif re.search(r"^(TAP version \d+|1\.\.\d+)", done.stdout, re.MULTILINE):
        count, bad = tap(done.stdout)
    else:
        count, bad = 1, []
    if done.returncode != 0 and not bad:
        # It did not end well, whatever its report says.
        count, bad = max(1, count), [{"name": name, "message": f"exit status {done.returncode}: {last(done)}"}]
    return count, bad


def last(done):
    lines = [line.strip() for line in (done.stderr.strip() or done.stdout.strip()).splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it says nothing"


def junit(path):
    try:
        root = tree.parse(path).getroot()
    except (tree.ParseError, OSError) as why:
        raise Failed(f"the report {path} cannot be read: {why}") from why
    count, bad = 0, []
    for case in root.iter("testcase"):
        if case.find("skipped") is not None:
            continue
        count += 1
        fault = case.find("failure")
        fault = case.find("error") if fault is None else fault
        if fault is not None:
            named = ".".join(part for part in (case.get("classname"), case.get("name")) if part)
            why = (fault.get("message") or fault.text or "").strip().splitlines()
            bad.append({"name": named or "a test without a name", "message": (why or [""])[0][:300]})
    return count, bad


def tap(text):
    count, bad, planned = 0, [], None
    for line in text.splitlines():
        plan = re.match(r"1\.\.(\d+)", line)
        if plan:
            planned = int(plan[1])
        found = re.match(r"(not )?ok\b(?: +\d+)?(?: +-)? ?([^#]*)(#.*)?", line)
        if not found or re.match(r"# *skip", found[3] or "", re.IGNORECASE):
            continue
        count += 1
        if found[1] and not re.match(r"# *todo", found[3] or "", re.IGNORECASE):
            bad.append({"name": found[2].strip() or f"test {count}", "message": "not ok"})
    bail = re.search(r"^Bail out!(.*)", text, re.MULTILINE)
    if bail:
        bad.append({"name": "the whole suite", "message": f"given up:{bail[1]}"})
    elif planned is None or len(re.findall(r"^(?:not )?ok\b", text, re.MULTILINE)) < planned:
        bad.append({"name": "the whole suite", "message": "it ended before all of its tests had run"})
    return max(count, 1) if bad else count, bad


if __name__ == "__main__":
    main({"run": run_suites})
