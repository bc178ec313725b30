#!/usr/bin/env python3
"""A git working copy on this machine. Nothing is forced, and no file that somebody changed is thrown away."""

import os
import re

from answer import Failed, TimedOut, Unknown, complaint, main, run


class Copy:
    def __init__(self, settings):
        self.dir = settings["dir"]
        if not os.path.isabs(self.dir) or not os.path.isdir(self.dir):
            raise Failed(f"{self.dir} is no directory on this machine: write its whole path")
        # No prompt, no pager, no editor: nobody is there to answer.
        self.env = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "GIT_EDITOR": "false",
                    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10"}
        for role in ("AUTHOR", "COMMITTER"):
            for what in ("name", "email"):
                if settings.get(what):
                    self.env[f"GIT_{role}_{what.upper()}"] = settings[what]

    def run(self, *words, timeout=25, **more):
        return run(["git", *words], timeout, cwd=self.dir, env=self.env, **more)

    def git(self, *words, timeout=25, **more):
        """What git prints; its complaint, where it fails, is the reason."""
        done = self.run(*words, timeout=timeout, **more)
        if done.returncode != 0:
            raise Failed(f"git {words[0]}: {why(done)}")
        return done.stdout.rstrip("\n")

    def branch(self):
        """The branch that is checked out; empty where none is."""
        done = self.run("symbolic-ref", "--quiet", "--short", "HEAD")
        if done.returncode not in (0, 1):
            raise Failed(f"git symbolic-ref: {why(done)}")
        return done.stdout.strip() if done.returncode == 0 else ""

    def head(self):
        return self.git("rev-parse", "--verify", "HEAD")

    def clean(self):
        """Whether each file that git knows is as in the newest commit. Others do not count: no action touches them."""
        return self.git("status", "--porcelain", "--untracked-files=no") == ""

    def name(self, branch):
        """A branch's name, if it may be one."""
        if branch.startswith("-") or self.run("check-ref-format", f"refs/heads/{branch}").returncode != 0:
            raise Failed(f"{branch!r} is no name for a branch")
        return branch

    def local(self, branch):
        """The commit of a branch here; nothing where it is not."""
        done = self.run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        return done.stdout.strip() if done.returncode == 0 else None

    def commit(self, text):
        if text.startswith("-"):
            raise Failed(f"{text!r} is no commit")
        done = self.run("rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")
        if done.returncode != 0:
            raise Failed(f"there is no commit {text}")
        return done.stdout.strip()

    def remote(self, name):
        """A remote by its name. An address is none: those can make git start programs."""
        known = self.git("remote").split()
        if name not in known:
            raise Failed(f"there is no remote {name}, only {', '.join(known) or 'none at all'}")
        return name

    def there(self, remote, branch):
        """The commit of a branch at a remote; nothing where it is not."""
        ref = f"refs/heads/{branch}"
        for line in self.git("ls-remote", "--heads", remote, ref, timeout=50).splitlines():
            commit, _, found = line.partition("\t")
            if found == ref:
                return commit
        return None


def why(done):
    """git's own reason: the first line that is one. Hints and the rest of a long complaint follow it."""
    lines = [line.strip() for line in done.stderr.splitlines()]
    reason = next((line for line in lines if re.match(r"(fatal|error|remote: error|ssh): ", line)), None)
    return reason or complaint(done)


def status(_, settings):
    copy = Copy(settings)
    return {
        "branch": copy.branch(), "head": copy.head(), "subject": copy.git("log", "-1", "--format=%s"),
        "clean": copy.clean(),
    }


def remote_status(args, settings):
    copy = Copy(settings)
    branch = copy.name(args["branch"])
    there = copy.there(copy.remote(args["remote"]), branch)
    return {"exists": there is not None, "same": there is not None and there == copy.local(branch), "head": there or ""}


def checkout(args, settings):
    copy, new, old = Copy(settings), args.get("b"), args.get("branch")
    if (new is None) == (old is None):
        raise Failed("name either a branch that exists, or with `-b` one to create")
    previous = copy.branch()
    wanted = copy.name(new if new is not None else old)
    if previous == wanted:
        return {"branch": wanted, "created": False, "previous": previous}
    if new is not None:
        copy.git("switch", "--create", wanted, timeout=50)
    else:
        copy.git("switch", wanted, timeout=50)
    return {"branch": wanted, "created": new is not None, "previous": previous}


def commit(args, settings):
    copy = Copy(settings)
    if not args["m"].strip():
        raise Failed("a commit needs a message")
    if not copy.branch():
        raise Failed("no branch is checked out: the commit would belong to none")
    # New files only where somebody has added them: what else lies around may be a secret.
    copy.git("add", "--update")
    files = copy.git("diff", "--cached", "--name-only", "-z").split("\0")[:-1]
    if not files:
        raise Failed("nothing was changed; a new file is added first (git add)")
    previous = copy.head()
    copy.git("commit", "--quiet", "--file=-", timeout=50, input=args["m"])
    return {"head": copy.head(), "previous": previous, "files": len(files)}


def uncommit(args, settings):
    copy = Copy(settings)
    head, to = copy.head(), copy.commit(args["to"])
    if head != to:
        if copy.run("merge-base", "--is-ancestor", to, head).returncode != 0:
            raise Failed(f"{args['to']} does not lie before {head[:12]}: it is no commit to go back to")
        published = copy.git("for-each-ref", "--format=%(refname:short)", "--contains", head, "refs/remotes").split()
        if published:
            raise Failed(f"{head[:12]} is published ({published[0]}): others may build on it, so `revert` it")
        copy.git("reset", "--soft", to)
    return {"head": copy.head()}


def revert(args, settings):
    copy = Copy(settings)
    commit_, previous = copy.commit(args["commit"]), copy.head()
    if not copy.clean():
        raise Failed("there are changes that are not committed")
    done = copy.run("revert", "--no-edit", commit_, timeout=50)
    if done.returncode != 0:
        conflicts = copy.run("diff", "--name-only", "--diff-filter=U").stdout.split()
        copy.run("revert", "--abort")
        if copy.head() != previous or not copy.clean():
            raise Unknown(f"git revert: {why(done)}, and it could not be taken back")
        told = f"later commits changed the same places of {', '.join(conflicts)}" if conflicts else why(done)
        raise Failed(f"git revert: {told}; nothing was changed")
    return {"head": copy.head(), "previous": previous}


def push(args, settings):
    copy = Copy(settings)
    remote, branch = copy.remote(args["remote"]), copy.name(args["branch"])
    here = copy.local(branch)
    if here is None:
        raise Failed(f"there is no branch {branch} here")
    # Who cannot be asked now is not told anything either: then it is certain that nothing was sent.
    if copy.there(remote, branch) == here:
        return {"remote": remote, "branch": branch, "head": here}
    ref = f"refs/heads/{branch}"
    try:
        done = copy.run("push", "--porcelain", remote, f"{ref}:{ref}", timeout=230)
    except TimedOut as late:
        raise Unknown(str(late)) from late
    if done.returncode != 0:
        refused = [line for line in done.stdout.splitlines() if line.startswith("!\t")]
        if refused:
            raise Failed(f"git push: {refused[0].split(chr(9))[-1]}; it is never forced")
        try:
            there = copy.there(remote, branch)
        except Failed as silent:
            raise Unknown(f"git push: {why(done)}; and then {silent}") from silent
        if there != here:
            raise Failed(f"git push: {why(done)}")
    return {"remote": remote, "branch": branch, "head": here}


if __name__ == "__main__":
    main({
        "status": status, "remote-status": remote_status, "checkout": checkout, "commit": commit,
        "uncommit": uncommit, "revert": revert, "push": push,
    })
