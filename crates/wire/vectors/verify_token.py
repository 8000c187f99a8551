#!/usr/bin/env python3
"""Verifies a notification's token, independently of Workbell's own code.

Needs Python 3.9 or later and the package `cryptography`, nothing else.

    verify_token.py --certificate certificates.pem [--now 2018-09-04T10:12:08Z]
                    [--audience A] [--endpoint E] [--destination D] < token

Reads the token (with or without "Bearer " in front) from standard input, prints a JSON object with
"valid", "failed" (names of the failed checks), "claims", "issued" and "expires", and ends with
status 0 when it is valid, 1 when it is not.
"""

import argparse
import base64
import binascii
import datetime
import json
import re
import sys
import zlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

SKEW = datetime.timedelta(seconds=60)
MAX_JSON = 64 * 1024
NAME = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"


def from_base64url(text):
    text = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def gunzip(data):
    decoder = zlib.decompressobj(wbits=31)
    text = decoder.decompress(data, MAX_JSON + 1)
    if len(text) > MAX_JSON or not decoder.eof or decoder.unused_data:
        raise ValueError("too long, cut, or followed by other bytes")
    return text


def http_date(text):
    return datetime.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=datetime.timezone.utc)


def fitting_certificate(certificates, data, signature):
    for certificate in certificates:
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < 2048:
            continue
        try:
            key.verify(signature, data, padding.PKCS1v15(), SHA256())
            return certificate
        except InvalidSignature:
            continue
    return None


def verify(token, pem, now, audience=None, endpoint=None, destination=None):
    """Returns (failed, document): the names of the failed checks, and the JSON document or None."""
    halves = token.split("<---->")
    if len(halves) != 2 or not all(halves):
        return ["shape"], None
    try:
        data, signature = map(from_base64url, halves)
    except (ValueError, binascii.Error):
        return ["base64"], None
    failed = []
    certificates = x509.load_pem_x509_certificates(pem)
    certificate = fitting_certificate(certificates, data, signature)
    judged = certificate or (certificates[0] if len(certificates) == 1 else None)
    if certificate is None:
        failed.append("signature")
    if judged is not None:
        begins, ends = judged.not_valid_before_utc, judged.not_valid_after_utc
        if judged.public_key().key_size < 2048 or not begins - SKEW <= now <= ends + SKEW:
            failed.append("certificate")
    try:
        text = gunzip(data) if data[:2] == b"\x1f\x8b" else data
    except (ValueError, zlib.error):
        return ["gzip"] + failed, None
    try:
        document = json.loads(text)
        claims = [(claim["Type"], claim["Value"]) for claim in document["Claims"]]
        dictionary = document["Properties"]["Dictionary"]
    except (ValueError, KeyError, TypeError):
        return ["JSON"] + failed, None
    if any(kind == "urn:workbell:use" for kind, _ in claims):
        failed.append("use")
    for check, kind, expected in [
        ("audience", "Aud", audience),
        ("endpoint", "urn:workbell:endpoint", endpoint),
        ("destination", "urn:workbell:destination", destination),
    ]:
        if expected is not None and [value for other, value in claims if other == kind] != [expected]:
            failed.append(check)
    try:
        if http_date(dictionary[".issued"]) > now + SKEW:
            failed.append("not yet valid")
    except (KeyError, ValueError):
        failed.append("not yet valid")
    try:
        if now > http_date(dictionary[".expires"]) + SKEW:
            failed.append("expired")
    except (KeyError, ValueError):
        failed.append("expired")
    return failed, document


def main():
    parser = argparse.ArgumentParser(description="Verifies a notification's token.")
    parser.add_argument("--certificate", required=True, help="PEM file with one or more certificates")
    parser.add_argument("--now", help="ISO 8601, UTC; the clock when missing")
    parser.add_argument("--audience")
    parser.add_argument("--endpoint")
    parser.add_argument("--destination")
    arguments = parser.parse_args()
    if arguments.now:
        now = datetime.datetime.strptime(arguments.now[:19] + "Z", "%Y-%m-%dT%H:%M:%SZ")
        now = now.replace(tzinfo=datetime.timezone.utc)
    else:
        now = datetime.datetime.now(datetime.timezone.utc)
    token = sys.stdin.read().strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    with open(arguments.certificate, "rb") as file:
        pem = file.read()
    failed, document = verify(
        token, pem, now, arguments.audience, arguments.endpoint, arguments.destination
    )
    answer = {"valid": not failed, "failed": failed}
    if document is not None:
        answer["claims"] = {claim["Type"]: claim["Value"] for claim in document["Claims"]}
        answer["name"] = answer["claims"].get(NAME)
        answer["issued"] = document["Properties"]["Dictionary"].get(".issued")
        answer["expires"] = document["Properties"]["Dictionary"].get(".expires")
    print(json.dumps(answer, indent=2))
    return 0 if not failed else 1


if __name__ == "__main__":
    sys.exit(main())
