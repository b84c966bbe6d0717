/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many threads and one selector: handshakes in parallel, an encrypted key loaded when all of them
   want it, references taken and dropped meanwhile. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>
#include <pthread.h>

enum { MOST_THREADS = 8, HANDSHAKES = 4 };

static pthread_mutex_t asked_lock = PTHREAD_MUTEX_INITIALIZER;
static int asked;

static int answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)key_file;
    (void)arg;
    MUST(size >= 6);
    pthread_mutex_lock(&asked_lock);
    asked++;
    pthread_mutex_unlock(&asked_lock);
    memcpy(buf, "secret", 6);
    return 6;
}

struct job {
    pthread_barrier_t *start; /* NULL: at once */
    SSL_CTX *client, *server_a, *server_b;
    certpick_selector *selector;
    const struct two *two;
    int number;
    int good, bad; /* handshakes; written by the thread, read after it was joined */
};

static void *shake_many_hands(void *arg)
{
    struct job *job = arg;
    struct link link;
    int i;

    if (job->start != NULL)
        pthread_barrier_wait(job->start);
    for (i = 0; i < HANDSHAKES; i++) {
        int a = (i + job->number) % 2;
        int good;

        certpick_selector_up_ref(job->selector);
        open_link(&link, job->client, a ? job->server_a : job->server_b);
        good = certpick_set_peer(link.client, "db.example", "alice") == CERTPICK_OK &&
               shake_hands(&link) && exchange_bytes(&link) &&
               arrived(&link, a ? job->two->a.cert : job->two->b.cert) &&
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

static void in_parallel(const struct two *two, enum way way, int threads)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", ",");
    SSL_CTX *clients[2], *server_a[2], *server_b[2];
    struct job jobs[MOST_THREADS + 1];
    pthread_t ids[MOST_THREADS];
    pthread_barrier_t start;
    int i;

    subject("threads that share a selector each get the right certificate");
    asked = 0;
    MUST(certpick_selector_set_password_callback(selector, answer, NULL) == CERTPICK_OK);
    for (i = 0; i < 2; i++) {
        clients[i] = new_client(tls_versions[i]);
        use_selector(clients[i], selector, way);
        server_a[i] = new_server(tls_versions[i], &two->ca_a, (void *)NULL);
        server_b[i] = new_server(tls_versions[i], &two->ca_b, (void *)NULL);
    }
    MUST(pthread_barrier_init(&start, NULL, (unsigned)threads) == 0);
    for (i = 0; i <= threads; i++) {
        struct job job = {&start, clients[i / 2 % 2], server_a[i / 2 % 2], server_b[i / 2 % 2],
                          selector, two, i, 0, 0};

        jobs[i] = job;
    }
    jobs[threads].start = NULL;
    for (i = 0; i < threads; i++)
        MUST(pthread_create(&ids[i], NULL, shake_many_hands, &jobs[i]) == 0);
    for (i = 0; i < threads; i++)
        MUST(pthread_join(ids[i], NULL) == 0);
    for (i = 0; i < threads; i++) {
        CHECK_INT(jobs[i].good, HANDSHAKES);
        CHECK_INT(jobs[i].bad, 0);
    }
    /* No lock is held across a callback, so threads that come at the same time may all ask. */
    subject("the password of a key is asked for at most once by each thread, and not again later");
    CHECK(asked >= 1 && asked <= threads);
    asked = 0;
    shake_many_hands(&jobs[threads]);
    CHECK_INT(jobs[threads].good, HANDSHAKES);
    CHECK_INT(asked, 0);

    pthread_barrier_destroy(&start);
    for (i = 0; i < 2; i++) {
        SSL_CTX_free(clients[i]);
        SSL_CTX_free(server_a[i]);
        SSL_CTX_free(server_b[i]);
    }
    certpick_selector_free(selector);
}

static void *free_selector(void *selector)
{
    certpick_selector_free(selector);
    return NULL;
}

static void freed_elsewhere(const struct two *two)
{
    certpick_selector *selector = new_selector("a.crt", "a.key", NULL);
    SSL_CTX *client = new_client(TLS1_3_VERSION);
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_a, (void *)NULL);
    pthread_t id;
    struct link link;

    subject("another thread may drop the program's last reference");
    MUST(certpick_attach(client, selector) == CERTPICK_OK);
    MUST(pthread_create(&id, NULL, free_selector, selector) == 0);
    MUST(pthread_join(id, NULL) == 0);
    CHECK(connect_link(&link, client, server) && exchange_bytes(&link));
    CHECK_ARRIVED(&link, two->a.cert, (X509 *)NULL);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;

    enter_work_dir();
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    in_parallel(&two, BY_CLIENT_CERT_CB, 2);
    in_parallel(&two, BY_CLIENT_CERT_CB, MOST_THREADS);
    in_parallel(&two, BY_CERT_CB, 2);
    in_parallel(&two, BY_CERT_CB, MOST_THREADS);
    freed_elsewhere(&two);
    free_two(&two);
    return finish();
}
