package hooks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.util.List;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.stereotype.Component;

/** Makes what the receiver needs, from variables of the process (or, with Spring Boot, of its properties). */
@Component
public class Settings {
    @Bean
    public Verifier verifier(Environment environment) throws IOException, CertificateException {
        return new Verifier(
                Files.readAllBytes(Path.of(environment.getRequiredProperty("WORKBELL_CERTIFICATES"))),
                List.of(environment.getRequiredProperty("WORKBELL_SECRET").split(" ")),
                environment.getRequiredProperty("WORKBELL_ENDPOINT"),
                environment.getRequiredProperty("WORKBELL_URL"),
                "CorrigoProDirect");
    }

    @Bean
    public Inbox inbox(Environment environment) throws IOException {
        return new Inbox(Path.of(environment.getProperty("INBOX", "inbox")));
    }
}
