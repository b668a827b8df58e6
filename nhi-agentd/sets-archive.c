/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which of the archived sets stay: what state.json names, and of each key the last few that it
 * signed, told apart by the header of the file. Of statements of freshness the last one: it says
 * all, and state.json names it until it is written again. What was never finished goes, too. */

#include "nhi-agentd/sets-internal.h"

#include "lib/base/path.h"
#include "lib/base/sort.h"
#include "lib/jose/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define HASH_SIZE 64u
#define SUFFIX    ".jws"

typedef struct Prune {
        char kept[4 * STATE_ISSUERS_MAX][HASH_SIZE + 1]; /* sets, lists, key lists, freshness */
        size_t n_kept;
} Prune;

typedef struct Archived {
        char name[HASH_SIZE + sizeof(SUFFIX)];
        char kid[JWK_KID_SIZE + 1];
        bool is_statement;
        struct timespec written;
} Archived;

typedef struct Archive {
        int dir_fd;
        Archived *items;
        size_t n, capacity;
} Archive;

static bool name_is_set(const char *name)
{
        return strspn(name, "0123456789abcdef") == HASH_SIZE && streq(name + HASH_SIZE, SUFFIX);
}

/* file_replace()'s, of an agent that was killed: nobody else writes here. */
static bool name_is_unfinished(const char *name)
{
        return name[0] == '.' && strlen(name) > 1 + HASH_SIZE + strlen(SUFFIX) &&
               strncmp(name + 1 + HASH_SIZE, SUFFIX ".", sizeof(SUFFIX)) == 0;
}

static int archive_add(Archive *a, const char *name, const struct stat *st)
{
        if (a->n == a->capacity) {
                const size_t capacity = a->capacity ? 2 * a->capacity : 64;
                void *grown = reallocarray(a->items, capacity, sizeof(*a->items));

                if (!grown)
                        return -ENOMEM;
                a->items = grown;
                a->capacity = capacity;
        }
        a->items[a->n] = (Archived){ .written = st->st_mtim };
        memcpy(a->items[a->n].name, name, sizeof(a->items[a->n].name)); /* name_is_set() */
        a->n++;
        return 0;
}

static int archive_list(Archive *a, DIR *dir)
{
        const struct dirent *e;
        int r = 0;

        while (r == 0 && (e = readdir(dir))) {
                struct stat st;

                if (name_is_unfinished(e->d_name))
                        (void)unlinkat(a->dir_fd, e->d_name, 0);
                else if (name_is_set(e->d_name) &&
                         fstatat(a->dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                        r = archive_add(a, e->d_name, &st);
        }
        return r;
}

/* The kid and typ that the file says, which were verified when it was archived; else "". */
static void read_header(const Archive *a, Archived *it)
{
        const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        _cleanup_close_ int fd = openat(a->dir_fd, it->name, flags);
        _cleanup_(json_decrefp) json_t *header = NULL;
        char text[2 * JWS_HEADER_MAX];
        uint8_t bytes[JWS_HEADER_MAX];
        const char *dot, *kid, *typ;
        size_t size = 0;
        ssize_t n;

        n = fd >= 0 ? pread(fd, text, sizeof(text), 0) : -1;
        dot = n > 0 ? memchr(text, '.', (size_t)n) : NULL;
        if (!dot || base64url_decode(text, (size_t)(dot - text), bytes, sizeof(bytes), &size) < 0)
                return;
        header = json_read((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
        kid = header ? json_string_value(json_object_get(header, "kid")) : NULL;
        if (kid && strlen(kid) < sizeof(it->kid))
                memcpy(it->kid, kid, strlen(kid) + 1);
        typ = header ? json_string_value(json_object_get(header, "typ")) : NULL;
        it->is_statement = typ && streq(typ, JWS_TYP_FRESHNESS);
}

/* By key, the newest first. */
static int compare_archived(const void *a, const void *b)
{
        const Archived *x = a, *y = b;
        const int order = strcmp(x->kid, y->kid);

        if (order != 0)
                return order;
        if (x->written.tv_sec != y->written.tv_sec)
                return x->written.tv_sec > y->written.tv_sec ? -1 : 1;
        if (x->written.tv_nsec != y->written.tv_nsec)
                return x->written.tv_nsec > y->written.tv_nsec ? -1 : 1;
        return strcmp(x->name, y->name);
}

static bool is_named(const Prune *p, const Archived *it)
{
        for (size_t i = 0; i < p->n_kept; i++)
                if (strncmp(p->kept[i], it->name, HASH_SIZE) == 0)
                        return true;
        return false;
}

static void archive_thin(Archive *a, const Prune *p)
{
        size_t n_sets = 0, n_statements = 0; /* of a key */

        for (size_t i = 0; i < a->n; i++)
                read_header(a, &a->items[i]);
        sort_items(a->items, a->n, compare_archived);
        for (size_t i = 0; i < a->n; i++) {
                const Archived *it = &a->items[i];

                if (i > 0 && !streq(it->kid, a->items[i - 1].kid))
                        n_sets = n_statements = 0;
                if ((it->is_statement ? ++n_statements > 1 : ++n_sets > SETS_KEPT_MAX) &&
                    !is_named(p, it))
                        (void)unlinkat(a->dir_fd, it->name, 0);
        }
}

static int prune(void *userdata)
{
        DIR *dir = opendir(PATH_SETS_DIR);
        Archive a = {};
        int r;

        if (!dir)
                return -errno;
        a.dir_fd = dirfd(dir);
        r = archive_list(&a, dir);
        if (r == 0)
                archive_thin(&a, userdata);
        free(a.items);
        (void)closedir(dir);
        return r;
}

static void on_pruned(void *userdata, int r)
{
        free(userdata);
}

void sets_prune_archive(Sets *s)
{
        const State *state = s->agent->state;
        Prune *p = calloc(1, sizeof(*p));

        if (!p)
                return;
        for (size_t i = 0; i < state->n_issuers; i++) {
                memcpy(p->kept[p->n_kept++], state->issuers[i].floor.hash, HASH_SIZE + 1);
                memcpy(p->kept[p->n_kept++], state->issuers[i].list.hash, HASH_SIZE + 1);
                memcpy(p->kept[p->n_kept++], state->issuers[i].keys.floor.hash, HASH_SIZE + 1);
                memcpy(p->kept[p->n_kept++], state->issuers[i].fresh.hash, HASH_SIZE + 1);
        }
        if (writer_call(s->agent->writer, prune, on_pruned, p) < 0)
                free(p);
}
