/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two threads call the function of has_races.rs that the argument names. */
#define _GNU_SOURCE /* RTLD_DEFAULT, barriers */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

void two_references(void);

static unsigned long long (*function)(void);
static pthread_barrier_t start;

static void *call(void *nothing)
{
    pthread_barrier_wait(&start);
    function();
    return nothing;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    void *found = argc == 2 ? dlsym(RTLD_DEFAULT, argv[1]) : NULL;
    int i;

    if (found == NULL || pthread_barrier_init(&start, NULL, 2) != 0)
        return 2;
    memcpy(&function, &found, sizeof(found));
    two_references();
    for (i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, call, NULL) != 0)
            return 2;
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
