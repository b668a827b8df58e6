/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The map as the text of /var/lib/nhi/uids. A file that is cut, edited badly or out of order is
 * refused as a whole: half a memory of ids would give one away twice. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/value.h"

#include <stdio.h>

DEFINE_CLEANUP(IdMap *, idmap_free);

#define ISSUER_SIZE_MAX 512u

int idmap_format(const IdMap *m, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        bool failed;

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < idmap_n_users(m); i++) {
                IdMapUser u = idmap_user_at(m, i);

                fprintf(f, "user %s %u %u %s\n", u.name, u.uid, u.gid, u.issuer);
        }
        for (size_t i = 0; i < idmap_n_groups(m); i++) {
                const char *name;
                uint32_t gid;

                idmap_group_at(m, i, &name, &gid);
                fprintf(f, "group %s %u\n", name, gid);
        }
        fprintf(f, "end %zu\n", idmap_n_users(m) + idmap_n_groups(m));
        failed = ferror(f) != 0;
        if (fclose(f) != 0 || failed)
                return -ENOMEM;
        *ret_size = size;
        *ret = TAKE_PTR(text);
        return 0;
}

/* The next word of the line, or NULL. Words are parted by one space. */
static char *next_word(char **p)
{
        char *word = *p, *space;

        if (!word || *word == '\0' || *word == ' ')
                return NULL;
        space = strchr(word, ' ');
        if (space)
                *space++ = '\0';
        *p = space;
        return word;
}

static bool parse_number(const char *word, uint64_t *ret)
{
        uint64_t value = 0;

        if (!word || strlen(word) > 10 || (word[0] == '0' && word[1] != '\0'))
                return false;
        for (; *word; word++) {
                if (*word < '0' || *word > '9')
                        return false;
                value = value * 10 + (uint64_t)(*word - '0');
        }
        *ret = value;
        return true;
}

static bool parse_assigned(const char *word, uint32_t *ret)
{
        uint64_t value;

        if (!parse_number(word, &value) || !id_is_assignable(value))
                return false;
        *ret = (uint32_t)value;
        return true;
}

typedef struct Parser {
        IdMap *map;
        const char *last_user, *last_group; /* order and uniqueness; views into the text */
        size_t n_records;
        bool ended;
} Parser;

static int parse_user(Parser *p, char *line)
{
        IdMapUser u;

        u.name = next_word(&line);
        if (!name_is_strict(u.name) || !parse_assigned(next_word(&line), &u.uid) ||
            !parse_assigned(next_word(&line), &u.gid))
                return -EBADMSG;
        u.issuer = line;
        if (!text_is_clean(u.issuer) || u.issuer[0] == '\0' || strlen(u.issuer) > ISSUER_SIZE_MAX)
                return -EBADMSG;
        if (p->last_group || (p->last_user && strcmp(p->last_user, u.name) >= 0))
                return -EBADMSG;
        p->last_user = u.name;
        return idmap_add_user(p->map, &u);
}

static int parse_group(Parser *p, char *line)
{
        const char *name = next_word(&line);
        uint32_t gid;

        if (!name_is_strict(name) || !parse_assigned(next_word(&line), &gid) || line)
                return -EBADMSG;
        if (p->last_group && strcmp(p->last_group, name) >= 0)
                return -EBADMSG;
        p->last_group = name;
        return idmap_add_group(p->map, name, gid);
}

static int parse_end(Parser *p, char *line)
{
        uint64_t n;

        if (!parse_number(next_word(&line), &n) || line || n != p->n_records)
                return -EBADMSG;
        p->ended = true;
        return 0;
}

static int parse_line(Parser *p, char *line)
{
        const char *word = next_word(&line);
        int r = -EBADMSG;

        if (!word || p->ended)
                return -EBADMSG;
        if (streq(word, "end"))
                return parse_end(p, line);
        if (streq(word, "user"))
                r = parse_user(p, line);
        else if (streq(word, "group"))
                r = parse_group(p, line);
        p->n_records++;
        return r;
}

/* One id, one name: neither uids nor gids may stand twice. */
static bool ids_are_unique(const IdMap *m)
{
        for (size_t i = 0; i < idmap_n_users(m); i++) {
                IdMapUser u = idmap_user_at(m, i), same = u;

                if (!idmap_user_by_uid(m, u.uid, &same) || !streq(same.name, u.name) ||
                    !streq_ptr(idmap_gid_owner(m, u.gid), u.name))
                        return false;
        }
        for (size_t i = 0; i < idmap_n_groups(m); i++) {
                const char *name;
                uint32_t gid;

                idmap_group_at(m, i, &name, &gid);
                if (!streq_ptr(idmap_gid_owner(m, gid), name))
                        return false;
        }
        return true;
}

int idmap_parse(const char *text, size_t size, IdMap **ret)
{
        _cleanup_(idmap_freep) IdMap *m = NULL;
        _cleanup_free_ char *copy = NULL;
        Parser p = { 0 };
        int r;

        if (size == 0 || text[size - 1] != '\n' || memchr(text, '\0', size))
                return -EBADMSG;
        copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;
        r = idmap_new(&m);
        if (r < 0)
                return r;
        p.map = m;
        for (char *line = copy, *next; *line; line = next) {
                next = strchr(line, '\n');
                *next++ = '\0';
                r = parse_line(&p, line);
                if (r < 0)
                        return r;
        }
        idmap_sort(m);
        if (!p.ended || !ids_are_unique(m))
                return -EBADMSG;
        *ret = TAKE_PTR(m);
        return 0;
}
