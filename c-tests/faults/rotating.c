/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ten threads connect with the current selector while the certificates on disk are replaced. Each
   handshake sends a valid certificate, and memory use does not grow.

   CERTPICK_HANDSHAKES=n sets the number of handshakes. */
#include "picking.h"

#include "parallel.h"

#include <malloc.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = MAX_THREADS, PER_GENERATION = 40 };

static struct identity ca_a, ca_b;
static SSL_CTX *server_a, *server_b;

/* A selector for one generation of certificates. */
struct generation {
    certpick_selector *selector;
    int references;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t progress = PTHREAD_COND_INITIALIZER;
static struct generation *current;
static long begun, ended, wanted, rotations;

static void drop_reference(struct generation *generation)
{
    int last;

    pthread_mutex_lock(&lock);
    last = --generation->references == 0;
    pthread_mutex_unlock(&lock);
    if (!last)
        return;
    certpick_selector_free(generation->selector);
    free(generation);
}

/* Writes new certificates and keys to another directory and sets the link "now" to it. */
static struct generation *rotate(long number)
{
    struct identity a = new_leaf("a", &ca_a), b = new_leaf("b", &ca_b);
    struct generation *made = malloc(sizeof(*made));
    char directory[32], path[64];

    MUST(made != NULL);
    snprintf(directory, sizeof(directory), "gen-%ld", number % 4);
    mkdir(directory, 0700);
    snprintf(path, sizeof(path), "%s/a", directory);
    write_identity(path, &a, NULL);
    snprintf(path, sizeof(path), "%s/b", directory);
    write_identity(path, &b, number % 2 == 0 ? "secret" : NULL);
    MUST(symlink(directory, "next") == 0 && rename("next", "now") == 0);
    made->selector = new_selector("now/a.crt,now/b.crt", "now/a.key,now/b.key", ",secret");
    MUST(certpick_selector_validate(made->selector) == CERTPICK_OK);
    made->references = 1;
    free_identity(&a);
    free_identity(&b);
    return made;
}

static void *keep_rotating(void *nothing)
{
    (void)nothing;
    pthread_mutex_lock(&lock);
    while (ended < wanted) {
        long next = begun + PER_GENERATION;

        pthread_mutex_unlock(&lock);
        {
            struct generation *made = rotate(++rotations), *before;

            pthread_mutex_lock(&lock);
            before = current;
            current = made;
            pthread_mutex_unlock(&lock);
            drop_reference(before);
        }
        pthread_mutex_lock(&lock);
        while (ended < wanted && begun < next)
            pthread_cond_wait(&progress, &lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Written by one thread, and read after the thread ends. */
struct job {
    int number;
    long good, bad, between;
};

/* Returns 1 if the server received a certificate from this CA. The certificate of a selector
   changes with its file. */
static int is_from(struct link *link, const struct identity *ca)
{
    SCOPED(X509) *peer = SSL_get_peer_certificate(link->server);

    return peer != NULL && X509_verify(peer, ca->key) == 1;
}

/* Connects with a new selector. The link may change between the reads of a certificate and its key,
   so that they do not match. */
static int connect_with_new_selector(struct job *job, SSL_CTX *server, const struct identity *ca,
                                     int version)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    struct link link;
    int good = 0;

    MUST(selector != NULL);
    if (certpick_selector_add_lists(selector, "now/a.crt,now/b.crt", "now/a.key,now/b.key",
                                    ",secret") == CERTPICK_OK) {
        good = connect_selector(&link, version, selector, server) && is_from(&link, ca);
        if (strstr(certpick_message(link.client), "does not match") != NULL) {
            job->between++;
            good = arrived(&link, NULL);
        }
        close_link(&link);
    } else {
        /* The files of this directory are being replaced. */
        job->between++;
        good = strstr(certpick_selector_error(selector), "could not read") != NULL;
    }
    ERR_clear_error();
    return good;
}

static void *connect_many(void *arg)
{
    struct job *job = arg;

    for (;;) {
        struct generation *mine;
        struct link link;
        long number;
        int to_a, good;

        pthread_mutex_lock(&lock);
        number = begun++;
        mine = current;
        mine->references++;
        pthread_cond_signal(&progress);
        pthread_mutex_unlock(&lock);
        if (number < wanted) {
            to_a = (number + job->number) % 2;
            if (number % 16 == 0) {
                good =
                    connect_with_new_selector(job, to_a ? server_a : server_b, to_a ? &ca_a : &ca_b,
                                              tls_versions[number / 2 % 2]);
            } else {
                good = connect_selector(&link, tls_versions[number / 2 % 2], mine->selector,
                                        to_a ? server_a : server_b) &&
                       is_from(&link, to_a ? &ca_a : &ca_b) &&
                       certpick_choice(link.client) == (to_a ? 0 : 1);
                close_link(&link);
            }
            job->good += good;
            job->bad += !good;
        }
        drop_reference(mine);
        OPENSSL_thread_stop();
        pthread_mutex_lock(&lock);
        ended += number < wanted;
        pthread_cond_signal(&progress);
        pthread_mutex_unlock(&lock);
        if (number >= wanted)
            return NULL;
    }
}

/* Runs this number of handshakes in ten threads. */
static void run_handshakes(long handshakes)
{
    pthread_t rotator;
    struct job jobs[THREADS];
    long good = 0, bad = 0, between = 0;

    begun = ended = 0;
    wanted = handshakes;
    current = rotate(++rotations);
    start_threads(&rotator, 1, keep_rotating, NULL, 0);
    for (int i = 0; i < THREADS; i++) {
        memset(&jobs[i], 0, sizeof(jobs[i]));
        jobs[i].number = i;
    }
    run_in_threads(THREADS, connect_many, jobs, sizeof(jobs[0]));
    for (int i = 0; i < THREADS; i++) {
        good += jobs[i].good;
        bad += jobs[i].bad;
        between += jobs[i].between;
    }
    join_threads(&rotator, 1);
    drop_reference(current);
    subject("each handshake sends a valid certificate");
    CHECK_INT(good, handshakes);
    CHECK_INT(bad, 0);
    printf("%ld handshakes, %ld of them while the files changed\n", handshakes, between);
}

static size_t in_use(void)
{
    certpick_cache_clear();
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

int main(void)
{
    const char *text = getenv("CERTPICK_HANDSHAKES");
    const long handshakes = text != NULL ? strtol(text, NULL, 10) : 2000;
    size_t before, after;

    enter_work_dir();
    ca_a = new_root("CA A");
    ca_b = new_root("CA B");
    server_a = new_server(TLS1_2_VERSION, &ca_a);
    server_b = new_server(TLS1_2_VERSION, &ca_b);
    MUST(SSL_CTX_set_max_proto_version(server_a, 0) && SSL_CTX_set_max_proto_version(server_b, 0));
    SSL_CTX_set_session_cache_mode(server_a, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_cache_mode(server_b, SSL_SESS_CACHE_OFF);
    run_handshakes(handshakes / 4);
    before = in_use();
    run_handshakes(handshakes - handshakes / 4);
    after = in_use();
    subject("memory use does not grow");
    printf("%zu bytes in use after a quarter of the handshakes, %zu at the end; %ld rotations\n",
           before, after, rotations);
    CHECK(after < before + (128 << 10));
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    free_identity(&ca_a);
    free_identity(&ca_b);
    return finish();
}
