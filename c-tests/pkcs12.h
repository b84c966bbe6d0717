/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes PKCS#12 files with several keys, which PKCS12_create(3) does not. */
#ifndef CERTPICK_TESTS_PKCS12_H
#define CERTPICK_TESTS_PKCS12_H

#include "certificates.h"

/* Writes a file with mode 0600 that contains the certificates and keys of n identities, each with
   its own localKeyID, and then another certificate unless it is NULL. The password encrypts the
   certificates and each key. */
void write_pkcs12(const char *path, const char *password, const struct identity *identities,
                  size_t n, X509 *other);

#endif
