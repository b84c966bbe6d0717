/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library prints nothing, starts no thread, leaves no file open, and does not change the
   environment, signal handlers, locale, umask or working directory. */
#include "picking.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { SIGNALS = 65, VARIABLES = 1024 };

struct state {
    size_t files, threads;
    int known[SIGNALS];
    struct sigaction actions[SIGNALS];
    sigset_t mask;
    char *environment[VARIABLES];
    size_t variables;
    char locale[256], directory[4096];
    mode_t umask;
};

static void get_state(struct state *state)
{
    memset(state, 0, sizeof(*state));
    state->files = count_entries("/proc/self/fd");
    state->threads = count_entries("/proc/self/task");
    for (int i = 1; i < SIGNALS; i++)
        state->known[i] = sigaction(i, NULL, &state->actions[i]) == 0;
    MUST(sigprocmask(SIG_SETMASK, NULL, &state->mask) == 0);
    for (; environ[state->variables] != NULL; state->variables++) {
        MUST(state->variables < VARIABLES);
        state->environment[state->variables] = strdup(environ[state->variables]);
    }
    snprintf(state->locale, sizeof(state->locale), "%s", setlocale(LC_ALL, NULL));
    MUST(getcwd(state->directory, sizeof(state->directory)) != NULL);
    state->umask = umask(0);
    umask(state->umask);
}

static void compare_states(const struct state *before, const struct state *after)
{
    subject("no file is left open");
    CHECK_INT(after->files, before->files);
    subject("no thread was started");
    CHECK_INT(after->threads, before->threads);
    subject("signal handlers and the signal mask are unchanged");
    for (int i = 1; i < SIGNALS; i++) {
        CHECK_INT(after->known[i], before->known[i]);
        if (before->known[i]) {
            CHECK(after->actions[i].sa_handler == before->actions[i].sa_handler);
            CHECK_INT(after->actions[i].sa_flags, before->actions[i].sa_flags);
        }
        CHECK_INT(sigismember(&after->mask, i), sigismember(&before->mask, i));
    }
    subject("the environment is unchanged");
    CHECK_INT(after->variables, before->variables);
    for (size_t n = 0; n < before->variables && n < after->variables; n++)
        CHECK_TEXT(after->environment[n], before->environment[n]);
    subject("locale, working directory and umask are unchanged");
    CHECK_TEXT(after->locale, before->locale);
    CHECK_TEXT(after->directory, before->directory);
    CHECK_INT(after->umask, before->umask);
}

static void free_state(struct state *state)
{
    while (state->variables > 0)
        free(state->environment[--state->variables]);
}

static const char *const cert_lists[] = {
    "a.crt,b.crt", "a.crt,gone.crt",     "a.crt,words", "a.crt,,",     "\"a", "dir,dir",
    "fifo,fifo",   "/dev/zero,/dev/zero", "b.crt,a.crt", "huge,a.crt", "a.crt,a.crt",
};
static const char *const key_lists[] = {
    "a.key,b.key", "gone.key,gone.key", "words,words", "b.key,a.key", "dir,fifo", NULL,
};

/* Calls every function, also so that it fails. Counts the handshakes by outcome. */
static void use_everything(SSL_CTX *servers[2], int outcomes[4])
{
    for (size_t certs = 0; certs < COUNT(cert_lists); certs++) {
        for (size_t keys = 0; keys < COUNT(key_lists); keys++) {
            SCOPED(certpick_selector) *selector = certpick_selector_new();
            enum way way = (enum way)((certs + keys) % 2);

            certpick_is_list(cert_lists[certs]);
            certpick_selector_add_lists(selector, cert_lists[certs], key_lists[keys], ",secret");
            certpick_selector_add_issuers(selector, "a.crt");
            certpick_selector_add_issuers(selector, "words");
            certpick_selector_set_option(selector, 77, 77);
            certpick_selector_validate(selector);
            if (certpick_selector_count(selector) > 0) {
                for (size_t version = 0; version < 2; version++) {
                    SCOPED(SSL_CTX) *client = new_client(tls_versions[version]);
                    struct link link;

                    use_selector(client, selector, way);
                    connect_link(&link, client, servers[version]);
                    certpick_explanation(link.client);
                    outcomes[certpick_outcome(link.client) & 3]++;
                    close_link(&link);
                }
            }
        }
    }
    certpick_selector_add_files(NULL, NULL, NULL, NULL);
    certpick_attach(NULL, NULL);
    certpick_select(NULL, NULL);
}

int main(void)
{
    struct state before, after;
    struct pki pki;
    SSL_CTX *servers[2];
    char *output;
    size_t printed;
    int file, out, err, outcomes[4] = {0, 0, 0, 0};

    set_up_pki(&pki, "secret");
    write_text("words", "Neither certificate nor key.\n");
    write_sparse("huge");
    MUST(mkdir("dir", 0700) == 0 && mkfifo("fifo", 0600) == 0);
    servers[0] = new_server(tls_versions[0], &pki.ca_b);
    servers[1] = new_server(tls_versions[1], &pki.ca_b);
    MUST(setlocale(LC_ALL, "C.UTF-8") != NULL || setlocale(LC_ALL, "C") != NULL);

    fflush(stdout);
    fflush(stderr);
    out = dup(1);
    err = dup(2);
    file = open("printed", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    MUST(out >= 0 && err >= 0 && file >= 0 && dup2(file, 1) == 1 && dup2(file, 2) == 2);
    get_state(&before);
    use_everything(servers, outcomes);
    get_state(&after);
    fflush(stdout);
    fflush(stderr);
    MUST(dup2(out, 1) == 1 && dup2(err, 2) == 2);
    close(out);
    close(err);
    close(file);

    compare_states(&before, &after);
    subject("the handshakes include every outcome");
    CHECK(outcomes[CERTPICK_OUTCOME_SENT] > 0);
    CHECK(outcomes[CERTPICK_OUTCOME_NONE_SUITABLE] > 0);
    CHECK(outcomes[CERTPICK_OUTCOME_FAILED] > 0);
    subject("nothing is printed");
    output = read_file("printed", &printed);
    CHECK_INT(printed, 0);
    CHECK_TEXT(output, "");
    free(output);
    free_state(&before);
    free_state(&after);
    SSL_CTX_free(servers[0]);
    SSL_CTX_free(servers[1]);
    return finish();
}
