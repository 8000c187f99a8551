import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.Executors;

/**
 * A receiver with the server of the JDK.
 *
 * <pre>
 * javac -cp gson.jar *.java
 * WORKBELL_CERTIFICATES=certificates.pem WORKBELL_SECRET=whsec_… WORKBELL_ENDPOINT=… \
 * WORKBELL_URL=https://cmms.example/hooks java -cp gson.jar:. Receiver
 * </pre>
 */
public final class Receiver {
    private static final int LONGEST_BODY = 1024 * 1024;

    private final Verifier verifier;
    private final Path inbox;

    private Receiver(Verifier verifier, Path inbox) {
        this.verifier = verifier;
        this.inbox = inbox;
    }

    private void receive(HttpExchange exchange) throws IOException {
        if (!exchange.getRequestMethod().equals("POST")) {
            exchange.getResponseHeaders().set("Allow", "POST");
            answer(exchange, 405, "notifications are posted");
            return;
        }
        // The bytes as they came: the signature covers these.
        byte[] body = exchange.getRequestBody().readNBytes(LONGEST_BODY + 1);
        if (body.length > LONGEST_BODY) {
            answer(exchange, 413, "the body is too long");
            return;
        }
        try {
            var notification = verifier.verify(exchange.getRequestHeaders()::getFirst, body, Instant.now());
            String messageId = notification.getAsJsonObject("Header").get("MessageId").getAsString();
            boolean isNew = keep(messageId.toLowerCase(Locale.ROOT), body);
            // The answer goes out now. The work is done afterwards, by whatever reads the inbox.
            answer(exchange, 200, isNew ? "kept" : "known already");
        } catch (Verifier.Refused why) {
            answer(exchange, 401, why.getMessage());
        } catch (IOException why) {
            why.printStackTrace();
            answer(exchange, 500, "it cannot be kept");
        }
    }

    /**
     * Writes the notification into the inbox before it is answered. False when it was there: it is a repeat.
     *
     * <p>A file is linked to its final name when it is whole and on disk. There can be only one of that name, however
     * many attempts overlap. Remove files after 45 days, not earlier: repeats can come that late.
     */
    private boolean keep(String messageId, byte[] body) throws IOException {
        Path path = inbox.resolve(messageId + ".json");
        if (Files.exists(path)) {
            return false;
        }
        Path draft = inbox.resolve("." + UUID.randomUUID());
        try {
            Files.write(draft, body, StandardOpenOption.CREATE_NEW, StandardOpenOption.SYNC);
            Files.createLink(path, draft);
        } catch (FileAlreadyExistsException repeat) {
            return false;
        } finally {
            Files.deleteIfExists(draft);
        }
        try (var folder = FileChannel.open(inbox, StandardOpenOption.READ)) {
            folder.force(true);
        }
        return true;
    }

    private static void answer(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = (text + "\n").getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
        exchange.sendResponseHeaders(status, bytes.length);
        try (var out = exchange.getResponseBody()) {
            out.write(bytes);
        }
    }

    private static String environment(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }

    public static void main(String[] arguments) throws Exception {
        // Without it each answer waits for the other side's delayed acknowledgement.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        var verifier = new Verifier(
                Files.readAllBytes(Path.of(System.getenv("WORKBELL_CERTIFICATES"))),
                List.of(System.getenv("WORKBELL_SECRET").split(" ")),
                System.getenv("WORKBELL_ENDPOINT"),
                System.getenv("WORKBELL_URL"),
                "CorrigoProDirect");
        Path inbox = Files.createDirectories(Path.of(environment("INBOX", "inbox")));
        var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(environment("PORT", "3000")));
        var server = HttpServer.create(address, 0);
        server.createContext("/", new Receiver(verifier, inbox)::receive);
        server.setExecutor(Executors.newFixedThreadPool(32));
        server.start();
    }
}
