"""Verifies Standard Webhooks signatures with the official package.

Reads [{"Secret", "Headers": {...}, "Body"}, ...] from standard input and prints a list of "ok" or the
error, one for each.
"""

import json
import sys

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError


def verdict(request):
    try:
        Webhook(request["Secret"]).verify(request["Body"], request["Headers"])
        return "ok"
    except WebhookVerificationError as error:
        return f"refused: {error}"


print(json.dumps([verdict(request) for request in json.load(sys.stdin)]))
