/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/localdb.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/set/arena.h"
#include "nhi-agentd/set/index.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define LOCAL_FILE_MAX (64u * 1024 * 1024)

typedef struct LocalUser {
        const char *name;
        uint32_t uid, gid;
} LocalUser;

typedef struct LocalGroup {
        const char *name, *members; /* comma-separated */
        uint32_t gid;
} LocalGroup;

typedef struct IdRange {
        uint64_t first, count;
} IdRange;

struct LocalDb {
        Arena *arena;
        Index users_by_name, users_by_uid, groups_by_name, groups_by_gid, ranges;
};

static int user_by_name(const void *a, const void *b)
{
        return strcmp(((const LocalUser *)a)->name, ((const LocalUser *)b)->name);
}

static int user_by_uid(const void *a, const void *b)
{
        uint32_t x = ((const LocalUser *)a)->uid, y = ((const LocalUser *)b)->uid;

        return x < y ? -1 : x > y;
}

static int group_by_name(const void *a, const void *b)
{
        return strcmp(((const LocalGroup *)a)->name, ((const LocalGroup *)b)->name);
}

static int group_by_gid(const void *a, const void *b)
{
        uint32_t x = ((const LocalGroup *)a)->gid, y = ((const LocalGroup *)b)->gid;

        return x < y ? -1 : x > y;
}

static int range_by_first(const void *a, const void *b)
{
        uint64_t x = ((const IdRange *)a)->first, y = ((const IdRange *)b)->first;

        return x < y ? -1 : x > y;
}

LocalDb *localdb_free(LocalDb *db)
{
        if (!db)
                return NULL;
        index_done(&db->users_by_name);
        index_done(&db->users_by_uid);
        index_done(&db->groups_by_name);
        index_done(&db->groups_by_gid);
        index_done(&db->ranges);
        arena_free(db->arena);
        free(db);
        return NULL;
}
DEFINE_CLEANUP(LocalDb *, localdb_free);

/* An unsigned number in decimal, all of text. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
        uint64_t value = 0;

        if (!text || *text == '\0')
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                value = value * 10 + (uint64_t)(*text - '0');
                if (value > max)
                        return false;
        }
        *ret = value;
        return true;
}

static bool parse_id(const char *text, uint32_t *ret)
{
        uint64_t value;

        if (!parse_number(text, UINT32_MAX, &value))
                return false;
        *ret = (uint32_t)value;
        return true;
}

/* Cut a line at ':' into at most n fields; how many there were. */
static size_t split_line(char *line, char **fields, size_t n)
{
        size_t count = 0;

        for (char *p = line; p && count < n; count++) {
                fields[count] = p;
                p = strchr(p, ':');
                if (p)
                        *p++ = '\0';
        }
        return count;
}

/* A line of each file. What does not parse is nobody's: libc skips it too. */
typedef int (*LineReader)(LocalDb *db, char *line);

static int read_user(LocalDb *db, char *line)
{
        char *fields[4];
        LocalUser u, *copy;
        int r;

        if (split_line(line, fields, 4) < 4 || !parse_id(fields[2], &u.uid) ||
            !parse_id(fields[3], &u.gid) || fields[0][0] == '\0')
                return 0;
        u.name = arena_text(db->arena, fields[0]);
        copy = arena_alloc(db->arena, 1, sizeof(u));
        if (!u.name || !copy)
                return -ENOMEM;
        *copy = u;
        r = index_add(&db->users_by_name, copy);
        return r < 0 ? r : index_add(&db->users_by_uid, copy);
}

static int read_group(LocalDb *db, char *line)
{
        char *fields[4];
        size_t n = split_line(line, fields, 4);
        LocalGroup g, *copy;
        int r;

        if (n < 3 || !parse_id(fields[2], &g.gid) || fields[0][0] == '\0')
                return 0;
        g.name = arena_text(db->arena, fields[0]);
        g.members = arena_text(db->arena, n > 3 ? fields[3] : "");
        copy = arena_alloc(db->arena, 1, sizeof(g));
        if (!g.name || !g.members || !copy)
                return -ENOMEM;
        *copy = g;
        r = index_add(&db->groups_by_name, copy);
        return r < 0 ? r : index_add(&db->groups_by_gid, copy);
}

static int read_range(LocalDb *db, char *line)
{
        char *fields[3];
        IdRange range, *copy;

        if (split_line(line, fields, 3) < 3 || !parse_number(fields[1], UINT32_MAX, &range.first) ||
            !parse_number(fields[2], UINT32_MAX, &range.count))
                return 0;
        copy = arena_alloc(db->arena, 1, sizeof(range));
        if (!copy)
                return -ENOMEM;
        *copy = range;
        return index_add(&db->ranges, copy);
}

static int read_whole(const char *path, char **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *text = NULL;
        size_t capacity, size = 0;
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > (off_t)LOCAL_FILE_MAX)
                return -EFBIG;
        capacity = (size_t)st.st_size + 4096; /* it may grow under our eyes */
        text = malloc(capacity + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(fd, text, capacity, &size);
        if (r < 0)
                return r;
        text[size] = '\0';
        *ret = TAKE_PTR(text);
        return 0;
}

static int read_file(LocalDb *db, const char *dir, const char *name, LineReader read_line,
                     bool required)
{
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX], *next;
        int r;

        if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
                return -ENAMETOOLONG;
        r = read_whole(path, &text);
        if (r == -ENOENT && !required)
                return 0;
        for (char *line = text; r == 0 && line; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                if (line[0] != '#' && line[0] != '+' && line[0] != '-')
                        r = read_line(db, line);
        }
        return r;
}

/* Sorted, without overlaps: a host may hand out thousands, and each id of a set is looked up. */
static void merge_ranges(Index *ranges)
{
        size_t n = 0;

        index_sort(ranges);
        for (size_t i = 0; i < ranges->n; i++) {
                IdRange *r = (IdRange *)index_at(ranges, i);
                IdRange *last = n > 0 ? (IdRange *)index_at(ranges, n - 1) : NULL;

                if (last && r->first - last->first <= last->count) {
                        if (r->first + r->count > last->first + last->count)
                                last->count = r->first + r->count - last->first;
                } else {
                        ranges->items[n++] = ranges->items[i];
                }
        }
        ranges->n = n;
}

int localdb_empty(LocalDb **ret)
{
        LocalDb *db = calloc(1, sizeof(*db));

        if (db)
                db->arena = arena_new();
        if (!db || !db->arena) {
                localdb_free(db);
                return -ENOMEM;
        }
        db->users_by_name.compare = user_by_name;
        db->users_by_uid.compare = user_by_uid;
        db->groups_by_name.compare = group_by_name;
        db->groups_by_gid.compare = group_by_gid;
        db->ranges.compare = range_by_first;
        *ret = db;
        return 0;
}

int localdb_load(const char *dir, LocalDb **ret)
{
        _cleanup_(localdb_freep) LocalDb *db = NULL;
        int r;

        r = localdb_empty(&db);
        if (r == 0)
                r = read_file(db, dir, "passwd", read_user, true);
        if (r == 0)
                r = read_file(db, dir, "group", read_group, true);
        if (r == 0)
                r = read_file(db, dir, "subuid", read_range, false);
        if (r == 0)
                r = read_file(db, dir, "subgid", read_range, false);
        if (r < 0)
                return r;
        index_sort(&db->users_by_name);
        index_sort(&db->users_by_uid);
        index_sort(&db->groups_by_name);
        index_sort(&db->groups_by_gid);
        merge_ranges(&db->ranges);
        *ret = TAKE_PTR(db);
        return 0;
}

bool localdb_user(const LocalDb *db, const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
        const LocalUser probe = { .name = name };
        const LocalUser *u = index_find(&db->users_by_name, &probe);

        if (!u)
                return false;
        *ret_uid = u->uid;
        *ret_gid = u->gid;
        return true;
}

const char *localdb_user_name(const LocalDb *db, uint32_t uid)
{
        const LocalUser probe = { .uid = uid };
        const LocalUser *u = index_find(&db->users_by_uid, &probe);

        return u ? u->name : NULL;
}

bool localdb_group(const LocalDb *db, const char *name, uint32_t *ret_gid)
{
        const LocalGroup probe = { .name = name };
        const LocalGroup *g = index_find(&db->groups_by_name, &probe);

        if (!g)
                return false;
        *ret_gid = g->gid;
        return true;
}

const char *localdb_group_name(const LocalDb *db, uint32_t gid)
{
        const LocalGroup probe = { .gid = gid };
        const LocalGroup *g = index_find(&db->groups_by_gid, &probe);

        return g ? g->name : NULL;
}

static bool is_listed(const char *members, const char *user)
{
        size_t size = strlen(user);

        for (const char *p = members; *p; p += *p == ',') {
                size_t n = strcspn(p, ",");

                if (n == size && memcmp(p, user, n) == 0)
                        return true;
                p += n;
        }
        return false;
}

bool localdb_is_member(const LocalDb *db, const char *user, const char *group)
{
        const LocalGroup probe = { .name = group };
        const LocalGroup *g = index_find(&db->groups_by_name, &probe);
        uint32_t uid, gid;

        if (!g)
                return false;
        if (localdb_user(db, user, &uid, &gid) && gid == g->gid)
                return true;
        return is_listed(g->members, user);
}

/* The last range that begins at the id or before holds it, or none does: they do not overlap. */
bool localdb_id_is_subordinate(const LocalDb *db, uint32_t id)
{
        size_t low = 0, high = db->ranges.n;
        const IdRange *r;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                r = index_at(&db->ranges, middle);
                if (r->first <= id)
                        low = middle + 1;
                else
                        high = middle;
        }
        r = low > 0 ? index_at(&db->ranges, low - 1) : NULL;
        return r && id - r->first < r->count;
}
