/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The key of the chosen credential cannot be used: the handshake fails with an error that says why,
   and no other credential is sent. A key that is not chosen has no effect. */
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
    {"encrypted.key", "", CERTPICK_ERROR_PASSWORD_MISSING,
     "entry 2: could not load private key file \"encrypted.key\": it is encrypted and no password "
     "was "
     "given"},
    {"encrypted.key", "Schwamm", CERTPICK_ERROR_PASSWORD_WRONG,
     "entry 2: could not load private key file \"encrypted.key\": "},
    {"words.key", "", CERTPICK_ERROR_KEY,
     "entry 2: could not load private key file \"words.key\": "},
    {"a.key", "", CERTPICK_ERROR_KEY_MISMATCH,
     "entry 2: certificate does not match private key file \"a.key\": "},
};
enum { FAILURES = COUNT(failures) };

static certpick_selector *failing_selector(int i)
{
    char keys[64], passwords[64];

    snprintf(keys, sizeof(keys), "a.key,%s,b.key", failures[i].key);
    snprintf(passwords, sizeof(passwords), ",%s,", failures[i].password);
    /* The third credential would be suitable, and must not be used. */
    return new_selector("a.crt,b.crt,b.crt", keys, passwords);
}

/* Checks that one entry of certpick follows the markers. Entries of OpenSSL may follow. */
static void check_queued(const struct queue *queue, int markers, int openssl)
{
    const char *reason;

    CHECK(queue->length >= (size_t)markers + 1);
    for (size_t i = 0; i < (size_t)markers && i < queue->length; i++)
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
    (void)ssl, (void)arg;
    ERR_clear_error();
    queue_markers(3);
    return 1;
}

static int marking_select_cb(SSL *ssl, void *selector)
{
    marking_cert_cb(ssl, NULL);
    return certpick_select(ssl, (certpick_selector *)selector) == CERTPICK_OK;
}

static void chosen_key_cannot_be_used(const struct pki *pki, int version, enum way way, int i,
                                      int markers)
{
    SCOPED(certpick_selector) *selector = failing_selector(i);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki->ca_b);
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
}

static void unchosen_keys_are_not_read(const struct pki *pki, int version, enum way way)
{
    certpick_selector *selector =
        new_selector("a.crt,b.crt,b.crt,b.crt", "a.key,gone.key,open.key,a.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(version), *server = new_server(version, &pki->ca_a);
    struct link link;

    subject("a key that is not chosen is not read");
    use_selector(client, selector, way);
    CHECK_CONNECTS(&link, client, server, pki->a.cert);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
    certpick_selector_free(selector);
}

static void message_is_one_line(const struct pki *pki)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    struct link link;

    subject("the message is one line even if a file name contains a newline");
    CHECK_OK(certpick_selector_add_files(selector, "b.crt", "gone\nnothing to see here.key", NULL));
    CHECK(!connect_selector(&link, TLS1_3_VERSION, selector, server));
    CHECK_HAS(certpick_message(link.client), "nothing to see here.key");
    CHECK_LACKS(certpick_message(link.client), "\n");
    CHECK_LACKS(certpick_explanation(link.client), "\nnothing to see here.key");
    close_link(&link);
}

static void key_is_created(const struct pki *pki, int version)
{
    SCOPED(certpick_selector) *selector = new_selector("b.crt", "late.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(version, &pki->ca_b);

    subject("a key that was missing is used once it exists");
    remove("late.key");
    CHECK_SELECTOR_FAILS(version, selector, server, "entry 1: ");
    write_key("late.key", pki->b.key, NULL);
    CHECK_SELECTOR_SENDS(version, selector, server, pki->b.cert);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    write_key("open.key", pki.b.key, NULL);
    MUST(chmod("open.key", 0644) == 0);
    write_key("encrypted.key", pki.b.key, "secret");
    write_text("words.key", "Not a key.\n");
    for (int version = 0; version < 2; version++) {
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
            for (int i = 0; i < FAILURES; i++) {
                subject(failures[i].text);
                chosen_key_cannot_be_used(&pki, tls_versions[version], way, i, 0);
            }
            unchosen_keys_are_not_read(&pki, tls_versions[version], way);
        }
        subject("earlier entries of the error queue are unchanged");
        chosen_key_cannot_be_used(&pki, tls_versions[version], BY_CLIENT_CERT_CB, 1, 3);
        chosen_key_cannot_be_used(&pki, tls_versions[version], BY_OWN_CERT_CB, 1, 3);
        chosen_key_cannot_be_used(&pki, tls_versions[version], BY_CLIENT_CERT_CB, 3, 3);
        chosen_key_cannot_be_used(&pki, tls_versions[version], BY_OWN_CERT_CB, 3, 3);
        key_is_created(&pki, tls_versions[version]);
    }
    message_is_one_line(&pki);
    return finish();
}
