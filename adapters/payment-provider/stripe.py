#!/usr/bin/env python3
"""Payments of Stripe. A payment is a PaymentIntent, and its id is Stripe's."""

import json
import os
import sys
import time

from answer import Failed, Unknown, main
from web import Lost, Refused, Unreachable, Web, part

QUARTER = 15 * 60


class Stripe:
    def __init__(self, settings):
        self.key = settings["idempotency_key"]
        self.web = Web(settings["url"], {
            "Authorization": f"Bearer {os.environ['STRIPE_KEY']}", "Stripe-Version": settings["version"]}, timeout=20)

    def look(self, path, **query):
        return self.web.json("GET", path, query=query)

    def act(self, name, path, **form):
        """What acts has a key of its own, so that the same act is never done twice."""
        return self.web.act("POST", path, form=form, headers={"Idempotency-Key": f"{self.key}/{name}"})

    def intent(self, id):
        try:
            return self.look(f"/v1/payment_intents/{part(id)}")
        except Refused as why:
            if why.status == 404:
                return None
            raise

    def charges(self, id):
        return self.look("/v1/charges", payment_intent=id, limit="100")["data"]


def error(refused):
    try:
        return json.loads(refused.body).get("error") or {}
    except ValueError:
        return {}


def money(intent):
    return f"{intent['amount']} {intent['currency'].upper()} in its smallest unit"


def state(intent, charges):
    if intent is None:
        return "absent"
    if any(charge.get("refunded") for charge in charges):
        return "refunded"
    if intent["status"] == "succeeded":
        return "captured"
    if intent["status"] == "canceled" or intent["status"] == "requires_payment_method" and charges:
        return "declined"
    return "pending"


def status(args, settings):
    stripe = Stripe(settings)
    began = time.monotonic()
    found = {"state": "operational", "reachable": True, "credentials_valid": True, "success_percent": 0, "incident": ""}
    try:
        stripe.look("/v1/balance")
    except (Unreachable, Lost) as why:
        print(why, file=sys.stderr)
        found |= {"state": "unreachable", "reachable": False, "credentials_valid": False}
    except Refused as why:
        print(why, file=sys.stderr)
        refused = why.status in (401, 403)
        found |= {"state": "degraded" if refused or why.status == 429 else "down", "credentials_valid": not refused}
    found["latency"] = f"{round((time.monotonic() - began) * 1000)}ms"
    if found["state"] != "operational":
        return found
    since = int(time.time()) - QUARTER
    ended = [
        charge["status"] for charge in stripe.look("/v1/charges", limit="100", **{"created[gt]": str(since)})["data"]
        if charge["status"] in ("succeeded", "failed")]
    if not ended:
        print("no payment ended in the last 15 minutes, so no share of them is known: it reads 0", file=sys.stderr)
        return found
    found["success_percent"] = round(100 * ended.count("succeeded") / len(ended), 2)
    if found["success_percent"] < settings["degraded_below"]:
        found["state"] = "degraded"
    return found


def lookup(args, settings):
    stripe = Stripe(settings)
    intent = stripe.intent(args["payment"])
    charges = stripe.charges(args["payment"]) if intent else []
    return {"payment": args["payment"], "state": state(intent, charges), "attempts": len(charges)}


def test_payment(args, settings):
    stripe = Stripe(settings)
    began = time.monotonic()
    intent = stripe.act("create", "/v1/payment_intents", **{
        "amount": str(settings["test_amount"]), "currency": settings["test_currency"], "capture_method": "manual",
        "payment_method": settings["test_payment_method"], "payment_method_types[]": "card"})
    path = f"/v1/payment_intents/{part(intent['id'])}"
    accepted, detail = False, ""
    try:
        confirmed = stripe.act("confirm", f"{path}/confirm")
        accepted = confirmed["status"] == "requires_capture"
        detail = "authorised" if accepted else f"it is {confirmed['status']}"
    except Refused as why:
        detail = error(why).get("message") or str(why)
    try:
        voided = stripe.act("cancel", f"{path}/cancel")["status"] == "canceled"
    except (Failed, Unknown) as why:
        voided = False
        print(f"{intent['id']} is not known to be voided: {why}", file=sys.stderr)
    return {
        "accepted": accepted,
        "voided": voided,
        "took": f"{round((time.monotonic() - began) * 1000)}ms",
        "detail": detail + (" and voided" if voided else f", and {intent['id']} was not voided"),
    }


def retry(args, settings):
    stripe, payment = Stripe(settings), args["payment"]
    intent = stripe.intent(payment)
    if intent is None:
        raise Failed(f"Stripe knows no payment {payment}: what never arrived is sent by who takes payments")
    now = state(intent, stripe.charges(payment))
    if now == "refunded":
        raise Failed(f"{payment} was given back, and is not taken again")
    if now == "captured" or intent["status"] in ("processing", "requires_capture"):
        return {"payment": payment, "state": now, "detail": f"nothing was sent: it is {intent['status']}"}
    # A method that was declined is taken off the payment, and has to be named again.
    last = (intent.get("last_payment_error") or {}).get("payment_method") or {}
    method = None if intent.get("payment_method") else last.get("id")
    try:
        done = stripe.act("confirm", f"/v1/payment_intents/{part(payment)}/confirm",
                          **({"payment_method": method} if method else {}))
    except Refused as why:
        if why.status == 402:
            return {"payment": payment, "state": "declined", "detail": error(why).get("message", "declined")}
        raise
    if done["status"] == "requires_payment_method":
        said = (done.get("last_payment_error") or {}).get("message", "declined")
        return {"payment": payment, "state": "declined", "detail": said}
    taken = done["status"] == "succeeded"
    return {"payment": payment, "state": "captured" if taken else "pending",
            "detail": f"{money(done)} taken" if taken else f"it is {done['status']}"}


def refund(args, settings):
    stripe, payment = Stripe(settings), args["payment"]
    try:
        done = stripe.act("refund", "/v1/refunds", payment_intent=payment)
    except Refused as why:
        if error(why).get("code") == "charge_already_refunded":
            return {"payment": payment, "state": "refunded", "detail": "it had been given back already"}
        raise
    if done["status"] not in ("succeeded", "pending"):
        raise Failed(f"the refund {done['id']} is {done['status']}: {done.get('failure_reason') or 'no reason given'}")
    return {"payment": payment, "state": "refunded",
            "detail": f"{money(done)} given back" + (", on its way" if done["status"] == "pending" else "")}


if __name__ == "__main__":
    main({"status": status, "lookup": lookup, "test-payment": test_payment, "retry": retry, "refund": refund})
