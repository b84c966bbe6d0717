/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "support.h"

#include "picking.h"

const int tls_versions[2] = {TLS1_2_VERSION, TLS1_3_VERSION};

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
        printf("unexpected: %s\n", certpick_selector_error(selector));
        MUST(!"good lists are taken");
    }
    return selector;
}

int connect_picking(struct link *link, int tls_version, certpick_selector *selector, SSL_CTX *server)
{
    SSL_CTX *client = new_client(tls_version);
    int done;

    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    done = connect_link(link, client, server);
    SSL_CTX_free(client);
    /* Only so does a TLS 1.3 client see that the server has all of its certificate. */
    return done && exchange_bytes(link);
}

/* What is chosen is on the SSL during the handshake alone. */
static void hold(const SSL *ssl, int kind, int value)
{
    struct held *held = SSL_get_app_data(ssl);
    X509 *cert = SSL_get_certificate(ssl);
    EVP_PKEY *key = SSL_get_privatekey(ssl);

    (void)kind;
    (void)value;
    if (cert == NULL || key == NULL || held->cert != NULL)
        return;
    MUST(X509_up_ref(cert) && EVP_PKEY_up_ref(key));
    held->cert = cert;
    held->key = key;
}

struct held connect_holding(certpick_selector *selector, SSL_CTX *server)
{
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    struct held held = {NULL, NULL};
    struct link link;

    use_selector(client, selector, BY_CERT_CB);
    SSL_CTX_set_info_callback(client, hold);
    open_link(&link, client, server);
    SSL_set_app_data(link.client, &held);
    CHECK(shake_hands(&link) && exchange_bytes(&link));
    SSL_CTX_free(client);
    MUST(held.cert != NULL && held.key != NULL);
    CHECK_ARRIVED(&link, held.cert, (X509 *)NULL);
    close_link(&link);
    certpick_selector_free(selector);
    return held;
}

void free_held(struct held *held)
{
    X509_free(held->cert);
    EVP_PKEY_free(held->key);
}

void make_two(struct two *two)
{
    two->ca_a = new_root("CA A");
    two->ca_b = new_root("CA B");
    two->a = new_leaf("a", &two->ca_a);
    two->b = new_leaf("b", &two->ca_b);
    write_identity("a", &two->a, NULL);
    write_identity("b", &two->b, NULL);
}

void free_two(struct two *two)
{
    free_identity(&two->ca_a);
    free_identity(&two->ca_b);
    free_identity(&two->a);
    free_identity(&two->b);
}
