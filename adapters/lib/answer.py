#!/usr/bin/env python3
"""How a script of an adapter is called, and how it answers.

    #!/usr/bin/env python3
    from answer import Failed, Unknown, main

    def status(args, settings):
        return {"healthy": True}

    if __name__ == "__main__":
        main({"status": status})

An adapter calls it as `[./script.py, status, "--args={{ args }}", "--settings={{ settings }}"]`: both are JSON
objects, and what was not given is null. What a function returns is the output. `Failed` says that it did not happen;
`Unknown`, that nobody can know whether it did, which the adapter tells by `unknown: exit == 75`.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

UNKNOWN = 75


class Failed(Exception):
    """It happened not, or it failed for certain. The text is for people."""


class Unknown(Exception):
    """It was begun, and nobody can say whether it happened."""


def main(actions):
    """Does what the words of the command ask for, prints the answer, and ends the program."""
    try:
        name, given = _words(sys.argv[1:])
        if name not in actions:
            raise Failed(f"there is no action {name!r}; there are {', '.join(actions)}")
        text = json.dumps(actions[name](given["args"], given["settings"]), ensure_ascii=False)
    except Failed as why:
        _end(1, str(why))
    except Unknown as why:
        _end(UNKNOWN, str(why))
    except Exception as bug:                    # whatever it was at, nobody can say how far it came
        where = bug.__traceback__
        while where.tb_next:
            where = where.tb_next
        _end(UNKNOWN, f"unexpected, in line {where.tb_lineno}: {type(bug).__name__}: {bug}")
    print(text, flush=True)
    sys.exit(0)


def _end(code, why):
    # One line: only the last one is shown.
    print(" ".join(why.split()) or "no reason was given", file=sys.stderr, flush=True)
    sys.exit(code)


def _words(argv):
    if not argv:
        raise Failed("the first word is the action")
    given = {"args": {}, "settings": {}}
    for word in argv[1:]:
        name, _, text = word.partition("=")
        if name[:2] != "--" or name[2:] not in given:
            raise Failed(f"{name} is not understood; there are --args and --settings")
        try:
            given[name[2:]] = json.loads(text)
        except ValueError as why:
            raise Failed(f"{name} is no JSON: {why}") from why
    return argv[0], given


def run(argv, timeout, **more):
    """Runs a program without a shell, its texts captured. One that is not there, or is too slow, is a failure;
    a caller that acts turns the latter (`TimedOut`) into `Unknown`."""
    try:
        return subprocess.run(
            [str(word) for word in argv], capture_output=True, text=True, errors="replace", timeout=timeout,
            stdin=None if "input" in more else subprocess.DEVNULL, **more)
    except subprocess.TimeoutExpired as late:
        raise TimedOut(f"{argv[0]} did not end within {timeout} s") from late
    except OSError as why:
        raise Failed(f"{argv[0]} cannot be started: {why.strerror}") from why


class TimedOut(Failed):
    """A program did not end in time, and was killed."""


def complaint(done):
    """The last line of what a program complained about."""
    lines = [line.strip() for line in (done.stderr or done.stdout or "").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit status {done.returncode}"


def seconds(text):
    """A duration as runbook writes it, `1h 30m`, `4.5s` or `250ms`, in seconds."""
    parts = re.findall(r"([0-9.]+)(ms|s|m|h|d)", str(text))
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != str(text).replace(" ", ""):
        raise Failed(f"{text!r} is no duration")
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(float(number) * units[unit] for number, unit in parts)


def replace(path, text, mode=0o644):
    """Puts a file in another's place, whole and for good, or not at all."""
    directory = os.path.dirname(os.path.abspath(path))
    try:
        handle, new = tempfile.mkstemp(prefix=".runbook-", dir=directory)
    except OSError as why:
        raise Failed(f"cannot write in {directory}: {why.strerror}") from why
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
    sync(directory)


def sync(directory):
    """Makes the names in a directory outlive a crash."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
