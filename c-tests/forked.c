/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork between the building of the selector and the handshake. */
#include "support.h"

#include "picking.h"

#include <sys/wait.h>
#include <unistd.h>

static void connect_to(SSL_CTX *client, SSL_CTX *server, X509 *expected)
{
    struct link link;

    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, expected, (X509 *)NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_SENT);
    close_link(&link);
}

static void fork_between(const struct two *two, int version, enum way way, int loaded_before)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", ",secret");
    SSL_CTX *client = new_client(version);
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    pid_t child;
    int status;

    use_selector(client, selector, way);
    if (loaded_before)
        connect_to(client, server_b, two->b.cert);
    fflush(stdout);
    child = fork();
    MUST(child >= 0);
    if (child == 0)
        subject("in the child");
    else
        subject("in the parent");
    connect_to(client, server_a, two->a.cert);
    connect_to(client, server_b, two->b.cert);
    certpick_selector_free(selector);
    SSL_CTX_free(client);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    if (child == 0) {
        struct two mine = *two;

        free_two(&mine);
        exit(finish());
    }
    MUST(waitpid(child, &status, 0) == child);
    subject("the child is content");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    struct two two;
    int i;

    enter_work_dir();
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    for (i = 0; i < 2; i++) {
        fork_between(&two, tls_versions[i], BY_CLIENT_CERT_CB, i);
        fork_between(&two, tls_versions[i], BY_CERT_CB, !i);
    }
    free_two(&two);
    return finish();
}
