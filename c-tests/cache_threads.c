/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ten threads connect, each time with a new selector, while another one replaces the files. */
#include "support.h"

#include "picking.h"

#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 10, LEAST = 20, GENERATIONS = 20 };

static struct identity generations[GENERATIONS];
static SSL_CTX *servers[2];
/* The newest generation that is in its place for certain; the last one is there; touched by all. */
static int newest, finished;

struct counts {
    int sent, mismatched, bad;
    char words[256];
};

static int generation_of(X509 *cert)
{
    int i;

    for (i = 0; cert != NULL && i < GENERATIONS; i++)
        if (X509_cmp(cert, generations[i].cert) == 0)
            return i;
    return -1;
}

static void connect_once(struct counts *counts, int version)
{
    int least = __atomic_load_n(&newest, __ATOMIC_SEQ_CST);
    certpick_selector *selector = certpick_selector_new();
    certpick_status status = certpick_selector_add_lists(selector, "now/a.crt,b.crt",
                                                         "now/a.key,b.key", NULL);
    struct link link;
    int done;

    if (status != CERTPICK_OK) {
        counts->bad++;
        snprintf(counts->words, sizeof(counts->words), "%s", certpick_selector_error(selector));
        certpick_selector_free(selector);
        return;
    }
    done = connect_picking(&link, tls_versions[version], selector, servers[version]);
    if (done) {
        X509 *cert = SSL_get_peer_certificate(link.server);
        int got = generation_of(cert);

        if (got >= least) {
            counts->sent++;
        } else {
            counts->bad++;
            snprintf(counts->words, sizeof(counts->words), "generation %d came when %d was there",
                     got, least);
        }
        X509_free(cert);
    } else if (strncmp(certpick_message(link.client),
                       "entry 1: certificate does not match private key file", 52) == 0) {
        counts->mismatched++;
    } else {
        counts->bad++;
        snprintf(counts->words, sizeof(counts->words), "%s", certpick_message(link.client));
    }
    close_link(&link);
    certpick_selector_free(selector);
}

static void *connect_many(void *arg)
{
    struct counts *counts = arg;
    int i;

    for (i = 0; i < LEAST || !__atomic_load_n(&finished, __ATOMIC_SEQ_CST); i++)
        connect_once(counts, i % 2);
    return NULL;
}

static void put(const struct identity *identity)
{
    write_identity("now/new", identity, NULL);
    MUST(rename("now/new.key", "now/a.key") == 0 && rename("now/new.crt", "now/a.crt") == 0);
}

static void in_parallel(int may_mismatch)
{
    struct counts counts[THREADS], last = {0, 0, 0, ""};
    pthread_t ids[THREADS];
    int i, sent = 0;

    newest = finished = 0;
    put(&generations[0]);
    memset(counts, 0, sizeof(counts));
    for (i = 0; i < THREADS; i++)
        MUST(pthread_create(&ids[i], NULL, connect_many, &counts[i]) == 0);
    for (i = 0; i < GENERATIONS; i++) {
        put(&generations[i]);
        __atomic_store_n(&newest, i, __ATOMIC_SEQ_CST);
        settle();
    }
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < THREADS; i++) {
        MUST(pthread_join(ids[i], NULL) == 0);
        CHECK_INT(counts[i].bad, 0);
        CHECK_TEXT(counts[i].words, "");
        if (!may_mismatch)
            CHECK_INT(counts[i].mismatched, 0);
        sent += counts[i].sent;
    }
    CHECK(sent >= THREADS);
    connect_once(&last, 0);
    CHECK_INT(last.sent, 1);
}

int main(void)
{
    struct two two;
    int i;

    enter_work_dir();
    make_two(&two);
    MUST(mkdir("now", 0700) == 0);
    /* Threads whose first errors come at the same time may each register certpick with OpenSSL. */
    CHECK_INT(certpick_selector_validate(NULL), CERTPICK_ERROR_ARGUMENT);
    take_queue();
    for (i = 0; i < 2; i++)
        servers[i] = new_server(tls_versions[i], &two.ca_a, (void *)NULL);

    subject("certificates that are renewed for the same key");
    generations[0] = new_leaf("a", &two.ca_a);
    for (i = 1; i < GENERATIONS; i++)
        generations[i] = renew("a", &generations[0], &two.ca_a);
    in_parallel(0);
    for (i = 0; i < GENERATIONS; i++)
        free_identity(&generations[i]);

    subject("certificates and keys that are replaced: a pair may be caught half replaced, and says so");
    for (i = 0; i < GENERATIONS; i++)
        generations[i] = new_leaf("a", &two.ca_a);
    in_parallel(1);
    for (i = 0; i < GENERATIONS; i++)
        free_identity(&generations[i]);

    for (i = 0; i < 2; i++)
        SSL_CTX_free(servers[i]);
    free_two(&two);
    return finish();
}
