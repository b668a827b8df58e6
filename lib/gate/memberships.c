/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file of memberships, read strictly: half a file is none. */

#include "lib/gate/memberships.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <inttypes.h>
#include <stdio.h>

#define ISSUER_SIZE_MAX 512u
/* Two names, six numbers, a key, a jti, an issuer, and what stands between. */
#define LINE_SIZE_MAX                                                                              \
        (2 * 32u + 2 * 10u + 4 * 19u + MEMBERS_KID_SIZE + 64u + ISSUER_SIZE_MAX +                  \
         sizeof("member ") + 11u)
_Static_assert(MEMBERS_LINES_MAX *LINE_SIZE_MAX + 128 <= MEMBERS_SIZE_MAX,
               "what is written can be read");

/* Of a member line, without its word; the last is the rest of the line. */
#define FIELDS     11
#define FIELDS_OLD 9

#define KID_NONE "-"

static bool number_parse(const char *text, uint64_t max, uint64_t *ret)
{
        uint64_t v = 0;

        if (*text == '\0' || strlen(text) > 19)
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                v = v * 10 + (uint64_t)(*text - '0');
        }
        *ret = v;
        return v <= max;
}

/* n fields at single blanks, in place; the last one may hold blanks. */
static bool line_split(char *line, size_t n, char **ret_fields)
{
        for (char *p = line; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        return false;
        for (size_t i = 0; i < n; i++) {
                ret_fields[i] = line;
                if (i + 1 < n) {
                        line = strchr(line, ' ');
                        if (!line)
                                return false;
                        *line++ = '\0';
                }
                if (ret_fields[i][0] == '\0')
                        return false;
        }
        return true;
}

/* One token of printable characters. */
static bool kid_is_lawful(const char *kid)
{
        const size_t n = strlen(kid);

        for (size_t i = 0; i < n; i++)
                if ((unsigned char)kid[i] <= 0x20 || (unsigned char)kid[i] >= 0x7f)
                        return false;
        return n < MEMBERS_KID_SIZE;
}

/* Its two fields. */
static bool signing_parse(char *const *f, Membership *ret)
{
        uint64_t nbf;

        if (!number_parse(f[0], INT64_MAX, &nbf) || !kid_is_lawful(f[1]))
                return false;
        ret->nbf_sec = (int64_t)nbf;
        if (!streq(f[1], KID_NONE))
                memcpy(ret->kid, f[1], strlen(f[1]) + 1);
        return true;
}

/* What follows the word `member`. */
static bool member_parse(char *rest, size_t n_fields, Membership *ret)
{
        char *f[FIELDS];
        uint64_t uid, gid, since, end, boot_end;

        if (!line_split(rest, n_fields, f) || !name_is_strict(f[0]) || !name_is_strict(f[2]) ||
            !jti_is_valid(f[n_fields - 2]))
                return false;
        if (!number_parse(f[1], UINT32_MAX, &uid) || !number_parse(f[3], UINT32_MAX, &gid) ||
            !number_parse(f[4], INT64_MAX, &since) || !number_parse(f[5], INT64_MAX, &end) ||
            !number_parse(f[6], INT64_MAX, &boot_end))
                return false;
        *ret = (Membership){
                .name = f[0],
                .uid = (uid_t)uid,
                .group = f[2],
                .gid = (gid_t)gid,
                .since_usec = (int64_t)since,
                .end_sec = (int64_t)end,
                .boot_end_usec = (int64_t)boot_end,
                .jti = f[n_fields - 2],
                .issuer = f[n_fields - 1],
        };
        return n_fields == FIELDS_OLD || signing_parse(f + 7, ret);
}

/* Cut the next line off: false where there is none that is whole. */
static bool line_next(char **text, char **ret)
{
        char *end = strchr(*text, '\n');

        if (!end)
                return false;
        *end = '\0';
        *ret = *text;
        *text = end + 1;
        return true;
}

static const char *behind(char *line, const char *word)
{
        const size_t n = strlen(word);

        return strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

static bool boot_take(const char *text, char ret[static MEMBERS_BOOT_SIZE])
{
        const size_t n = strlen(text);

        if (n == 0 || n >= MEMBERS_BOOT_SIZE || strchr(text, ' '))
                return false;
        memcpy(ret, text, n + 1);
        return true;
}

/* How many fields its lines have; 0: it is none. */
static size_t head_take(char *line, char boot[static MEMBERS_BOOT_SIZE])
{
        const char *rest = behind(line, MEMBERS_HEADER);
        const size_t n_fields = rest ? FIELDS : FIELDS_OLD;

        if (!rest)
                rest = behind(line, MEMBERS_HEADER_OLD);
        return rest && boot_take(rest, boot) ? n_fields : 0;
}

int memberships_parse(char *text, size_t size, char boot[static MEMBERS_BOOT_SIZE],
                      MembershipsTake take, void *userdata)
{
        const char *rest;
        char *line;
        uint64_t n = 0, count = 0;
        size_t n_fields;

        if (size > MEMBERS_SIZE_MAX || memchr(text, 0, size) || !line_next(&text, &line))
                return -EBADMSG;
        n_fields = head_take(line, boot);
        if (n_fields == 0)
                return -EBADMSG;
        for (;; n++) {
                Membership m;
                int r;

                if (!line_next(&text, &line))
                        return -EBADMSG;
                if ((rest = behind(line, "end")))
                        break;
                if (!behind(line, "member") ||
                    !member_parse(line + strlen("member "), n_fields, &m))
                        return -EBADMSG;
                r = take(userdata, &m);
                if (r < 0)
                        return r;
        }
        return *text == '\0' && number_parse(rest, UINT32_MAX, &count) && count == n ? 0 : -EBADMSG;
}

int memberships_read(const char *path, uid_t owner, char boot[static MEMBERS_BOOT_SIZE],
                     MembershipsTake take, void *userdata)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner, MEMBERS_SIZE_MAX, &text, &size);
        return r < 0 ? r : memberships_parse(text, size, boot, take, userdata);
}

/* ---- write -------------------------------------------------------------------------------------
 */

static bool is_lawful(const Membership *m)
{
        if (!name_is_strict(m->name) || !name_is_strict(m->group) || !jti_is_valid(m->jti) ||
            !kid_is_lawful(m->kid) || m->issuer[0] == '\0' || strlen(m->issuer) > ISSUER_SIZE_MAX)
                return false;
        for (const char *p = m->issuer; *p; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        return false;
        return m->since_usec >= 0 && m->end_sec >= 0 && m->boot_end_usec >= 0 && m->nbf_sec >= 0;
}

int memberships_format(const Membership *const *lines, size_t n, const char *boot, char **ret,
                       size_t *ret_size)
{
        char *text = NULL;
        size_t size = 0;
        bool failed;
        FILE *f;

        if (n > MEMBERS_LINES_MAX)
                return -E2BIG;
        for (size_t i = 0; i < n; i++)
                if (!is_lawful(lines[i]))
                        return -EINVAL;
        f = open_memstream(&text, &size);
        if (!f)
                return -ENOMEM;
        (void)fprintf(f, MEMBERS_HEADER " %s\n", boot);
        for (size_t i = 0; i < n; i++) {
                const Membership *m = lines[i];

                (void)fprintf(f,
                              "member %s %u %s %u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
                              " %s %s %s\n",
                              m->name, m->uid, m->group, m->gid, m->since_usec, m->end_sec,
                              m->boot_end_usec, m->nbf_sec, *m->kid ? m->kid : KID_NONE, m->jti,
                              m->issuer);
        }
        (void)fprintf(f, "end %zu\n", n);
        failed = ferror(f) != 0;
        if (fclose(f) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}

/* ---- what is told at a login -------------------------------------------------------------------
 */

typedef struct Shown {
        const char *name;
        int64_t now_sec;
        MemberShown *items;
        size_t n, n_max;
} Shown;

static int shown_take(void *userdata, const Membership *m)
{
        Shown *s = userdata;

        if (!streq(m->name, s->name) || m->end_sec <= s->now_sec)
                return 0;
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->items[i].group, m->group)) {
                        if (m->end_sec > s->items[i].end_sec)
                                s->items[i].end_sec = m->end_sec;
                        return 0;
                }
        if (s->n == s->n_max)
                return 0;
        s->items[s->n] = (MemberShown){ .end_sec = m->end_sec };
        (void)snprintf(s->items[s->n].group, sizeof(s->items[s->n].group), "%s", m->group);
        s->n++;
        return 0;
}

size_t memberships_shown(const char *path, uid_t owner, const char *name, int64_t now_sec,
                         MemberShown *ret, size_t n)
{
        Shown s = { .name = name, .now_sec = now_sec, .items = ret, .n_max = n };
        char boot[MEMBERS_BOOT_SIZE];

        return memberships_read(path, owner, boot, shown_take, &s) == 0 ? s.n : 0;
}
