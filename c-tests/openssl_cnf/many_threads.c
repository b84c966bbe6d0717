/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Eight threads at once, each with its own SSL_CTX or all with one. */
#include "support.h"

#include "two_cas.h"

#include <pthread.h>

enum { THREADS = 8, HANDSHAKES = 4 };

struct job {
    pthread_barrier_t *start;
    const struct two *two;
    SSL_CTX *shared; /* NULL: one for each handshake */
    SSL_CTX *server_a, *server_b;
    int number, version;
    int good; /* handshakes; written by the thread, read after it was joined */
};

static void *shake_many_hands(void *arg)
{
    struct job *job = arg;
    int i;

    pthread_barrier_wait(job->start);
    for (i = 0; i < HANDSHAKES; i++) {
        int a = (i + job->number) % 2;
        SSL_CTX *client = job->shared != NULL ? job->shared : new_client(job->version);
        struct link link;

        if (meet(&link, client, a ? job->server_a : job->server_b) &&
            arrived(&link, a ? job->two->a.cert : job->two->b.cert))
            job->good++;
        close_link(&link);
        if (job->shared == NULL)
            SSL_CTX_free(client);
    }
    return NULL;
}

static void at_once(const struct two *two, int version, SSL_CTX *shared)
{
    SSL_CTX *server_a = new_server(version, &two->ca_a, (void *)NULL);
    SSL_CTX *server_b = new_server(version, &two->ca_b, (void *)NULL);
    struct job jobs[THREADS];
    pthread_t ids[THREADS];
    pthread_barrier_t start;
    int i;

    MUST(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){&start, two, shared, server_a, server_b, i, version, 0};
        MUST(pthread_create(&ids[i], NULL, shake_many_hands, &jobs[i]) == 0);
    }
    for (i = 0; i < THREADS; i++) {
        MUST(pthread_join(ids[i], NULL) == 0);
        CHECK_INT(jobs[i].good, HANDSHAKES);
    }
    pthread_barrier_destroy(&start);
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
}

int main(void)
{
    struct two two;
    int i;

    make_two(&two);
    for (i = 0; i < 2; i++) {
        SSL_CTX *shared = new_client(tls_versions[i]);

        subject("threads with an SSL_CTX each");
        at_once(&two, tls_versions[i], NULL);
        subject("threads with one SSL_CTX, which nobody has used before");
        at_once(&two, tls_versions[i], shared);
        SSL_CTX_free(shared);
    }
    free_two(&two);
    return finish();
}
