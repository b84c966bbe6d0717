/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process forks while its other threads use the cache. */
#include "picking.h"

#include "parallel.h"

#include <unistd.h>

enum { THREADS = 8, FORKS = 60, MAX_SECONDS = 60 };

static int finished, failed;

/* Adds cached files, for which it takes the lock of the cache. */
static void *add_cached_files(void *none)
{
    (void)none;
    while (!__atomic_load_n(&finished, __ATOMIC_SEQ_CST)) {
        certpick_selector *selector = certpick_selector_new();
        const certpick_status added = certpick_selector_add_files(selector, "a.crt", "a.key", NULL);

        certpick_selector_free(selector);
        if (added != CERTPICK_OK)
            __atomic_store_n(&failed, 1, __ATOMIC_SEQ_CST);
    }
    return NULL;
}

static certpick_selector *new_selector_both(const char *passwords)
{
    return new_selector("a.crt,b.crt", "a.key,b.key", passwords);
}

/* Connects twice. The second selector gets the objects of the first from the cache. */
static void use_cache(SSL_CTX *server)
{
    SCOPED_HELD first = connect_holding(new_selector_both(",secret"), server);
    SCOPED_HELD second = connect_holding(new_selector_both(",secret"), server);

    CHECK(first.cert == second.cert && first.key == second.key);
}

static void wrong_password(void)
{
    SCOPED(certpick_selector) *selector = new_selector_both(",wrong");

    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
}

int main(void)
{
    struct pki pki;
    pthread_t ids[THREADS];

    set_up_pki(&pki, "secret");
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki.ca_b);
    wait_for_timestamp();
    use_cache(server);
    certpick_selector_free(new_selector("a.crt", "a.key", NULL));
    start_threads(ids, THREADS, add_cached_files, NULL, 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork_child();

        if (child == 0) {
            alarm(MAX_SECONDS);
            /* A thread of the parent that does not get the lock soon reads the file, and the child
               may inherit its descriptor. */
            ignore_open_files();
            subject("the child process uses the cache and checks passwords");
            use_cache(server);
            wrong_password();
            subject("the child process can clear the cache");
            certpick_cache_clear();
            use_cache(server);
            exit(finish());
        }
        subject("the parent process uses the cache after the fork");
        wrong_password();
        check_child(child);
    }
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    join_threads(ids, THREADS);
    CHECK(!failed);
    subject("the parent process uses the cache after all forks");
    use_cache(server);
    return finish();
}
