/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For LD_PRELOAD: while a thread is armed, counts the calls that open, read and examine files and
   directories, and makes one of them fail. */
#define _GNU_SOURCE
/* Debian's compiler for armhf defines these, so that open would be another name of open64. */
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The number of the call that fails, from 1; 0: none. From then on `lasting` calls fail. */
void certpick_test_fail_calls(long number, long lasting, int error);
/* Counts from here on, until certpick_test_disarm(), which returns the number of calls. */
void certpick_test_arm(void);
long certpick_test_disarm(void);
/* Returns the name of the first function that failed; NULL: none. */
const char *certpick_test_failed_call(void);

static __thread int armed;
static long count, fails, lasts;
static int how;
static const char *failed;

void certpick_test_fail_calls(long number, long lasting, int error)
{
    fails = number;
    lasts = lasting;
    how = error;
    count = 0;
    failed = NULL;
}

void certpick_test_arm(void)
{
    armed = 1;
}

long certpick_test_disarm(void)
{
    armed = 0;
    return count;
}

const char *certpick_test_failed_call(void)
{
    return failed;
}

static int must_fail(const char *name)
{
    if (!armed)
        return 0;
    count++;
    if (fails == 0 || count < fails || count - fails >= lasts)
        return 0;
    if (failed == NULL)
        failed = name;
    errno = how;
    return 1;
}

/* Sets `real` to the function that this one replaces. */
#define FIND(name)                                \
    do {                                          \
        void *found_ = dlsym(RTLD_NEXT, name);    \
        memcpy(&real, &found_, sizeof(found_));   \
    } while (0)

/* Defines a function that may fail. */
#define REPLACE(type, failure, name, parameters, arguments) \
    type name parameters;                                   \
    type name parameters                                    \
    {                                                       \
        static type(*real) parameters;                      \
        if (must_fail(#name))                               \
            return failure;                                 \
        if (real == NULL)                                   \
            FIND(#name);                                    \
        return real arguments;                              \
    }

/* With the mode, which O_CREAT needs. */
#define REPLACE_OPEN(name)                           \
    int name(const char *path, int flags, ...)       \
    {                                                \
        static int (*real)(const char *, int, ...);  \
        va_list rest;                                \
        mode_t mode;                                 \
        if (must_fail(#name))                        \
            return -1;                               \
        va_start(rest, flags);                       \
        mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                \
        if (real == NULL)                            \
            FIND(#name);                             \
        return real(path, flags, mode);              \
    }

REPLACE_OPEN(open)
REPLACE_OPEN(open64)
REPLACE(ssize_t, -1, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
REPLACE(DIR *, NULL, opendir, (const char *path), (path))
REPLACE(struct dirent64 *, NULL, readdir64, (DIR * directory), (directory))
REPLACE(int, -1, stat64, (const char *path, struct stat64 *found), (path, found))
REPLACE(int, -1, lstat64, (const char *path, struct stat64 *found), (path, found))
REPLACE(int, -1, fstat64, (int fd, struct stat64 *found), (fd, found))
REPLACE(int, -1, fstatat, (int fd, const char *path, struct stat *found, int flags),
        (fd, path, found, flags))
REPLACE(int, -1, statx,
        (int fd, const char *path, int flags, unsigned mask, struct statx *found),
        (fd, path, flags, mask, found))
REPLACE(int, -1, fstatvfs64, (int fd, struct statvfs64 *found), (fd, found))
