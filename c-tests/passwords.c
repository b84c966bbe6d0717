/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "passwords.h"

#include "certificates.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/wait.h>
#include <unistd.h>

/* The data of the program contains the password only with all bits inverted. */
static unsigned char inverted[PASSWORD_LENGTH + 1];

void make_password(void)
{
    static const char seed[PASSWORD_LENGTH + 1] = "Wq7kpZ2hmK9jvT4gxR6cbN1";

    for (int i = 0; i < PASSWORD_LENGTH - 1; i++)
        inverted[i] = (unsigned char)~(seed[i] + 1);
}

void write_password(volatile char *to)
{
    for (int i = 0; i < PASSWORD_LENGTH - 1; i++)
        to[i] = (char)(unsigned char)~inverted[i];
}

size_t found_in(const unsigned char *memory, size_t length)
{
    const unsigned char *at = memory, *end = memory + length;
    size_t found = 0;

    while ((at = memchr(at, (unsigned char)~inverted[0], (size_t)(end - at))) != NULL) {
        int i = 1;

        while (i < PASSWORD_LENGTH - 1 && at + i < end && at[i] == (unsigned char)~inverted[i])
            i++;
        found += i == PASSWORD_LENGTH - 1;
        at++;
    }
    return found;
}

size_t copies_in_memory(void)
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
            /* Chunks overlap, so that a copy across two chunks is found. */
            start += (size_t)n == wanted && wanted == CHUNK ? CHUNK - PASSWORD_LENGTH : (size_t)n;
        }
    }
    fclose(maps);
    close(memory);
    return found;
}

void write_encrypted_key(const char *path, EVP_PKEY *key, enum form form)
{
    pid_t child = fork();
    int status;

    MUST(child >= 0);
    if (child == 0) {
        char password[PASSWORD_LENGTH] = {0};

        write_password(password);
        if (form == TRADITIONAL)
            write_traditional_key(path, key, password);
        else if (form == DER)
            write_encrypted_der_key(path, key, password, PASSWORD_LENGTH - 1);
        else
            write_key(path, key, form == PKCS8 ? password : "another");
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
