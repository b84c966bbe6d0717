/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The common part of the clients in C. Their arguments are

       CLIENT PORT LIST WARM_UP COUNT

   LIST is a file with one credential per line: the names of certificate and key. The client loads
   them, makes a handshake, and prints the CPU time of the process up to then in microseconds. Then
   it makes WARM_UP handshakes, and COUNT handshakes, of which it prints the mean CPU time. */
#ifndef CERTPICK_BENCH_PEERS_CLIENT_H
#define CERTPICK_BENCH_PEERS_CLIENT_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../cpu.h"

#define MUST_BE(condition) ((condition) ? (void)0 : (perror(#condition), exit(1)))

static int connected_socket(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int handle = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((unsigned short)port);
    MUST_BE(handle >= 0 && connect(handle, (struct sockaddr *)&address, sizeof(address)) == 0);
    return handle;
}

/* Returns the number of credentials. */
static int for_each_credential(const char *list,
                               void (*add)(const char *certificate, const char *key))
{
    FILE *file = fopen(list, "r");
    char certificate[64], key[64];
    int count = 0;

    MUST_BE(file != NULL);
    for (; fscanf(file, "%63s %63s", certificate, key) == 2; count++)
        add(certificate, key);
    fclose(file);
    return count;
}

static void measure(char **argv, void (*handshake)(int socket))
{
    int port = atoi(argv[1]), warm_up = atoi(argv[3]), count = atoi(argv[4]), i;
    long long before = 0;

    for (i = 0; i < 1 + warm_up + count; i++) {
        int handle = connected_socket(port);

        if (i == 1 + warm_up)
            before = cpu();
        handshake(handle);
        close(handle);
        if (i == 0)
            printf("%lld\n", cpu());
    }
    printf("%.1f\n", (double)(cpu() - before) / count);
}

#endif
