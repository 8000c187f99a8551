// Checks who sent a notification and that nobody changed it. Needs node 18 and nothing else.

import { createHmac, timingSafeEqual, verify as verifySignature, X509Certificate } from "node:crypto";
import { gunzipSync } from "node:zlib";

const SKEW = 60_000; // how far the clocks of both sides may differ, in milliseconds
const TOLERANCE = 300; // seconds between the signing of a request and its arrival
const LONGEST_TOKEN = 64 * 1024; // bytes of a token when it is decompressed

/** The message begins with the name of the check that failed. */
export class Refused extends Error {}

export class Verifier {
  /** certificates: PEM, from GET /certificates. secrets: whsec_…, two while one is being rotated. */
  constructor({ certificates, secrets, endpoint, url, audience = "CorrigoProDirect" }) {
    const pems = certificates.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    this.certificates = pems.map((pem) => new X509Certificate(pem));
    this.keys = secrets.map((secret) => Buffer.from(secret.replace(/^whsec_/, ""), "base64"));
    this.expected = [
      ["audience", "Aud", audience],
      ["endpoint", "urn:workbell:endpoint", endpoint],
      ["destination", "urn:workbell:destination", new URL(url).origin],
    ];
  }

  /** headers: names in lower case. body: a Buffer with the bytes as they came. Gives the notification, or throws. */
  verify(headers, body, now = Date.now()) {
    const [, token] = /^bearer +(.+)$/i.exec(headers.authorization ?? "") ?? [];
    if (token === undefined) throw new Refused("shape: there is no bearer token");
    this.verifyToken(token.trim(), now);
    this.verifySignature(headers, body, now / 1000);
    const notification = parse(body, "body: it is no notification");
    const messageId = notification?.Header?.MessageId;
    if (typeof messageId !== "string") throw new Refused("body: it is no notification");
    if (messageId.toLowerCase() !== headers["webhook-id"].toLowerCase()) {
      throw new Refused("body: its MessageId is not the Webhook-Id");
    }
    return notification;
  }

  verifyToken(token, now) {
    const halves = token.split("<---->");
    if (halves.length !== 2 || halves.includes("")) throw new Refused("shape: it is not data<---->signature");
    const [data, signature] = halves.map(fromBase64url);
    // The signature covers the bytes before they are decompressed.
    this.findCertificate(data, signature, now);
    const text = data[0] === 0x1f && data[1] === 0x8b ? gunzip(data) : data;
    const document = parse(text, "JSON: it has another form");
    const claims = document?.Claims;
    const times = document?.Properties?.Dictionary;
    if (!Array.isArray(claims) || typeof times !== "object" || times === null) {
      throw new Refused("JSON: it has another form");
    }
    if (claims.some((claim) => claim?.Type === "urn:workbell:use")) {
      throw new Refused("use: it is no token of a notification");
    }
    for (const [check, type, expected] of this.expected) {
      const values = claims.filter((claim) => claim?.Type === type).map((claim) => claim.Value);
      if (values.length !== 1 || values[0] !== expected) throw new Refused(`${check}: it is not for ${expected}`);
    }
    if (!(httpDate(times[".issued"]) <= now + SKEW)) throw new Refused("not yet valid: it was issued in the future");
    if (!(httpDate(times[".expires"]) >= now - SKEW)) throw new Refused("expired: it has ended");
  }

  /** There is no key id, and two certificates while a key is being rotated: each is tried. */
  findCertificate(data, signature, now) {
    for (const certificate of this.certificates) {
      const key = certificate.publicKey;
      if (key.asymmetricKeyType !== "rsa" || !verifySignature("sha256", data, key, signature)) continue;
      const isNow = Date.parse(certificate.validFrom) - SKEW <= now && now <= Date.parse(certificate.validTo) + SKEW;
      if (key.asymmetricKeyDetails.modulusLength < 2048 || !isNow) {
        throw new Refused("certificate: its key is too short, or it is not valid now");
      }
      return;
    }
    throw new Refused("signature: no certificate fits");
  }

  /** Standard Webhooks: HMAC-SHA256 over id, timestamp and body. */
  verifySignature(headers, body, now) {
    const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => headers[`webhook-${name}`] ?? "");
    if (!/^-?\d{1,12}$/.test(timestamp) || Math.abs(Math.floor(now) - Number(timestamp)) > TOLERANCE) {
      throw new Refused("signature: the request is too old, or its clock is wrong");
    }
    const given = signatures
      .split(" ")
      .filter((value) => value.startsWith("v1,"))
      .map((value) => Buffer.from(value.slice(3)));
    for (const key of this.keys) {
      const hmac = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body);
      const expected = Buffer.from(hmac.digest("base64"));
      if (given.some((value) => value.length === expected.length && timingSafeEqual(value, expected))) return;
    }
    throw new Refused("signature: it does not fit the body");
  }
}

function fromBase64url(text) {
  const bare = text.replace(/=+$/, "");
  if (!/^[A-Za-z0-9_-]+$/.test(bare) || bare.length % 4 === 1) throw new Refused("base64: it is not base64url");
  return Buffer.from(bare, "base64url");
}

function gunzip(data) {
  try {
    return gunzipSync(data, { maxOutputLength: LONGEST_TOKEN });
  } catch {
    throw new Refused("gzip: it is too long, or cannot be decompressed");
  }
}

function parse(bytes, otherwise) {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Refused(otherwise);
  }
}

/** Milliseconds; NaN, which no comparison holds for, when it is no such date. */
function httpDate(text) {
  return /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/.test(text) ? Date.parse(text) : NaN;
}
