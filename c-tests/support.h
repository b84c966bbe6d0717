/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks, a temporary work directory, files, child processes, and OpenSSL's error queue. */
#ifndef CERTPICK_TESTS_SUPPORT_H
#define CERTPICK_TESTS_SUPPORT_H

/* -std=c99 hides POSIX, so every program includes this header, or one that includes it, first. */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700
#endif
/* On 32-bit machines, for sparse files and for addresses in /proc/self/mem. */
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Declares a pointer whose object is freed at the end of the scope, by an attribute of GCC and
   Clang. There is a free_TYPE function for each TYPE. */
#define SCOPED(type) __attribute__((cleanup(free_##type))) type

/* Sets the behaviour that the following checks test. Every failure prints it. */
void subject(const char *sentence);

/* A failed check is printed and counted, and the program continues. Each returns 1 on success. */
#define CHECK(condition) check_true(!!(condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(actual, expected) \
    check_int((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_BEGINS(actual, start) check_begins((actual), (start), #actual, __FILE__, __LINE__)
#define CHECK_HAS(actual, part) check_has((actual), (part), 1, #actual, __FILE__, __LINE__)
#define CHECK_LACKS(actual, part) check_has((actual), (part), 0, #actual, __FILE__, __LINE__)
int check_true(int holds, const char *what, const char *file, int line);
int check_int(long long actual, long long expected, const char *what, const char *file, int line);
int check_text(const char *actual, const char *expected, const char *what, const char *file,
               int line);
int check_begins(const char *actual, const char *start, const char *what, const char *file,
                 int line);
int check_has(const char *actual, const char *part, int wanted, const char *what, const char *file,
              int line);

/* Ends the program with status 2 unless a precondition of the test is true. */
#define MUST(condition) must(!!(condition), #condition, __FILE__, __LINE__)
void must(int holds, const char *what, const char *file, int line);

/* Prints the counts. Returns the exit status of the program: 0 if all checks succeeded and no file
   was left open. */
int finish(void);

/* Omits the check for open files, for a child process that may inherit some. */
void ignore_open_files(void);

/* Creates a temporary directory, changes to it, and removes it at exit. */
void enter_work_dir(void);

/* Fills a buffer with a string of one character. */
void fill(char *buffer, char character, size_t size);

void write_file(const char *path, const void *data, size_t length, mode_t mode);
/* Writes a file with mode 0600. */
void write_text(const char *path, const char *text);
void make_directory(const char *path);
/* Writes a file of 1 TiB without data blocks. */
void write_sparse(const char *path);
/* Returns the content of a file, followed by a NUL. The caller frees it. */
char *read_file(const char *path, size_t *length);
/* Writes the first bytes of another file, with mode 0600. */
void copy_part(const char *to, const char *from, size_t length);
/* Writes a copy of another file in which one byte is replaced, or inverted if the byte is -1, with
   mode 0600. */
void copy_changed(const char *to, const char *from, size_t at, int byte);

size_t count_entries(const char *directory);

/* Waits until a file that is written again gets a different timestamp. The cache keeps the content
   of a file only after that. */
void wait_for_timestamp(void);

/* Like fork(2), with stdout flushed before. */
pid_t fork_child(void);
/* Waits for a child process and checks that its exit status is 0. */
void check_child(pid_t child);

/* A copy of OpenSSL's error queue, oldest entry first. */
struct queue {
    unsigned long codes[16];
    size_t length;
};
/* Empties the error queue and returns its entries. */
struct queue take_queue(void);
/* Adds n markers to the queue: entries of a library that is neither OpenSSL nor certpick. */
void queue_markers(int n);
int is_marker(unsigned long code);
/* Returns the number of entries of libraries that are neither OpenSSL's nor the markers'. */
size_t foreign_entries(const struct queue *queue);

/* Checks that the queue contains exactly n markers, and empties it. */
#define CHECK_ONLY_MARKERS(n) check_queue((n), 0, __FILE__, __LINE__)
/* Checks that the queue contains exactly n markers and then one entry of certpick with a reason
   string, and empties it. */
#define CHECK_MARKERS_AND_ONE(n) check_queue((n), 1, __FILE__, __LINE__)
void check_queue(int markers, int own, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif
