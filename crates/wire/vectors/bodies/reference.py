"""A second implementation of the body and the content hash, to check sent.json with.

Run it as `python3 reference.py`; it needs nothing but Python. What it computes is said in ../README.md.
"""

import hashlib
import json
import pathlib
import re

HEADER = ["WorkOrderId", "BranchId", "Sender", "Action", "ActionDate", "ApiVersion", "MessageId"]
RESERVED = ["InitiatedBy", "CompanyId"]
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
SPACE = " \t\r\n"


def members(text):
    """Names, decoded, and values, exact, of the object that a text holds."""
    decode = json.JSONDecoder().raw_decode
    found, at = [], text.index("{") + 1
    while True:
        at = skip(text, at)
        if text[at] == "}":
            return found
        name, at = decode(text, at)
        start = skip(text, skip(text, at) + 1)
        _, at = decode(text, start)
        found.append((name, text[start:at]))
        at = skip(text, at)
        at += text[at] == ","


def skip(text, at):
    while text[at] in SPACE:
        at += 1
    return at


def encode(name):
    return '"' + re.sub(r'["\\\x00-\x1f]', lambda m: ESCAPES.get(m[0], f"\\u{ord(m[0]):04x}"), name) + '"'


def write(pairs):
    return "{" + ",".join(encode(name) + ":" + value for name, value in pairs) + "}"


def split(published):
    top = members(published)
    header = members(dict(top)["Header"])
    return top, dict(header), [(name, value) for name, value in header if name not in HEADER]


def body(published, message_id, now):
    top, known, unknown = split(published)
    filled = {"MessageId": f'"{message_id}"', "ActionDate": f'"{now}"', "ApiVersion": '"1.1"'}
    for name, value in filled.items():
        if known.get(name, "null") == "null":
            known[name] = value
    known["MessageId"] = '"' + json.loads(known["MessageId"]).lower() + '"'
    header = write([(name, known[name]) for name in HEADER] + unknown)
    rest = [(name, value) for name, value in top if name not in ["Header", *RESERVED]]
    return write([("Header", header), *rest])


def content(published):
    top, known, unknown = split(published)
    header = write([(name, known[name]) for name in HEADER[:-1] if name in known] + unknown)
    return write([("Header", header)] + [(name, value) for name, value in top if name != "Header"])


def sha256(text):
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def main():
    vectors = json.loads((pathlib.Path(__file__).parent / "sent.json").read_text(encoding="utf-8"))
    for vector in vectors:
        sent = body(vector["Published"], vector["MessageId"], vector["Now"])
        assert sent == vector["Body"], (vector["Name"], sent)
        assert sha256(sent) == vector["BodySha256"], vector["Name"]
        assert sha256(content(vector["Published"])) == vector["ContentSha256"], vector["Name"]
    print(f"{len(vectors)} vectors agree")


if __name__ == "__main__":
    main()
