#!/usr/bin/env python3
"""Targets of a Makefile that print JSON: `make runbook-status` and its like."""

import json
import os
import re

from answer import Failed, TimedOut, Unknown, main, run

# What make would read as its own language does not come through, wherever the Makefile puts it.
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+@:-]*")
TIMES = {"history": 55, "status": 25, "rollback": 880, "deploy": 1780, "freeze": 55, "unfreeze": 55}
READS = ("history", "status")


def target(action):
    def ask(args, settings):
        env = {**os.environ, "LC_ALL": "C"}
        for name, value in args.items():
            if value is None:
                continue
            text = {True: "yes", False: ""}.get(value, str(value)) if isinstance(value, bool) else str(value)
            if name == "reason":
                # Free text: only the shell of a recipe may see it, as "$$REASON".
                text = text.replace("$", "")
            elif name == "last":
                text = text.replace(" ", "")
            if text and name != "reason" and not PLAIN.fullmatch(text):
                raise Failed(f"`{name}` is {text!r}; letters, digits and . _ / + @ : - are taken")
            env[name.replace("-", "_").upper()] = text
        words = ["make", "--silent", "--no-print-directory", "-C", settings["dir"], "-f", settings["makefile"]]
        try:
            done = run([*words, f"runbook-{action}"], TIMES[action], env=env)
        except TimedOut as late:
            if action in READS:
                raise
            raise Unknown(str(late)) from late
        if done.returncode != 0:
            # make's own lines say which recipe failed; what is above them says why.
            own = [line for line in done.stderr.splitlines() if line.startswith("make")]
            said = [line.strip() for line in done.stderr.splitlines() if line.strip() and line not in own]
            why = said[-1] if said else own[-1] if own else f"make ended with {done.returncode}"
            if action not in READS and any(line.endswith("Error 75") for line in own):
                raise Unknown(why)
            raise Failed(why)
        return answer(action, done.stdout)

    return ask


def answer(action, text):
    """The last line that is printed; what is above it is the deployment's own talk."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        told = json.loads(lines[-1])
    except (IndexError, ValueError):
        told = None
    if not isinstance(told, dict):
        why = f"the last line of runbook-{action} is no JSON object: {lines[-1][:80] if lines else 'nothing'}"
        if action in READS:
            raise Failed(why)
        raise Unknown(why)
    return told


if __name__ == "__main__":
    main({action: target(action) for action in TIMES})
