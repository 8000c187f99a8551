<?php

// Holds the verifier against the golden vectors: php vectors.php FOLDER

declare(strict_types=1);

require __DIR__ . '/Verifier.php';

$folder = $argv[1];
$judged = 0;

function check(string $name, array $vector, callable $what): void
{
    global $judged;
    $why = null;
    try {
        $what();
    } catch (Refused $refused) {
        $why = $refused->getMessage();
    }
    if (($why === null) !== $vector['valid']) {
        exit("$name: {$vector['about']}: " . ($why ?? 'taken') . "\n");
    }
    if ($why !== null && isset($vector['checks']) && ($vector['checks'][explode(':', $why)[0]] ?? '') !== 'failed') {
        exit("$name: $why, but others failed: " . json_encode($vector['checks']) . "\n");
    }
    $judged++;
}

function read(string $file): array
{
    return json_decode(file_get_contents($file), true, flags: JSON_THROW_ON_ERROR);
}

foreach (glob("$folder/tokens/*.json") as $file) {
    $vector = read($file);
    $expect = $vector['expect'];
    if (count($expect) < 3) {
        continue; // a receiver always asks for all three
    }
    $verifier =
        new Verifier($vector['certificates'], [], $expect['endpoint'], $expect['destination'], $expect['audience']);
    check($file, $vector, fn () => $verifier->verifyToken($vector['token'], strtotime($vector['now'])));
}
$certificates = read("$folder/tokens/documented.json")['certificates'];
foreach (glob("$folder/signatures/*.json") as $file) {
    $vector = read($file);
    $verifier = new Verifier($certificates, $vector['secrets'], 'e', 'https://x.example');
    $headers = array_change_key_case($vector['headers']);
    check(
        $file,
        $vector,
        fn () => $verifier->verifySignature($headers, base64_decode($vector['body']), $vector['now'])
    );
}
echo "$judged\n";
