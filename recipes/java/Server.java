package hooks;

import java.nio.file.Files;
import org.apache.catalina.Context;
import org.apache.catalina.startup.Tomcat;
import org.springframework.web.context.support.AnnotationConfigWebApplicationContext;
import org.springframework.web.servlet.DispatcherServlet;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter;
import org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerMapping;

/**
 * Spring MVC in an embedded Tomcat.
 *
 * <pre>
 * javac -cp "lib/*" -d classes *.java
 * WORKBELL_CERTIFICATES=certificates.pem WORKBELL_SECRET=whsec_… WORKBELL_ENDPOINT=… \
 * WORKBELL_URL=https://cmms.example/hooks java -cp "lib/*:classes" hooks.Server
 * </pre>
 */
public final class Server {
    private Server() {}

    public static void main(String[] arguments) throws Exception {
        var spring = new AnnotationConfigWebApplicationContext();
        spring.register(Settings.class, Receiver.class);
        spring.register(RequestMappingHandlerMapping.class, RequestMappingHandlerAdapter.class);

        var tomcat = new Tomcat();
        tomcat.setBaseDir(Files.createTempDirectory("tomcat").toString());
        tomcat.setPort(Integer.parseInt(System.getenv().getOrDefault("PORT", "3000")));
        tomcat.getConnector().setProperty("address", "127.0.0.1");
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "spring", new DispatcherServlet(spring)).setLoadOnStartup(1);
        context.addServletMappingDecoded("/", "spring");
        tomcat.start();
        tomcat.getServer().await();
    }
}
