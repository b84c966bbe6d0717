/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One bug of each kind that the sanitizers or valgrind must detect. */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;

static void *count(void *nothing)
{
    int i;

    for (i = 0; i < 10000; i++)
        shared++;
    return nothing;
}

int main(int argc, char **argv)
{
    const char *bug = argc > 1 ? argv[1] : "";
    volatile int number = INT_MAX;
    char *volatile block = malloc(8);

    if (block == NULL)
        return 2;
    if (strcmp(bug, "overflow") == 0) {
        block[argc + 6] = 'x'; /* block[8] */
    } else if (strcmp(bug, "use-after-free") == 0) {
        free((char *)block);
        printf("%d\n", block[0]);
        return 0;
    } else if (strcmp(bug, "uninitialised") == 0) {
        if (block[3] == 7)
            puts("seven");
    } else if (strcmp(bug, "leak") == 0) {
        block = NULL;
        block = malloc(8);
    } else if (strcmp(bug, "undefined") == 0) {
        number = number + argc;
    } else if (strcmp(bug, "race") == 0) {
        pthread_t other;

        if (pthread_create(&other, NULL, count, NULL) != 0)
            return 2;
        count(NULL);
        pthread_join(other, NULL);
    }
    printf("%d\n", number);
    free((char *)block);
    return 0;
}
