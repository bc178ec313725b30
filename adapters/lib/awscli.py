#!/usr/bin/env python3
"""The CLI of AWS: what its end means for what was asked."""

import json

from answer import Failed, TimedOut, Unknown, complaint, run

WITHIN = 40
# The CLI says so when nothing was sent, or the server said no.
KNOWN = ("An error occurred (", "Could not connect to the endpoint URL", "Unable to locate credentials",
         "Parameter validation failed", "could not be found", "You must specify a region", "usage:")
# And these when the server said that it broke.
BROKE = ("(ServiceUnavailable)", "(InternalFailure)", "(InternalError)", "(RequestTimeout)")


class Aws:
    def __init__(self, settings):
        self.words = ["aws", "--output=json", "--cli-connect-timeout=5", "--cli-read-timeout=15"]
        for flag, name in (("profile", "profile"), ("region", "region"), ("endpoint-url", "endpoint_url")):
            if settings[name]:
                self.words.append(f"--{flag}={settings[name]}")

    def ask(self, service, operation, acts=False, **given):
        words = []
        for name, value in given.items():
            flag = f"--{name.replace('_', '-')}"
            words += [flag, *value] if isinstance(value, list) else [f"{flag}={value}"]
        kind = Unknown if acts else Failed
        try:
            done = run([*self.words, service, operation, *words], WITHIN)
        except TimedOut as why:
            raise kind(str(why)) from why
        if done.returncode != 0:
            known = any(text in done.stderr for text in KNOWN) and not any(text in done.stderr for text in BROKE)
            raise (Failed if known else kind)(f"aws {service} {operation}: {complaint(done)}")
        try:
            return json.loads(done.stdout) if done.stdout.strip() else {}
        except ValueError as why:
            raise kind(f"aws {service} {operation} printed no whole JSON: {why}") from why
