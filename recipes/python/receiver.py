"""A receiver with Flask, served by waitress.

    pip install flask waitress cryptography
    WORKBELL_CERTIFICATES=certificates.pem WORKBELL_SECRET=whsec_… WORKBELL_ENDPOINT=… \
    WORKBELL_URL=https://cmms.example/hooks python receiver.py
"""

import os
import tempfile

from flask import Flask, request
from waitress import serve

from verifier import Refused, Verifier

INBOX = os.environ.get("INBOX", "inbox")

with open(os.environ["WORKBELL_CERTIFICATES"], "rb") as file:
    verifier = Verifier(
        certificates=file.read(),
        secrets=os.environ["WORKBELL_SECRET"].split(),
        endpoint=os.environ["WORKBELL_ENDPOINT"],
        url=os.environ["WORKBELL_URL"],
    )

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1024 * 1024  # more is answered with 413


@app.post("/", defaults={"path": ""})
@app.post("/<path:path>")
def receive(path):
    body = request.get_data()  # the bytes as they came: the signature covers these
    headers = {name.lower(): value for name, value in request.headers}
    try:
        notification = verifier.verify(headers, body)
    except Refused as why:
        return f"{why}\n", 401
    is_new = keep(notification["Header"]["MessageId"].lower(), body)
    # The answer goes out now. The work is done afterwards, by whatever reads the inbox.
    return "kept\n" if is_new else "known already\n"


def keep(message_id, body):
    """Writes the notification into the inbox before it is answered. False when it was there: it is a repeat.

    A file is linked to its final name when it is whole and on disk. There can be only one of that name, however
    many attempts overlap. Remove files after 45 days, not earlier: repeats can come that late.
    """
    path = os.path.join(INBOX, f"{message_id}.json")
    if os.path.exists(path):
        return False
    with tempfile.NamedTemporaryFile(dir=INBOX) as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return False
    folder = os.open(INBOX, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


if __name__ == "__main__":
    os.makedirs(INBOX, exist_ok=True)
    serve(app, host="127.0.0.1", port=int(os.environ.get("PORT", "3000")), threads=16)
