"""Holds the verifier against the golden vectors: python vectors.py FOLDER"""

import base64
import datetime
import json
import pathlib
import sys

from verifier import Refused, Verifier

folder = pathlib.Path(sys.argv[1])
judged = 0


def outcome(what):
    try:
        what()
        return True, ""
    except Refused as why:
        return False, str(why)


def check(name, vector, valid, why, failed=None):
    global judged
    assert valid == vector["valid"], f"{name}: {vector['about']}: {why or 'taken'}"
    assert valid or failed is None or why.split(":")[0] in failed, f"{name}: {why}, but {failed} failed"
    judged += 1


for file in sorted(folder.glob("tokens/*.json")):
    vector = json.loads(file.read_text())
    expect = vector["expect"]
    if len(expect) < 3:
        continue  # a receiver always asks for all three
    verifier = Verifier(
        vector["certificates"].encode(), [], expect["endpoint"], expect["destination"], expect["audience"]
    )
    now = datetime.datetime.fromisoformat(vector["now"].replace("Z", "+00:00"))
    valid, why = outcome(lambda: verifier.verify_token(vector["token"], now))
    failed = [name for name, verdict in vector["checks"].items() if verdict == "failed"]
    check(file.stem, vector, valid, why, failed)

certificates = json.loads((folder / "tokens/documented.json").read_text())["certificates"].encode()
for file in sorted(folder.glob("signatures/*.json")):
    vector = json.loads(file.read_text())
    verifier = Verifier(certificates, vector["secrets"], "e", "https://x.example")
    headers = {name.lower(): value for name, value in vector["headers"].items()}
    body = base64.b64decode(vector["body"])
    valid, why = outcome(lambda: verifier.verify_signature(headers, body, vector["now"]))
    check(file.stem, vector, valid, why)

print(judged)
