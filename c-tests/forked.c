/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork between the construction of the selector and the handshake. */
#include "picking.h"

static void fork_between(const struct pki *pki, int version, enum way way, int loaded_before)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", ",secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &pki->ca_a);
    SSL_CTX *server_b = new_server(version, &pki->ca_b);
    pid_t child;

    use_selector(client, selector, way);
    if (loaded_before)
        CHECK_SENDS(client, server_b, pki->b.cert);
    child = fork_child();
    subject(child == 0 ? "the child process can connect" : "the parent process can connect");
    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK_SENDS(client, server_b, pki->b.cert);
    certpick_selector_free(selector);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    if (child == 0)
        exit(finish());
    check_child(child);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        fork_between(&pki, tls_versions[i], BY_CLIENT_CERT_CB, i);
        fork_between(&pki, tls_versions[i], BY_CERT_CB, !i);
    }
    return finish();
}
