/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Files change, are removed, or become unreadable between the construction of a selector and its
   handshake. The handshake fails with a clear error or uses what was read before, and succeeds
   again after the files are restored. */
#include "picking.h"
#include "pkcs12.h"

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
    const char *slash = strrchr(file, '/');

    MUST(unlink(file) == 0 && symlink(slash != NULL ? slash + 1 : file, file) == 0);
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

/* Where certificates and keys are, with the file that has the first key. */
static const struct place {
    const char *sslcert, *sslkey, *key;
    int is_directory;
} places[] = {
    {"a.crt,b.crt", "a.key,b.key", "a.key", 0},
    {"pairs", NULL, "pairs/a.key", 1},
    {"certs", "keys-of-certs", "keys-of-certs/a.key", 1},
};

static void remove_any(const char *file)
{
    if (rmdir(file) != 0)
        unlink(file);
}

static void restore_at(const struct place *place)
{
    remove_any(place->key);
    write_key(place->key, pki.a.key, NULL);
}

static void restore(void)
{
    restore_at(&places[0]);
    write_certs("a.crt", pki.a.cert);
}

/* --- handshakes ------------------------------------------------------------------------------- */

static void check_aborted(SSL_CTX *client, SSL_CTX *server, const char *words, const char *what,
                          int has_verdict)
{
    struct link link;

    CHECK(!connect_link(&link, client, server));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    if (!CHECK_HAS(certpick_message(link.client), words))
        printf("    the file is %s\n", what);
    CHECK_BEGINS(certpick_message(link.client), "entry 1: ");
    CHECK_HAS(certpick_explanation(link.client), words);
    if (has_verdict)
        CHECK_INT(certpick_verdict(link.client, 0) & CERTPICK_REASON_KEY, CERTPICK_REASON_KEY);
    close_link(&link);
}

static void keys_that_change(int version, enum way way, const struct place *place)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki.ca_b);

    for (size_t i = 0; i < COUNT(key_faults); i++) {
        SCOPED(certpick_selector) *selector = new_selector(place->sslcert, place->sslkey, NULL);
        SCOPED(SSL_CTX) *client = new_client(version);

        use_selector(client, selector, way);
        key_faults[i].change(place->key);
        if (place->is_directory && key_faults[i].change == remove_it) {
            subject("a certificate of a directory whose key was removed is not sent");
            CHECK_SENDS(client, server_a, NULL);
        } else {
            subject("a handshake fails if its key can no longer be used");
            check_aborted(client, server_a, key_faults[i].words, key_faults[i].what, 1);
            CHECK_INT(certpick_selector_validate(selector), key_faults[i].status);
        }
        subject("other handshakes succeed");
        CHECK_SENDS(client, server_b, pki.b.cert);

        subject("the next handshake succeeds after the key is restored");
        restore_at(place);
        CHECK_SENDS(client, server_a, pki.a.cert);
        if (!place->is_directory) {
            subject("a key that was read is used after its file is removed");
            MUST(unlink(place->key) == 0);
            CHECK_SENDS(client, server_a, pki.a.cert);
            restore_at(place);
        }
    }
}

/* --- PKCS#12 files ---------------------------------------------------------------------------- */

static void write_p12(const char *file, const struct identity *identity, const char *password)
{
    write_pkcs12(file, password, identity, 1, NULL);
}

static void replace_p12(const char *file)
{
    write_p12(file, &pki.b, "secret");
}

static void encrypt_p12(const char *file)
{
    write_p12(file, &pki.a, "other");
}

static void make_it_pem(const char *file)
{
    write_combined(file, pki.a.key, NULL, pki.a.cert);
}

static const struct {
    const char *what;
    void (*change)(const char *file);
    /* The message of a file in a list, and of one in a directory; NULL: the directory does not
       have the credential any more. */
    const char *in_list, *in_directory;
} p12_faults[] = {
    {"removed", remove_it, "file \"p12/a.p12\"", NULL},
    {"emptied", empty_it, "it is empty", "it is damaged, or not a PKCS#12 file"},
    {"truncated", truncate_it, "it is damaged, or not a PKCS#12 file", "it is damaged, or not a PKCS#12 file"},
    {"another file", replace_p12, NULL, NULL},
    {"encrypted with another password", encrypt_p12, "it could not be decrypted (wrong password?)",
     "it could not be decrypted (wrong password?)"},
    {"readable by all", make_it_readable_by_all, "group or world access", "group or world access"},
    {"a directory", make_it_a_directory, "could not read", NULL},
    {"a FIFO", make_it_a_fifo, "is not a regular file", NULL},
    {"a dangling link", make_it_a_dangling_link, "file \"p12/a.p12\"", "No such file"},
    {"a link to itself", make_it_a_link_to_itself, "could not", "Too many levels of symbolic links"},
    {"a device", make_it_a_device, "is not a regular file", NULL},
    {"PEM", make_it_pem, "", "it is damaged, or not a PKCS#12 file"},
};

static void p12_files_that_change(int version, enum way way, int is_directory)
{
    static const char *const file = "p12/a.p12";
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki.ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki.ca_b);

    for (size_t i = 0; i < COUNT(p12_faults); i++) {
        const char *words = is_directory ? p12_faults[i].in_directory : p12_faults[i].in_list;
        SCOPED(SSL_CTX) *client = new_client(version);
        certpick_selector *selector;

        remove_any(file);
        write_p12(file, &pki.a, "secret");
        selector = is_directory ? new_selector("p12", NULL, "secret")
                                : new_selector("p12/a.p12,p12/b.p12", NULL, "secret,secret");
        use_selector(client, selector, way);
        p12_faults[i].change(file);
        subject("a PKCS#12 file that changed is used as it is now, or the handshake fails");
        if (words == NULL)
            CHECK_SENDS(client, server_a, NULL);
        else if (words[0] == '\0')
            CHECK_SENDS(client, server_a, pki.a.cert);
        else
            check_aborted(client, server_a, words, p12_faults[i].what, 0);
        subject("the next handshake succeeds after the file is restored");
        remove_any(file);
        write_p12(file, &pki.a, "secret");
        CHECK_SENDS(client, server_a, pki.a.cert);
        CHECK_SENDS(client, server_b, pki.b.cert);
        certpick_selector_free(selector);
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
    static const char *const names[] = {"fifo", "loop", "/dev/zero", "missing"};
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    MUST(mkfifo("fifo", 0600) == 0 && symlink("loop", "loop") == 0);
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
    check_aborted(second_client, server_a, "Permission denied", "unreadable", 1);
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
    alarm(600);
    set_up_pki(&pki, NULL);
    MUST(chmod(".", 0755) == 0);
    MUST(mkdir("keys", 0700) == 0);
    write_key("keys/a.key", pki.a.key, NULL);
    write_key("keys/b.key", pki.b.key, NULL);
    MUST(mkdir("pairs", 0700) == 0 && mkdir("certs", 0700) == 0 &&
         mkdir("keys-of-certs", 0700) == 0 && mkdir("p12", 0700) == 0);
    write_identity("pairs/a", &pki.a, NULL);
    write_identity("pairs/b", &pki.b, NULL);
    write_certs("certs/a.crt", pki.a.cert);
    write_certs("certs/b.crt", pki.b.cert);
    write_key("keys-of-certs/a.key", pki.a.key, NULL);
    write_key("keys-of-certs/b.key", pki.b.key, NULL);
    write_p12("p12/b.p12", &pki.b, "secret");
    for (int i = 0; i < 2; i++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            for (size_t place = 0; place < COUNT(places); place++)
                keys_that_change(tls_versions[i], way, &places[place]);
            p12_files_that_change(tls_versions[i], way, 0);
            p12_files_that_change(tls_versions[i], way, 1);
            lost_permissions(tls_versions[i], way);
        }
        certificates_that_change(tls_versions[i], i == 0 ? BY_CLIENT_CERT_CB : BY_CERT_CB);
    }
    special_files();
    return finish();
}
