/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "support.h"

#include "two_cas.h"

#include <openssl/err.h>

void make_two(struct two *two)
{
    enter_work_dir();
    two->ca_a = new_root("CA A");
    two->ca_b = new_root("CA B");
    two->a = new_leaf("a", &two->ca_a);
    two->b = new_leaf("b", &two->ca_b);
    write_identity("a", &two->a, NULL);
    write_identity("b", &two->b, "secret");
    ERR_clear_error();
}

void free_two(struct two *two)
{
    free_identity(&two->ca_a);
    free_identity(&two->ca_b);
    free_identity(&two->a);
    free_identity(&two->b);
}

int meet(struct link *link, SSL_CTX *client, SSL_CTX *server)
{
    return connect_link(link, client, server) && exchange_bytes(link);
}

void check_meeting(SSL_CTX *client, SSL_CTX *server, X509 *leaf, const char *file, int line)
{
    struct link link;

    check_true(meet(&link, client, server), "they can talk", file, line);
    check_arrived(file, line, &link, leaf, (X509 *)NULL);
    check_int((long long)link.client_queue.length, 0, "errors left in the queue", file, line);
    close_link(&link);
}

void check_failure(SSL_CTX *client, SSL_CTX *server, const char *text, const char *file, int line)
{
    struct link link;
    const char *library, *reason;

    check_true(!connect_link(&link, client, server), "the handshake fails", file, line);
    check_true(link.client_failed, "it fails at the client", file, line);
    check_int(link.client_error, SSL_ERROR_SSL, "SSL_get_error", file, line);
    check_int((long long)link.client_queue.length, 1, "errors in the queue", file, line);
    library = ERR_lib_error_string(link.client_queue.codes[0]);
    reason = ERR_reason_error_string(link.client_queue.codes[0]);
    check_text(library == NULL ? "" : library, "certpick", "the error's library", file, line);
    check_begins(reason == NULL ? "" : reason, text, "the error's reason", file, line);
    check_true(arrived(&link, NULL), "nothing arrived", file, line);
    close_link(&link);
}
