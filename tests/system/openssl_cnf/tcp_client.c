/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A typical TLS client that uses OpenSSL and not certpick. It gets a page by HTTP and prints it.
   Arguments: the port and, if the macro LISTS is defined, sslcert, sslkey and sslpassword, which the
   client uses by certpick. The capabilities of its file are given up after a change to the user BECOMES, or are
   made ambient if AMBIENT is defined, before the first call of OpenSSL. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#ifdef LISTS
#include <certpick.h>
#endif
#include <linux/capability.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: ", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

#if defined(BECOMES) || defined(AMBIENT)
static int change_rights(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {{0, 0, 0}, {0, 0, 0}};

#ifdef BECOMES
    if (setresuid(BECOMES, BECOMES, BECOMES) != 0)
        return 0;
    return syscall(SYS_capset, &header, sets) == 0;
#else
    sets[0].effective = sets[0].permitted = sets[0].inheritable = 1u << CAP_DAC_READ_SEARCH;
    return syscall(SYS_capset, &header, sets) == 0 &&
           prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) == 0;
#endif
}
#endif

#ifdef LISTS
static const int arguments = 5;

static int attach(SSL_CTX *ctx, char **lists)
{
    certpick_selector *selector = certpick_selector_new();
    int attached = certpick_selector_add_lists(selector, lists[0], lists[1], lists[2]) == CERTPICK_OK &&
                   certpick_attach(ctx, selector) == CERTPICK_OK;

    certpick_selector_free(selector);
    return attached;
}
#else
static const int arguments = 2;
#endif

int main(int argc, char **argv)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    struct sockaddr_in address;
    char buffer[4096];
    SSL_CTX *ctx;
    SSL *ssl;
    int got, tcp;

    if (argc != arguments)
        return 2;
#if defined(BECOMES) || defined(AMBIENT)
    if (!change_rights())
        return 3;
#endif
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)atoi(argv[1]));
    tcp = socket(AF_INET, SOCK_STREAM, 0);
    if (tcp < 0 || connect(tcp, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("connect");
        return 1;
    }
#ifdef WITHOUT_CONFIGURATION
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
#endif
    ctx = SSL_CTX_new(TLS_client_method());
#ifdef LISTS
    if (ctx != NULL && !attach(ctx, argv + 2))
        return fail("the lists");
#endif
    ssl = ctx == NULL ? NULL : SSL_new(ctx);
    if (ssl == NULL || !SSL_set_fd(ssl, tcp))
        return fail("setting up");
    if (SSL_connect(ssl) != 1)
        return fail("connecting");
    if (SSL_write(ssl, request, sizeof(request) - 1) <= 0)
        return fail("asking");
    while ((got = SSL_read(ssl, buffer, sizeof(buffer))) > 0)
        fwrite(buffer, 1, (size_t)got, stdout);
    if (SSL_get_error(ssl, got) != SSL_ERROR_ZERO_RETURN)
        return fail("reading");
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(tcp);
    return 0;
}
