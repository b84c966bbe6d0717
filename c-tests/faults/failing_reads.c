/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For LD_PRELOAD: makes read(2) fail for the file that certpick_test_fail_reads() names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char victim[256];
static int how;

void certpick_test_fail_reads(const char *file, int error);

void certpick_test_fail_reads(const char *file, int error)
{
    snprintf(victim, sizeof(victim), "%s", file != NULL ? file : "");
    how = error;
}

static int is_victim(int fd)
{
    char link[64], path[4096];
    ssize_t length;
    size_t wanted = strlen(victim);

    if (wanted == 0)
        return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path) - 1);
    return length >= (ssize_t)wanted && memcmp(path + length - wanted, victim, wanted) == 0;
}

ssize_t read(int fd, void *buffer, size_t count)
{
    static ssize_t (*real)(int, void *, size_t);
    static unsigned calls;

    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "read");

        memcpy(&real, &found, sizeof(found));
    }
    if (is_victim(fd)) {
        if (how != 0 || calls++ % 2 == 0) {
            errno = how != 0 ? how : EINTR;
            return -1;
        }
        count = count > 1 ? 1 : count;
    }
    return real(fd, buffer, count);
}
