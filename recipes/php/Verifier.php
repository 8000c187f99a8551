<?php

declare(strict_types=1);

/** The message begins with the name of the check that failed. */
final class Refused extends Exception
{
}

/** Checks who sent a notification and that nobody changed it. Needs PHP 8.1 with openssl and zlib. */
final class Verifier
{
    /** Seconds by which the clocks of both sides may differ. */
    private const SKEW = 60;

    /** Seconds between the signing of a request and its arrival. */
    private const TOLERANCE = 300;

    /** Bytes of a token when it is decompressed. */
    private const LONGEST_TOKEN = 64 * 1024;

    /** @var list<string> */
    private array $certificates;

    /** @var list<string> */
    private array $keys;

    /** @var array<string, array{string, string}> */
    private array $expected;

    /**
     * @param string $certificates PEM, from GET /certificates
     * @param list<string> $secrets whsec_…, two while one is being rotated
     */
    public function __construct(
        string $certificates,
        array $secrets,
        string $endpoint,
        string $url,
        string $audience = 'CorrigoProDirect'
    ) {
        preg_match_all('/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/', $certificates, $found);
        $this->certificates = $found[0];
        $this->keys = array_map(
            fn (string $secret): string => base64_decode(preg_replace('/^whsec_/', '', $secret), true),
            $secrets
        );
        $this->expected = [
            'audience' => ['Aud', $audience],
            'endpoint' => ['urn:workbell:endpoint', $endpoint],
            'destination' => ['urn:workbell:destination', self::origin($url)],
        ];
    }

    /**
     * @param array<string, string> $headers names in lower case
     * @param string $body the bytes as they came
     * @return array<string, mixed> the notification
     * @throws Refused
     */
    public function verify(array $headers, string $body, int $now): array
    {
        if (!preg_match('/^Bearer +(.+)$/i', $headers['authorization'] ?? '', $parts)) {
            throw new Refused('shape: there is no bearer token');
        }
        $this->verifyToken(trim($parts[1]), $now);
        $this->verifySignature($headers, $body, $now);
        $notification = json_decode($body, true);
        $messageId = is_array($notification) ? ($notification['Header']['MessageId'] ?? null) : null;
        if (!is_string($messageId)) {
            throw new Refused('body: it is no notification');
        }
        if (strtolower($messageId) !== strtolower($headers['webhook-id'])) {
            throw new Refused('body: its MessageId is not the Webhook-Id');
        }
        return $notification;
    }

    /** @throws Refused */
    public function verifyToken(string $token, int $now): void
    {
        $halves = explode('<---->', $token);
        if (count($halves) !== 2 || in_array('', $halves, true)) {
            throw new Refused('shape: it is not data<---->signature');
        }
        [$data, $signature] = array_map(self::fromBase64url(...), $halves);
        // The signature covers the bytes before they are decompressed.
        $this->findCertificate($data, $signature, $now);
        $document = json_decode(str_starts_with($data, "\x1f\x8b") ? self::gunzip($data) : $data, true);
        $claims = is_array($document) ? ($document['Claims'] ?? null) : null;
        $times = is_array($document) ? ($document['Properties']['Dictionary'] ?? null) : null;
        if (!is_array($claims) || !is_array($times)) {
            throw new Refused('JSON: it has another form');
        }
        if (self::valuesOf($claims, 'urn:workbell:use') !== []) {
            throw new Refused('use: it is no token of a notification');
        }
        foreach ($this->expected as $check => [$type, $expected]) {
            if (self::valuesOf($claims, $type) !== [$expected]) {
                throw new Refused("$check: it is not for $expected");
            }
        }
        if (self::httpDate($times['.issued'] ?? null, 'not yet valid') > $now + self::SKEW) {
            throw new Refused('not yet valid: it was issued in the future');
        }
        if (self::httpDate($times['.expires'] ?? null, 'expired') < $now - self::SKEW) {
            throw new Refused('expired: it has ended');
        }
    }

    /**
     * There is no key id, and two certificates while a key is being rotated: each is tried.
     *
     * @throws Refused
     */
    private function findCertificate(string $data, string $signature, int $now): void
    {
        foreach ($this->certificates as $certificate) {
            $key = openssl_pkey_get_public($certificate);
            $details = $key === false ? false : openssl_pkey_get_details($key);
            if ($details === false || $details['type'] !== OPENSSL_KEYTYPE_RSA) {
                continue;
            }
            if (openssl_verify($data, $signature, $key, OPENSSL_ALGO_SHA256) !== 1) {
                continue;
            }
            $says = openssl_x509_parse($certificate);
            $isNow = $says['validFrom_time_t'] - self::SKEW <= $now && $now <= $says['validTo_time_t'] + self::SKEW;
            if ($details['bits'] < 2048 || !$isNow) {
                throw new Refused('certificate: its key is too short, or it is not valid now');
            }
            return;
        }
        throw new Refused('signature: no certificate fits');
    }

    /**
     * Standard Webhooks: HMAC-SHA256 over id, timestamp and body.
     *
     * @param array<string, string> $headers names in lower case
     * @throws Refused
     */
    public function verifySignature(array $headers, string $body, int $now): void
    {
        $id = $headers['webhook-id'] ?? '';
        $timestamp = $headers['webhook-timestamp'] ?? '';
        if (!preg_match('/^-?\d{1,12}$/D', $timestamp) || abs($now - (int) $timestamp) > self::TOLERANCE) {
            throw new Refused('signature: the request is too old, or its clock is wrong');
        }
        foreach ($this->keys as $key) {
            $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
            foreach (explode(' ', $headers['webhook-signature'] ?? '') as $given) {
                if (hash_equals($expected, $given)) {
                    return;
                }
            }
        }
        throw new Refused('signature: it does not fit the body');
    }

    /** @return list<mixed> */
    private static function valuesOf(array $claims, string $type): array
    {
        $values = [];
        foreach ($claims as $claim) {
            if (!is_array($claim) || !isset($claim['Type'], $claim['Value'])) {
                throw new Refused('JSON: a claim has another form');
            }
            if ($claim['Type'] === $type) {
                $values[] = $claim['Value'];
            }
        }
        return $values;
    }

    /** Scheme, host and port of a URL, as the token has it: lower case, the port only if it is not the usual one. */
    private static function origin(string $url): string
    {
        $parts = parse_url($url);
        $usual = ['http' => 80, 'https' => 443][$parts['scheme']] ?? null;
        $port = isset($parts['port']) && $parts['port'] !== $usual ? ":{$parts['port']}" : '';
        return "{$parts['scheme']}://" . strtolower($parts['host']) . $port;
    }

    private static function fromBase64url(string $text): string
    {
        $text = rtrim($text, '=');
        if (!preg_match('/^[A-Za-z0-9_-]+$/D', $text) || strlen($text) % 4 === 1) {
            throw new Refused('base64: it is not base64url');
        }
        return base64_decode(strtr($text, '-_', '+/'));
    }

    private static function gunzip(string $data): string
    {
        $text = @gzdecode($data, self::LONGEST_TOKEN);
        if ($text === false) {
            throw new Refused('gzip: it is too long, or cannot be decompressed');
        }
        return $text;
    }

    private static function httpDate(mixed $text, string $check): int
    {
        $time = is_string($text)
            ? DateTimeImmutable::createFromFormat('!D, d M Y H:i:s \G\M\T', $text, new DateTimeZone('UTC'))
            : false;
        if ($time === false) {
            throw new Refused("$check: it is missing or no date");
        }
        return $time->getTimestamp();
    }
}
