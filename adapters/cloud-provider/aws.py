#!/usr/bin/env python3
"""Access of IAM users and access keys of AWS, by its CLI.

A user loses access by a policy of its own that denies everything, which holds for sessions that are open too; a key by
being made inactive. Both are taken back as they were done, and nothing else about the user is touched.
"""

import json
import re

from answer import Failed, TimedOut, Unknown, complaint, main, run

POLICY = "runbook-revoked"
DENY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
KEY = re.compile(r"(AKIA|ASIA)[A-Z0-9]{12,124}")
WITHIN = 40
# The CLI says so when nothing was sent, or the server said no.
KNOWN = ("An error occurred (", "Could not connect to the endpoint URL", "Unable to locate credentials",
         "Parameter validation failed", "could not be found", "You must specify a region", "usage:")


class Iam:
    def __init__(self, settings):
        self.words = ["aws", "--output=json", "--cli-connect-timeout=5", "--cli-read-timeout=15"]
        for flag, name in (("profile", "profile"), ("region", "region"), ("endpoint-url", "endpoint_url")):
            if settings[name]:
                self.words.append(f"--{flag}={settings[name]}")

    def ask(self, operation, acts=False, absent=False, **given):
        """The answer; with `absent`, none where there is no such thing."""
        words = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        try:
            done = run([*self.words, "iam", operation, *words], WITHIN)
        except TimedOut as why:
            raise (Unknown if acts else Failed)(str(why)) from why
        if done.returncode == 0:
            try:
                return json.loads(done.stdout) if done.stdout.strip() else {}
            except ValueError as why:
                raise (Unknown if acts else Failed)(f"aws iam {operation} printed no JSON: {why}") from why
        if absent and "(NoSuchEntity)" in done.stderr:
            return None
        why = f"aws iam {operation}: {complaint(done)}"
        known = any(text in done.stderr for text in KNOWN) and "(ServiceUnavailable)" not in done.stderr
        raise (Unknown if acts and not known else Failed)(why)


class Key:
    def __init__(self, iam, id):
        self.iam, self.id = iam, id
        self.user = iam.ask("get-access-key-last-used", access_key_id=id).get("UserName")
        if not self.user:
            raise Failed(f"the access key {id} belongs to no user of this account")

    def state(self):
        keys = self.iam.ask("list-access-keys", user_name=self.user)["AccessKeyMetadata"]
        found = [key["Status"] for key in keys if key["AccessKeyId"] == self.id]
        if not found:
            raise Failed(f"the access key {self.id} is not there any more")
        active = found[0] == "Active"
        return active, int(active)

    def turn(self, on):
        self.iam.ask("update-access-key", acts=True, user_name=self.user, access_key_id=self.id,
                     status="Active" if on else "Inactive")


class User:
    def __init__(self, iam, name):
        self.iam, self.name = iam, name
        if iam.ask("get-user", absent=True, user_name=name) is None:
            raise Failed(f"this account has no IAM user {name!r}; roles are not looked for")

    def state(self):
        """Whether it may do anything, and how many ways in it has: active keys, and a console's password."""
        keys = self.iam.ask("list-access-keys", user_name=self.name)["AccessKeyMetadata"]
        ways = sum(key["Status"] == "Active" for key in keys)
        ways += self.iam.ask("get-login-profile", absent=True, user_name=self.name) is not None
        policies = self.iam.ask("list-user-policies", user_name=self.name)["PolicyNames"]
        return POLICY not in policies, ways

    def turn(self, on):
        if on:
            self.iam.ask("delete-user-policy", acts=True, user_name=self.name, policy_name=POLICY)
        else:
            self.iam.ask("put-user-policy", acts=True, user_name=self.name, policy_name=POLICY, policy_document=DENY)


def principal(args, settings):
    iam = Iam(settings)
    name = args["principal"]
    return Key(iam, name) if KEY.fullmatch(name) else User(iam, name)


def access(args, settings):
    active, ways = principal(args, settings).state()
    return {"principal": args["principal"], "active": active, "sessions": ways if active else 0}


def revoke(args, settings):
    who = principal(args, settings)
    active, ways = who.state()
    if active:
        who.turn(False)
    return {"principal": args["principal"], "active": False, "sessions_ended": ways if active else 0}


def restore(args, settings):
    who = principal(args, settings)
    active, _ = who.state()
    if not active:
        who.turn(True)
    return {"principal": args["principal"], "active": True}


if __name__ == "__main__":
    main({"access": access, "revoke-access": revoke, "restore-access": restore})
