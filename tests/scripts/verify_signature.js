// Verifies Standard Webhooks signatures with the official package.
//
// Reads [{"Secret", "Headers": {...}, "Body"}, ...] from standard input and prints a list of "ok" or the
// error, one for each.

const { Webhook, WebhookVerificationError } = require("standardwebhooks");

function verdict(request) {
  try {
    new Webhook(request.Secret).verify(request.Body, request.Headers);
    return "ok";
  } catch (error) {
    if (error instanceof WebhookVerificationError) return `refused: ${error.message}`;
    throw error;
  }
}

const requests = JSON.parse(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(requests.map(verdict)));
