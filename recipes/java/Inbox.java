package hooks;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.UUID;

/** What arrived: a file for each MessageId. Whatever does the work reads these, after the answer. */
public final class Inbox {
    private final Path folder;

    public Inbox(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
    }

    /**
     * Writes the notification into the inbox before it is answered. False when it was there: it is a repeat.
     *
     * <p>A file is linked to its final name when it is whole and on disk. There can be only one of that name, however
     * many attempts overlap. Remove files after 45 days, not earlier: repeats can come that late.
     */
    public boolean keep(String messageId, byte[] body) throws IOException {
        Path path = folder.resolve(messageId.toLowerCase(Locale.ROOT) + ".json");
        if (Files.exists(path)) {
            return false;
        }
        Path draft = folder.resolve("." + UUID.randomUUID());
        try {
            Files.write(draft, body, StandardOpenOption.CREATE_NEW, StandardOpenOption.SYNC);
            Files.createLink(path, draft);
        } catch (FileAlreadyExistsException repeat) {
            return false;
        } finally {
            Files.deleteIfExists(draft);
        }
        try (var entries = FileChannel.open(folder, StandardOpenOption.READ)) {
            entries.force(true);
        }
        return true;
    }
}
