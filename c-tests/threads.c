/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many threads share a selector: parallel handshakes, an encrypted key that all of them need, and
   references that are taken and freed. */
#include "picking.h"

#include "parallel.h"

#include <openssl/err.h>

enum { THREADS = 8, HANDSHAKES = 4 };

static pthread_mutex_t asked_lock = PTHREAD_MUTEX_INITIALIZER;
static int asked;

static int answer_and_count(char *buf, int size, const char *key_file, void *arg)
{
    static char password[] = "secret";

    (void)arg;
    pthread_mutex_lock(&asked_lock);
    asked++;
    pthread_mutex_unlock(&asked_lock);
    return answer_password(buf, size, key_file, password);
}

struct job {
    pthread_barrier_t *start; /* NULL: no barrier */
    SSL_CTX *client, *server_a, *server_b;
    certpick_selector *selector;
    const struct pki *pki;
    int number;
    int good, bad; /* handshakes */
};

static void *connect_many(void *arg)
{
    struct job *job = arg;
    struct link link;

    if (job->start != NULL)
        pthread_barrier_wait(job->start);
    for (int i = 0; i < HANDSHAKES; i++) {
        int a = (i + job->number) % 2;
        int good;

        certpick_selector_up_ref(job->selector);
        open_link(&link, job->client, a ? job->server_a : job->server_b);
        good = certpick_set_peer(link.client, "db.example", "alice") == CERTPICK_OK &&
               complete_link(&link) &&
               arrived(&link, a ? job->pki->a.cert : job->pki->b.cert) &&
               certpick_outcome(link.client) == CERTPICK_OUTCOME_SENT &&
               certpick_choice(link.client) == (a ? 0 : 1) &&
               certpick_verdict(link.client, a ? 1 : 0) == CERTPICK_REASON_ISSUER &&
               certpick_selector_count(job->selector) == 2 &&
               certpick_selector_validate(job->selector) == CERTPICK_OK &&
               certpick_selector_add_files(job->selector, "a.crt", "a.key", NULL) ==
                   CERTPICK_ERROR_FROZEN &&
               strcmp(certpick_selector_error(job->selector), "") == 0;
        if (good)
            job->good++;
        else
            job->bad++;
        close_link(&link);
        certpick_selector_free(job->selector);
    }
    return NULL;
}

static void in_parallel(const struct pki *pki, enum way way, int threads)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt,b.crt", "a.key,b.key", ",");
    SSL_CTX *clients[2], *server_a[2], *server_b[2];
    struct job jobs[THREADS + 1];
    pthread_barrier_t start;

    subject("threads that share a selector each get the right certificate");
    asked = 0;
    MUST(certpick_selector_set_password_callback(selector, answer_and_count, NULL) == CERTPICK_OK);
    for (int i = 0; i < 2; i++) {
        clients[i] = new_client(tls_versions[i]);
        use_selector(clients[i], selector, way);
        server_a[i] = new_server(tls_versions[i], &pki->ca_a);
        server_b[i] = new_server(tls_versions[i], &pki->ca_b);
    }
    MUST(pthread_barrier_init(&start, NULL, (unsigned)threads) == 0);
    for (int i = 0; i <= threads; i++) {
        struct job job = {&start, clients[i / 2 % 2], server_a[i / 2 % 2], server_b[i / 2 % 2],
                          selector, pki, i, 0, 0};

        jobs[i] = job;
    }
    jobs[threads].start = NULL;
    run_in_threads(threads, connect_many, jobs, sizeof(jobs[0]));
    for (int i = 0; i < threads; i++) {
        CHECK_INT(jobs[i].good, HANDSHAKES);
        CHECK_INT(jobs[i].bad, 0);
    }
    /* No lock is held during a callback, so several threads may call it at the same time. */
    subject("each thread calls the password callback at most once, and never after the key is "
            "loaded");
    CHECK(asked >= 1 && asked <= threads);
    asked = 0;
    connect_many(&jobs[threads]);
    CHECK_INT(jobs[threads].good, HANDSHAKES);
    CHECK_INT(asked, 0);

    pthread_barrier_destroy(&start);
    for (int i = 0; i < 2; i++) {
        SSL_CTX_free(clients[i]);
        SSL_CTX_free(server_a[i]);
        SSL_CTX_free(server_b[i]);
    }
}

static void *free_selector(void *selector)
{
    certpick_selector_free(selector);
    return NULL;
}

static void freed_in_another_thread(const struct pki *pki)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);

    subject("another thread may free the program's last reference");
    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    run_in_threads(1, free_selector, selector, 0);
    CHECK_SENDS(client, server, pki->a.cert);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, "secret");
    in_parallel(&pki, BY_CLIENT_CERT_CB, 2);
    in_parallel(&pki, BY_CLIENT_CERT_CB, THREADS);
    in_parallel(&pki, BY_CERT_CB, 2);
    in_parallel(&pki, BY_CERT_CB, THREADS);
    freed_in_another_thread(&pki);
    return finish();
}
