/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "two_cas.h"

#include <openssl/err.h>

void check_failure(SSL_CTX *client, SSL_CTX *server, const char *text, const char *file, int line)
{
    struct link link;

    check_true(!connect_link(&link, client, server), "the handshake fails", file, line);
    check_true(link.client_failed, "the client fails", file, line);
    check_int(link.client_error, SSL_ERROR_SSL, "SSL_get_error", file, line);
    check_int((long long)link.client_queue.length, 1, "the number of errors in the queue", file,
              line);
    check_text(ERR_lib_error_string(link.client_queue.codes[0]), "certpick",
               "the library of the error", file, line);
    check_begins(ERR_reason_error_string(link.client_queue.codes[0]), text,
                 "the reason of the error", file, line);
    check_true(arrived(&link, NULL), "no certificate arrives", file, line);
    close_link(&link);
}
