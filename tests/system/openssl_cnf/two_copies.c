/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two copies of OpenSSL in one process, as with Python packages that contain their own. Each
   argument is a shared library with tcp_client.c and a copy of OpenSSL. The last argument is the
   port. */
#include <dlfcn.h>
#include <stdio.h>

typedef int client_main(int argc, char **argv);

int main(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc - 1; i++) {
        void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        client_main *get_page = NULL;
        char *arguments[] = {argv[i], argv[argc - 1], NULL};

        if (library != NULL)
            *(void **)&get_page = dlsym(library, "get_page");
        if (get_page == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 2;
        }
        printf("=== %d\n", i);
        if (get_page(2, arguments) != 0)
            return 1;
        fflush(stdout);
    }
    return 0;
}
