/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A process forks while its other threads are at the cache. */
#include "support.h"

#include "picking.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, FORKS = 60, MOST_SECONDS = 60 };

static int finished;

/* Adds an entry that the cache has. That takes its lock and opens no file, which a child would inherit. */
static void *ask_the_cache(void *none)
{
    (void)none;
    while (!__atomic_load_n(&finished, __ATOMIC_SEQ_CST)) {
        certpick_selector *selector = certpick_selector_new();
        const certpick_status added = certpick_selector_add_files(selector, "a.crt", "a.key", NULL);

        certpick_selector_free(selector);
        if (added != CERTPICK_OK)
            return &finished;
    }
    return NULL;
}

static certpick_selector *select_both(const char *passwords)
{
    return new_selector("a.crt,b.crt", "a.key,b.key", passwords);
}

/* Two connections, of which the second one has what the first has read. */
static void use_cache(SSL_CTX *server)
{
    struct held first = connect_holding(select_both(",secret"), server);
    struct held second = connect_holding(select_both(",secret"), server);

    CHECK(first.cert == second.cert && first.key == second.key);
    free_held(&first);
    free_held(&second);
}

static void wrong_password(void)
{
    certpick_selector *selector = select_both(",wrong");

    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    certpick_selector_free(selector);
}

int main(void)
{
    struct two two;
    SSL_CTX *server;
    pthread_t ids[THREADS];
    void *wrong;
    int i, status;

    enter_work_dir();
    make_two(&two);
    write_key("b.key", two.b.key, "secret");
    server = new_server(TLS1_3_VERSION, &two.ca_b, (void *)NULL);
    settle();
    use_cache(server);
    certpick_selector_free(new_selector("a.crt", "a.key", NULL));
    for (i = 0; i < THREADS; i++)
        MUST(pthread_create(&ids[i], NULL, ask_the_cache, NULL) == 0);
    for (i = 0; i < FORKS; i++) {
        pid_t child;

        fflush(stdout);
        child = fork();
        MUST(child >= 0);
        if (child == 0) {
            alarm(MOST_SECONDS);
            subject("the child has a cache, and passwords mean there what they mean elsewhere");
            use_cache(server);
            wrong_password();
            subject("it can empty it and go on");
            certpick_cache_clear();
            use_cache(server);
            SSL_CTX_free(server);
            free_two(&two);
            exit(finish());
        }
        subject("the parent goes on");
        wrong_password();
        MUST(waitpid(child, &status, 0) == child);
        subject("the child is content");
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    __atomic_store_n(&finished, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < THREADS; i++) {
        MUST(pthread_join(ids[i], &wrong) == 0);
        CHECK(wrong == NULL);
    }
    subject("the parent still has what it had");
    use_cache(server);
    SSL_CTX_free(server);
    free_two(&two);
    return finish();
}
