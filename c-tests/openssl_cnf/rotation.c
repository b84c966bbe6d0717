/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Certificates that are replaced on disk while the process lives. */
#include "support.h"

#include "two_cas.h"

#include <stdio.h>

static void replace(const struct two *two, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *before = new_client(version), *after;
    struct identity next = new_leaf("a", &two->ca_a);

    subject("a connection before");
    CHECK_MEETING(before, server_a, two->a.cert);
    CHECK_MEETING(before, server_b, two->b.cert);

    subject("files that are written anew are used by the next SSL_CTX");
    write_identity("a", &next, NULL);
    after = new_client(version);
    CHECK_MEETING(after, server_a, next.cert);
    CHECK_MEETING(after, server_b, two->b.cert);
    SSL_CTX_free(after);

    subject("so are files that take the place of others");
    write_identity("next", &two->a, NULL);
    MUST(rename("next.crt", "a.crt") == 0 && rename("next.key", "a.key") == 0);
    after = new_client(version);
    CHECK_MEETING(after, server_a, two->a.cert);
    SSL_CTX_free(after);

    subject("an SSL_CTX that has read them goes on with what it has");
    CHECK_MEETING(before, server_a, two->a.cert);

    SSL_CTX_free(before);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    free_identity(&next);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++)
        replace(&two, tls_versions[i]);
    free_two(&two);
    return finish();
}
