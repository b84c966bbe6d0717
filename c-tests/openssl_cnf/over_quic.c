/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A QUIC client that does not use certpick: each server gets the certificate of the CA that it
   names, with the rules of TLS 1.3. */
#include "two_cas.h"

#include "quic_link.h"

#include <openssl/err.h>

static void check_sent(SSL_CTX *client, const struct identity *ca, const char *algorithms,
                       X509 *expected)
{
    SCOPED(SSL_CTX) *server = new_quic_server(ca, algorithms);
    struct quic_link link;

    connect_quic(&link, client, server, NULL);
    CHECK_QUIC_ARRIVED(&link, expected);
    CHECK_INT(link.client_queue.length, 0);
    close_quic(&link);
}

int main(void)
{
    SCOPED(SSL_CTX) *client = new_quic_client(), *server;
    struct quic_link link;
    struct pki pki;

    set_up_pki(&pki, "secret");
    subject("over QUIC the module chooses from one SSL_CTX for each server");
    check_sent(client, &pki.ca_a, NULL, pki.a.cert);
    check_sent(client, &pki.ca_b, NULL, pki.b.cert);
    subject("over QUIC the module sends none if none suits or no CA is named");
    check_sent(client, &pki.ca_b, "ecdsa_secp384r1_sha384", NULL);
    check_sent(client, NULL, NULL, NULL);
    subject("over QUIC the connection fails with the module's error if a key cannot be used");
    MUST(remove("b.key") == 0);
    server = new_quic_server(&pki.ca_b, NULL);
    {
        SCOPED(SSL_CTX) *next = new_quic_client();

        connect_quic(&link, next, server, NULL);
    }
    CHECK(!link.connected && link.arrived == NULL);
    CHECK_INT(link.client_queue.length > 0, 1);
    CHECK_BEGINS(ERR_reason_error_string(link.client_queue.codes[0]),
                 "entry 2: certificate present, but not private key file \"b.key\"");
    close_quic(&link);
    return finish();
}
