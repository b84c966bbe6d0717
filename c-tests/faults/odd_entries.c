/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Directories and PKCS#12 files that have odd names or content, belong to others, or turn into
   something else. */
#include "entries.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct pki pki;

/* --- names ------------------------------------------------------------------------------------ */

static void odd_names(void)
{
    static const char *const names[] = {"line\nbreak", "quo\"te", "\xff\xfe", "\033[31m", "a,b",
                                        "\xe2\x80\xae" "abc", "a b ", "-"};
    char path[256], quoted[256];

    for (size_t i = 0; i < COUNT(names); i++) {
        const char *from = names[i];
        char *to = quoted;

        snprintf(path, sizeof(path), "odd%zu", i);
        make_directory(path);
        subject("names with any bytes are used, and escaped in errors");
        make_pair(path, names[i], &pki.b);
        CHECK_OK(status_of(path, NULL, NULL, NULL));
        snprintf(path, sizeof(path), "odd%zu/%s.crt", i, names[i]);
        write_damaged_cert(path);
        snprintf(path, sizeof(path), "odd%zu", i);
        CHECK_INT(status_of(path, NULL, NULL, "entry 1: could not read certificate file \"odd"),
                  CERTPICK_ERROR_CERTIFICATE);

        make_directory(names[i]);
        make_pair(names[i], "tls", &pki.b);
        *to++ = '"';
        for (; *from != '\0'; from++) {
            if (*from == '"')
                *to++ = '"';
            *to++ = *from;
        }
        memcpy(to, "\"", 2);
        CHECK_OK(status_of(quoted, NULL, NULL, NULL));
        MUST(chmod(names[i], 0777) == 0);
        CHECK_INT(status_of(quoted, NULL, NULL, "it has group or world write access (mode 0777)"),
                  CERTPICK_ERROR_FILE);
    }
    subject("the name of an existing directory is one entry, even with a comma");
    MUST(chmod("a,b", 0755) == 0);
    CHECK_OK(status_of("a,b", NULL, NULL, NULL));

    subject("a directory with the name of a URI or configuration file is used only as ./NAME");
    make_directory("pkcs11:object=a");
    make_directory("certpick:x");
    make_directory("handle:0x1");
    make_pair("pkcs11:object=a", "tls", &pki.b);
    make_pair("certpick:x", "tls", &pki.b);
    make_pair("handle:0x1", "tls", &pki.b);
    CHECK_INT(status_of("pkcs11:object=a", NULL, NULL, "write ./ before the name"),
              CERTPICK_ERROR_LIST);
    CHECK_INT(status_of("certpick:x", NULL, NULL, "write ./ before the name"), CERTPICK_ERROR_LIST);
    CHECK_INT(status_of("handle:0x1", NULL, NULL, "write ./ before the name"), CERTPICK_ERROR_LIST);
    CHECK_OK(status_of("./pkcs11:object=a", NULL, NULL, NULL));
    CHECK_OK(status_of("./certpick:x", NULL, NULL, NULL));
    CHECK_OK(status_of("./handle:0x1,a.crt", ",a.key", NULL, NULL));
}

static void special_files(void)
{
    struct sockaddr_un address = {AF_UNIX, "special/socket.crt"};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    make_directory("special");
    make_pair("special", "b", &pki.b);
    MUST(mkfifo("special/fifo.crt", 0600) == 0 && mkfifo("special/fifo.key", 0600) == 0 &&
         mkfifo("special/fifo.p12", 0600) == 0 && symlink("/dev/zero", "special/zero.pem") == 0 &&
         symlink("/dev/zero", "special/zero-key.pem") == 0 &&
         symlink(".", "special/self.crt") == 0 &&
         symlink("/proc/self/mem", "special/mem.cer") == 0 &&
         symlink("/dev/tty", "special/tty.crt") == 0 &&
         symlink("/dev/tty", "special/tty.key") == 0 &&
         bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    subject("FIFOs, sockets, devices and directories in a directory are not opened");
    CHECK_OK(status_of("special", NULL, NULL, NULL));
    subject("a FIFO or device as key is an error when it is chosen");
    make_pair("special", "a", &pki.a);
    MUST(unlink("special/a.key") == 0 && mkfifo("special/a.key", 0600) == 0);
    {
        SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_a);
        SCOPED(certpick_selector) *selector = new_selector("special", NULL, NULL);

        CHECK_SELECTOR_FAILS(TLS1_3_VERSION, selector, server,
                             "entry 1: private key file \"special/a.key\" is not a regular file");
    }
    close(listener);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void remove_pair(const char *directory, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s.crt", directory, name);
    unlink(path);
    snprintf(path, sizeof(path), "%s/%s.key", directory, name);
    unlink(path);
}

static void turns_into_a_file(int version, enum way way)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki.ca_b);
    SCOPED(SSL_CTX) *client = new_client(version);
    SCOPED(certpick_selector) *selector;
    struct link link;

    make_directory("thing");
    make_pair("thing", "a", &pki.a);
    make_pair("thing", "b", &pki.b);
    selector = new_selector("thing", NULL, "secret");
    use_selector(client, selector, way);
    CHECK_SENDS(client, server_a, pki.a.cert);
    for (int i = 0; i < 3; i++) {
        subject("a directory may become a file, and a file a directory");
        MUST(rename("thing", "aside") == 0);
        if (i == 0)
            write_combined("thing", pki.b.key, NULL, pki.b.cert);
        else if (i == 1)
            write_pkcs12("thing", "secret", &pki.b, 1, NULL);
        else
            MUST(symlink("a.crt", "thing") == 0);
        wait_for_timestamp();
        if (i < 2) {
            CHECK_SENDS(client, server_b, pki.b.cert);
            CHECK_SENDS(client, server_a, NULL);
        } else {
            /* The file has no key. */
            CHECK(!connect_link(&link, client, server_a));
            CHECK_ARRIVED(&link, NULL);
            close_link(&link);
        }
        MUST(unlink("thing") == 0 && rename("aside", "thing") == 0);
        wait_for_timestamp();
        CHECK_SENDS(client, server_a, pki.a.cert);
        CHECK_SENDS(client, server_b, pki.b.cert);
    }
    subject("a credential that its directory loses is not sent, even if its key was loaded");
    remove_pair("thing", "a");
    CHECK_SENDS(client, server_a, NULL);
    CHECK_SENDS(client, server_b, pki.b.cert);
    remove_pair("thing", "b");
    CHECK(!connect_link(&link, client, server_b));
    CHECK_ARRIVED(&link, NULL);
    CHECK_HAS(certpick_message(link.client), "it holds no client certificate");
    close_link(&link);
    MUST(rmdir("thing") == 0);
}

/* A callback that the handshake calls between choosing a certificate and loading its key. */
static void (*between)(void);

static int change_files(char *buf, int size, const char *key_file, void *arg)
{
    (void)buf, (void)size, (void)key_file, (void)arg;
    between();
    return snprintf(buf, (size_t)size, "secret");
}

static void lose_chosen(void)
{
    remove_pair("losing", "b");
}

static void exchange_chosen(void)
{
    MUST(rename("losing", "losing-before") == 0 && rename("replacement", "losing") == 0);
}

static void changes_while_the_key_is_loaded(int version)
{
    static void (*const changes[])(void) = {lose_chosen, exchange_chosen};

    for (size_t i = 0; i < COUNT(changes); i++) {
        SCOPED(SSL_CTX) *server = new_server(version, &pki.ca_b);
        SCOPED(SSL_CTX) *client = new_client(version);
        SCOPED(certpick_selector) *selector;

        make_directory("losing");
        write_identity("losing/b", &pki.b, "secret");
        make_pair("losing", "a", &pki.a);
        make_directory("replacement");
        make_pair("replacement", "b", &pki.a);
        selector = new_selector("losing", NULL, NULL);
        between = changes[i];
        CHECK_OK(certpick_selector_set_password_callback(selector, change_files, NULL));
        use_selector(client, selector, BY_CLIENT_CERT_CB);
        subject("key and certificate agree if the directory changes while the key is loaded");
        CHECK_SENDS(client, server, pki.b.cert);
        subject("the next handshake sees the change");
        CHECK_SENDS(client, server, NULL);
        MUST(system("rm -rf losing losing-before replacement") == 0);
    }
}

static void relative_names(void)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    SCOPED(certpick_selector) *selector;

    make_directory("here");
    make_directory("here/d");
    make_pair("here/d", "b", &pki.b);
    make_directory("there");
    make_directory("there/d");
    make_pair("there/d", "a", &pki.a);
    MUST(chdir("here") == 0);
    selector = new_selector("d", NULL, NULL);
    MUST(chdir("../there") == 0);
    subject("a relative name means the directory that it named when it was added");
    CHECK_SELECTOR_SENDS(TLS1_3_VERSION, selector, server, pki.b.cert);
    check_new("d", NULL, server, NULL);
    make_pair("../here/d", "c", &pki.a);
    CHECK_SELECTOR_SENDS(TLS1_3_VERSION, selector, server, pki.b.cert);
    MUST(chdir("..") == 0);
}

static void without_cache(void)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    make_directory("uncached");
    make_pair("uncached", "b", &pki.b);
    write_pkcs12("uncached/c.p12", "secret", &pki.a, 1, NULL);
    MUST(certpick_selector_set_option(selector, CERTPICK_OPTION_CACHE, CERTPICK_CACHE_OFF) ==
         CERTPICK_OK);
    CHECK_OK(certpick_selector_add_lists(selector, "uncached", NULL, "secret"));
    use_selector(client, selector, BY_CLIENT_CERT_CB);
    subject("without the cache directories and PKCS#12 files are used all the same");
    CHECK_SENDS(client, server, pki.b.cert);
    remove_pair("uncached", "b");
    CHECK_SENDS(client, server, pki.b.cert);
}

/* --- rights and library contexts -------------------------------------------------------------- */

static void other_user(void)
{
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    SCOPED(certpick_selector) *selector = NULL;
    struct link link;
    pid_t child;

    MUST(chmod(".", 0755) == 0);
    make_directory("of-root");
    make_pair("of-root", "b", &pki.b);
    if (geteuid() != 0) {
        subject("a directory that may not be read is an error");
        CHECK_OK(status_of("of-root", NULL, NULL, NULL));
        MUST(chmod("of-root", 0) == 0);
        CHECK_INT(status_of("of-root", NULL, NULL, "Permission denied"), CERTPICK_ERROR_FILE);
        MUST(chmod("of-root", 0755) == 0);
        return;
    }
    write_pkcs12("of-root.p12", "secret", &pki.b, 1, NULL);
    make_directory("of-nobody");
    make_pair("of-nobody", "b", &pki.b);
    MUST(chown("of-nobody", 65534, 65534) == 0);
    subject("root does not use a directory that belongs to another user");
    CHECK_INT(status_of("of-nobody", NULL, NULL, "it is owned by another user, 65534"),
              CERTPICK_ERROR_FILE);
    CHECK_OK(status_of("of-root", NULL, NULL, NULL));
    CHECK_OK(status_of("of-root.p12", NULL, "secret", NULL));
    child = fork_child();
    if (child == 0) {
        ignore_open_files();
        MUST(setegid(65534) == 0 && seteuid(65534) == 0);
        subject("an effective user gets nothing from the cache that it may not read");
        selector = new_selector("of-root", NULL, NULL);
        open_selector(&link, TLS1_3_VERSION, selector, server);
        CHECK(!complete_link(&link));
        CHECK_ARRIVED(&link, NULL);
        CHECK_HAS(certpick_message(link.client), "Permission denied");
        close_link(&link);
        CHECK_INT(status_of("of-root.p12", NULL, "secret", "Permission denied"),
                  CERTPICK_ERROR_FILE);
        MUST(seteuid(0) == 0 && chmod("of-root", 0700) == 0 && seteuid(65534) == 0);
        CHECK_INT(status_of("of-root", NULL, NULL, "Permission denied"), CERTPICK_ERROR_FILE);
        MUST(seteuid(0) == 0 && setegid(0) == 0);
        check_new("of-root", NULL, server, pki.b.cert);
        exit(finish());
    }
    check_child(child);
}

static void library_contexts(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new(), *before;
    certpick_selector *selector;
    SSL_CTX *client;
    struct link link;

    make_directory("context");
    write_pkcs12("context/b.p12", "secret", &pki.b, 1, NULL);
    make_pair("context", "a", &pki.a);
    subject("another default library context may be freed before the credentials are used again");
    before = OSSL_LIB_CTX_set0_default(context);
    selector = new_selector("context", NULL, "secret");
    client = SSL_CTX_new(TLS_client_method());
    MUST(client != NULL && certpick_attach(client, selector) == CERTPICK_OK);
    CHECK_CONNECTS(&link, client, server, pki.b.cert);
    OSSL_LIB_CTX_set0_default(before);
    close_link(&link);
    SSL_CTX_free(client);
    certpick_selector_free(selector);
    OSSL_LIB_CTX_free(context);
    check_new("context", "secret", server, pki.b.cert);
#endif
}

int main(void)
{
    /* Ends the program if it waits for a FIFO. */
    alarm(600);
    set_up_pki(&pki, NULL);
    odd_names();
    special_files();
    for (int i = 0; i < 2; i++) {
        turns_into_a_file(tls_versions[i], i == 0 ? BY_CLIENT_CERT_CB : BY_CERT_CB);
        changes_while_the_key_is_loaded(tls_versions[i]);
    }
    relative_names();
    without_cache();
    other_user();
    library_contexts();
    return finish();
}
