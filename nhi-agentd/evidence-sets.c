/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Beside the log stands each set that a segment of it cites, as it was received, so that a
 * signature behind a decision can be verified as long as the decision is there. The agent's own
 * archive keeps what it needs itself, which is less. All of it on the disk's thread. */

#include "nhi-agentd/evidence-internal.h"

#include "nhi-agentd/writer.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/base/sort.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define HASH_SIZE LOG_HASH_TEXT_SIZE
#define NAME_SIZE (HASH_SIZE + sizeof(".jws"))
#define PART_SIZE (1024u * 1024)
/* A set may be cited by what is on its way to the log. */
#define YOUNG_SEC 3600

/* ---- keeping one ------------------------------------------------------------------------------
 */

typedef struct Keep {
        int dir_fd; /* of the log */
        char hash[HASH_SIZE + 1];
} Keep;

static void keep_free(Keep *k)
{
        closep(&k->dir_fd);
        free(k);
}

static int copy_bytes(int from, int to)
{
        for (;;) {
                const ssize_t n = copy_file_range(from, NULL, to, NULL, PART_SIZE, 0);

                if (n == 0)
                        return 0;
                if (n < 0)
                        return -errno;
        }
}

/* Where the kernel cannot copy between these files. */
static int copy_by_hand(int from, int to)
{
        _cleanup_free_ char *part = malloc(PART_SIZE);
        ssize_t n;

        if (!part || lseek(from, 0, SEEK_SET) < 0 || ftruncate(to, 0) < 0 ||
            lseek(to, 0, SEEK_SET) < 0)
                return part ? -errno : -ENOMEM;
        while ((n = read(from, part, PART_SIZE)) > 0) {
                int r = fd_write_all(to, part, (size_t)n);

                if (r < 0)
                        return r;
        }
        return n < 0 ? -errno : 0;
}

static int copy_set(int from, int dir, const char *name)
{
        _cleanup_close_ int to = -EBADF;
        char temporary[NAME_SIZE + 8];
        int r;

        (void)snprintf(temporary, sizeof(temporary), ".%s.new", name);
        to = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (to < 0 || fchmod(to, 0640) < 0)
                return -errno;
        r = copy_bytes(from, to);
        if (r == -EXDEV || r == -EINVAL || r == -EOPNOTSUPP || r == -ENOSYS)
                r = copy_by_hand(from, to);
        if (r == 0 && fsync(to) < 0)
                r = -errno;
        if (r == 0 && renameat(dir, temporary, dir, name) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(dir, temporary, 0);
        return r < 0 || fsync(dir) == 0 ? r : -errno;
}

static int keep_set(void *userdata)
{
        const Keep *k = userdata;
        _cleanup_close_ int dir = -EBADF, from = -EBADF;
        char name[NAME_SIZE], path[sizeof(PATH_SETS_DIR) + NAME_SIZE + 1];

        dir = openat(k->dir_fd, LOG_SETS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (dir < 0)
                return -errno;
        (void)snprintf(name, sizeof(name), "%s.jws", k->hash);
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s", name);
        if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return 0;
        from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        return from < 0 ? -errno : copy_set(from, dir, name);
}

static void on_kept(void *userdata, int r)
{
        keep_free(userdata);
}

static int open_dir(const Evidence *v)
{
        return v->dir ? open(v->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -EBADF;
}

void evidence_keep_set(Evidence *v, const char *hash)
{
        Keep *k = strlen(hash) == HASH_SIZE ? calloc(1, sizeof(*k)) : NULL;

        if (!k)
                return;
        memcpy(k->hash, hash, HASH_SIZE);
        k->dir_fd = open_dir(v);
        if (k->dir_fd < 0 || writer_call(v->agent->writer, keep_set, on_kept, k) < 0)
                keep_free(k);
}

/* ---- letting go -------------------------------------------------------------------------------
 */

typedef struct Hashes {
        char (*items)[HASH_SIZE + 1];
        size_t n, capacity;
} Hashes;

typedef struct Sweep {
        int dir_fd;
        Hashes needed; /* what is in force; then what is cited, too */
} Sweep;

static void sweep_free(Sweep *s)
{
        closep(&s->dir_fd);
        free(s->needed.items);
        free(s);
}

static int hashes_add(Hashes *h, const char *hash)
{
        if (h->n == h->capacity) {
                const size_t capacity = h->capacity ? 2 * h->capacity : 64;
                void *items = reallocarray(h->items, capacity, sizeof(*h->items));

                if (!items)
                        return -ENOMEM;
                h->items = items;
                h->capacity = capacity;
        }
        memcpy(h->items[h->n], hash, HASH_SIZE);
        h->items[h->n++][HASH_SIZE] = '\0';
        return 0;
}

static int compare_hashes(const void *a, const void *b)
{
        return memcmp(a, b, HASH_SIZE);
}

static int read_cited(Sweep *s, const LogSegment *segment)
{
        char name[LOG_NAME_SIZE + 1], line[HASH_SIZE + 2];
        FILE *f;
        int fd, r = 0;

        log_name_format(LOG_FILE_SETS, segment->first_seq, name);
        fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        f = fd >= 0 ? fdopen(fd, "r") : NULL;
        if (!f) {
                r = -errno;
                closep(&fd);
                return r;
        }
        while (r == 0 && fgets(line, sizeof(line), f))
                r = strlen(line) == HASH_SIZE + 1 ? hashes_add(&s->needed, line) : -EBADMSG;
        if (ferror(f))
                r = -EIO;
        (void)fclose(f);
        return r;
}

static bool is_needed(const Sweep *s, const char *name)
{
        return find_item(name, s->needed.items, s->needed.n, compare_hashes) != NULL;
}

static bool is_young(int dir, const char *name)
{
        struct stat st;

        return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
               now_realtime_usec() / (int64_t)USEC_PER_SEC - st.st_mtim.tv_sec < YOUNG_SEC;
}

static void remove_unneeded(const Sweep *s, DIR *dir)
{
        const struct dirent *e;

        while ((e = readdir(dir)))
                if (strspn(e->d_name, "0123456789abcdef") == HASH_SIZE &&
                    streq(e->d_name + HASH_SIZE, ".jws") && !is_needed(s, e->d_name) &&
                    !is_young(dirfd(dir), e->d_name))
                        (void)unlinkat(dirfd(dir), e->d_name, 0);
}

/* Where it is not known of one segment what it cites, nothing goes. */
static int sweep_sets(void *userdata)
{
        Sweep *s = userdata;
        _cleanup_(log_segments_done) LogSegments list = {};
        DIR *dir;
        int fd, r = log_segments_list(s->dir_fd, &list);

        for (size_t i = 0; r == 0 && i < list.n; i++)
                if (list.items[i].first_seq > 0)
                        r = read_cited(s, &list.items[i]);
        if (r < 0)
                return r;
        sort_items(s->needed.items, s->needed.n, compare_hashes);
        fd = openat(s->dir_fd, LOG_SETS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        dir = fd >= 0 ? fdopendir(fd) : NULL;
        if (!dir) {
                r = -errno;
                closep(&fd);
                return r;
        }
        remove_unneeded(s, dir);
        (void)closedir(dir);
        return 0;
}

static void on_swept(void *userdata, int r)
{
        sweep_free(userdata);
}

/* Called when a segment was closed: what was cited up to now is in the lists of closed ones. */
void evidence_sweep_sets(Evidence *v)
{
        const Agent *a = v->agent;
        Sweep *s = calloc(1, sizeof(*s));
        int r = 0;

        if (!s)
                return;
        s->dir_fd = open_dir(v);
        for (size_t i = 0; r == 0 && i < a->config->n_issuers; i++)
                if (a->issuers[i].set)
                        r = hashes_add(&s->needed, a->issuers[i].set->hash);
        for (size_t i = 0; r == 0 && i < a->config->n_issuers; i++)
                if (a->issuers[i].fresh)
                        r = hashes_add(&s->needed, a->issuers[i].fresh->hash);
        if (r < 0 || s->dir_fd < 0 || writer_call(a->writer, sweep_sets, on_swept, s) < 0)
                sweep_free(s);
}
