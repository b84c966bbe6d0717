/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Passwords are wiped: the memory of this process is searched for one that was used. */
#include "support.h"

#include "picking.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The password is never in the program's own data; there it is with every bit turned over. */
enum { LENGTH = 24 };
static unsigned char turned[LENGTH + 1];

static void make_password(void)
{
    static const char seed[LENGTH + 1] = "Wq7kpZ2hmK9jvT4gxR6cbN1";
    int i;

    for (i = 0; i < LENGTH - 1; i++)
        turned[i] = (unsigned char)~(seed[i] + 1);
}

/* Written byte by byte, so that no copy stays in a register or on the stack. */
static void write_password(volatile char *to)
{
    int i;

    for (i = 0; i < LENGTH - 1; i++)
        to[i] = (char)(unsigned char)~turned[i];
}

static size_t found_in(const unsigned char *memory, size_t length)
{
    const unsigned char *at = memory, *end = memory + length;
    size_t found = 0;

    while ((at = memchr(at, (unsigned char)~turned[0], (size_t)(end - at))) != NULL) {
        int i = 1;

        while (i < LENGTH - 1 && at + i < end && at[i] == (unsigned char)~turned[i])
            i++;
        found += i == LENGTH - 1;
        at++;
    }
    return found;
}

/* How often the password stands in the writable memory of this process. */
static size_t copies_in_memory(void)
{
    enum { CHUNK = 1 << 20 };
    static unsigned char chunk[CHUNK];
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    char line[4200], modes[8];
    unsigned long start, end;
    size_t found = 0;

    MUST(maps != NULL && memory >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        if (sscanf(line, "%lx-%lx %7s", &start, &end, modes) != 3 || strncmp(modes, "rw", 2) != 0)
            continue;
        while (start < end) {
            size_t wanted = end - start < CHUNK ? end - start : CHUNK;
            ssize_t n = pread(memory, chunk, wanted, (off_t)start);

            if (n <= 0)
                break;
            found += found_in(chunk, (size_t)n);
            OPENSSL_cleanse(chunk, (size_t)n);
            /* Chunks overlap, so that none is missed between two. */
            start += (size_t)n == wanted && wanted == CHUNK ? CHUNK - LENGTH : (size_t)n;
        }
    }
    fclose(maps);
    close(memory);
    return found;
}

enum form { PKCS8, TRADITIONAL, DER, OTHER_PASSWORD, FORMS };

static void write_der(const char *path, EVP_PKEY *key, char *password)
{
    BIO *bio = BIO_new_file(path, "wb");

    MUST(bio != NULL && i2d_PKCS8PrivateKey_bio(bio, key, EVP_aes_256_cbc(), password, LENGTH - 1, NULL,
                                                NULL));
    BIO_free(bio);
    MUST(chmod(path, 0600) == 0);
}

/* In a child, so that OpenSSL's copies are gone with it. */
static void write_encrypted_key(const char *path, EVP_PKEY *key, enum form form)
{
    pid_t child = fork();
    int status;

    MUST(child >= 0);
    if (child == 0) {
        char password[LENGTH] = {0};

        write_password(password);
        if (form == TRADITIONAL)
            write_traditional_key(path, key, password);
        else if (form == DER)
            write_der(path, key, password);
        else
            write_key(path, key, form == PKCS8 ? password : "another");
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int tells(const char *text)
{
    return found_in((const unsigned char *)text, strlen(text)) > 0;
}

static int tells_error(const char *line, size_t length, void *found)
{
    (void)length;
    *(int *)found |= tells(line);
    return 1;
}

static int answer(char *buf, int size, const char *key_file, void *arg)
{
    (void)key_file;
    (void)arg;
    if (size < LENGTH)
        return -1;
    write_password(buf);
    return LENGTH - 1;
}

/* A list with the password in it, in a buffer that the caller wipes. */
static void write_list(char *list, const char *start, const char *end)
{
    sprintf(list, "%s%*s%s", start, LENGTH - 1, "", end);
    write_password(list + strlen(start));
}

static certpick_status add(certpick_selector *selector, const char *keys, const char *start,
                           const char *end)
{
    char list[256];
    certpick_status status;

    write_list(list, start, end);
    status = certpick_selector_add_lists(selector, "a.crt,b.crt", keys, list);
    OPENSSL_cleanse(list, sizeof(list));
    return status;
}

static void from_lists(const struct two *two, const char *start, const char *end)
{
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct link link;

    CHECK_INT(add(selector, "a.key,b.key", start, end), CERTPICK_OK);
    subject("the search finds a password that is still needed");
    CHECK(copies_in_memory() > 0);

    subject("a password that was used is nowhere in memory when the selector is gone");
    CHECK(connect_picking(&link, TLS1_3_VERSION, selector, server));
    CHECK_ARRIVED(&link, two->b.cert, (X509 *)NULL);
    CHECK(certpick_explanation(link.client)[0] != '\0');
    close_link(&link);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
    SSL_CTX_free(server);
}

/* A password that is used, or does not open the key: no text has it, and in the end no memory. */
static void never_told(const struct two *two, enum form form)
{
    certpick_selector *selector = certpick_selector_new();
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    int is_good = form != OTHER_PASSWORD, in_queue = 0;
    struct link link;

    write_encrypted_key("b.key", two->b.key, form);
    CHECK_INT(add(selector, "a.key,b.key", ",", ""), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), is_good ? CERTPICK_OK : CERTPICK_ERROR_PASSWORD_WRONG);
    subject("no text has the password");
    CHECK_INT(certpick_selector_error(selector)[0] == '\0', is_good);
    CHECK(!tells(certpick_selector_error(selector)));
    ERR_print_errors_cb(tells_error, &in_queue);
    CHECK(!in_queue);
    CHECK_INT(connect_picking(&link, TLS1_3_VERSION, selector, server), is_good);
    CHECK(!tells(certpick_message(link.client)) && !tells(certpick_explanation(link.client)));
    CHECK_INT(certpick_message(link.client)[0] == '\0', is_good);
    close_link(&link);
    subject("and no memory, when the selector is gone");
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
    SSL_CTX_free(server);
}

static void never_used(void)
{
    certpick_selector *selector = certpick_selector_new();

    subject("a password that was not used is nowhere in memory when the selector is gone");
    CHECK_INT(add(selector, "a.key,b.key", ",", ""), CERTPICK_OK);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);

    subject("nor is a wrong one");
    selector = certpick_selector_new();
    CHECK_INT(add(selector, "a.key,b.key", ",x", "y"), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_ERROR_PASSWORD_WRONG);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);

    subject("nor is one of a list that was refused, even before");
    selector = certpick_selector_new();
    CHECK_INT(add(selector, "a.key,b.key", ",", ","), CERTPICK_ERROR_LIST);
    CHECK_INT(copies_in_memory(), 0);
    CHECK_INT(add(selector, "a.key,b.key", "\"", "\"x,"), CERTPICK_ERROR_LIST);
    CHECK_INT(copies_in_memory(), 0);
    CHECK_INT(add(selector, "a.key,b.key", ",\"\"\"", "\"\"\""), CERTPICK_OK);
    certpick_selector_free(selector);
    CHECK_INT(copies_in_memory(), 0);
}

static void from_the_callback(void)
{
    certpick_selector *selector = new_selector("a.crt,b.crt", "a.key,b.key", NULL);

    subject("a password from the callback is nowhere in memory once the key is loaded");
    CHECK_INT(certpick_selector_set_password_callback(selector, answer, NULL), CERTPICK_OK);
    CHECK_INT(certpick_selector_validate(selector), CERTPICK_OK);
    CHECK_INT(copies_in_memory(), 0);
    certpick_selector_free(selector);
}

static struct held use_password(SSL_CTX *server)
{
    certpick_selector *selector = certpick_selector_new();

    CHECK_INT(add(selector, "a.key,b.key", ",", ""), CERTPICK_OK);
    return connect_holding(selector, server);
}

static void with_a_kept_key(const struct two *two)
{
    SSL_CTX *server = new_server(TLS1_3_VERSION, &two->ca_b, (void *)NULL);
    struct held first, second;

    subject("nor is it in the cache, which knows it again");
    settle();
    first = use_password(server);
    CHECK_INT(copies_in_memory(), 0);
    second = use_password(server);
    CHECK(first.key == second.key);
    CHECK_INT(copies_in_memory(), 0);
    certpick_cache_clear();
    CHECK_INT(copies_in_memory(), 0);
    free_held(&first);
    free_held(&second);
    SSL_CTX_free(server);
}

int main(void)
{
    struct two two;
    enum form form;

    enter_work_dir();
    make_two(&two);
    make_password();
    write_encrypted_key("b.key", two.b.key, PKCS8);
    subject("the search does not find what is not there");
    CHECK_INT(copies_in_memory(), 0);
    from_lists(&two, ",", "");
    from_lists(&two, ",\"", "\"");
    never_used();
    from_the_callback();
    for (form = PKCS8; form < FORMS; form++)
        never_told(&two, form);
    write_encrypted_key("b.key", two.b.key, PKCS8);
    with_a_kept_key(&two);
    free_two(&two);
    return finish();
}
