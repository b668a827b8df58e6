/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Feeds files to a target without libFuzzer. A promise that does not hold ends the process; the
 * name of the input that did it is the last thing written. */

#include "lib/base/macro.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>

static char current[4096];

static void on_abort(int number)
{
        (void)number;
        (void)!write(STDERR_FILENO, "input: ", 7);
        (void)!write(STDERR_FILENO, current, strlen(current));
        (void)!write(STDERR_FILENO, "\n", 1);
}

static int replay_file(const char *dir, const char *name)
{
        _cleanup_free_ uint8_t *data = NULL;
        long size;
        FILE *f;

        (void)snprintf(current, sizeof(current), "%s/%s", dir, name);
        f = fopen(current, "re");
        if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) < 0) {
                perror(current);
                return -1;
        }
        /* Exactly as large as the input: a sanitizer sees the byte behind it. */
        data = malloc(size > 0 ? (size_t)size : 1);
        if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) {
                perror(current);
                return -1;
        }
        (void)fclose(f);
        (void)LLVMFuzzerTestOneInput(data, (size_t)size);
        return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *d)
{
        return d->d_name[0] != '.';
}

#pragma weak LLVMFuzzerInitialize

/* Usage: fuzz-NAME DIRECTORY: replays every file; the number of them on stdout. */
int main(int argc, char **argv)
{
        struct dirent **names = NULL;
        int n, r = 0;

        if (argc != 2) {
                fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
                return 2;
        }
        (void)signal(SIGABRT, on_abort);
        if (LLVMFuzzerInitialize)
                (void)LLVMFuzzerInitialize(&argc, &argv);
        n = scandir(argv[1], &names, is_visible, by_name);
        if (n < 0) {
                perror(argv[1]);
                return 1;
        }
        for (int i = 0; i < n; i++) {
                if (r == 0)
                        r = replay_file(argv[1], names[i]->d_name);
                free(names[i]);
        }
        free(names);
        if (r == 0)
                printf("%d inputs\n", n);
        return r == 0 ? 0 : 1;
}
