#!/usr/bin/env python3
"""Writes the vectors in tokens/ and signatures/ with Python's `cryptography` and `hmac`.

They stem from another implementation than the one they test. Keys are made anew at each run and thrown
away; the committed files are the result of one run. See README.md for the members.
"""

import base64
import datetime
import gzip
import hashlib
import hmac
import json
import pathlib
import zlib

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
CHECKS = ["shape", "base64", "gzip", "JSON", "signature", "certificate", "use", "audience", "endpoint",
          "destination", "not yet valid", "expired"]
UTC = datetime.timezone.utc
NOW = datetime.datetime(2018, 9, 4, 10, 12, 8, tzinfo=UTC)
EXPECT = {"audience": "CorrigoProDirect", "endpoint": "0198f0a0-0000-7000-8000-000000000001",
          "destination": "https://cmms.example:8443"}


def certificate(key, begins=NOW - datetime.timedelta(days=1), years=10):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Workbell vector")])
    ends = begins + datetime.timedelta(days=3652 * years // 10)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def new_key(bits=2048):
    return rsa.generate_private_key(65537, bits)


def http_date(moment):
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


def document(use=None, issued=NOW - datetime.timedelta(seconds=5), life=datetime.timedelta(minutes=20),
             leave_out=(), **changed):
    values = {**EXPECT, **changed}
    claims = [(NAME, "client-7"), ("urn:oauth:scope", ""), ("Aud", values["audience"]),
              ("urn:workbell:endpoint", values["endpoint"]), ("urn:workbell:destination", values["destination"]),
              ("jti", "0198f0a0-0000-7000-8000-0000000000aa")]
    if use is not None:
        claims.append(("urn:workbell:use", use))
    whole = {
        "AuthenticationType": "Bearer", "NameClaimType": NAME, "RoleClaimType": NAME,
        "Claims": [{"Type": kind, "Value": value, "ValueType": "http://www.w3.org/2001/XMLSchema#string",
                    "Issuer": "LOCAL AUTHORITY", "OriginalIssuer": "LOCAL AUTHORITY"}
                   for kind, value in claims if kind not in leave_out],
        "Properties": {"Dictionary": {".issued": http_date(issued), ".expires": http_date(issued + life)}},
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def b64(data, padded=False):
    text = base64.urlsafe_b64encode(data).decode()
    return text if padded else text.rstrip("=")


def pkcs1(key, message, digest=SHA256):
    return key.sign(message, padding.PKCS1v15(), digest())


def pss(key, message, salt):
    return key.sign(message, padding.PSS(padding.MGF1(SHA256()), salt), SHA256())


def token(data, signature, padded=False):
    return b64(data, padded) + "<---->" + b64(signature, padded)


def write(folder, name, value):
    path = HERE / folder / (name + ".json")
    path.write_text(json.dumps(value, indent=2) + "\n")


def vector(name, about, text, pem, failed=(), not_checked=(), matched=None, now=NOW, expect=None):
    checks = {check: "passed" for check in CHECKS}
    checks.update({check: "failed" for check in failed})
    checks.update({check: "not checked" for check in not_checked})
    documented = "RSASSA-PKCS1-v1_5 with SHA-256 over the bytes"
    if matched is None and checks["signature"] == "passed":
        matched = documented
    write("tokens", name, {
        "about": about, "token": text, "certificates": pem, "now": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "expect": EXPECT if expect is None else expect, "valid": not failed, "checks": checks, "matched": matched,
    })


def after(*checks):
    """Everything behind these checks."""
    return CHECKS[max(CHECKS.index(check) for check in checks) + 1:]


def valid_tokens(key, pem, other):
    packed = gzip.compress(document(), mtime=0)
    plain = document()
    vector("documented", "gzip, base64url without padding: what Workbell sends", token(packed, pkcs1(key, packed)), pem)
    vector("plain", "not compressed", token(plain, pkcs1(key, plain)), pem, not_checked=["gzip"])
    vector("padded", "base64url with padding", token(packed, pkcs1(key, packed), padded=True), pem)
    vector("plain-padded", "not compressed, with padding", token(plain, pkcs1(key, plain), padded=True), pem,
           not_checked=["gzip"])
    vector("second-certificate", "two certificates are published; the second one fits",
           token(packed, pkcs1(key, packed)), certificate(other) + pem)
    vector("rsa-4096", "a longer key", *longer(packed))
    vector("nothing-asked", "audience, endpoint and destination are not asked for",
           token(packed, pkcs1(key, packed)), pem, not_checked=["audience", "endpoint", "destination"], expect={})
    vector("skew-issued", "issued 60 s in the future of the reader", token(packed, pkcs1(key, packed)), pem,
           now=NOW - datetime.timedelta(seconds=65))
    vector("skew-expired", "expired since 60 s", token(packed, pkcs1(key, packed)), pem,
           now=NOW + datetime.timedelta(seconds=20 * 60 - 5 + 60))


def longer(packed):
    key = new_key(4096)
    return token(packed, pkcs1(key, packed)), certificate(key)


def malformed_tokens(key, pem):
    packed = gzip.compress(document(), mtime=0)
    good = token(packed, pkcs1(key, packed))
    for name, about, text in [
        ("shape-empty", "nothing at all", ""),
        ("shape-no-separator", "no separator", good.replace("<---->", ".")),
        ("shape-two-separators", "two separators", good + "<---->" + "AAAA"),
        ("shape-no-signature", "nothing behind the separator", good.split("<---->")[0] + "<---->"),
        ("shape-jwt", "a JWT", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"),
    ]:
        vector(name, about, text, pem, failed=["shape"], not_checked=after("shape"))
    vector("base64-standard", "standard base64 in place of base64url",
           base64.b64encode(packed).decode() + "+/<---->" + good.split("<---->")[1], pem,
           failed=["base64"], not_checked=after("base64"))
    vector("base64-space", "a space in the signature", good[:-4] + " " + good[-3:], pem,
           failed=["base64"], not_checked=after("base64"))
    cut = packed[:len(packed) // 2]
    vector("gzip-cut", "gzip data that ends too early, signed all the same", token(cut, pkcs1(key, cut)), pem,
           failed=["gzip"], not_checked=["JSON"] + after("certificate"))
    packer = zlib.compressobj(9, wbits=31)
    bomb = packer.compress(b" " * 10_000_000) + packer.flush()
    vector("gzip-bomb", "decompresses to 10 MB", token(bomb, pkcs1(key, bomb)), pem,
           failed=["gzip"], not_checked=["JSON"] + after("certificate"))
    for name, about, data in [
        ("json-broken", "no JSON", document()[:-3]),
        ("json-no-claims", "JSON without Claims", b'{"Properties":{"Dictionary":{}}}'),
        ("json-other", "JSON, but a list", b"[]"),
    ]:
        data = gzip.compress(data, mtime=0)
        vector(name, about, token(data, pkcs1(key, data)), pem, failed=["JSON"], not_checked=after("certificate"))


def badly_signed_tokens(key, pem, other):
    packed = gzip.compress(document(), mtime=0)
    vector("signature-other-key", "signed with another key", token(packed, pkcs1(other, packed)), pem,
           failed=["signature"])
    vector("signature-other-data", "the claims of another token under this signature",
           token(packed, pkcs1(key, gzip.compress(document(endpoint="other"), mtime=0))), pem, failed=["signature"])
    vector("signature-none-of-two", "fits neither certificate", token(packed, pkcs1(new_key(), packed)),
           pem + certificate(other), failed=["signature"], not_checked=["certificate"])
    text, json_text = b64(packed).encode(), document()
    for name, about, signature, matched in [
        ("matched-sha1", "SHA-1", pkcs1(key, packed, SHA1), "RSASSA-PKCS1-v1_5 with SHA-1 over the bytes"),
        ("matched-pss", "PSS, salt as long as the digest", pss(key, packed, padding.PSS.DIGEST_LENGTH),
         "RSASSA-PSS with SHA-256 over the bytes"),
        ("matched-pss-max-salt", "PSS, the longest salt", pss(key, packed, padding.PSS.MAX_LENGTH),
         "RSASSA-PSS with SHA-256 over the bytes"),
        ("matched-text", "the base64url text is signed", pkcs1(key, text),
         "RSASSA-PKCS1-v1_5 with SHA-256 over the base64url text"),
        ("matched-sha1-text", "SHA-1 over the base64url text", pkcs1(key, text, SHA1),
         "RSASSA-PKCS1-v1_5 with SHA-1 over the base64url text"),
        ("matched-pss-text", "PSS over the base64url text", pss(key, text, padding.PSS.DIGEST_LENGTH),
         "RSASSA-PSS with SHA-256 over the base64url text"),
        ("matched-json", "the JSON is signed before it is compressed", pkcs1(key, json_text),
         "RSASSA-PKCS1-v1_5 with SHA-256 over the JSON text"),
    ]:
        vector(name, about, token(packed, signature), pem, failed=["signature"], matched=matched)
    vector("certificate-expired", "the certificate has ended", token(packed, pkcs1(key, packed)),
           certificate(key, NOW - datetime.timedelta(days=4000)), failed=["certificate"])
    vector("certificate-not-yet", "the certificate begins tomorrow", token(packed, pkcs1(key, packed)),
           certificate(key, NOW + datetime.timedelta(days=1)), failed=["certificate"])
    weak = new_key(1024)
    vector("certificate-weak", "a key of 1024 bits", token(packed, pkcs1(weak, packed)), certificate(weak),
           failed=["signature", "certificate"])


def tokens_with_other_claims(key, pem):
    def signed(data):
        data = gzip.compress(data, mtime=0)
        return token(data, pkcs1(key, data))

    minutes = lambda n: datetime.timedelta(minutes=n)
    for name, about, data, failed in [
        ("use-access", "an access token of the Direct API", document(use="access"), ["use"]),
        ("use-other", "marked for a use that nobody knows", document(use="something"), ["use"]),
        ("audience-other", "another audience", document(audience="SomebodyElse"), ["audience"]),
        ("endpoint-other", "the token of another endpoint", document(endpoint="0198f0a0-0000-7000-8000-000000000002"),
         ["endpoint"]),
        ("endpoint-missing", "without the claim", document(leave_out=["urn:workbell:endpoint"]), ["endpoint"]),
        ("destination-other", "another port", document(destination="https://cmms.example"), ["destination"]),
        ("destination-missing", "without the claim", document(leave_out=["urn:workbell:destination"]), ["destination"]),
        ("not-yet-valid", "issued 61 s in the future", document(issued=NOW + datetime.timedelta(seconds=61)),
         ["not yet valid"]),
        ("expired", "expired since 61 s", document(issued=NOW - minutes(20) - datetime.timedelta(seconds=61)),
         ["expired"]),
        ("several", "all that can be judged is judged",
         document(use="access", audience="x", endpoint="y", issued=NOW - minutes(60)),
         ["use", "audience", "endpoint", "expired"]),
    ]:
        vector(name, about, signed(data), pem, failed=failed)


def signed_requests():
    secret, older = bytes(range(1, 33)), bytes(range(101, 125))
    text = lambda raw: "whsec_" + base64.b64encode(raw).decode()
    body = ('{"Header":{"WorkOrderId":42,"BranchId":492042,"Sender":{"Name":"Jon Snow","Phone":"+12025550141",'
            '"Type":"CorrigoPro"},"Action":"Accepted","ActionDate":"2018-09-04T10:12:08.1671613Z","ApiVersion":"1.1",'
            '"MessageId":"0e4bbd8a-9a86-4a5a-a4c9-1a2b3c4d5e6f"},"Status":"Accepted"}').encode()
    message_id, seconds = "0e4bbd8a-9a86-4a5a-a4c9-1a2b3c4d5e6f", int(NOW.timestamp())

    def sign(*keys, over=body, at=seconds):
        signed = f"{message_id}.{at}.".encode() + over
        return " ".join("v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
                        for key in keys)

    def request(name, about, valid, signature, *, at=seconds, sent=body, secrets=(secret,), now=seconds):
        write("signatures", name, {
            "about": about, "valid": valid, "secrets": [text(key) for key in secrets], "now": now,
            "headers": {"Content-Type": "application/json; charset=utf-8", "Event-Type": "Accepted",
                        "Webhook-Id": message_id, "Webhook-Timestamp": str(at), "Webhook-Signature": signature},
            "body": base64.b64encode(sent).decode(),
        })

    request("one-secret", "one secret", True, sign(secret))
    request("rotated-new", "two signatures, the receiver has the new secret", True, sign(secret, older))
    request("rotated-old", "two signatures, the receiver has the old secret", True, sign(secret, older), secrets=(older,))
    request("receiver-has-both", "one signature, the receiver has both secrets", True, sign(older),
            secrets=(secret, older))
    request("not-ascii", "a body beyond ASCII", True, sign(secret, over="{\"Text\":\"Grüße ✓\"}".encode()),
            sent="{\"Text\":\"Grüße ✓\"}".encode())
    request("empty-body", "an empty body", True, sign(secret, over=b""), sent=b"")
    request("edge-old", "300 s old", True, sign(secret), now=seconds + 300)
    request("tampered-body", "one byte of the body changed", False, sign(secret), sent=body.replace(b"42,", b"43,", 1))
    request("other-secret", "signed with another secret", False, sign(older))
    request("other-time", "the time was changed", False, sign(secret), at=seconds + 1)
    request("too-old", "301 s old", False, sign(secret), now=seconds + 301)
    request("too-new", "301 s ahead", False, sign(secret), now=seconds - 301)
    request("other-version", "only a v1a signature", False, sign(secret).replace("v1,", "v1a,"))
    request("cut", "half a signature", False, sign(secret)[:20])


def main():
    for folder in ["tokens", "signatures"]:
        (HERE / folder).mkdir(exist_ok=True)
        for old in (HERE / folder).glob("*.json"):
            old.unlink()
    key, other = new_key(), new_key()
    pem = certificate(key)
    valid_tokens(key, pem, other)
    malformed_tokens(key, pem)
    badly_signed_tokens(key, pem, other)
    tokens_with_other_claims(key, pem)
    signed_requests()


if __name__ == "__main__":
    main()
