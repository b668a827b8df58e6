/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/config/config.h"

#include "nhi-agentd/config/internal.h"
#include "nhi-agentd/config/trust.h"

#include "lib/base/file.h"

#include <dirent.h>
#include <stdio.h>

/* Every allocation of a configuration, newest first. */
typedef struct Chunk {
        struct Chunk *next;
        max_align_t data[];
} Chunk;

void *config_alloc(Config *c, size_t size)
{
        Chunk *chunk;

        if (size > SIZE_MAX - sizeof(*chunk))
                return NULL;
        chunk = calloc(1, sizeof(*chunk) + size);
        if (!chunk)
                return NULL;
        chunk->next = c->storage;
        c->storage = chunk;
        return chunk->data;
}

char *config_strdup(Config *c, const char *text)
{
        const size_t size = strlen(text) + 1;
        char *copy = config_alloc(c, size);

        return copy ? memcpy(copy, text, size) : NULL;
}

Config *config_free(Config *c)
{
        Chunk *chunk = c ? c->storage : NULL;

        while (chunk) {
                Chunk *next = chunk->next;

                free(chunk);
                chunk = next;
        }
        free(c);
        return NULL;
}
DEFINE_CLEANUP(Config *, config_free)

static int read_file(ConfigBuild *b, const char *path)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        b->file = config_strdup(b->config, path);
        if (!b->file)
                return -ENOMEM;
        r = file_read_trusted(path, owner_trusted(), CONFIG_FILE_MAX, &text, &size);
        if (r < 0) {
                (void)snprintf(b->error, CONFIG_ERROR_MAX, "%s: %s%s", path, trust_error_text(r),
                               r == -ENOENT ? "; nhictl init writes it" : "");
                return r;
        }
        if (strlen(text) != size)
                return config_fail(b, 0, "syntax", "holds a NUL byte");
        return config_parse(b, b->file, text);
}

static int is_fragment(const struct dirent *d)
{
        const size_t n = strlen(d->d_name);

        return d->d_name[0] != '.' && n > 5 && streq(d->d_name + n - 5, ".conf");
}

/* strcmp order, whatever the locale: 50-modes.conf comes after 10-local.conf everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_dir(ConfigBuild *b, const char *dir)
{
        struct dirent **names = NULL;
        int n, r = 0;

        n = scandir(dir, &names, is_fragment, by_name);
        if (n < 0 && errno == ENOENT)
                return 0;
        if (n < 0) {
                r = -errno;
                (void)snprintf(b->error, CONFIG_ERROR_MAX, "%s: %s", dir, strerror(-r));
                return r;
        }
        if (n > (int)CONFIG_FILES_MAX) {
                b->file = dir;
                r = config_fail(b, 0, "files", "more than %u", CONFIG_FILES_MAX);
        }
        for (int i = 0; i < n; i++) {
                char path[4096];

                if (r == 0) {
                        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
                        r = read_file(b, path);
                }
                free(names[i]);
        }
        free(names);
        return r;
}

static int load(ConfigBuild *b, const char *file, const char *dir)
{
        int r;

        b->file = "defaults";
        r = config_defaults(b, CONFIG_HOST, b->config);
        if (r == 0)
                r = read_file(b, file);
        if (r == 0 && dir)
                r = read_dir(b, dir);
        if (r < 0)
                return r;
        b->file = file;
        return config_complete(b);
}

int config_load(const char *file, const char *dir, Config **ret,
                char ret_error[static CONFIG_ERROR_MAX])
{
        _cleanup_(config_freep) Config *c = calloc(1, sizeof(*c));
        _cleanup_free_ ConfigBuild *b = calloc(1, sizeof(*b));
        char error[CONFIG_ERROR_MAX] = "";
        int r = -ENOMEM;

        if (c && b) {
                b->config = c;
                b->error = error;
                r = load(b, file, dir);
        }
        if (r < 0) {
                (void)snprintf(ret_error, CONFIG_ERROR_MAX, "%s",
                               error[0] ? error : "out of memory");
                return r;
        }
        *ret = TAKE_PTR(c);
        return 0;
}
