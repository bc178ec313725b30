"""localstripe, which answers as the interface of Stripe does. One payment was made there."""

import base64
import json
import urllib.parse
import urllib.request

from kit import CACHE, listens

NEEDS = ()
PROGRAMS = {}
URL = "http://127.0.0.1:8420"
KEY = "sk_test_lab"


def lacks():
    return [] if server().exists() else [f"localstripe (pip install localstripe into {CACHE}/venv)"]


def server():
    return CACHE / "venv/bin/localstripe"


def start(lab):
    lab.daemon("localstripe", server(), "--port", "8420", "--from-scratch", cwd=lab.directory("localstripe"))
    lab.until("localstripe listens", lambda: listens("127.0.0.1", 8420))
    lab.write("run/stripe.key", KEY, 0o600)
    return {"url": URL, "key": KEY, "payment": pay()}


def pay():
    form = {"amount": 4200, "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}
    basic = base64.b64encode(f"{KEY}:".encode()).decode()
    asked = urllib.request.Request(
        f"{URL}/v1/payment_intents", urllib.parse.urlencode(form).encode(), {"Authorization": f"Basic {basic}"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return json.load(answer)["id"]
