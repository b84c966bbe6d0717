/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "picking.h"

static certpick_status select_status = -1;

static int own_cert_cb(SSL *ssl, void *selector)
{
    select_status = certpick_select(ssl, (certpick_selector *)selector);
    return select_status == CERTPICK_OK;
}

void use_selector(SSL_CTX *ctx, certpick_selector *selector, enum way way)
{
    if (way == BY_CLIENT_CERT_CB) {
        MUST(certpick_attach(ctx, selector) == CERTPICK_OK);
    } else if (way == BY_CERT_CB) {
        MUST(certpick_attach_cert_cb(ctx, selector) == CERTPICK_OK);
    } else {
        select_status = -1;
        SSL_CTX_set_cert_cb(ctx, own_cert_cb, selector);
    }
}

certpick_status last_select_status(void)
{
    return select_status;
}

certpick_selector *new_selector(const char *sslcert, const char *sslkey, const char *sslpassword)
{
    certpick_selector *selector = certpick_selector_new();

    MUST(selector != NULL);
    if (certpick_selector_add_lists(selector, sslcert, sslkey, sslpassword) != CERTPICK_OK) {
        printf("%s\n", certpick_selector_error(selector));
        MUST(!"the lists are valid");
    }
    return selector;
}

void free_certpick_selector(certpick_selector **selector)
{
    certpick_selector_free(*selector);
}

void open_selector(struct link *link, int tls_version, certpick_selector *selector, SSL_CTX *server)
{
    SCOPED(SSL_CTX) *client = new_client(tls_version);

    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    open_link(link, client, server);
}

int connect_selector(struct link *link, int tls_version, certpick_selector *selector,
                     SSL_CTX *server)
{
    open_selector(link, tls_version, selector, server);
    return complete_link(link);
}

void check_fails(struct link *link, const char *start, const char *file, int line)
{
    check_true(!complete_link(link), "the handshake fails", file, line);
    check_true(arrived(link, NULL), "no certificate arrives", file, line);
    check_int(certpick_outcome(link->client), CERTPICK_OUTCOME_FAILED, "the outcome", file, line);
    check_begins(certpick_message(link->client), start, "certpick_message", file, line);
    close_link(link);
}

/* An info callback. The chosen certificate is on the SSL only during the handshake. */
static void hold(const SSL *ssl, int kind, int value)
{
    struct held *held = SSL_get_app_data(ssl);
    X509 *cert = SSL_get_certificate(ssl);
    EVP_PKEY *key = SSL_get_privatekey(ssl);

    (void)kind, (void)value;
    if (cert == NULL || key == NULL || held->cert != NULL)
        return;
    MUST(X509_up_ref(cert) && EVP_PKEY_up_ref(key));
    held->cert = cert;
    held->key = key;
}

struct held connect_holding(certpick_selector *selector, SSL_CTX *server)
{
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    struct held held = {NULL, NULL};
    struct link link;

    use_selector(client, selector, BY_CERT_CB);
    SSL_CTX_set_info_callback(client, hold);
    open_link(&link, client, server);
    SSL_set_app_data(link.client, &held);
    CHECK(complete_link(&link));
    MUST(held.cert != NULL && held.key != NULL);
    CHECK_ARRIVED(&link, held.cert);
    close_link(&link);
    certpick_selector_free(selector);
    return held;
}

void free_held(struct held *held)
{
    X509_free(held->cert);
    EVP_PKEY_free(held->key);
}

int refuse_password(char *buf, int size, const char *key_file, void *arg)
{
    (void)buf, (void)size, (void)key_file, (void)arg;
    return -1;
}

int answer_password(char *buf, int size, const char *key_file, void *arg)
{
    const int length = (int)strlen((const char *)arg);

    (void)key_file;
    MUST(length <= size);
    memcpy(buf, arg, (size_t)length);
    return length;
}
