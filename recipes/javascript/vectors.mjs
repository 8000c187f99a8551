// Holds the verifier against the golden vectors: node vectors.mjs FOLDER

import assert from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

import { Refused, Verifier } from "./verifier.mjs";

const folder = process.argv[2];
let judged = 0;

function* vectors(kind) {
  for (const file of readdirSync(join(folder, kind)).sort()) {
    yield [basename(file, ".json"), JSON.parse(readFileSync(join(folder, kind, file), "utf8"))];
  }
}

function check(name, vector, what, failed) {
  let why = "";
  try {
    what();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    why = error.message;
  }
  assert.equal(why === "", vector.valid, `${name}: ${vector.about}: ${why || "taken"}`);
  if (why && failed) assert(failed.includes(why.split(":")[0]), `${name}: ${why}, but ${failed} failed`);
  judged += 1;
}

let certificates = "";
for (const [name, vector] of vectors("tokens")) {
  const { audience, endpoint, destination } = vector.expect;
  if (name === "documented") certificates = vector.certificates;
  // A receiver always asks for all three.
  if (audience === undefined || endpoint === undefined || destination === undefined) continue;
  const verifier = new Verifier({ certificates: vector.certificates, secrets: [], endpoint, url: destination, audience });
  const failed = Object.keys(vector.checks).filter((check) => vector.checks[check] === "failed");
  check(name, vector, () => verifier.verifyToken(vector.token, Date.parse(vector.now)), failed);
}
for (const [name, vector] of vectors("signatures")) {
  const verifier = new Verifier({ certificates, secrets: vector.secrets, endpoint: "e", url: "https://x.example" });
  const headers = Object.fromEntries(Object.entries(vector.headers).map(([key, value]) => [key.toLowerCase(), value]));
  check(name, vector, () => verifier.verifySignature(headers, Buffer.from(vector.body, "base64"), vector.now));
}
console.log(judged);
