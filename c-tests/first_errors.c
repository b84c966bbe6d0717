/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The first errors of a process, by several threads at the same time: that is when certpick gets
   its number in OpenSSL's error queue and loads its texts. */
#include "support.h"

#include "picking.h"

#include <openssl/err.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, PROCESSES = 10 };

static pthread_barrier_t start;

struct found {
    int library;
    const char *library_text, *reason_text;
};

static void *fail(void *arg)
{
    struct found *found = arg;
    unsigned long code;

    pthread_barrier_wait(&start);
    MUST(certpick_selector_up_ref(NULL) == CERTPICK_ERROR_ARGUMENT);
    code = ERR_get_error();
    found->library = ERR_GET_LIB(code);
    found->library_text = ERR_lib_error_string(code);
    found->reason_text = ERR_reason_error_string(code);
    return NULL;
}

static void fail_in_parallel(void)
{
    struct found found[THREADS];
    pthread_t ids[THREADS];
    int i;

    MUST(pthread_barrier_init(&start, NULL, THREADS) == 0);
    for (i = 0; i < THREADS; i++)
        MUST(pthread_create(&ids[i], NULL, fail, &found[i]) == 0);
    for (i = 0; i < THREADS; i++)
        MUST(pthread_join(ids[i], NULL) == 0);
    pthread_barrier_destroy(&start);
    for (i = 0; i < THREADS; i++) {
        subject("threads that fail first at the same time have one library's number, with texts");
        CHECK_INT(found[i].library, found[0].library);
        CHECK_TEXT(found[i].library_text, "certpick");
        CHECK_TEXT(found[i].reason_text, certpick_status_text(CERTPICK_ERROR_ARGUMENT));
    }
}

int main(void)
{
    int i, status;

    for (i = 0; i < PROCESSES; i++) {
        pid_t child;

        fflush(stdout);
        child = fork();
        MUST(child >= 0);
        if (child == 0) {
            fail_in_parallel();
            exit(finish());
        }
        MUST(waitpid(child, &status, 0) == child);
        subject("each such process ends well, with nothing leaked");
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    return finish();
}
