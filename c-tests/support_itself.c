/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The support code without certpick: what the other programs rely on. */
#include "support.h"

#include "handshake.h"

#include <openssl/err.h>

static void handshake(int version, const struct identity *root, const struct identity *middle,
                      const struct identity *leaf)
{
    SSL_CTX *server = new_server(version, root, (void *)NULL);
    SSL_CTX *client = new_client(version);
    struct link link;

    subject("a client without a certificate sends none, and the server lets it in");
    CHECK(connect_link(&link, client, server));
    CHECK(exchange_bytes(&link));
    CHECK_ARRIVED(&link, NULL);
    CHECK_INT(sk_X509_NAME_num(SSL_get_client_CA_list(link.client)), 1);
    close_link(&link);

    subject("a client with a certificate and a chain sends both");
    MUST(SSL_CTX_use_certificate(client, leaf->cert) && SSL_CTX_use_PrivateKey(client, leaf->key));
    MUST(SSL_CTX_add1_chain_cert(client, middle->cert));
    CHECK(connect_link(&link, client, server));
    CHECK(exchange_bytes(&link));
    CHECK_ARRIVED(&link, leaf->cert, middle->cert, (X509 *)NULL);
    CHECK(!arrived(&link, middle->cert));
    CHECK(!arrived(&link, NULL));
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

static int refuse(SSL *ssl, void *arg)
{
    (void)ssl;
    (void)arg;
    queue_markers(2);
    return 0;
}

static void failing_handshake(int version, const struct identity *root)
{
    SSL_CTX *server = new_server(version, root, (void *)NULL);
    SSL_CTX *client = new_client(version);
    struct link link;

    subject("a failure is seen, with what it left in the error queue");
    SSL_CTX_set_cert_cb(client, refuse, NULL);
    CHECK(!connect_link(&link, client, server));
    CHECK_INT(link.client_failed, 1);
    CHECK_INT(link.client_error, SSL_ERROR_SSL);
    CHECK(link.client_queue.length >= 3 && is_marker(link.client_queue.codes[0]));
    CHECK_INT(foreign_entries(&link.client_queue), 0);
    close_link(&link);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
}

int main(void)
{
    struct identity root, middle, leaf;
    char *text;

    enter_work_dir();
    root = new_root("root");
    middle = new_intermediate("middle", &root);
    leaf = new_leaf("leaf", &middle);
    handshake(TLS1_2_VERSION, &root, &middle, &leaf);
    handshake(TLS1_3_VERSION, &root, &middle, &leaf);
    failing_handshake(TLS1_2_VERSION, &root);
    failing_handshake(TLS1_3_VERSION, &root);

    subject("files hold what was written");
    write_identity("leaf", &leaf, "secret");
    text = read_file("leaf.key", NULL);
    CHECK_BEGINS(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    free(text);
    write_traditional_key("old.key", leaf.key, "secret");
    text = read_file("old.key", NULL);
    CHECK_BEGINS(text, "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED");
    free(text);

    subject("the error queue can be watched");
    queue_markers(3);
    CHECK_ONLY_MARKERS(3);
    CHECK_ONLY_MARKERS(0);

    free_identity(&root);
    free_identity(&middle);
    free_identity(&leaf);
    return finish();
}
