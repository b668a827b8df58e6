/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The sets that the log cites: until when each grant held, by what its issuer signed. Their bytes
 * are those that the agent verified: the log, whose chain holds, names their hash. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "lib/log/format.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/prove/witness.h"

#include <fcntl.h>
#include <sys/stat.h>

/* A tree of all of it is built here. */
#define SET_READ_MAX       (64u * 1024 * 1024)
#define WINDOW_HORIZON_SEC (8 * INT64_C(86400))

/* ---- one set ---- */

/* The grants of all stays, sorted. */
typedef struct Names {
        const char **items;
        size_t n;
} Names;

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int names_of_stays(const Proof *p, Names *ret)
{
        const char **items = calloc(p->stays.n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < p->stays.n; i++)
                items[i] = p->stays.items[i].grant;
        qsort(items, p->stays.n, sizeof(*items), compare_names);
        *ret = (Names){ .items = items, .n = p->stays.n };
        return 0;
}

static bool is_stayed(const Names *names, const char *jti)
{
        return bsearch(&jti, names->items, names->n, sizeof(jti), compare_names) != NULL;
}

/* Windows may follow each other without a pause. */
static int64_t windows_end(const json_t *windows, int64_t at_sec)
{
        const int64_t horizon = at_sec + WINDOW_HORIZON_SEC;
        int64_t reached = at_sec, end;
        bool is_open = true;

        while (is_open && reached < horizon) {
                const json_t *text;
                Window w;
                size_t i;

                is_open = false;
                json_array_foreach(windows, i, text)
                        if (json_is_string(text) &&
                            window_parse(json_string_value(text), &w) == 0 &&
                            window_is_open(&w, reached, &end)) {
                                reached = end;
                                is_open = true;
                        }
        }
        return reached;
}

static int64_t grant_end_usec(const json_t *grant, int64_t set_exp_sec, int64_t at_sec)
{
        const json_t *windows = json_object_get(grant, "windows");
        int64_t end = json_integer_value(json_object_get(grant, "exp"));

        if (set_exp_sec < end)
                end = set_exp_sec;
        if (json_array_size(windows) > 0 && windows_end(windows, at_sec) < end)
                end = windows_end(windows, at_sec);
        return end > 0 && end < TIME_SEC_MAX ? end * (int64_t)USEC_PER_SEC : 0;
}

static int compare_grants(const void *a, const void *b)
{
        const SetGrant *x = a, *y = b;

        return strcmp(x->jti, y->jti);
}

static int take_grants(Proof *p, SetFact *f, const json_t *payload, const Names *names)
{
        const json_t *grants = json_object_get(payload, "grants"), *grant;
        const char *issuer = json_string_value(json_object_get(payload, "iss"));
        const int64_t exp = json_integer_value(json_object_get(payload, "exp"));
        size_t i;

        if (!issuer || !json_is_array(grants))
                return -EBADMSG;
        f->grants = calloc(json_array_size(grants) + 1, sizeof(*f->grants));
        if (!f->grants)
                return -ENOMEM;
        json_array_foreach(grants, i, grant) {
                const char *jti = json_string_value(json_object_get(grant, "jti"));

                if (!jti || !is_stayed(names, jti))
                        continue;
                f->grants[f->n_grants++] = (SetGrant){
                        .jti = proof_text(p, jti),
                        .end_usec =
                                grant_end_usec(grant, exp, f->time_usec / (int64_t)USEC_PER_SEC),
                };
        }
        qsort(f->grants, f->n_grants, sizeof(*f->grants), compare_grants);
        f->issuer = proof_text(p, issuer);
        f->is_known = true;
        return p->failed ? -ENOMEM : 0;
}

int set_take(Proof *p, SetFact *f, const json_t *payload)
{
        Names names = { .n = 0 };
        int r = names_of_stays(p, &names);

        if (r == 0)
                r = take_grants(p, f, payload, &names);
        free(names.items);
        return r;
}

/* ---- the files ---- */

static int set_read(const char *dir, const char *hash, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        char found[65];
        struct stat st;
        int r;

        if (strlen(hash) != 64 || strspn(hash, "0123456789abcdef") != 64)
                return -EBADMSG;
        if (asprintf(&path, "%s/" LOG_SETS_DIR "/%s.jws", dir, hash) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > SET_READ_MAX)
                return -EFBIG;
        text = malloc((size_t)st.st_size + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(fd, text, (size_t)st.st_size, ret_size);
        if (r < 0)
                return r;
        content_hash(text, *ret_size, found);
        if (!streq(found, hash))
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

/* The middle of HEADER.PAYLOAD.SIGNATURE. */
static json_t *payload_of(const char *jws, size_t size)
{
        const char *begin = memchr(jws, '.', size), *end;
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t n = 0;

        if (!begin)
                return NULL;
        begin++;
        end = memchr(begin, '.', size - (size_t)(begin - jws));
        bytes = end ? malloc((size_t)(end - begin) + 1) : NULL;
        if (!bytes || base64url_decode_public(begin, (size_t)(end - begin), bytes,
                                              (size_t)(end - begin), &n) < 0)
                return NULL;
        return json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
}

/* The same set may have come into force more than once. */
static void set_load(Proof *p, SetFact *f, const char *dir, const Names *names)
{
        _cleanup_free_ char *jws = NULL;
        json_t *payload;
        size_t size = 0;

        if (set_read(dir, f->hash, &jws, &size) < 0)
                return;
        payload = payload_of(jws, size);
        if (payload && take_grants(p, f, payload, names) == -ENOMEM)
                p->failed = true;
        json_decref(payload);
}

/* Only what a stay cites, or what came while one was under way, can make a difference. */
static bool is_wanted(const Proof *p, const SetFact *f)
{
        for (size_t i = 0; i < p->stays.n; i++) {
                const Stay *s = &p->stays.items[i];

                if ((s->start_usec <= f->time_usec && f->time_usec <= s->end_usec) ||
                    streq(s->set, f->hash))
                        return true;
        }
        return false;
}

void witness_sets(Proof *p, const char *dir)
{
        Names names = { .n = 0 };

        if (names_of_stays(p, &names) < 0) {
                p->failed = true;
                return;
        }
        for (size_t i = 0; i < p->sets.n; i++)
                if (!p->sets.items[i].is_known && is_wanted(p, &p->sets.items[i]))
                        set_load(p, &p->sets.items[i], dir, &names);
        free(names.items);
}
