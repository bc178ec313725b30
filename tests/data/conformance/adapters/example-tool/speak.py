#!/usr/bin/env python3
"""Speaks a line protocol to a Unix socket; looks by two lines where two names are asked for.

A file `manners` in the run's directory is said before each line.
"""
import json
import os
import socket
import sys


def say(path, line):
    if os.path.exists("manners"):
        with open("manners", encoding="utf-8") as f:
            line = f.read() + line
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(line.encode() + b"\n")
        heard = b""
        while part := s.recv(4096):
            heard += part
    if not heard:
        sys.exit("no answer to: " + line)
    return heard.decode().strip()


path, action, *names = sys.argv[1:]
if action == "look":
    on = [name for name in names if say(path, "is " + name) == "on"]
    print(json.dumps({"on": on, "count": len(on)}))
else:
    print(json.dumps({"changed": say(path, "turn " + names[0]) == "turned"}))
