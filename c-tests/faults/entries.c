/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "entries.h"

certpick_status status_of(const char *sslcert, const char *sslkey, const char *password,
                          const char *error)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    certpick_status status;

    queue_markers(2);
    status = certpick_selector_add_lists(selector, sslcert, sslkey, password);
    if (status == CERTPICK_OK) {
        CHECK_ONLY_MARKERS(2);
        CHECK_OK(certpick_selector_validate(selector));
    } else {
        CHECK_MARKERS_AND_ONE(2);
        CHECK_HAS(certpick_selector_error(selector), error);
        CHECK_LACKS(certpick_selector_error(selector), "secret");
        CHECK_INT(certpick_selector_count(selector), 0);
        CHECK(strchr(certpick_selector_error(selector), '\n') == NULL);
    }
    return status;
}

void check_new(const char *sslcert, const char *password, SSL_CTX *server, X509 *expected)
{
    SCOPED(certpick_selector) *selector = new_selector(sslcert, NULL, password);

    CHECK_SELECTOR_SENDS(TLS1_3_VERSION, selector, server, expected);
}

void make_pair(const char *directory, const char *name, const struct identity *identity)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    write_identity(path, identity, NULL);
}
