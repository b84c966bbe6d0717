/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A file that cannot be used ends that handshake, with the reason, and nothing else. */
#include "support.h"

#include "two_cas.h"

#include <sys/stat.h>
#include <unistd.h>

static void flawed_key(const struct two *two, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *client = new_client(version);

    subject("a key that others may read");
    MUST(chmod("b.key", 0644) == 0);
    CHECK_FAILURE(client, server_b, "entry 2: private key file \"b.key\" has group or world access");
    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK_FAILURE(client, server_b, "entry 2: private key file \"b.key\" has group or world access");
    subject("once it is repaired it is used, by an SSL_CTX that failed with it too");
    MUST(chmod("b.key", 0600) == 0);
    CHECK_MEETING(client, server_b, two->b.cert);
    SSL_CTX_free(client);

    subject("a key that is missing");
    client = new_client(version);
    MUST(rename("b.key", "moved.key") == 0);
    CHECK_FAILURE(client, server_b, "entry 2: certificate present, but not private key file \"b.key\"");
    CHECK_MEETING(client, server_a, two->a.cert);
    subject("the key of another certificate");
    MUST(link("a.key", "b.key") == 0);
    CHECK_FAILURE(client, server_b, "entry 2: certificate does not match private key file \"b.key\"");
    subject("a key with another password");
    write_identity("b", &two->b, "sesame");
    CHECK_FAILURE(client, server_b, "entry 2: could not load private key file \"b.key\": ");
    subject("the right key");
    MUST(rename("moved.key", "b.key") == 0);
    CHECK_MEETING(client, server_b, two->b.cert);

    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void missing_certificate(const struct two *two, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *quiet = new_server(version, (void *)NULL);
    SSL_CTX *client = new_client(version);

    subject("a certificate that is missing");
    MUST(rename("b.crt", "moved.crt") == 0);
    CHECK_FAILURE(client, server_b, "entry 2: could not read certificate file \"b.crt\": No such file");
    subject("a server that does not ask is none of its business");
    SSL_CTX_set_verify(quiet, SSL_VERIFY_NONE, NULL);
    CHECK_MEETING(client, quiet, NULL);
    subject("once it is back it is used, by the same SSL_CTX too");
    MUST(rename("moved.crt", "b.crt") == 0);
    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK_MEETING(client, server_b, two->b.cert);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    SSL_CTX_free(quiet);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++) {
        flawed_key(&two, tls_versions[i]);
        missing_certificate(&two, tls_versions[i]);
    }
    free_two(&two);
    return finish();
}
