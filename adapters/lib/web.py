#!/usr/bin/env python3
"""Requests by HTTP from an adapter's script, for what the manifest's own `http:` cannot do: pages of answers, a
silence that is an answer, a loop.

Redirects are never followed, because a token would go along. Certificates are always checked.
"""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request

from answer import Failed, Unknown

MOST = 32 * 1024 * 1024


class Refused(Failed):
    """The server answered, and it was no success."""

    def __init__(self, what, status, body, retry_after=None):
        said = " ".join(body.decode(errors="replace").split())[:300]
        later = f"; it asks to be left alone for {retry_after} s" if retry_after else ""
        super().__init__(f"{what} was answered with {status}{later}" + (f": {said}" if said else ""))
        self.status = status
        self.body = body


class Unreachable(Failed):
    """Nothing was sent: nobody is there."""


class Lost(Failed):
    """It was sent, and there is no whole answer."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Web:
    def __init__(self, base, headers=None, timeout=10, ca_file=None):
        """`headers` go with every request. Those that are None are left out."""
        parts = urllib.parse.urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise Failed(f"{base!r} is no address: https://host, with a path where there is one")
        self.base = base.rstrip("/")
        self.headers = {name: value for name, value in (headers or {}).items() if value is not None}
        self.timeout = timeout
        context = ssl.create_default_context(cafile=ca_file)
        self.opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=context))

    def ask(self, method, path, query=None, body=None, form=None, text=None, headers=None, ok=None):
        """The status and the bytes of an answer; one that is not `ok` (2xx) is `Refused`. What is sent is `body` as JSON,
        `form`, or `text` as it is."""
        url = self.base + path
        what = f"{method} {url}"
        if query:
            url += "?" + urllib.parse.urlencode(query, doseq=True, quote_via=urllib.parse.quote)
        sent = {"Accept": "application/json", "User-Agent": "runbook", **self.headers, **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
            sent.setdefault("Content-Type", "application/json")
        elif form is not None:
            data = urllib.parse.urlencode(form, doseq=True).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif text is not None:
            data = text.encode()
            sent.setdefault("Content-Type", "text/plain; charset=utf-8")
        request = urllib.request.Request(url, data=data, headers=sent, method=method)
        try:
            with self.opener.open(request, timeout=self.timeout) as answer:
                status, found, after = answer.status, answer.read(MOST + 1), None
        except urllib.error.HTTPError as error:
            with error:
                try:
                    status, found, after = error.code, error.read(MOST + 1), error.headers.get("Retry-After")
                except (OSError, http.client.HTTPException) as why:
                    raise Lost(f"{what} was sent, and has no whole answer: {_words(why)}") from why
        except urllib.error.URLError as error:
            why = error.reason
            if isinstance(why, (ConnectionRefusedError, ssl.SSLCertVerificationError)) or isinstance(why, socket.gaierror):
                raise Unreachable(f"{what}: {_words(why)}") from error
            raise Lost(f"{what} has no answer: {_words(why)}") from error
        except (OSError, http.client.HTTPException) as why:
            raise Lost(f"{what} was sent, and has no whole answer: {_words(why)}") from why
        if len(found) > MOST:
            raise Lost(f"{what}: the answer is longer than {MOST} bytes")
        if not (ok(status) if ok else 200 <= status < 300):
            raise Refused(what, status, found, after)
        return status, found

    def json(self, method, path, **more):
        """The answer as JSON."""
        _, text = self.ask(method, path, **more)
        try:
            return json.loads(text)
        except ValueError as why:
            raise Failed(f"{method} {self.base}{path}: the answer is no JSON: {why}") from why

    def act(self, method, path, **more):
        """The same for what changes something: an answer that got lost is a doubt, and so is one of a gateway that
        gave up on what is behind it. So is one that cannot be read, because it was a success."""
        try:
            status, text = self.ask(method, path, **more)
        except Lost as why:
            raise Unknown(f"{why}; it may have acted") from why
        except Refused as why:
            if why.status in (502, 504):
                raise Unknown(f"{why}; what is behind it may have acted") from why
            raise
        try:
            return json.loads(text) if text.strip() else None
        except ValueError as why:
            raise Unknown(f"{method} {self.base}{path} was answered with {status} and no JSON: {why}") from why


def _words(why):
    if isinstance(why, TimeoutError):
        return "no answer in time"
    return getattr(why, "strerror", None) or str(why) or type(why).__name__


def part(text):
    """A value as one segment of a path."""
    if str(text) in ("", ".", ".."):
        raise Failed(f"{text!r} cannot stand in a path")
    return urllib.parse.quote(str(text), safe="")
