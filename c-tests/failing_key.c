/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The chosen credential's key cannot be used: the handshake ends with a clear error, and nothing
   else is sent in its place. A key that is not chosen does no harm. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>
#include <sys/stat.h>

static const struct {
    const char *key, *password;
    certpick_status status;
    const char *text;
} failures[] = {
    {"gone.key", "", CERTPICK_ERROR_FILE,
     "entry 2: certificate present, but not private key file \"gone.key\""},
    {"open.key", "", CERTPICK_ERROR_KEY_PERMISSIONS,
     "entry 2: private key file \"open.key\" has group or world access; file must have permissions "
     "u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less if "
     "owned by root"},
    {"sealed.key", "", CERTPICK_ERROR_PASSWORD_MISSING,
     "entry 2: could not load private key file \"sealed.key\": it is encrypted and no password was "
     "given"},
    {"sealed.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
     "entry 2: could not load private key file \"sealed.key\": "},
    {"words.key", "", CERTPICK_ERROR_KEY,
     "entry 2: could not load private key file \"words.key\": "},
    {"a.key", "", CERTPICK_ERROR_KEY_MISMATCH,
     "entry 2: certificate does not match private key file \"a.key\": "},
};
enum { FAILURES = sizeof(failures) / sizeof(failures[0]) };

static certpick_selector *failing_selector(int i)
{
    char keys[64], passwords[64];

    snprintf(keys, sizeof(keys), "a.key,%s,b.key", failures[i].key);
    snprintf(passwords, sizeof(passwords), ",%s,", failures[i].password);
    /* The third one would do, and must not be taken. */
    return new_selector("a.crt,b.crt,b.crt", keys, passwords);
}

/* certpick's is the first entry and the only one of its library; behind it may be OpenSSL's. */
static void check_queued(const struct queue *queue, int markers, int openssl)
{
    const char *reason;
    size_t i;

    CHECK(queue->length >= (size_t)markers + 1);
    for (i = 0; i < (size_t)markers && i < queue->length; i++)
        CHECK(is_marker(queue->codes[i]));
    CHECK_INT(foreign_entries(queue), 1);
    reason = ERR_reason_error_string(queue->codes[markers]);
    CHECK(ERR_GET_LIB(queue->codes[markers]) >= ERR_LIB_USER);
    CHECK(reason != NULL && reason[0] != '\0');
    CHECK(ERR_lib_error_string(queue->codes[markers]) != NULL);
    if (!openssl)
        CHECK_INT(queue->length, markers + 1);
}

static int marking_cert_cb(SSL *ssl, void *arg)
{
    (void)ssl;
    (void)arg;
    ERR_clear_error();
    queue_markers(3);
    return 1;
}

static int marking_select_cb(SSL *ssl, void *selector)
{
    marking_cert_cb(ssl, NULL);
    return certpick_select(ssl, (certpick_selector *)selector) == CERTPICK_OK;
}

static void chosen(const struct two *two, int version, enum way way, int i, int markers)
{
    certpick_selector *selector = failing_selector(i);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    struct link link;

    use_selector(client, selector, way);
    if (markers && way == BY_CLIENT_CERT_CB)
        SSL_CTX_set_cert_cb(client, marking_cert_cb, NULL);
    if (markers && way == BY_OWN_CERT_CB)
        SSL_CTX_set_cert_cb(client, marking_select_cb, selector);
    CHECK(!connect_link(&link, client, server));
    CHECK_INT(link.client_failed, 1);
    CHECK_INT(link.client_error, SSL_ERROR_SSL);
    CHECK_ARRIVED(&link, NULL);
    CHECK(!SSL_is_init_finished(link.server));
    CHECK(!SSL_is_init_finished(link.client));
    check_queued(&link.client_queue, markers, way != BY_CLIENT_CERT_CB);

    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    CHECK_BEGINS(certpick_message(link.client), failures[i].text);
    CHECK(strchr(certpick_message(link.client), '\n') == NULL);
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), CERTPICK_REASON_KEY);
    CHECK_INT(certpick_verdict(link.client, 2), 0);
    CHECK_HAS(certpick_explanation(link.client), failures[i].key);
    CHECK_LACKS(certpick_explanation(link.client), "Schwamm");
    CHECK_LACKS(certpick_message(link.client), "Schwamm");
    CHECK_TEXT(certpick_selector_error(selector), "");
    if (way == BY_OWN_CERT_CB && !markers)
        CHECK_INT(last_select_status(), failures[i].status);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void not_chosen(const struct two *two, int version, enum way way)
{
    certpick_selector *selector =
        new_selector("a.crt,b.crt,b.crt,b.crt", "a.key,gone.key,open.key,a.key", NULL);
    SSL_CTX *client = new_client(version);
    SSL_CTX *server = new_server(version, &two->ca_a, (void *)NULL);
    struct link link;

    subject("a key that is not chosen is not looked at");
    use_selector(client, selector, way);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void one_line(const struct two *two)
{
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    subject("the message is one line, whatever a file is called");
    CHECK_INT(certpick_selector_add_files(selector, "b.crt", "gone\nnothing to see here.key", NULL),
              CERTPICK_OK);
    CHECK(!connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_HAS(certpick_message(link.client), "nothing to see here.key");
    CHECK_LACKS(certpick_message(link.client), "\n");
    CHECK_LACKS(certpick_explanation(link.client), "\nnothing to see here.key");
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

static void mended(const struct two *two, int version)
{
    certpick_selector *selector = new_selector("b.crt", "late.key", NULL);
    SSL_CTX *server = new_server(version, &two->ca_b, (void *)NULL);
    struct link link;

    subject("a key that was missing and is there at the next handshake is used");
    remove("late.key");
    CHECK(!connect_picking(&link, version, selector, server));
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_FAILED);
    close_link(&link);
    write_key("late.key", two->b.key, NULL);
    CHECK(connect_picking(&link, version, selector, server));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
    SSL_CTX_free(server);
    certpick_selector_free(selector);
}

int main(void)
{
    struct two two;
    enum way way;
    int version, i;

    enter_work_dir();
    make_two(&two);
    write_key("open.key", two.b.key, NULL);
    MUST(chmod("open.key", 0644) == 0);
    write_key("sealed.key", two.b.key, "secret");
    write_file("words.key", "Not a key.\n", 11, 0600);
    for (version = 0; version < 2; version++) {
        for (way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            for (i = 0; i < FAILURES; i++) {
                subject(failures[i].text);
                chosen(&two, tls_versions[version], way, i, 0);
            }
            not_chosen(&two, tls_versions[version], way);
        }
        subject("what was in the error queue before stays there");
        chosen(&two, tls_versions[version], BY_CLIENT_CERT_CB, 1, 3);
        chosen(&two, tls_versions[version], BY_OWN_CERT_CB, 1, 3);
        chosen(&two, tls_versions[version], BY_CLIENT_CERT_CB, 3, 3);
        chosen(&two, tls_versions[version], BY_OWN_CERT_CB, 3, 3);
        mended(&two, tls_versions[version]);
    }
    one_line(&two);
    free_two(&two);
    return finish();
}
