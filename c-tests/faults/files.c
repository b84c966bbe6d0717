/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files change, are removed, or become unreadable between the construction of a selector and its
   handshake. The handshake fails with a clear error or uses what was read before, and succeeds
   again after the files are restored. */
#include "picking.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static struct pki pki;

/* --- changes of a file ------------------------------------------------------------------------ */

static void remove_it(const char *file)
{
    MUST(unlink(file) == 0);
}

static void empty_it(const char *file)
{
    write_text(file, "");
}

static void truncate_it(const char *file)
{
    copy_part(file, file, 100);
}

static void replace_it(const char *file)
{
    write_key(file, pki.b.key, NULL);
}

static void encrypt_it(const char *file)
{
    write_key(file, pki.a.key, "other password");
}

static void make_it_readable_by_all(const char *file)
{
    MUST(chmod(file, 0644) == 0);
}

static void make_it_a_directory(const char *file)
{
    MUST(unlink(file) == 0 && mkdir(file, 0700) == 0);
}

static void make_it_a_fifo(const char *file)
{
    MUST(unlink(file) == 0 && mkfifo(file, 0600) == 0);
}

static void make_it_a_dangling_link(const char *file)
{
    MUST(unlink(file) == 0 && symlink("nowhere", file) == 0);
}

static void make_it_a_link_to_itself(const char *file)
{
    MUST(unlink(file) == 0 && symlink(file, file) == 0);
}

static void make_it_a_device(const char *file)
{
    MUST(unlink(file) == 0 && symlink("/dev/zero", file) == 0);
}

static const struct {
    const char *what;
    void (*change)(const char *file);
    certpick_status status;
    const char *words;
} key_faults[] = {
    {"removed", remove_it, CERTPICK_ERROR_FILE, "certificate present, but not private key file"},
    {"emptied", empty_it, CERTPICK_ERROR_KEY, "it is empty"},
    {"truncated", truncate_it, CERTPICK_ERROR_KEY, "could not load private key file"},
    {"the key of another certificate", replace_it, CERTPICK_ERROR_KEY_MISMATCH,
     "certificate does not match"},
    {"encrypted", encrypt_it, CERTPICK_ERROR_PASSWORD_MISSING, "no password was given"},
    {"readable by all", make_it_readable_by_all, CERTPICK_ERROR_KEY_PERMISSIONS,
     "group or world access"},
    {"a directory", make_it_a_directory, CERTPICK_ERROR_FILE, "is not a regular file"},
    {"a FIFO", make_it_a_fifo, CERTPICK_ERROR_FILE, "is not a regular file"},
    {"a dangling link", make_it_a_dangling_link, CERTPICK_ERROR_FILE, "but not private key file"},
    {"a link to itself", make_it_a_link_to_itself, CERTPICK_ERROR_FILE,
     "could not stat private key file"},
    {"a device", make_it_a_device, CERTPICK_ERROR_FILE, "is not a regular file"},
};

static void restore(void)
{
    if (rmdir("a.key") != 0)
        unlink("a.key");
    write_identity("a", &pki.a, NULL);
}

/* --- handshakes ------------------------------------------------------------------------------- */

static void check_aborted(SSL_CTX *client, SSL_CTX *server, const char *words, const char *what)
{
    struct link link;

    CHECK(!connect_link(&link, client, server));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    if (!CHECK_HAS(certpick_message(link.client), words))
        printf("    the key is %s\n", what);
    CHECK_BEGINS(certpick_message(link.client), "entry 1: ");
    CHECK_HAS(certpick_explanation(link.client), words);
    CHECK_INT(certpick_verdict(link.client, 0) & CERTPICK_REASON_KEY, CERTPICK_REASON_KEY);
    close_link(&link);
}

static void keys_that_change(int version, enum way way)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki.ca_b);

    for (size_t i = 0; i < COUNT(key_faults); i++) {
        SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
        SCOPED(SSL_CTX) *client = new_client(version);

        use_selector(client, selector, way);
        key_faults[i].change("a.key");
        subject("a handshake fails if its key can no longer be used");
        check_aborted(client, server_a, key_faults[i].words, key_faults[i].what);
        CHECK_INT(certpick_selector_validate(selector), key_faults[i].status);
        subject("other handshakes succeed");
        CHECK_SENDS(client, server_b, pki.b.cert);

        subject("the next handshake succeeds after the key is restored");
        restore();
        CHECK_SENDS(client, server_a, pki.a.cert);
        subject("a key that was read is used after its file is removed");
        MUST(unlink("a.key") == 0);
        CHECK_SENDS(client, server_a, pki.a.cert);
        restore();
    }
}

static void certificates_that_change(int version, enum way way)
{
    SCOPED(SSL_CTX) *server = new_server(version, &pki.ca_a);
    struct identity next = new_leaf("a", &pki.ca_a);

    for (int i = 0; i < 3; i++) {
        static const char *const words[] = {NULL, "it is empty", "certificate does not match"};
        certpick_selector *selector;
        SCOPED(SSL_CTX) *client = new_client(version);
        struct link link;

        certpick_cache_clear();
        selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
        use_selector(client, selector, way);
        if (i == 0) {
            subject("a certificate that was read is sent after its file is removed");
            remove_it("a.crt");
            CHECK_SENDS(client, server, pki.a.cert);
        } else {
            subject("a certificate is not sent after the content of its file changed");
            if (i == 1)
                empty_it("a.crt");
            else
                write_certs("a.crt", next.cert);
            CHECK(!connect_link(&link, client, server));
            CHECK_ARRIVED(&link, NULL);
            CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
            CHECK_BEGINS(certpick_message(link.client), "entry 1: ");
            CHECK_HAS(certpick_message(link.client), words[i]);
            close_link(&link);
        }
        restore();
        CHECK_SENDS(client, server, pki.a.cert);

        subject("the next handshake sends a replaced certificate");
        write_identity("a", &next, NULL);
        CHECK_SENDS(client, server, next.cert);
        restore();
        CHECK_SENDS(client, server, pki.a.cert);
        certpick_selector_free(selector);
    }
}

static void special_files(void)
{
    static const char *const names[] = {"fifo", "directory", "loop", "/dev/zero", "missing"};
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    MUST(mkfifo("fifo", 0600) == 0 && mkdir("directory", 0700) == 0 &&
         symlink("loop", "loop") == 0);
    subject("a file that is not a regular file is refused without blocking");
    for (size_t i = 0; i < COUNT(names); i++) {
        char list[64];

        int is_directory = strcmp(names[i], "directory") == 0;

        snprintf(list, sizeof(list), "b.crt,%s", names[i]);
        CHECK_INT(certpick_selector_add_lists(selector, list, "b.key,a.key", NULL),
                  CERTPICK_ERROR_FILE);
        CHECK_BEGINS(certpick_selector_error(selector),
                     is_directory ? "entry 2: could not read directory"
                                  : "entry 2: could not read certificate file");
        CHECK_INT(certpick_selector_add_issuers(selector, names[i]), CERTPICK_ERROR_FILE);
        CHECK_INT(certpick_selector_count(selector), 0);
    }
}

/* --- lost permissions ------------------------------------------------------------------------- */

/* Root becomes another user. Any other user closes the directory of the keys, which does not change
   the files. */
static void lose_access(void)
{
    if (geteuid() == 0)
        MUST(setgid(65534) == 0 && setuid(65534) == 0);
    else
        MUST(chmod("keys", 0) == 0);
    MUST(access("keys/a.key", R_OK) != 0 && errno == EACCES);
}

static void connect_without_access(int version, enum way way)
{
    SCOPED(certpick_selector) *before = new_selector("a.crt,b.crt", "keys/a.key,keys/b.key", NULL);
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki.ca_b);
    SCOPED(SSL_CTX) *client = new_client(version), *second_client = new_client(version);
    struct link link;

    use_selector(client, before, way);
    CHECK_SENDS(client, server_a, pki.a.cert);
    lose_access();
    subject("a selector that has read its key uses it without the permission to read it");
    CHECK_SENDS(client, server_a, pki.a.cert);
    subject("a key that was not read before cannot be read");
    open_link(&link, client, server_b);
    CHECK_FAILS(&link,
                "entry 2: could not stat private key file \"keys/b.key\": Permission denied");

    subject("a new selector gets no key without the permission to read it, cached or not");
    SCOPED(certpick_selector) *after = new_selector("a.crt,b.crt", "keys/a.key,keys/b.key", NULL);
    use_selector(second_client, after, way);
    check_aborted(second_client, server_a, "Permission denied", "unreadable");
    CHECK_INT(certpick_selector_validate(after), CERTPICK_ERROR_FILE);
}

static void lost_permissions(int version, enum way way)
{
    pid_t child = fork_child();

    if (child == 0) {
        connect_without_access(version, way);
            exit(finish());
    }
    check_child(child);
    MUST(chmod("keys", 0700) == 0);
}

int main(void)
{
    /* Ends the program if it waits for a FIFO. */
    alarm(120);
    set_up_pki(&pki, NULL);
    MUST(chmod(".", 0755) == 0);
    MUST(mkdir("keys", 0700) == 0);
    write_key("keys/a.key", pki.a.key, NULL);
    write_key("keys/b.key", pki.b.key, NULL);
    for (int i = 0; i < 2; i++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            keys_that_change(tls_versions[i], way);
            lost_permissions(tls_versions[i], way);
        }
        certificates_that_change(tls_versions[i], i == 0 ? BY_CLIENT_CERT_CB : BY_CERT_CB);
    }
    special_files();
    return finish();
}
