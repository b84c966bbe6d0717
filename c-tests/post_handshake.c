/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server sends another CertificateRequest that names another CA: after the handshake in TLS 1.3,
   by renegotiation in TLS 1.2. */
#include "picking.h"

static void several_requests(const struct pki *pki, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);
    struct link link;

    use_selector(client, selector, way);
    SSL_CTX_set_post_handshake_auth(client, 1);

    subject("a second request that names another CA gets the other certificate");
    CHECK_CONNECTS(&link, client, server, pki->a.cert);
    CHECK_INT(certpick_choice(link.client), 0);
    name_cas(link.server, &pki->ca_b);
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, pki->b.cert);
    CHECK_DECISION(link.client, CERTPICK_OUTCOME_SENT, 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    CHECK_INT(certpick_verdict(link.client, 1), 0);

    subject("a third request that names an unknown CA gets no certificate");
    name_cas(link.server, &pki->a);
    CHECK(request_again(&link));
    CHECK_DECISION(link.client, CERTPICK_OUTCOME_NONE_SUITABLE, SIZE_MAX);
    CHECK_ARRIVED(&link, NULL);

    subject("a fourth request that names the first CA gets the first certificate");
    name_cas(link.server, &pki->ca_a);
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, pki->a.cert);
    CHECK_INT(certpick_choice(link.client), 0);
    close_link(&link);
}

static void first_request_after_handshake(const struct pki *pki, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_b);
    struct link link;

    use_selector(client, selector, way);
    SSL_CTX_set_post_handshake_auth(client, 1);
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE, NULL);

    subject("a request after the handshake gets a certificate, although the handshake had none");
    CHECK_CONNECTS(&link, client, server, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NOT_ASKED);
    CHECK(request_again(&link));
    CHECK_ARRIVED(&link, pki->b.cert);
    CHECK_DECISION(link.client, CERTPICK_OUTCOME_SENT, 1);
    close_link(&link);
}

static void renegotiation(const struct pki *pki, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_2_VERSION);
    SCOPED(SSL_CTX) *server = new_server(TLS1_2_VERSION, &pki->ca_a);
    struct link link;

    subject("a renegotiation that names another CA gets the other certificate");
    SSL_CTX_set_options(server, SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION);
    use_selector(client, selector, way);
    CHECK_CONNECTS(&link, client, server, pki->a.cert);
    name_cas(link.server, &pki->ca_b);
    CHECK(request_again(&link));
    CHECK_INT(SSL_num_renegotiations(link.client), 1);
    CHECK_ARRIVED(&link, pki->b.cert);
    CHECK_INT(certpick_choice(link.client), 1);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    close_link(&link);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++) {
        several_requests(&pki, way);
        renegotiation(&pki, way);
        first_request_after_handshake(&pki, way);
    }
    return finish();
}
