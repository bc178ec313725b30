#!/usr/bin/env python3
"""HAProxy's runtime socket.

Every command is answered, and success is an empty line: what was done is found out by asking afterwards.
"""

import csv
import io
import re
import socket

from answer import Failed, Unknown

NAME = re.compile(r"[A-Za-z0-9_.:-]+")
REFUSALS = ("Permission denied", "Unknown command", "This command expects")


class Cut(Failed):
    """The connection broke, or nothing came, after the command was sent."""


class Socket:
    def __init__(self, where):
        """`where` is a path, or HOST:PORT."""
        self.where = where

    def ask(self, command):
        """The answer to one command, as text."""
        if "\n" in command or ";" in command:
            raise Failed(f"{command!r} is more than one command")
        try:
            if self.where.startswith("/"):
                line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                line.settimeout(5)
                line.connect(self.where)
            else:
                host, _, port = self.where.rpartition(":")
                if not host or not port.isdigit():
                    raise Failed(f"{self.where!r} is neither the path of a socket nor HOST:PORT")
                line = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        except OSError as why:
            raise Failed(f"HAProxy's socket {self.where}: {why.strerror or why}") from why
        with line:
            answer = b""
            try:
                line.sendall(command.encode() + b"\n")
                while part := line.recv(65536):
                    answer += part
            except OSError as why:
                raise Cut(f"HAProxy did not finish its answer to `{command}`: {why}") from why
        # Even success is a line.
        if not answer.endswith(b"\n"):
            raise Cut(f"HAProxy did not finish its answer to `{command}`")
        text = answer.decode(errors="replace")
        if text.strip().startswith(REFUSALS):
            raise Failed(f"HAProxy: {text.strip().splitlines()[0]} (`{command}`; the socket needs `level admin`)")
        return text

    def change(self, command, done):
        """Sends a command that changes something, and asks `done` whether it is so. Its complaint is the reason."""
        cut = None
        try:
            said = self.ask(command).strip()
        except Cut as why:
            cut = said = str(why)
        try:
            so = done()
        except Failed as why:
            raise Unknown(f"`{command}` was sent, and what came of it cannot be asked: {why}") from why
        if not so and cut:
            raise Unknown(f"{cut}; it may still do it")
        if not so:
            raise Failed(f"HAProxy: {said.splitlines()[0]}" if said else f"HAProxy took `{command}` and did not do it")

    def table(self, command):
        """An answer whose first line, after `#`, names the columns."""
        lines = [line for line in self.ask(command).splitlines() if line.strip()]
        heads = [at for at, line in enumerate(lines) if line.startswith("# ")]
        if not heads:
            raise Failed(f"HAProxy: {lines[0] if lines else 'nothing'} (`{command}`)")
        head, rows = lines[heads[0]][2:], lines[heads[0] + 1:]
        if "," in head:
            return list(csv.DictReader(io.StringIO("\n".join([head, *rows]))))
        names = head.split()
        return [dict(zip(names, row.split())) for row in rows if not row.startswith("#")]


def name(text):
    if not NAME.fullmatch(text):
        raise Failed(f"{text!r} is no name in HAProxy's configuration")
    return text
