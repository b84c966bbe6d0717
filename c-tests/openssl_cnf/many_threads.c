/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Eight threads connect in parallel, each with its own SSL_CTX or all with the same one. */
#include "two_cas.h"

#include "parallel.h"

enum { THREADS = 8, HANDSHAKES = 4 };

struct job {
    pthread_barrier_t *start;
    const struct pki *pki;
    SSL_CTX *shared; /* NULL: one for each handshake */
    SSL_CTX *server_a, *server_b;
    int number, version;
    int good; /* handshakes */
};

static void *connect_many(void *arg)
{
    struct job *job = arg;

    pthread_barrier_wait(job->start);
    for (int i = 0; i < HANDSHAKES; i++) {
        int a = (i + job->number) % 2;
        SSL_CTX *client = job->shared != NULL ? job->shared : new_client(job->version);
        struct link link;

        if (connect_link(&link, client, a ? job->server_a : job->server_b) &&
            arrived(&link, a ? job->pki->a.cert : job->pki->b.cert))
            job->good++;
        close_link(&link);
        if (job->shared == NULL)
            SSL_CTX_free(client);
    }
    return NULL;
}

static void connect_in_threads(const struct pki *pki, int version, SSL_CTX *shared)
{
    SCOPED(SSL_CTX) *server_a = new_server(version, &pki->ca_a);
    SCOPED(SSL_CTX) *server_b = new_server(version, &pki->ca_b);
    struct job jobs[THREADS];
    pthread_barrier_t start;

    MUST(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        jobs[i] = (struct job){&start, pki, shared, server_a, server_b, i, version, 0};
    run_in_threads(THREADS, connect_many, jobs, sizeof(jobs[0]));
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(jobs[i].good, HANDSHAKES);
    pthread_barrier_destroy(&start);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    for (int i = 0; i < 2; i++) {
        SCOPED(SSL_CTX) *shared = new_client(tls_versions[i]);

        subject("threads with separate SSL_CTX objects get the right certificates");
        connect_in_threads(&pki, tls_versions[i], NULL);
        subject("threads with one new SSL_CTX get the right certificates");
        connect_in_threads(&pki, tls_versions[i], shared);
    }
    return finish();
}
