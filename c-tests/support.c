/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/err.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *current_subject = "";
static unsigned checks, failures;
static size_t files_at_start;

void subject(const char *sentence)
{
    current_subject = sentence;
}

/* Counts a check, and prints the start of the message if it failed. */
static int count_check(int holds, const char *file, int line)
{
    checks++;
    failures += !holds;
    if (!holds)
        printf("%s:%d: failed: %s\n    ", file, line, current_subject);
    return holds;
}

int check_true(int holds, const char *what, const char *file, int line)
{
    if (!count_check(holds, file, line))
        printf("expected: %s\n", what);
    return holds;
}

int check_int(long long actual, long long expected, const char *what, const char *file, int line)
{
    if (!count_check(actual == expected, file, line))
        printf("%s is %lld, expected %lld\n", what, actual, expected);
    return actual == expected;
}

static int check_string(int holds, const char *actual, const char *relation, const char *expected,
                        const char *what, const char *file, int line)
{
    if (!count_check(holds, file, line))
        printf("%s is \"%s\"\n    expected %s\"%s\"\n", what, actual != NULL ? actual : "(NULL)",
               relation, expected);
    return holds;
}

int check_text(const char *actual, const char *expected, const char *what, const char *file,
               int line)
{
    return check_string(actual != NULL && strcmp(actual, expected) == 0, actual, "", expected, what,
                        file, line);
}

int check_begins(const char *actual, const char *start, const char *what, const char *file,
                 int line)
{
    return check_string(actual != NULL && strncmp(actual, start, strlen(start)) == 0, actual,
                        "to begin with ", start, what, file, line);
}

int check_has(const char *actual, const char *part, int wanted, const char *what, const char *file,
              int line)
{
    return check_string(actual != NULL && (strstr(actual, part) != NULL) == wanted, actual,
                        wanted ? "to contain " : "not to contain ", part, what, file, line);
}

void must(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    printf("%s:%d: precondition failed: %s\n    expected: %s\n", file, line, current_subject, what);
    ERR_print_errors_fp(stdout);
    exit(2);
}

void ignore_open_files(void)
{
    files_at_start = 0;
}

int finish(void)
{
    subject("the program leaves no file open");
    /* Under valgrind a forked child has one open file fewer than its parent. */
    CHECK(files_at_start == 0 || count_entries("/proc/self/fd") <= files_at_start);
    printf("%u checks, %u failed\n", checks, failures);
    return failures == 0 && checks > 0 ? 0 : 1;
}

static char work_dir[4096];
static pid_t work_dir_owner;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void leave_work_dir(void)
{
    /* A forked child must not remove its parent's directory. */
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

void fill(char *buffer, char character, size_t size)
{
    memset(buffer, character, size - 1);
    buffer[size - 1] = '\0';
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
    /* fchmod() ignores the umask, open() does not. */
    MUST(fchmod(fd, mode) == 0);
    MUST(close(fd) == 0);
}

void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text), 0600);
}

void make_directory(const char *path)
{
    MUST(mkdir(path, 0755) == 0);
}

void write_sparse(const char *path)
{
    write_text(path, "");
    MUST(truncate(path, (off_t)1 << 40) == 0);
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

void copy_part(const char *to, const char *from, size_t length)
{
    size_t whole;
    char *data = read_file(from, &whole);

    MUST(length < whole);
    write_file(to, data, length, 0600);
    free(data);
}

void copy_changed(const char *to, const char *from, size_t at, int byte)
{
    size_t length;
    char *data = read_file(from, &length);

    MUST(at < length);
    data[at] = (char)(byte < 0 ? ~data[at] : byte);
    write_file(to, data, length, 0600);
    free(data);
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

pid_t fork_child(void)
{
    pid_t child;

    fflush(stdout);
    child = fork();
    MUST(child >= 0);
    return child;
}

void check_child(pid_t child)
{
    int status;

    MUST(waitpid(child, &status, 0) == child);
    subject("the child process exits with status 0");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
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
    size_t n = 0;

    for (size_t i = 0; i < queue->length; i++)
        n += ERR_GET_LIB(queue->codes[i]) >= ERR_LIB_USER && !is_marker(queue->codes[i]);
    return n;
}

void check_queue(int markers, int own, const char *file, int line)
{
    struct queue queue = take_queue();

    if (!check_int((long long)queue.length, markers + own, "the length of the error queue", file,
                   line)) {
        for (int i = 0; i < (int)queue.length; i++)
            printf("    queued: %s\n", ERR_error_string(queue.codes[i], NULL));
        return;
    }
    for (int i = 0; i < markers; i++)
        check_true(is_marker(queue.codes[i]) && ERR_GET_REASON(queue.codes[i]) == i + 1,
                   "an earlier entry of the error queue is unchanged", file, line);
    if (own) {
        const char *reason = ERR_reason_error_string(queue.codes[markers]);

        check_int((long long)foreign_entries(&queue), 1, "the number of entries of certpick", file,
                  line);
        check_true(reason != NULL && reason[0] != '\0', "the entry of certpick has a reason string",
                   file, line);
    }
}

void wait_for_timestamp(void)
{
    static const struct timespec millisecond = {0, 1000000};
    struct timespec start, now;
    struct stat probe;
    long long wanted, passed;

    write_file("probe", "", 0, 0600);
    MUST(stat("probe", &probe) == 0 && unlink("probe") == 0);
    MUST(clock_gettime(CLOCK_REALTIME, &start) == 0);
    /* Some file systems store whole seconds, and FAT units of two seconds. */
    wanted = probe.st_ctim.tv_nsec == 0 ? 2100000000LL : 50000000LL;
    do {
        nanosleep(&millisecond, NULL);
        MUST(clock_gettime(CLOCK_REALTIME, &now) == 0);
        passed = (now.tv_sec - start.tv_sec) * 1000000000LL + (now.tv_nsec - start.tv_nsec);
    } while (passed < wanted);
}
