/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ten threads connect, each with a new selector per connection, while the files are replaced. */
#include "picking.h"

#include "parallel.h"

#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = MAX_THREADS, MIN_CONNECTIONS = 20, GENERATIONS = 20 };

static struct identity generations[GENERATIONS];
static SSL_CTX *servers[2];
/* The newest generation that is completely written; all generations are written. Shared by all
   threads. */
static int newest, finished;

struct counts {
    int sent, mismatched, bad;
    char problem[256];
};

static int generation_of(X509 *cert)
{
    for (int i = 0; cert != NULL && i < GENERATIONS; i++)
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
        snprintf(counts->problem, sizeof(counts->problem), "%s", certpick_selector_error(selector));
        certpick_selector_free(selector);
        return;
    }
    done = connect_selector(&link, tls_versions[version], selector, servers[version]);
    if (done) {
        SCOPED(X509) *cert = SSL_get_peer_certificate(link.server);
        int got = generation_of(cert);

        if (got >= least) {
            counts->sent++;
        } else {
            counts->bad++;
            snprintf(counts->problem, sizeof(counts->problem),
                     "generation %d arrived after %d was written", got, least);
        }
    } else if (strncmp(certpick_message(link.client),
                       "entry 1: certificate does not match private key file", 52) == 0) {
        counts->mismatched++;
    } else {
        counts->bad++;
        snprintf(counts->problem, sizeof(counts->problem), "%s", certpick_message(link.client));
    }
    close_link(&link);
    certpick_selector_free(selector);
}

static void *connect_many(void *arg)
{
    struct counts *counts = arg;

    for (int i = 0; i < MIN_CONNECTIONS || !__atomic_load_n(&finished, __ATOMIC_SEQ_CST); i++)
        connect_once(counts, i % 2);
    return NULL;
}

static void replace_a(const struct identity *identity)
{
    write_identity("now/new", identity, NULL);
    MUST(rename("now/new.key", "now/a.key") == 0 && rename("now/new.crt", "now/a.crt") == 0);
}

static void run_generations(int may_mismatch)
{
    struct counts counts[THREADS], last = {0, 0, 0, ""};
    pthread_t ids[MAX_THREADS];
    int sent = 0;

    newest = finished = 0;
    replace_a(&generations[0]);
    memset(counts, 0, sizeof(counts));
    start_threads(ids, THREADS, connect_many, counts, sizeof(counts[0]));
    for (int i = 0; i < GENERATIONS; i++) {
        replace_a(&generations[i]);
        __atomic_store_n(&newest, i, __ATOMIC_SEQ_CST);
        wait_for_timestamp();
    }
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    join_threads(ids, THREADS);
    for (int i = 0; i < THREADS; i++) {
        CHECK_INT(counts[i].bad, 0);
        CHECK_TEXT(counts[i].problem, "");
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
    struct pki pki;

    set_up_pki(&pki, NULL);
    MUST(mkdir("now", 0700) == 0);
    /* Otherwise threads that fail first at the same time may each register an error library. */
    CHECK_INT(certpick_selector_validate(NULL), CERTPICK_ERROR_ARGUMENT);
    take_queue();
    for (int i = 0; i < 2; i++)
        servers[i] = new_server(tls_versions[i], &pki.ca_a);

    subject("certificates are replaced by renewed ones with the same key");
    generations[0] = new_leaf("a", &pki.ca_a);
    for (int i = 1; i < GENERATIONS; i++)
        generations[i] = renew("a", &generations[0], &pki.ca_a);
    run_generations(0);

    subject("certificates and keys are replaced: a mismatch is reported if only one of the two is "
            "new");
    for (int i = 0; i < GENERATIONS; i++)
        generations[i] = new_leaf("a", &pki.ca_a);
    run_generations(1);

    for (int i = 0; i < 2; i++)
        SSL_CTX_free(servers[i]);
    return finish();
}
