package hooks;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.RSAPublicKey;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.zip.GZIPInputStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Checks who sent a notification and that nobody changed it. Needs Java 17 and Gson. */
public final class Verifier {
    /** How far the clocks of both sides may differ. */
    private static final Duration SKEW = Duration.ofSeconds(60);

    /** Seconds between the signing of a request and its arrival. */
    private static final long TOLERANCE = 300;

    /** Bytes of a token when it is decompressed. */
    private static final int LONGEST_TOKEN = 64 * 1024;

    /** The message begins with the name of the check that failed. */
    public static final class Refused extends Exception {
        Refused(String message) {
            super(message);
        }
    }

    private record Expected(String check, String type, String value) {}

    private final List<X509Certificate> certificates = new ArrayList<>();
    private final List<SecretKeySpec> keys = new ArrayList<>();
    private final List<Expected> expected;

    /**
     * @param certificates PEM, from GET /certificates
     * @param secrets whsec_…, two while one is being rotated
     */
    public Verifier(byte[] certificates, List<String> secrets, String endpoint, String url, String audience)
            throws CertificateException {
        var factory = CertificateFactory.getInstance("X.509");
        for (var certificate : factory.generateCertificates(new ByteArrayInputStream(certificates))) {
            this.certificates.add((X509Certificate) certificate);
        }
        for (String secret : secrets) {
            byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
            keys.add(new SecretKeySpec(key, "HmacSHA256"));
        }
        expected = List.of(
                new Expected("audience", "Aud", audience),
                new Expected("endpoint", "urn:workbell:endpoint", endpoint),
                new Expected("destination", "urn:workbell:destination", origin(url)));
    }

    /**
     * @param header gives the value of a header, or null
     * @param body the bytes as they came
     * @return the notification
     */
    public JsonObject verify(Function<String, String> header, byte[] body, Instant now) throws Refused {
        String authorization = header.apply("Authorization");
        if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
            throw new Refused("shape: there is no bearer token");
        }
        verifyToken(authorization.substring(7).strip(), now);
        verifySignature(header, body, now.getEpochSecond());
        try {
            JsonObject notification = parse(body).getAsJsonObject();
            String messageId = notification.getAsJsonObject("Header").get("MessageId").getAsString();
            if (!messageId.equalsIgnoreCase(header.apply("Webhook-Id"))) {
                throw new Refused("body: its MessageId is not the Webhook-Id");
            }
            return notification;
        } catch (JsonParseException | IllegalStateException | ClassCastException | NullPointerException why) {
            throw new Refused("body: it is no notification");
        }
    }

    void verifyToken(String token, Instant now) throws Refused {
        String[] halves = token.split("<---->", -1);
        if (halves.length != 2 || halves[0].isEmpty() || halves[1].isEmpty()) {
            throw new Refused("shape: it is not data<---->signature");
        }
        byte[] data = fromBase64url(halves[0]);
        byte[] signature = fromBase64url(halves[1]);
        // The signature covers the bytes before they are decompressed.
        findCertificate(data, signature, now);
        byte[] text = data.length > 1 && data[0] == 0x1f && data[1] == (byte) 0x8b ? gunzip(data) : data;
        JsonArray claims;
        JsonObject times;
        try {
            JsonObject document = parse(text).getAsJsonObject();
            claims = document.getAsJsonArray("Claims");
            times = document.getAsJsonObject("Properties").getAsJsonObject("Dictionary");
            if (!valuesOf(claims, "urn:workbell:use").isEmpty()) {
                throw new Refused("use: it is no token of a notification");
            }
        } catch (JsonParseException | IllegalStateException | ClassCastException | NullPointerException why) {
            throw new Refused("JSON: it has another form");
        }
        for (Expected wanted : expected) {
            if (!valuesOf(claims, wanted.type).equals(List.of(wanted.value))) {
                throw new Refused(wanted.check + ": it is not for " + wanted.value);
            }
        }
        if (httpDate(times, ".issued", "not yet valid").isAfter(now.plus(SKEW))) {
            throw new Refused("not yet valid: it was issued in the future");
        }
        if (httpDate(times, ".expires", "expired").isBefore(now.minus(SKEW))) {
            throw new Refused("expired: it has ended");
        }
    }

    /** There is no key id, and two certificates while a key is being rotated: each is tried. */
    private void findCertificate(byte[] data, byte[] signature, Instant now) throws Refused {
        for (X509Certificate certificate : certificates) {
            if (!(certificate.getPublicKey() instanceof RSAPublicKey key) || !fits(key, data, signature)) {
                continue;
            }
            boolean begun = !now.plus(SKEW).isBefore(certificate.getNotBefore().toInstant());
            boolean ended = now.minus(SKEW).isAfter(certificate.getNotAfter().toInstant());
            if (key.getModulus().bitLength() < 2048 || !begun || ended) {
                throw new Refused("certificate: its key is too short, or it is not valid now");
            }
            return;
        }
        throw new Refused("signature: no certificate fits");
    }

    private static boolean fits(RSAPublicKey key, byte[] data, byte[] signature) {
        try {
            var check = Signature.getInstance("SHA256withRSA");
            check.initVerify(key);
            check.update(data);
            return check.verify(signature);
        } catch (GeneralSecurityException why) {
            return false; // a signature of another length, for one
        }
    }

    /** Standard Webhooks: HMAC-SHA256 over id, timestamp and body. */
    void verifySignature(Function<String, String> header, byte[] body, long now) throws Refused {
        String id = header.apply("Webhook-Id");
        String timestamp = header.apply("Webhook-Timestamp");
        String signatures = header.apply("Webhook-Signature");
        if (id == null || timestamp == null || signatures == null) {
            throw new Refused("signature: there is none");
        }
        if (!timestamp.matches("-?\\d{1,12}") || Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE) {
            throw new Refused("signature: the request is too old, or its clock is wrong");
        }
        for (SecretKeySpec key : keys) {
            byte[] expected;
            try {
                Mac mac = Mac.getInstance("HmacSHA256");
                mac.init(key);
                mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
                expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(body))).getBytes();
            } catch (GeneralSecurityException why) {
                throw new IllegalStateException(why);
            }
            for (String given : signatures.split(" ")) {
                if (MessageDigest.isEqual(expected, given.getBytes(StandardCharsets.UTF_8))) {
                    return;
                }
            }
        }
        throw new Refused("signature: it does not fit the body");
    }

    private static List<String> valuesOf(JsonArray claims, String type) {
        var values = new ArrayList<String>();
        for (JsonElement claim : claims) {
            JsonObject members = claim.getAsJsonObject();
            if (members.get("Type").getAsString().equals(type)) {
                values.add(members.get("Value").getAsString());
            }
        }
        return values;
    }

    /** Scheme, host and port of a URL, as the token has it: lower case, the port only if it is not the usual one. */
    private static String origin(String url) {
        URI parts = URI.create(url);
        String scheme = parts.getScheme().toLowerCase(Locale.ROOT);
        int usual = Map.of("http", 80, "https", 443).getOrDefault(scheme, -1);
        String port = parts.getPort() == -1 || parts.getPort() == usual ? "" : ":" + parts.getPort();
        return scheme + "://" + parts.getHost().toLowerCase(Locale.ROOT) + port;
    }

    private static JsonElement parse(byte[] text) throws JsonParseException {
        return JsonParser.parseString(new String(text, StandardCharsets.UTF_8));
    }

    private static byte[] fromBase64url(String text) throws Refused {
        try {
            return Base64.getUrlDecoder().decode(text.replaceFirst("=+$", ""));
        } catch (IllegalArgumentException why) {
            throw new Refused("base64: it is not base64url");
        }
    }

    private static byte[] gunzip(byte[] data) throws Refused {
        try (var stream = new GZIPInputStream(new ByteArrayInputStream(data))) {
            byte[] text = stream.readNBytes(LONGEST_TOKEN + 1);
            if (text.length > LONGEST_TOKEN) {
                throw new Refused("gzip: it is too long");
            }
            return text;
        } catch (IOException why) {
            throw new Refused("gzip: it cannot be decompressed");
        }
    }

    private static Instant httpDate(JsonObject times, String name, String check) throws Refused {
        try {
            String text = times.get(name).getAsString();
            return ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
        } catch (DateTimeException | IllegalStateException | ClassCastException | NullPointerException why) {
            throw new Refused(check + ": " + name + " is missing or no date");
        }
    }
}
