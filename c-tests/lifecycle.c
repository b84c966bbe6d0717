/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The version, status texts, references, options, and frozen selectors. */
#include "picking.h"

#include <limits.h>

static void version_and_texts(void)
{
    certpick_status status, other;

    subject("header and library have the same version");
    CHECK_TEXT(certpick_version(), CERTPICK_VERSION);
    CHECK_INT(certpick_version_number(), CERTPICK_VERSION_NUMBER);

    subject("every status has a different text");
    for (status = CERTPICK_OK; status <= CERTPICK_ERROR_NONE_SUITABLE; status++) {
        const char *text = certpick_status_text(status);

        CHECK(text != NULL && text[0] != '\0');
        CHECK(text == certpick_status_text(status));
        for (other = CERTPICK_OK; other < status; other++)
            CHECK(strcmp(text, certpick_status_text(other)) != 0);
    }

    subject("a number that is not a status has a text");
    CHECK(certpick_status_text(-1) != NULL && certpick_status_text(-1)[0] != '\0');
    CHECK(certpick_status_text(1000) != NULL && certpick_status_text(1000)[0] != '\0');
    CHECK(certpick_status_text(INT32_MIN) != NULL && certpick_status_text(INT32_MAX) != NULL);
}

static void references(void)
{
    certpick_selector *selector = certpick_selector_new();
    SCOPED(certpick_selector) *another = certpick_selector_new();

    subject("a new selector is empty");
    MUST(selector != NULL && another != NULL);
    CHECK(selector != another);
    CHECK_INT(certpick_selector_count(selector), 0);
    CHECK_TEXT(certpick_selector_error(selector), "");
    CHECK_OK(certpick_selector_validate(selector));

    subject("a selector exists until its last reference is freed");
    CHECK_OK(certpick_selector_up_ref(selector));
    CHECK_OK(certpick_selector_up_ref(selector));
    certpick_selector_free(selector);
    certpick_selector_free(selector);
    CHECK_OK(certpick_selector_add_files(selector, "a.crt", "a.key", NULL));
    CHECK_INT(certpick_selector_count(selector), 1);
    certpick_selector_free(selector);

    subject("selectors are independent of each other");
    CHECK_INT(certpick_selector_count(another), 0);
    certpick_selector_free(NULL);
}

static void credential_count(void)
{
    SCOPED(certpick_selector) *selector = certpick_selector_new();

    subject("all credentials are counted");
    CHECK_OK(certpick_selector_add_files(selector, "a.crt", "a.key", NULL));
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_OK(certpick_selector_add_lists(selector, "a.crt,b.crt", "a.key,b.key", NULL));
    CHECK_INT(certpick_selector_count(selector), 3);
    CHECK_OK(certpick_selector_add_lists(selector, "b.crt", "b.key", ""));
    CHECK_INT(certpick_selector_count(selector), 4);
    CHECK_OK(certpick_selector_validate(selector));
    CHECK_INT(certpick_selector_count(selector), 4);

    subject("issuers are not counted");
    CHECK_OK(certpick_selector_add_issuers(selector, "a.crt"));
    CHECK_INT(certpick_selector_count(selector), 4);
    CHECK_TEXT(certpick_selector_error(selector), "");
}

static void options(void)
{
    static const struct {
        int32_t option;
        int64_t last;
    } known[] = {{CERTPICK_OPTION_EMPTY_CA_LIST, CERTPICK_EMPTY_CA_LIST_SEND_NONE},
                 {CERTPICK_OPTION_FLAWED, CERTPICK_FLAWED_EXCLUDE},
                 {CERTPICK_OPTION_NONE_SUITABLE, CERTPICK_NONE_SUITABLE_ABORT},
                 {CERTPICK_OPTION_CACHE, CERTPICK_CACHE_ON}};
    static const int32_t unknown[] = {0, -1, 5, 1000, INT32_MAX, INT32_MIN};
    SCOPED(certpick_selector) *selector = certpick_selector_new();
    int64_t value;

    for (size_t i = 0; i < COUNT(known); i++) {
        subject("an option accepts its named values");
        for (value = 0; value <= known[i].last; value++)
            CHECK_OK(certpick_selector_set_option(selector, known[i].option, value));

        subject("an option refuses any other value");
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, known[i].last + 1),
                  CERTPICK_ERROR_ARGUMENT);
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, -1),
                  CERTPICK_ERROR_ARGUMENT);
        /* The low 32 bits of these are 0. */
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, INT64_MIN),
                  CERTPICK_ERROR_ARGUMENT);
        CHECK_INT(certpick_selector_set_option(selector, known[i].option, (int64_t)1 << 32),
                  CERTPICK_ERROR_ARGUMENT);
        CHECK(certpick_selector_error(selector)[0] != '\0');
    }
    subject("an unknown option is refused");
    for (size_t i = 0; i < COUNT(unknown); i++)
        CHECK_INT(certpick_selector_set_option(selector, unknown[i], 0), CERTPICK_ERROR_ARGUMENT);
}

static void check_frozen(certpick_selector *selector, const struct pki *pki)
{
    CHECK_INT(certpick_selector_add_lists(selector, "b.crt", "b.key", NULL), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_files(selector, "b.crt", "b.key", NULL), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_credential(selector, pki->b.cert, pki->b.key, NULL),
              CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_add_issuers(selector, "b.crt"), CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_set_password_callback(selector, refuse_password, NULL),
              CERTPICK_ERROR_FROZEN);
    CHECK_INT(
        certpick_selector_set_option(selector, CERTPICK_OPTION_FLAWED, CERTPICK_FLAWED_EXCLUDE),
        CERTPICK_ERROR_FROZEN);
    CHECK_INT(certpick_selector_count(selector), 1);
    CHECK_TEXT(certpick_selector_error(selector), "");
    CHECK_OK(certpick_selector_validate(selector));
    CHECK_OK(certpick_selector_up_ref(selector));
    certpick_selector_free(selector);
}

static void frozen_selector(const struct pki *pki, enum way way)
{
    SCOPED(certpick_selector) *selector = new_selector("a.crt", "a.key", NULL);
    SCOPED(SSL_CTX) *server = new_server(TLS1_3_VERSION, &pki->ca_a);
    SSL_CTX *client = new_client(TLS1_3_VERSION), *second = new_client(TLS1_2_VERSION);

    use_selector(client, selector, way);
    if (way == BY_OWN_CERT_CB) {
        subject("a selector is frozen by certpick_select");
        CHECK_SENDS(client, server, pki->a.cert);
        CHECK_OK(last_select_status());
    } else {
        subject("an attached selector is frozen, and its error text does not change");
    }
    check_frozen(selector, pki);

    subject("a frozen selector can be attached to more contexts");
    CHECK_OK(certpick_attach(second, selector));
    CHECK_OK(certpick_attach_cert_cb(second, selector));
    SSL_CTX_free(client);
    SSL_CTX_free(second);
    check_frozen(selector, pki);
}

static void second_attach(const struct pki *pki)
{
    certpick_selector *first = new_selector("a.crt", "a.key", NULL);
    certpick_selector *then = new_selector("b.crt", "b.key", NULL);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION), *server = new_server(TLS1_3_VERSION);

    subject("a selector that is attached later replaces the earlier one");
    CHECK_OK(certpick_attach(client, first));
    CHECK_OK(certpick_attach(client, then));
    certpick_selector_free(first);
    certpick_selector_free(then);
    CHECK_SENDS(client, server, pki->b.cert);
}

int main(void)
{
    struct pki pki;

    set_up_pki(&pki, NULL);
    version_and_texts();
    references();
    credential_count();
    options();
    for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++)
        frozen_selector(&pki, way);
    second_attach(&pki);
    return finish();
}
