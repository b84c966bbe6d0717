/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork before or after the first use of a certificate. Both processes can connect. */
#include "two_cas.h"

static void both_servers(const struct pki *pki, SSL_CTX *client, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b), *fresh = new_client(version);

    CHECK_SENDS(client, server_a, pki->a.cert);
    CHECK_SENDS(client, server_b, pki->b.cert);
    CHECK_SENDS(fresh, server_b, pki->b.cert);
}

static void fork_once(struct pki *pki, SSL_CTX *client, int version)
{
    pid_t child = fork_child();

    subject(child == 0 ? "the child process can connect" : "the parent process can connect");
    both_servers(pki, client, version);
    if (child == 0) {
        SSL_CTX_free(client);
        exit(finish());
    }
    check_child(child);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        SCOPED(SSL_CTX) *client = new_client(tls_versions[i]);

        fork_once(&pki, client, tls_versions[i]); /* before the first read of a file */
        fork_once(&pki, client, tls_versions[i]);
    }
    return finish();
}
