"""Checks who sent a notification and that nobody changed it. Needs Python 3.9 and the package `cryptography`."""

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import re
import zlib
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

SKEW = datetime.timedelta(seconds=60)  # how far the clocks of both sides may differ
TOLERANCE = 300  # seconds between the signing of a request and its arrival
LONGEST_TOKEN = 64 * 1024  # bytes of a token when it is decompressed


class Refused(Exception):
    """The message begins with the name of the check that failed."""


class Verifier:
    def __init__(self, certificates, secrets, endpoint, url, audience="CorrigoProDirect"):
        """certificates: PEM, from GET /certificates. secrets: whsec_…, two while one is being rotated."""
        self.certificates = x509.load_pem_x509_certificates(certificates)
        self.keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
        self.expected = {
            "audience": ("Aud", audience),
            "endpoint": ("urn:workbell:endpoint", endpoint),
            "destination": ("urn:workbell:destination", origin(url)),
        }

    def verify(self, headers, body, now=None):
        """headers: names in lower case. body: the bytes as they came. Gives the notification, or raises Refused."""
        now = now or datetime.datetime.now(datetime.timezone.utc)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("shape: there is no bearer token")
        self.verify_token(token.strip(), now)
        self.verify_signature(headers, body, now.timestamp())
        try:
            notification = json.loads(body)
            message_id = notification["Header"]["MessageId"].lower()
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused("body: it is no notification")
        if message_id != headers["webhook-id"].lower():
            raise Refused("body: its MessageId is not the Webhook-Id")
        return notification

    def verify_token(self, token, now):
        halves = token.split("<---->")
        if len(halves) != 2 or not all(halves):
            raise Refused("shape: it is not data<---->signature")
        data, signature = (from_base64url(half) for half in halves)
        # The signature covers the bytes before they are decompressed.
        self.find_certificate(data, signature, now)
        text = gunzip(data) if data[:2] == b"\x1f\x8b" else data
        try:
            document = json.loads(text)
            claims = [(claim["Type"], claim["Value"]) for claim in document["Claims"]]
            times = document["Properties"]["Dictionary"]
        except (ValueError, KeyError, TypeError):
            raise Refused("JSON: it has another form")
        if any(kind == "urn:workbell:use" for kind, _ in claims):
            raise Refused("use: it is no token of a notification")
        for check, (kind, expected) in self.expected.items():
            if [value for other, value in claims if other == kind] != [expected]:
                raise Refused(f"{check}: it is not for {expected}")
        if http_date(times, ".issued", "not yet valid") > now + SKEW:
            raise Refused("not yet valid: it was issued in the future")
        if http_date(times, ".expires", "expired") < now - SKEW:
            raise Refused("expired: it has ended")

    def find_certificate(self, data, signature, now):
        """There is no key id, and two certificates while a key is being rotated: each is tried."""
        for certificate in self.certificates:
            key = certificate.public_key()
            if not isinstance(key, rsa.RSAPublicKey):
                continue
            try:
                key.verify(signature, data, padding.PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            begins = certificate.not_valid_before_utc - SKEW
            ends = certificate.not_valid_after_utc + SKEW
            if key.key_size < 2048 or not begins <= now <= ends:
                raise Refused("certificate: its key is too short, or it is not valid now")
            return
        raise Refused("signature: no certificate fits")

    def verify_signature(self, headers, body, now):
        """Standard Webhooks: HMAC-SHA256 over id, timestamp and body."""
        message_id, timestamp, signatures = (
            headers.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
        )
        if not re.fullmatch(r"-?\d{1,12}", timestamp) or abs(int(now) - int(timestamp)) > TOLERANCE:
            raise Refused("signature: the request is too old, or its clock is wrong")
        signed = f"{message_id}.{timestamp}.".encode() + body
        given = [value.removeprefix("v1,").encode() for value in signatures.split(" ") if value.startswith("v1,")]
        for key in self.keys:
            expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
            if any(hmac.compare_digest(expected, value) for value in given):
                return
        raise Refused("signature: it does not fit the body")


def origin(url):
    """Scheme, host and port of a URL, as the token has it: lower case, the port only if it is not the usual one."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    host = parts.hostname.encode("idna").decode() if ":" not in parts.hostname else f"[{parts.hostname}]"
    return f"{parts.scheme}://{host}{port}"


def from_base64url(text):
    text = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise Refused("base64: it is not base64url")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Refused("base64: it is not base64url")


def gunzip(data):
    try:
        decoder = zlib.decompressobj(wbits=31)
        text = decoder.decompress(data, LONGEST_TOKEN + 1)
    except zlib.error:
        raise Refused("gzip: it cannot be decompressed")
    if len(text) > LONGEST_TOKEN or not decoder.eof or decoder.unused_data:
        raise Refused("gzip: it is too long, cut, or followed by something")
    return text


def http_date(times, name, check):
    try:
        time = datetime.datetime.strptime(times[name], "%a, %d %b %Y %H:%M:%S GMT")
    except (KeyError, ValueError, TypeError):
        raise Refused(f"{check}: {name} is missing or no date")
    return time.replace(tzinfo=datetime.timezone.utc)
