// SPDX-License-Identifier: MIT OR Apache-2.0

import java.io.FileInputStream;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * JSSE with one of its key managers. Arguments and output are those of client.h, but the time of the later
 * handshakes is that of their thread, without the compiler's and the garbage collector's. The fifth argument is
 * the name of the key manager, SunX509 or PKIX.
 */
class Client {
    private static final char[] PASSWORD = "secret".toCharArray();

    static double cpuOfProcess() {
        var system = ManagementFactory.getOperatingSystemMXBean();
        return ((com.sun.management.OperatingSystemMXBean) system).getProcessCpuTime() / 1000.0;
    }

    static double cpuOfThread() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1000.0;
    }

    static Certificate certificate(String name) throws Exception {
        try (InputStream file = new FileInputStream(name)) {
            return CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
    }

    static PrivateKey key(String name) throws Exception {
        String base64 = Files.readString(Path.of(name)).replaceAll("-----[^-]*-----|\\s", "");
        byte[] der = Base64.getDecoder().decode(base64);
        return KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    static SSLContext context(String list, String keyManager) throws Exception {
        // Not PKCS12, the default, which encrypts each key with thousands of rounds.
        KeyStore own = KeyStore.getInstance("JKS"), trusted = KeyStore.getInstance("JKS");
        own.load(null, null);
        trusted.load(null, null);
        trusted.setCertificateEntry("root", certificate("root.crt"));
        for (String line : Files.readAllLines(Path.of(list))) {
            String[] names = line.split(" ");
            own.setKeyEntry(names[0], key(names[1]), PASSWORD, new Certificate[] {certificate(names[0])});
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance(keyManager);
        keys.init(own, PASSWORD);
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    static void handshake(SSLContext context, int port) throws Exception {
        try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", port)) {
            if (socket.getInputStream().read() != '!') {
                throw new Exception("no answer from the server");
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        SSLContext context = context(arguments[1], arguments[4]);
        int port = Integer.parseInt(arguments[0]);
        int warmUp = Integer.parseInt(arguments[2]), count = Integer.parseInt(arguments[3]);
        double before = 0;
        for (int i = 0; i < 1 + warmUp + count; i++) {
            if (i == 1 + warmUp) {
                before = cpuOfThread();
            }
            handshake(context, port);
            if (i == 0) {
                System.out.printf("%.0f%n", cpuOfProcess());
            }
        }
        System.out.printf("%.1f%n", (cpuOfThread() - before) / count);
    }
}
