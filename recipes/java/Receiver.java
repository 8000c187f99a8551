package hooks;

import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import org.springframework.http.HttpHeaders;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RestController;

/** Takes notifications at the path of the endpoint's URL. */
@RestController
public class Receiver {
    private static final int LONGEST_BODY = 1024 * 1024;

    private final Verifier verifier;
    private final Inbox inbox;

    public Receiver(Verifier verifier, Inbox inbox) {
        this.verifier = verifier;
        this.inbox = inbox;
    }

    /** The body is taken as a stream, before any converter: the signature covers the bytes as they came. */
    @PostMapping("/hooks")
    public ResponseEntity<String> receive(InputStream stream, @RequestHeader HttpHeaders headers) throws IOException {
        byte[] body = stream.readNBytes(LONGEST_BODY + 1);
        if (body.length > LONGEST_BODY) {
            return answer(413, "the body is too long");
        }
        try {
            var notification = verifier.verify(headers::getFirst, body, Instant.now());
            String messageId = notification.getAsJsonObject("Header").get("MessageId").getAsString();
            boolean isNew = inbox.keep(messageId, body);
            // The answer goes out now. The work is done afterwards, by whatever reads the inbox.
            return answer(200, isNew ? "kept" : "known already");
        } catch (Verifier.Refused why) {
            return answer(401, why.getMessage());
        }
    }

    private static ResponseEntity<String> answer(int status, String text) {
        return ResponseEntity.status(status).contentType(MediaType.TEXT_PLAIN).body(text + "\n");
    }
}
