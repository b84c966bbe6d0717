/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reasons against a credential, the order of credentials, the effect of the user, and options. */
#include "picking.h"

static struct identity ca;

/* Writes NAME.crt and NAME.key and returns the certificate. Clears the cache, because for a second
   it does not notice a change of a file that is not sent. */
static X509 *credential(const char *name, const char *common_name, const struct traits *traits)
{
    struct identity made = new_leaf_with(common_name, &ca, traits);

    write_identity(name, &made, NULL);
    certpick_cache_clear();
    return made.cert;
}

static certpick_selector *selector_of(const char *first, const char *second)
{
    certpick_selector *selector = certpick_selector_new();
    const char *names[2];
    char cert[64], key[64];

    names[0] = first;
    names[1] = second;
    for (int i = 0; i < 2 && names[i] != NULL; i++) {
        snprintf(cert, sizeof(cert), "%s.crt", names[i]);
        snprintf(key, sizeof(key), "%s.key", names[i]);
        MUST(certpick_selector_add_files(selector, cert, key, NULL) == CERTPICK_OK);
    }
    return selector;
}

/* Connects once and checks what is sent, and the verdicts on both credentials. Frees the
   selector. */
static void check_choice(int version, certpick_selector *selector, SSL_CTX *server, X509 *expected,
                         size_t choice, uint32_t first, uint32_t second)
{
    struct link link;

    CHECK(connect_selector(&link, version, selector, server));
    certpick_selector_free(selector);
    CHECK_ARRIVED(&link, expected);
    CHECK_INT(certpick_outcome(link.client),
              expected != NULL ? CERTPICK_OUTCOME_SENT : CERTPICK_OUTCOME_NONE_SUITABLE);
    CHECK_INT(certpick_choice(link.client), choice);
    CHECK_INT(certpick_verdict(link.client, 0), first);
    CHECK_INT(certpick_verdict(link.client, 1), second);
    close_link(&link);
}

/* Sets an option of a new selector and returns the selector. */
static certpick_selector *with_option(certpick_selector *selector, int32_t option, int64_t value)
{
    CHECK_OK(certpick_selector_set_option(selector, option, value));
    return selector;
}

static void soft_flaws(int version)
{
    static const struct {
        struct traits traits;
        uint32_t reason;
        const char *word;
    } flaws[] = {
        {{KEY_P256, NULL, NULL, -20, -2}, CERTPICK_REASON_EXPIRED, "expired"},
        {{KEY_P256, NULL, NULL, 2, 20}, CERTPICK_REASON_NOT_YET_VALID, "not yet valid"},
        {{KEY_P256, "keyEncipherment", NULL, 0, 0}, CERTPICK_REASON_KEY_USAGE, "digitalSignature"},
        {{KEY_P256, NULL, "serverAuth", 0, 0}, CERTPICK_REASON_EXTENDED_KEY_USAGE, "clientAuth"},
    };
    SCOPED(SSL_CTX) *server = new_server(version, &ca);
    X509 *good = credential("good", "good", NULL);
    struct link link;

    for (size_t i = 0; i < COUNT(flaws); i++) {
        X509 *flawed = credential("flawed", "flawed", &flaws[i].traits);
        SCOPED(certpick_selector) *both = selector_of("flawed", "good");
        certpick_selector *excluding;

        subject("the explanation names the flaw");
        CHECK(connect_selector(&link, version, both, server));
        CHECK_HAS(certpick_explanation(link.client), flaws[i].word);
        close_link(&link);

        subject("a flawed credential is sent only if no credential without flaws is suitable");
        check_choice(version, selector_of("flawed", "good"), server, good, 1, flaws[i].reason, 0);
        check_choice(version, selector_of("flawed", NULL), server, flawed, 0, flaws[i].reason, 0);

        subject("FLAWED_EXCLUDE excludes a flawed credential");
        excluding = with_option(selector_of("flawed", NULL), CERTPICK_OPTION_FLAWED,
                                CERTPICK_FLAWED_EXCLUDE);
        check_choice(version, excluding, server, NULL, SIZE_MAX, flaws[i].reason, 0);
    }

    subject("digitalSignature with clientAuth is not a flaw, anyExtendedKeyUsage alone is one");
    {
        static const struct traits usual = {KEY_P256, "digitalSignature", "clientAuth", 0, 0};
        static const struct traits any = {KEY_P256, NULL, "anyExtendedKeyUsage", 0, 0};
        X509 *first = credential("first", "first", &usual);

        credential("second", "second", &any);
        check_choice(version, selector_of("first", "second"), server, first, 0, 0,
                     CERTPICK_REASON_EXTENDED_KEY_USAGE);
    }

    subject("the verdict contains all reasons");
    {
        static const struct traits all = {KEY_P256, "keyAgreement", "codeSigning", -20, -2};
        struct identity unrelated = new_root("unrelated");
        SCOPED(SSL_CTX) *unrelated_server = new_server(version, &unrelated);

        credential("worst", "worst", &all);
        check_choice(version, selector_of("worst", NULL), unrelated_server, NULL, SIZE_MAX,
                     CERTPICK_REASON_ISSUER | CERTPICK_REASON_EXPIRED | CERTPICK_REASON_KEY_USAGE |
                     CERTPICK_REASON_EXTENDED_KEY_USAGE, 0);
    }
}

/* Sets the peer, perhaps after an earlier user, connects, and checks which certificate is sent. */
static void check_user(SSL_CTX *client, SSL_CTX *server, const char *earlier, const char *host,
                       const char *user, X509 *expected)
{
    struct link link;

    open_link(&link, client, server);
    if (earlier != NULL)
        CHECK_OK(certpick_set_peer(link.client, host, earlier));
    CHECK_OK(certpick_set_peer(link.client, host, user));
    CHECK_COMPLETES(&link, expected);
    close_link(&link);
}

static void user_of_the_peer(int version)
{
    static const struct traits expired = {KEY_P256, NULL, NULL, -20, -2};
    SCOPED(SSL_CTX) *server = new_server(version, &ca), *client = new_client(version);
    X509 *alice = credential("alice", "alice", NULL), *bob = credential("bob", "bob", NULL);
    SCOPED(certpick_selector) *selector = selector_of("alice", "bob");
    static const struct {
        const char *host, *user;
        int is_bob;
    } peers[] = {{"db.example", "bob", 1}, {NULL, "bob", 1},     {"db.example", "alice", 0},
                 {"db.example", "carol", 0}, {"bob", NULL, 0}, {"db.example", "", 0},
                 {"db.example", "bo", 0},    {NULL, NULL, 0}};

    subject("among equals a credential whose CN is the user comes first, then list order applies");
    CHECK_OK(certpick_attach(client, selector));
    for (size_t i = 0; i < COUNT(peers); i++)
        check_user(client, server, NULL, peers[i].host, peers[i].user,
                   peers[i].is_bob ? bob : alice);

    subject("the last call of certpick_set_peer counts");
    check_user(client, server, "alice", "db.example", "bob", bob);

    subject("a CN that is the user does not outrank a flaw");
    credential("old_bob", "bob", &expired);
    SCOPED(certpick_selector) *flawed = selector_of("old_bob", "alice");
    CHECK_OK(certpick_attach(client, flawed));
    check_user(client, server, NULL, "db.example", "bob", alice);
}

static certpick_selector *policy(const char *first, const char *second, int value)
{
    return with_option(selector_of(first, second), CERTPICK_OPTION_EMPTY_CA_LIST, value);
}

static void empty_ca_list(int version)
{
    SCOPED(SSL_CTX) *server = new_server(version), *naming = new_server(version, &ca);
    X509 *one = credential("one", "one", NULL);

    credential("two", "two", NULL);
    for (int value = CERTPICK_EMPTY_CA_LIST_ACCEPT; value <= CERTPICK_EMPTY_CA_LIST_SEND_NONE;
         value++) {
        const uint32_t reason = CERTPICK_REASON_POLICY;

        subject("EMPTY_CA_LIST decides what a server that names no CA gets");
        if (value == CERTPICK_EMPTY_CA_LIST_SEND_NONE)
            check_choice(version, policy("one", NULL, value), server, NULL, SIZE_MAX, reason, 0);
        else
            check_choice(version, policy("one", NULL, value), server, one, 0, 0, 0);
        if (value == CERTPICK_EMPTY_CA_LIST_ACCEPT)
            check_choice(version, policy("one", "two", value), server, one, 0, 0, 0);
        else
            check_choice(version, policy("one", "two", value), server, NULL, SIZE_MAX, reason,
                         reason);

        subject("EMPTY_CA_LIST has no effect on a server that names its CA");
        check_choice(version, policy("one", "two", value), naming, one, 0, 0, 0);
    }
}

static void none_suitable_aborts(int version, enum way way)
{
    struct identity unrelated = new_root("unrelated");
    SCOPED(SSL_CTX) *server = new_server(version, &unrelated), *client = new_client(version);
    struct link link;

    credential("one", "one", NULL);
    SCOPED(certpick_selector) *selector = selector_of("one", NULL);
    subject("NONE_SUITABLE_ABORT aborts the handshake if no credential is suitable");
    CHECK_OK(certpick_selector_set_option(selector, CERTPICK_OPTION_NONE_SUITABLE,
                                          CERTPICK_NONE_SUITABLE_ABORT));
    use_selector(client, selector, way);
    CHECK(!connect_link(&link, client, server));
    CHECK_INT(link.client_failed, 1);
    CHECK_INT(link.client_error, SSL_ERROR_SSL);
    CHECK_INT(foreign_entries(&link.client_queue), 1);
    CHECK_ARRIVED(&link, NULL);
    CHECK(!SSL_is_init_finished(link.server));
    CHECK_BEGINS(certpick_message(link.client),
                 "Server requests a client certificate but no suitable certificate is found from "
                 "sslcert list provided");
    CHECK(certpick_choice(link.client) == SIZE_MAX);
    CHECK(certpick_outcome(link.client) != CERTPICK_OUTCOME_SENT);
    CHECK(certpick_outcome(link.client) != CERTPICK_OUTCOME_NOT_ASKED);
    CHECK_INT(certpick_verdict(link.client, 0), CERTPICK_REASON_ISSUER);
    if (way == BY_OWN_CERT_CB)
        CHECK_INT(last_select_status(), CERTPICK_ERROR_NONE_SUITABLE);
    close_link(&link);
}

static void kinds_of_keys(int version)
{
    static const struct {
        enum key_kind kind;
        const char *fitting, *unfit;
    } kinds[] = {
        {KEY_P256, "ECDSA+SHA256:RSA-PSS+SHA256", "ed25519:rsa_pss_rsae_sha256"},
        {KEY_P384, "ECDSA+SHA384", "ed25519:rsa_pss_rsae_sha256"},
        {KEY_ED25519, "ed25519", "ECDSA+SHA256:rsa_pss_rsae_sha256"},
        {KEY_RSA, "rsa_pss_rsae_sha256", "ECDSA+SHA256:ed25519"},
    };
    SCOPED(SSL_CTX) *server = new_server(version, &ca);
    struct link link;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct traits traits = {KEY_P256, NULL, NULL, 0, 0};
        X509 *cert;

        subject("a credential is sent only to a server that accepts a signature algorithm of its "
                "key");
        traits.kind = kinds[i].kind;
        cert = credential("kind", "kind", &traits);
        MUST(SSL_CTX_set1_client_sigalgs_list(server, kinds[i].fitting));
        check_choice(version, selector_of("kind", NULL), server, cert, 0, 0, 0);

        MUST(SSL_CTX_set1_client_sigalgs_list(server, kinds[i].unfit));
        SCOPED(certpick_selector) *selector = selector_of("kind", NULL);
        CHECK_SELECTOR_CONNECTS(&link, version, selector, server, NULL);
        CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
        CHECK(certpick_verdict(link.client, 0) & CERTPICK_REASON_SIGNATURE_ALGORITHM);
        CHECK_INT(certpick_verdict(link.client, 0) & CERTPICK_REASON_ISSUER, 0);
        close_link(&link);
    }
}

static void types_and_levels(void)
{
    static const struct traits weak = {KEY_RSA_1024, NULL, NULL, 0, 0};
    static const unsigned char rsa_only[] = {TLS_CT_RSA_SIGN};
    SCOPED(SSL_CTX) *server_12 = new_server(TLS1_2_VERSION, &ca),
                    *server = new_server(TLS1_3_VERSION, &ca);
    SCOPED(SSL_CTX) *client = new_client(TLS1_3_VERSION);
    struct link link;

    credential("ec", "ec", NULL);
    credential("weak", "weak", &weak);

    subject("in TLS 1.2 a server that accepts only RSA certificates gets no EC certificate");
    MUST(SSL_CTX_set1_client_certificate_types(server_12, rsa_only, sizeof(rsa_only)));
    check_choice(TLS1_2_VERSION, selector_of("ec", NULL), server_12, NULL, SIZE_MAX,
                 CERTPICK_REASON_CERTIFICATE_TYPE, 0);

    subject("a certificate that OpenSSL's security level refuses is not chosen");
    SCOPED(certpick_selector) *selector = selector_of("weak", NULL);
    SSL_CTX_set_security_level(client, 2);
    CHECK_OK(certpick_attach(client, selector));
    CHECK_CONNECTS(&link, client, server, NULL);
    CHECK_INT(certpick_outcome(link.client), CERTPICK_OUTCOME_NONE_SUITABLE);
    CHECK(certpick_verdict(link.client, 0) & CERTPICK_REASON_SECURITY_LEVEL);
    close_link(&link);
}

int main(void)
{
    enter_work_dir();
    ca = new_root("CA");
    for (int i = 0; i < 2; i++) {
        soft_flaws(tls_versions[i]);
        user_of_the_peer(tls_versions[i]);
        empty_ca_list(tls_versions[i]);
        kinds_of_keys(tls_versions[i]);
        for (enum way way = BY_CLIENT_CERT_CB; way < WAYS; way++)
            none_suitable_aborts(tls_versions[i], way);
    }
    types_and_levels();
    return finish();
}
