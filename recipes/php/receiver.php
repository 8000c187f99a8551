<?php

/*
 * A receiver for any web server that runs PHP (FPM, mod_php, CGI). It needs the variables WORKBELL_CERTIFICATES (a PEM
 * file), WORKBELL_SECRET, WORKBELL_ENDPOINT, WORKBELL_URL and INBOX. PHP's own server (php -S) closes the connection
 * after each answer, so use it for a first try only.
 */

declare(strict_types=1);

require __DIR__ . '/Verifier.php';

const LONGEST_BODY = 1024 * 1024;

/**
 * Writes the notification into the inbox before it is answered. False when it was there: it is a repeat.
 *
 * A file is linked to its final name when it is whole and on disk. There can be only one of that name, however many
 * attempts overlap. Remove files after 45 days, not earlier: repeats can come that late.
 */
function keep(string $inbox, string $messageId, string $body): bool
{
    $path = "$inbox/" . basename($messageId) . '.json';
    if (file_exists($path)) {
        return false;
    }
    $draft = tempnam($inbox, '.draft');
    try {
        $file = fopen($draft, 'wb');
        if (fwrite($file, $body) !== strlen($body) || !fsync($file) || !fclose($file)) {
            throw new RuntimeException("cannot write $draft");
        }
        if (@link($draft, $path)) {
            return true;
        }
        if (file_exists($path)) {
            return false;
        }
        throw new RuntimeException("cannot make $path");
    } finally {
        unlink($draft);
    }
}

function answer(int $status, string $text): never
{
    http_response_code($status);
    header('Content-Type: text/plain; charset=utf-8');
    header('Content-Length: ' . strlen("$text\n"));
    exit("$text\n");
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    header('Allow: POST');
    answer(405, 'notifications are posted');
}
// The bytes as they came: the signature covers these.
$body = file_get_contents('php://input', length: LONGEST_BODY + 1);
if (strlen($body) > LONGEST_BODY) {
    answer(413, 'the body is too long');
}
$headers = [];
foreach ($_SERVER as $name => $value) {
    if (str_starts_with($name, 'HTTP_')) {
        $headers[strtolower(strtr(substr($name, 5), '_', '-'))] = $value;
    }
}
$verifier = new Verifier(
    certificates: file_get_contents(getenv('WORKBELL_CERTIFICATES')),
    secrets: explode(' ', getenv('WORKBELL_SECRET')),
    endpoint: getenv('WORKBELL_ENDPOINT'),
    url: getenv('WORKBELL_URL'),
);
try {
    $notification = $verifier->verify($headers, $body, time());
} catch (Refused $why) {
    answer(401, $why->getMessage());
}
try {
    $isNew = keep(getenv('INBOX'), strtolower($notification['Header']['MessageId']), $body);
} catch (RuntimeException $why) {
    error_log($why->getMessage());
    answer(500, 'it cannot be kept');
}
// The answer goes out now. The work is done afterwards, by whatever reads the inbox.
answer(200, $isNew ? 'kept' : 'known already');
