/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* For the client that measures libpq alone, without certpick in the process. */
#include <stdio.h>

#include "ways.h"

int choose_way(const char *way, const char *certificates, const char *keys)
{
    (void)certificates;
    (void)keys;
    fprintf(stderr, "connect: built without -w %s\n", way);
    return 0;
}

void after_connection(void)
{
}
