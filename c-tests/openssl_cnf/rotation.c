/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates on disk are replaced while the process runs. */
#include "two_cas.h"

#include <stdio.h>

static void replace(const struct pki *pki, int version)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b), *before = new_client(version);
    SSL_CTX *after;
    struct identity next = new_leaf("a", &pki->ca_a);

    subject("a connection before the replacement sends the first certificate");
    CHECK_SENDS(before, server_a, pki->a.cert);
    CHECK_SENDS(before, server_b, pki->b.cert);

    subject("the next SSL_CTX uses files that were rewritten");
    write_identity("a", &next, NULL);
    after = new_client(version);
    CHECK_SENDS(after, server_a, next.cert);
    CHECK_SENDS(after, server_b, pki->b.cert);
    SSL_CTX_free(after);

    subject("the next SSL_CTX uses files that were replaced by rename");
    write_identity("next", &pki->a, NULL);
    MUST(rename("next.crt", "a.crt") == 0 && rename("next.key", "a.key") == 0);
    after = new_client(version);
    CHECK_SENDS(after, server_a, pki->a.cert);
    SSL_CTX_free(after);

    subject("an SSL_CTX that has read the files keeps their content");
    CHECK_SENDS(before, server_a, pki->a.cert);

}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++)
        replace(&pki, tls_versions[i]);
    return finish();
}
