/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *current_subject = "";
static unsigned checks, failures;
static size_t files_at_start;

void subject(const char *sentence)
{
    current_subject = sentence;
}

static int failed(const char *file, int line)
{
    failures++;
    printf("%s:%d: %s\n    ", file, line, current_subject);
    return 0;
}

int check_true(int holds, const char *what, const char *file, int line)
{
    checks++;
    if (holds)
        return 1;
    failed(file, line);
    printf("does not hold: %s\n", what);
    return 0;
}

int check_int(long long actual, long long expected, const char *what, const char *file, int line)
{
    checks++;
    if (actual == expected)
        return 1;
    failed(file, line);
    printf("%s is %lld, not %lld\n", what, actual, expected);
    return 0;
}

int check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    checks++;
    if (actual != NULL && strcmp(actual, expected) == 0)
        return 1;
    failed(file, line);
    printf("%s is \"%s\"\n    and not  \"%s\"\n", what, actual != NULL ? actual : "(NULL)", expected);
    return 0;
}

int check_begins(const char *actual, const char *start, const char *what, const char *file, int line)
{
    checks++;
    if (actual != NULL && strncmp(actual, start, strlen(start)) == 0)
        return 1;
    failed(file, line);
    printf("%s is \"%s\"\n    and does not begin with \"%s\"\n", what,
           actual != NULL ? actual : "(NULL)", start);
    return 0;
}

int check_has(const char *actual, const char *part, int wanted, const char *what, const char *file,
              int line)
{
    checks++;
    if (actual != NULL && (strstr(actual, part) != NULL) == wanted)
        return 1;
    failed(file, line);
    printf("%s is \"%s\"\n    and %s \"%s\"\n", what, actual != NULL ? actual : "(NULL)",
           wanted ? "lacks" : "has", part);
    return 0;
}

void must(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    printf("%s:%d: %s\n    cannot go on without: %s\n", file, line, current_subject, what);
    ERR_print_errors_fp(stdout);
    exit(2);
}

int finish(void)
{
    subject("at the end no more files are open than at the start");
    /* Under valgrind a forked child has one less. */
    CHECK(files_at_start == 0 || count_entries("/proc/self/fd") <= files_at_start);
    printf("%u checks, %u failed\n", checks, failures);
    return failures == 0 && checks > 0 ? 0 : 1;
}

static char work_dir[4096];
static pid_t work_dir_owner;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void leave_work_dir(void)
{
    /* A forked child must not take its parent's directory away. */
    if (getpid() == work_dir_owner && chdir("/") == 0)
        nftw(work_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void enter_work_dir(void)
{
    const char *base = getenv("TMPDIR");

    snprintf(work_dir, sizeof(work_dir), "%s/certpick-XXXXXX", base != NULL ? base : "/tmp");
    MUST(mkdtemp(work_dir) != NULL);
    MUST(chdir(work_dir) == 0);
    work_dir_owner = getpid();
    MUST(atexit(leave_work_dir) == 0);
    files_at_start = count_entries("/proc/self/fd");
}

void write_file(const char *path, const void *data, size_t length, mode_t mode)
{
    int fd;
    size_t written = 0;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    MUST(fd >= 0);
    while (written < length) {
        ssize_t n = write(fd, (const char *)data + written, length - written);

        MUST(n > 0);
        written += (size_t)n;
    }
    /* Not by open(): the umask must not matter. */
    MUST(fchmod(fd, mode) == 0);
    MUST(close(fd) == 0);
}

char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *data;
    long size;

    MUST(file != NULL && fseek(file, 0, SEEK_END) == 0);
    size = ftell(file);
    MUST(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
    data = malloc((size_t)size + 1);
    MUST(data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size);
    data[size] = '\0';
    fclose(file);
    if (length != NULL)
        *length = (size_t)size;
    return data;
}

size_t count_entries(const char *directory)
{
    DIR *dir = opendir(directory);
    size_t n = 0;

    MUST(dir != NULL);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

struct queue take_queue(void)
{
    struct queue queue = {{0}, 0};
    unsigned long code;

    while ((code = ERR_get_error()) != 0 && queue.length < 16)
        queue.codes[queue.length++] = code;
    return queue;
}

static int marker_library(void)
{
    static int library;

    if (library == 0)
        library = ERR_get_next_error_library();
    return library;
}

void queue_markers(int n)
{
    int reason;

    for (reason = 1; reason <= n; reason++) {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
        ERR_raise(marker_library(), reason);
#else
        ERR_put_error(marker_library(), 0, reason, __FILE__, __LINE__);
#endif
    }
}

int is_marker(unsigned long code)
{
    return ERR_GET_LIB(code) == marker_library();
}

size_t foreign_entries(const struct queue *queue)
{
    size_t i, n = 0;

    for (i = 0; i < queue->length; i++)
        n += ERR_GET_LIB(queue->codes[i]) >= ERR_LIB_USER && !is_marker(queue->codes[i]);
    return n;
}

void check_queue(int markers, int own, const char *file, int line)
{
    struct queue queue = take_queue();
    int i;

    if (!check_int((long long)queue.length, markers + own, "length of the error queue", file, line)) {
        for (i = 0; i < (int)queue.length; i++)
            printf("    queued: %s\n", ERR_error_string(queue.codes[i], NULL));
        return;
    }
    for (i = 0; i < markers; i++)
        check_true(is_marker(queue.codes[i]) && ERR_GET_REASON(queue.codes[i]) == i + 1,
                   "an earlier entry of the error queue is as it was", file, line);
    if (own) {
        const char *reason = ERR_reason_error_string(queue.codes[markers]);

        check_int((long long)foreign_entries(&queue), 1, "entries of certpick's own", file, line);
        check_true(reason != NULL && reason[0] != '\0', "certpick's entry has a text", file, line);
    }
}

void settle(void)
{
    static const struct timespec millisecond = {0, 1000000};
    struct timespec start, now;
    struct stat probe;
    long long wanted, passed;

    write_file("probe", "", 0, 0600);
    MUST(stat("probe", &probe) == 0 && unlink("probe") == 0);
    MUST(clock_gettime(CLOCK_REALTIME, &start) == 0);
    /* Some file systems keep whole seconds, and FAT two. */
    wanted = probe.st_ctim.tv_nsec == 0 ? 2100000000LL : 50000000LL;
    do {
        nanosleep(&millisecond, NULL);
        MUST(clock_gettime(CLOCK_REALTIME, &now) == 0);
        passed = (now.tv_sec - start.tv_sec) * 1000000000LL + (now.tv_nsec - start.tv_nsec);
    } while (passed < wanted);
}
