/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several threads raise the first errors of a process at the same time. With the first error
   certpick registers its error library with OpenSSL and loads the reason strings. */
#include "picking.h"

#include "parallel.h"

#include <openssl/err.h>

enum { THREADS = 8, PROCESSES = 10 };

static pthread_barrier_t start;

struct found {
    int library;
    const char *library_text, *reason_text;
};

static void *raise_first_error(void *arg)
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

    MUST(pthread_barrier_init(&start, NULL, THREADS) == 0);
    run_in_threads(THREADS, raise_first_error, found, sizeof(found[0]));
    pthread_barrier_destroy(&start);
    for (int i = 0; i < THREADS; i++) {
        subject("threads that fail first at the same time use one error library with reason "
                "strings");
        CHECK_INT(found[i].library, found[0].library);
        CHECK_TEXT(found[i].library_text, "certpick");
        CHECK_TEXT(found[i].reason_text, certpick_status_text(CERTPICK_ERROR_ARGUMENT));
    }
}

int main(void)
{
    for (int i = 0; i < PROCESSES; i++) {
        pid_t child = fork_child();

        if (child == 0) {
            fail_in_parallel();
            exit(finish());
        }
        check_child(child);
    }
    return finish();
}
