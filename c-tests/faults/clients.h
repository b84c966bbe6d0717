/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The same four credentials as lists, as a configuration file, as a directory and as PKCS#12 files. */
#ifndef CLIENTS_H
#define CLIENTS_H

#include "picking.h"

enum { A, FLAWED, BOB, ALICE };
extern struct identity ca_a, ca_b, middle, clients[4];
/* A CA whose name equals the name of CA B but has different bytes. */
extern struct identity ca_b_with_other_bytes;

/* Writes the files to the working directory. The password of encrypted keys is "secret". */
void write_clients(void);

#endif
