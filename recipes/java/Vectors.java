package hooks;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/** Holds the verifier against the golden vectors: java -cp "lib/*:classes" hooks.Vectors FOLDER */
public final class Vectors {
    private interface Check {
        void run() throws Verifier.Refused;
    }

    private static int judged;

    private static void check(String name, JsonObject vector, Check what) {
        String why = null;
        try {
            what.run();
        } catch (Verifier.Refused refused) {
            why = refused.getMessage();
        }
        if ((why == null) != vector.get("valid").getAsBoolean()) {
            throw new AssertionError(name + ": " + vector.get("about") + ": " + why);
        }
        if (why != null && vector.has("checks")) {
            var verdict = vector.getAsJsonObject("checks").get(why.split(":")[0]);
            if (verdict == null || !verdict.getAsString().equals("failed")) {
                throw new AssertionError(name + ": " + why + ", but others failed: " + vector.get("checks"));
            }
        }
        judged += 1;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    private static JsonObject read(Path file) throws IOException {
        return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        for (Path file : files(folder.resolve("tokens"))) {
            JsonObject vector = read(file);
            JsonObject expect = vector.getAsJsonObject("expect");
            if (expect.size() < 3) {
                continue; // a receiver always asks for all three
            }
            var verifier = new Verifier(
                    vector.get("certificates").getAsString().getBytes(),
                    List.of(),
                    expect.get("endpoint").getAsString(),
                    expect.get("destination").getAsString(),
                    expect.get("audience").getAsString());
            Instant now = Instant.parse(vector.get("now").getAsString());
            check(file.toString(), vector, () -> verifier.verifyToken(vector.get("token").getAsString(), now));
        }
        byte[] certificates =
                read(folder.resolve("tokens/documented.json")).get("certificates").getAsString().getBytes();
        for (Path file : files(folder.resolve("signatures"))) {
            JsonObject vector = read(file);
            var secrets = new ArrayList<String>();
            vector.getAsJsonArray("secrets").forEach(secret -> secrets.add(secret.getAsString()));
            var verifier = new Verifier(certificates, secrets, "e", "https://x.example", "a");
            JsonObject headers = vector.getAsJsonObject("headers");
            byte[] body = Base64.getDecoder().decode(vector.get("body").getAsString());
            check(file.toString(), vector, () -> verifier.verifySignature(
                    name -> headers.has(name) ? headers.get(name).getAsString() : null,
                    body,
                    vector.get("now").getAsLong()));
        }
        System.out.println(judged);
    }
}
