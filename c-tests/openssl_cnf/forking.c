/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A fork, before or after the first certificate was needed: both sides go on. */
#include "support.h"

#include "two_cas.h"

#include <sys/wait.h>
#include <unistd.h>

static void both_servers(const struct two *two, SSL_CTX *client, int version)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    SSL_CTX *fresh = new_client(version);

    CHECK_MEETING(client, server_a, two->a.cert);
    CHECK_MEETING(client, server_b, two->b.cert);
    CHECK_MEETING(fresh, server_b, two->b.cert);
    SSL_CTX_free(fresh);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

static void fork_once(struct two *two, SSL_CTX *client, int version)
{
    pid_t child;
    int status;

    fflush(stdout);
    child = fork();
    MUST(child >= 0);
    subject(child == 0 ? "in the child" : "in the parent");
    both_servers(two, client, version);
    if (child == 0) {
        SSL_CTX_free(client);
        free_two(two);
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

    make_two(&two);
    for (i = 0; i < 2; i++) {
        SSL_CTX *client = new_client(tls_versions[i]);

        fork_once(&two, client, tls_versions[i]); /* nothing was read before */
        fork_once(&two, client, tls_versions[i]);
        SSL_CTX_free(client);
    }
    free_two(&two);
    return finish();
}
