/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files that change, vanish or can no longer be read between the building of a selector and its
   handshake: an error that says so, or what was read before; and as before when they are back. */
#include "support.h"

#include "picking.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct two two;

/* --- what may happen to a file ----------------------------------------------------------------- */

static void is_removed(const char *file)
{
    MUST(unlink(file) == 0);
}

static void is_emptied(const char *file)
{
    write_file(file, "", 0, 0600);
}

static void is_cut(const char *file)
{
    size_t length;
    char *data = read_file(file, &length);

    write_file(file, data, length / 2, 0600);
    free(data);
}

static void is_anothers(const char *file)
{
    write_key(file, two.b.key, NULL);
}

static void is_encrypted_now(const char *file)
{
    write_key(file, two.a.key, "nobody knows");
}

static void is_open_to_all(const char *file)
{
    MUST(chmod(file, 0644) == 0);
}

static void is_a_directory(const char *file)
{
    MUST(unlink(file) == 0 && mkdir(file, 0700) == 0);
}

static void is_a_fifo(const char *file)
{
    MUST(unlink(file) == 0 && mkfifo(file, 0600) == 0);
}

static void is_a_dangling_link(const char *file)
{
    MUST(unlink(file) == 0 && symlink("nowhere", file) == 0);
}

static void is_a_loop(const char *file)
{
    MUST(unlink(file) == 0 && symlink(file, file) == 0);
}

static void is_a_device(const char *file)
{
    MUST(unlink(file) == 0 && symlink("/dev/zero", file) == 0);
}

static const struct {
    const char *what;
    void (*happens)(const char *file);
    certpick_status status;
    const char *words;
} key_faults[] = {
    {"removed", is_removed, CERTPICK_ERROR_FILE, "certificate present, but not private key file"},
    {"emptied", is_emptied, CERTPICK_ERROR_KEY, "it is empty"},
    {"cut short", is_cut, CERTPICK_ERROR_KEY, "could not load private key file"},
    {"another's", is_anothers, CERTPICK_ERROR_KEY_MISMATCH, "certificate does not match"},
    {"encrypted", is_encrypted_now, CERTPICK_ERROR_PASSWORD_MISSING, "no password was given"},
    {"open to all", is_open_to_all, CERTPICK_ERROR_KEY_PERMISSIONS, "group or world access"},
    {"a directory", is_a_directory, CERTPICK_ERROR_FILE, "is not a regular file"},
    {"a FIFO", is_a_fifo, CERTPICK_ERROR_FILE, "is not a regular file"},
    {"a dangling link", is_a_dangling_link, CERTPICK_ERROR_FILE, "but not private key file"},
    {"a link to itself", is_a_loop, CERTPICK_ERROR_FILE, "could not stat private key file"},
    {"a device", is_a_device, CERTPICK_ERROR_FILE, "is not a regular file"},
};

static void put_back(void)
{
    if (rmdir("a.key") != 0)
        unlink("a.key");
    write_identity("a", &two.a, NULL);
}

/* --- handshakes --------------------------------------------------------------------------------- */

static void is_aborted(SSL_CTX *client, SSL_CTX *server, const char *words, const char *what)
{
    struct link link;

    CHECK(!connect_link(&link, client, server));
    CHECK_ARRIVED(&link, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    if (!CHECK_HAS(certpick_message(link.client), words))
        printf("    the key is %s\n", what);
    CHECK_BEGINS(certpick_message(link.client), "entry 1: ");
    CHECK_HAS(certpick_explanation(link.client), words);
    CHECK_INT(certpick_verdict(link.client, 0) & CERTPICK_REASON_KEY, CERTPICK_REASON_KEY);
    close_link(&link);
}

static void is_sent(SSL_CTX *client, SSL_CTX *server, X509 *expected)
{
    struct link link;

    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, expected, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
}

static void keys_that_change(int version, enum way way)
{
    SSL_CTX *server_a = new_server(version, &two.ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two.ca_b, (void *)NULL);
    size_t i;

    for (i = 0; i < sizeof(key_faults) / sizeof(key_faults[0]); i++) {
        certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
        SSL_CTX *client = new_client(version);

        use_selector(client, selector, way);
        key_faults[i].happens("a.key");
        subject("a key that changed for the worse ends the handshake that needs it");
        is_aborted(client, server_a, key_faults[i].words, key_faults[i].what);
        CHECK_INT(certpick_selector_validate(selector), key_faults[i].status);
        subject("and no other");
        is_sent(client, server_b, two.b.cert);

        subject("when it is back, the next handshake is as it was to be");
        put_back();
        is_sent(client, server_a, two.a.cert);
        subject("a key that was read needs no file any more");
        MUST(unlink("a.key") == 0);
        is_sent(client, server_a, two.a.cert);
        put_back();
        SSL_CTX_free(client);
        certpick_selector_free(selector);
    }
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void certificates_that_change(int version, enum way way)
{
    SSL_CTX *server = new_server(version, &two.ca_a, (void *)NULL);
    struct identity next = new_leaf("a", &two.ca_a);
    int i;

    for (i = 0; i < 3; i++) {
        static const char *const words[] = {NULL, "it is empty", "certificate does not match"};
        certpick_selector *selector;
        SSL_CTX *client = new_client(version);
        struct link link;

        certpick_cache_clear();
        selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
        use_selector(client, selector, way);
        if (i == 0) {
            subject("a certificate that a selector has read is sent though its file was deleted");
            is_removed("a.crt");
            is_sent(client, server, two.a.cert);
        } else {
            subject("a certificate is not sent when its file holds something else");
            if (i == 1)
                is_emptied("a.crt");
            else
                write_certs("a.crt", next.cert, (X509 *)NULL);
            CHECK(!connect_link(&link, client, server));
            CHECK_ARRIVED(&link, (X509 *)NULL);
            CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
            CHECK_BEGINS(certpick_message(link.client), "entry 1: ");
            CHECK_HAS(certpick_message(link.client), words[i]);
            close_link(&link);
        }
        put_back();
        is_sent(client, server, two.a.cert);

        subject("a pair that was replaced is sent by the next handshake");
        write_identity("a", &next, NULL);
        is_sent(client, server, next.cert);
        put_back();
        is_sent(client, server, two.a.cert);
        SSL_CTX_free(client);
        certpick_selector_free(selector);
    }
    free_identity(&next);
    SSL_CTX_free(server);
}

static void odd_certificate_files(void)
{
    static const char *const odd[] = {"fifo", "directory", "loop", "/dev/zero", "missing"};
    certpick_selector *selector = certpick_selector_new();
    size_t i;

    MUST(mkfifo("fifo", 0600) == 0 && mkdir("directory", 0700) == 0 && symlink("loop", "loop") == 0);
    subject("what is no certificate file is refused at once, and never waited for");
    for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        char list[64];

        snprintf(list, sizeof(list), "b.crt,%s", odd[i]);
        CHECK_INT(certpick_selector_add_lists(selector, list, "b.key,a.key", NULL), CERTPICK_ERROR_FILE);
        CHECK_BEGINS(certpick_selector_error(selector), "entry 2: could not read certificate file");
        CHECK_INT(certpick_selector_add_issuers(selector, odd[i]), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_selector_count(selector), 0);
    }
    certpick_selector_free(selector);
}

/* --- rights that are lost ----------------------------------------------------------------------- */

/* As root: another user's from now on. Otherwise the directory of the keys is closed, which leaves
   the files themselves as they are. */
static void lose_access(void)
{
    if (geteuid() == 0)
        MUST(setgid(65534) == 0 && setuid(65534) == 0);
    else
        MUST(chmod("keys", 0) == 0);
    MUST(access("keys/a.key", R_OK) != 0 && errno == EACCES);
}

static void in_a_process_that_loses_its_rights(int version, enum way way)
{
    certpick_selector *before = new_selector("a.crt,b.crt", "keys/a.key,keys/b.key", NULL), *after;
    SSL_CTX *server_a = new_server(version, &two.ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two.ca_b, (void *)NULL);
    SSL_CTX *client = new_client(version);

    use_selector(client, before, way);
    is_sent(client, server_a, two.a.cert);
    lose_access();
    subject("a selector that has its key goes on without the right to read it");
    is_sent(client, server_a, two.a.cert);
    subject("a key that was not read before can no longer be read");
    {
        struct link link;

        CHECK(!connect_link(&link, client, server_b));
        CHECK_HAS(certpick_message(link.client), "Permission denied");
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
        close_link(&link);
    }
    SSL_CTX_free(client);

    subject("a selector that is built then gets no key that it may not read, cached or not");
    after = new_selector("a.crt,b.crt", "keys/a.key,keys/b.key", NULL);
    client = new_client(version);
    use_selector(client, after, way);
    is_aborted(client, server_a, "Permission denied", "not ours any more");
    CHECK_INT(certpick_selector_validate(after), CERTPICK_ERROR_FILE);
    SSL_CTX_free(client);
    certpick_selector_free(after);
    certpick_selector_free(before);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void rights_that_are_lost(int version, enum way way)
{
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    MUST(child >= 0);
    if (child == 0) {
        in_a_process_that_loses_its_rights(version, way);
        free_two(&two);
        exit(finish());
    }
    MUST(waitpid(child, &status, 0) == child);
    MUST(chmod("keys", 0700) == 0);
    subject("the process without rights is content");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    enum way way;
    int i;

    /* Whatever waits for a FIFO ends here. */
    alarm(120);
    enter_work_dir();
    MUST(chmod(".", 0755) == 0);
    make_two(&two);
    MUST(mkdir("keys", 0700) == 0);
    write_key("keys/a.key", two.a.key, NULL);
    write_key("keys/b.key", two.b.key, NULL);
    for (i = 0; i < 2; i++) {
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            keys_that_change(tls_versions[i], way);
            rights_that_are_lost(tls_versions[i], way);
        }
        certificates_that_change(tls_versions[i], i == 0 ? BY_CLIENT_CERT_CB : BY_CERT_CB);
    }
    odd_certificate_files();
    free_two(&two);
    return finish();
}
