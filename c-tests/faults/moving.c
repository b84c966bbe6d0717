/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ten threads connect while the files of a directory are replaced and removed, and while a PKCS#12
   file is used with the right password and with wrong ones.

   CERTPICK_HANDSHAKES=n sets the number of handshakes. */
#include "picking.h"
#include "parallel.h"
#include "pkcs12.h"

#include <openssl/err.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = MAX_THREADS, GENERATIONS = 3 };

/* Certificates of CA B that are in the directory in turn, and one that always is. "stay" ends
   earlier, so it is sent only while there is no other one. */
static struct pki pki;
static struct identity turns[GENERATIONS], stay;
static SSL_CTX *server_a, *server_b, *shared;
static long handshakes, ended;
static int is_over;

struct job {
    int number;
    long sent, stays, none, failed, bad;
};

static void move_file(const char *from, const char *to)
{
    char from_path[64], to_path[64];

    snprintf(from_path, sizeof(from_path), "new/%s", from);
    snprintf(to_path, sizeof(to_path), "live/%s", to);
    MUST(rename(from_path, to_path) == 0);
}

/* Waits until each thread has completed a handshake that began after this call. */
static void await_handshakes(void)
{
    long wanted = __atomic_load_n(&ended, __ATOMIC_SEQ_CST) + 2 * THREADS;

    while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) < wanted &&
           !__atomic_load_n(&is_over, __ATOMIC_SEQ_CST))
        sched_yield();
}

/* Replaces the pair, first the key and then the certificate, like a program that renews it. */
static void *keep_moving(void *arg)
{
    long turn = 0;

    (void)arg;
    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        const struct identity *next = &turns[++turn % GENERATIONS];

        /* Otherwise the pair is replaced again at once. */
        if (turn % 2 == 1)
            await_handshakes();
        if (turn % 4 == 0) {
            MUST(unlink("live/turn.crt") == 0 && unlink("live/turn.key") == 0);
            wait_for_timestamp();
        }
        if (turn % 4 == 2) {
            MUST(unlink("live/turn.crt") == 0 && unlink("live/turn.key") == 0);
            write_pkcs12("new/turn.p12", "secret", next, 1, NULL);
            move_file("turn.p12", "turn.p12");
            await_handshakes();
            MUST(unlink("live/turn.p12") == 0);
        }
        write_identity("new/turn", next, turn % 2 == 0 ? "secret" : NULL);
        move_file("turn.key", "turn.key");
        move_file("turn.crt", "turn.crt");
    }
    return NULL;
}

static void connect_once(struct job *job, SSL_CTX *client, int to_a)
{
    struct link link;
    int done;

    open_link(&link, client, to_a ? server_a : server_b);
    done = complete_link(&link);
    if (arrived(&link, NULL)) {
        /* There always is a credential for both servers. */
        job->none += done;
        job->failed += !done;
        job->bad += certpick_outcome(link.client) != CERTPICK_OUTCOME_FAILED;
    } else {
        int is_right = done && certpick_outcome(link.client) == CERTPICK_OUTCOME_SENT;
        int is_turn = 0;

        for (int i = 0; i < GENERATIONS; i++)
            is_turn |= arrived(&link, turns[i].cert);
        job->sent += is_turn;
        job->stays += arrived(&link, stay.cert);
        is_right &= to_a ? arrived(&link, pki.a.cert) : is_turn || arrived(&link, stay.cert);
        job->bad += !is_right;
    }
    if (strstr(certpick_message(link.client), "secret") != NULL)
        job->bad++;
    close_link(&link);
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
}

static void *connect_many(void *arg)
{
    struct job *job = arg;

    for (long i = 0; i < handshakes / THREADS; i++) {
        SCOPED(certpick_selector) *selector = certpick_selector_new();
        SCOPED(SSL_CTX) *client = new_client(tls_versions[i % 2]);

        if (i % 3 == 0) {
            connect_once(job, shared, job->number % 2);
            continue;
        }
        if (certpick_selector_add_lists(selector, "live", NULL, "secret") != CERTPICK_OK) {
            job->failed++;
            ERR_clear_error();
            __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
            continue;
        }
        use_selector(client, selector, BY_CLIENT_CERT_CB);
        connect_once(job, client, job->number % 2);
    }
    return NULL;
}

static void directory(void)
{
    struct job jobs[THREADS];
    pthread_t ids[THREADS], mover;
    certpick_selector *selector;
    struct job total = {0, 0, 0, 0, 0, 0};

    memset(jobs, 0, sizeof(jobs));
    MUST(mkdir("live", 0700) == 0 && mkdir("new", 0700) == 0);
    write_identity("live/a", &pki.a, NULL);
    write_identity("live/stay", &stay, "secret");
    write_identity("live/turn", &turns[0], NULL);
    selector = new_selector("live", NULL, "secret");
    shared = new_client(TLS1_3_VERSION);
    use_selector(shared, selector, BY_CLIENT_CERT_CB);
    certpick_selector_free(selector);
    for (int i = 0; i < THREADS; i++)
        jobs[i].number = i;
    MUST(pthread_create(&mover, NULL, keep_moving, NULL) == 0);
    start_threads(ids, THREADS, connect_many, jobs, sizeof(jobs[0]));
    join_threads(ids, THREADS);
    __atomic_store_n(&is_over, 1, __ATOMIC_SEQ_CST);
    pthread_join(mover, NULL);
    for (int i = 0; i < THREADS; i++) {
        total.sent += jobs[i].sent;
        total.stays += jobs[i].stays;
        total.none += jobs[i].none;
        total.failed += jobs[i].failed;
        total.bad += jobs[i].bad;
    }
    printf("%ld handshakes sent a replaced certificate, %ld another, %ld none, %ld failed\n",
           total.sent, total.stays, total.none, total.failed);
    subject("each handshake sends a certificate with its key, or fails with an error");
    CHECK_INT(total.bad, 0);
    CHECK_INT(total.none, 0);
    CHECK(total.sent > 0);
    subject("the directory is used as it is when it does not change any more");
    CHECK_SENDS(shared, server_a, pki.a.cert);
    SSL_CTX_free(shared);
}

/* Each thread has its own password. Only those with an even number are right. */
static void *use_password(void *arg)
{
    struct job *job = arg;
    char password[16];

    snprintf(password, sizeof(password), job->number % 2 == 0 ? "secret" : "wrong%d", job->number);
    for (long i = 0; i < handshakes / THREADS / 4; i++) {
        SCOPED(certpick_selector) *selector = certpick_selector_new();
        SCOPED(SSL_CTX) *client = new_client(tls_versions[i % 2]);
        const char *const entries[] = {"b.p12", "p12"};
        certpick_status status =
            certpick_selector_add_lists(selector, entries[i / 2 % 2], NULL, password);
        struct link link;

        if (job->number % 2 != 0) {
            job->bad += status != CERTPICK_ERROR_PASSWORD_WRONG;
            job->failed++;
            ERR_clear_error();
        } else if (status == CERTPICK_OK) {
            use_selector(client, selector, BY_CLIENT_CERT_CB);
            job->bad += !connect_link(&link, client, server_b) || !arrived(&link, pki.b.cert);
            job->sent++;
            close_link(&link);
        } else {
            job->bad++;
        }
    }
    return NULL;
}

static void passwords(void)
{
    struct job jobs[THREADS];

    memset(jobs, 0, sizeof(jobs));
    write_pkcs12("b.p12", "secret", &pki.b, 1, NULL);
    MUST(mkdir("p12", 0700) == 0);
    write_pkcs12("p12/b.p12", "secret", &pki.b, 1, NULL);
    for (int i = 0; i < THREADS; i++)
        jobs[i].number = i;
    run_in_threads(THREADS, use_password, jobs, sizeof(jobs[0]));
    subject("a PKCS#12 file is used with its password only, whatever other threads use");
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(jobs[i].bad, 0);
}

int main(void)
{
    const char *text = getenv("CERTPICK_HANDSHAKES");
    struct traits shorter = {KEY_P256, NULL, NULL, 0, 100};

    handshakes = text != NULL ? strtol(text, NULL, 10) : 2000;
    set_up_pki(&pki, NULL);
    for (int i = 0; i < GENERATIONS; i++)
        turns[i] = new_leaf("turn", &pki.ca_b);
    stay = new_leaf_with("stay", &pki.ca_b, &shorter);
    server_a = new_server(TLS1_2_VERSION, &pki.ca_a);
    server_b = new_server(TLS1_2_VERSION, &pki.ca_b);
    MUST(SSL_CTX_set_max_proto_version(server_a, 0) && SSL_CTX_set_max_proto_version(server_b, 0));
    SSL_CTX_set_session_cache_mode(server_a, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_cache_mode(server_b, SSL_SESS_CACHE_OFF);
    passwords();
    directory();
    SSL_CTX_free(server_a);
    SSL_CTX_free(server_b);
    return finish();
}
