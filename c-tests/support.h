/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks that count and print, a work directory that goes away, files, and OpenSSL's error queue. */
#ifndef CERTPICK_TESTS_SUPPORT_H
#define CERTPICK_TESTS_SUPPORT_H

/* POSIX beside -std=c99; so this header comes first in every program. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the following checks are about; printed with every failure. */
void subject(const char *sentence);

/* A failed check is printed and counted, and the program goes on. */
#define CHECK(condition) check_true(!!(condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(actual, expected) \
    check_int((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_BEGINS(actual, start) check_begins((actual), (start), #actual, __FILE__, __LINE__)
#define CHECK_HAS(actual, part) check_has((actual), (part), 1, #actual, __FILE__, __LINE__)
#define CHECK_LACKS(actual, part) check_has((actual), (part), 0, #actual, __FILE__, __LINE__)
int check_true(int holds, const char *what, const char *file, int line);
int check_int(long long actual, long long expected, const char *what, const char *file, int line);
int check_text(const char *actual, const char *expected, const char *what, const char *file, int line);
int check_begins(const char *actual, const char *start, const char *what, const char *file, int line);
int check_has(const char *actual, const char *part, int wanted, const char *what, const char *file,
              int line);

/* What a test needs before it can check anything: if it fails, the program ends with status 2. */
#define MUST(condition) must(!!(condition), #condition, __FILE__, __LINE__)
void must(int holds, const char *what, const char *file, int line);

/* The last line of main: prints the counts; 0 where all checks hold and no file was left open. */
int finish(void);

/* Make a directory of one's own, go there, and remove it at exit. */
void enter_work_dir(void);

void write_file(const char *path, const void *data, size_t length, mode_t mode);
/* All of a file, with a NUL behind it; the caller frees it. */
char *read_file(const char *path, size_t *length);

size_t count_entries(const char *directory);

/* Wait until the clock that stamps files has moved on: what has been written so far shows by its
   times if it is written again, so what is read now may be kept. */
void settle(void);

/* OpenSSL's error queue, oldest entry first. */
struct queue {
    unsigned long codes[16];
    size_t length;
};
/* Empty the queue and tell what was in it. */
struct queue take_queue(void);
/* Put n entries of a library that is neither OpenSSL nor certpick into the queue. */
void queue_markers(int n);
int is_marker(unsigned long code);
/* How many entries belong to a library that registered itself and is not the markers'. */
size_t foreign_entries(const struct queue *queue);

/* The queue holds n markers and nothing else; then it is emptied. */
#define CHECK_ONLY_MARKERS(n) check_queue((n), 0, __FILE__, __LINE__)
/* The queue holds n markers and behind them one entry of certpick's, with a text; then it is emptied. */
#define CHECK_MARKERS_AND_ONE(n) check_queue((n), 1, __FILE__, __LINE__)
void check_queue(int markers, int own, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif
