// A receiver with Express.
//
//     npm install
//     WORKBELL_CERTIFICATES=certificates.pem WORKBELL_SECRET=whsec_… WORKBELL_ENDPOINT=… \
//     WORKBELL_URL=https://cmms.example/hooks node receiver.mjs

import express from "express";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { Refused, Verifier } from "./verifier.mjs";

const inbox = process.env.INBOX ?? "inbox";
mkdirSync(inbox, { recursive: true });

const verifier = new Verifier({
  certificates: readFileSync(process.env.WORKBELL_CERTIFICATES, "utf8"),
  secrets: process.env.WORKBELL_SECRET.split(" "),
  endpoint: process.env.WORKBELL_ENDPOINT,
  url: process.env.WORKBELL_URL,
});

const app = express();

// The bytes as they came: the signature covers these. No express.json() before this route.
app.use(express.raw({ type: () => true, limit: "1mb" }), async (request, response, next) => {
  if (request.method !== "POST") return response.status(405).set("Allow", "POST").send("notifications are posted\n");
  try {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const notification = verifier.verify(request.headers, body);
    const isNew = await keep(notification.Header.MessageId.toLowerCase(), body);
    // The answer goes out now. The work is done afterwards, by whatever reads the inbox.
    response.type("text").send(isNew ? "kept\n" : "known already\n");
  } catch (error) {
    if (!(error instanceof Refused)) return next(error);
    response.status(401).type("text").send(`${error.message}\n`);
  }
});

/**
 * Writes the notification into the inbox before it is answered. False when it was there: it is a repeat.
 *
 * A file is linked to its final name when it is whole and on disk. There can be only one of that name, however many
 * attempts overlap. Remove files after 45 days, not earlier: repeats can come that late.
 */
async function keep(messageId, body) {
  const path = join(inbox, `${messageId}.json`);
  if (existsSync(path)) return false;
  const draft = join(inbox, `.${randomUUID()}`);
  try {
    await write(draft, body);
    await link(draft, path);
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const folder = await open(inbox);
  await folder.sync().finally(() => folder.close());
  return true;
}

async function write(path, body) {
  const file = await open(path, "wx");
  try {
    await file.writeFile(body);
    await file.sync();
  } finally {
    await file.close();
  }
}

app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
