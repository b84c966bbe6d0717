/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A file that cannot be used fails only the handshakes that need it, with the reason. */
#include "two_cas.h"

#include <sys/stat.h>
#include <unistd.h>

static void flawed_key(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b);
    SSL_CTX *client = new_client(version);

    subject("a key that others can read fails the handshake");
    MUST(chmod("b.key", 0644) == 0);
    CHECK_FAILURE(client, server_b,
                  "entry 2: private key file \"b.key\" has group or world access");
    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK_FAILURE(client, server_b,
                  "entry 2: private key file \"b.key\" has group or world access");
    subject("the repaired key is used, also by an SSL_CTX with which it failed");
    MUST(chmod("b.key", 0600) == 0);
    CHECK_SENDS(client, server_b, pki->b.cert);
    SSL_CTX_free(client);

    subject("a missing key fails the handshake");
    client = new_client(version);
    MUST(rename("b.key", "moved.key") == 0);
    CHECK_FAILURE(client, server_b,
                  "entry 2: certificate present, but not private key file \"b.key\"");
    CHECK_SENDS(client, server_a, pki->a.cert);
    subject("the key of another certificate fails the handshake");
    MUST(link("a.key", "b.key") == 0);
    CHECK_FAILURE(client, server_b,
                  "entry 2: certificate does not match private key file \"b.key\"");
    subject("a key with another password fails the handshake");
    write_identity("b", &pki->b, "sesame");
    CHECK_FAILURE(client, server_b, "entry 2: could not load private key file \"b.key\": ");
    subject("the right key is used");
    MUST(rename("moved.key", "b.key") == 0);
    CHECK_SENDS(client, server_b, pki->b.cert);

    SSL_CTX_free(client);
}

static void missing_certificate(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b), *quiet = new_server(version);
    SCOPED(SSL_CTX) *client = new_client(version);

    subject("a missing certificate fails the handshake");
    MUST(rename("b.crt", "moved.crt") == 0);
    CHECK_FAILURE(client, server_b,
                  "entry 2: could not read certificate file \"b.crt\": No such file");
    subject("a handshake without a CertificateRequest succeeds");
    SSL_CTX_set_verify(quiet, SSL_VERIFY_NONE, NULL);
    CHECK_SENDS(client, quiet, NULL);
    subject("the restored certificate is used, also by the same SSL_CTX");
    MUST(rename("moved.crt", "b.crt") == 0);
    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK_SENDS(client, server_b, pki->b.cert);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        flawed_key(&pki, tls_versions[i]);
        missing_certificate(&pki, tls_versions[i]);
    }
    return finish();
}
