/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/cited-fresh.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "lib/log/format.h"
#include "nhi-agentd/set/freshness.h"
#include "nhictl/reply.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

json_t *cited_statement_read(const char *text, size_t size)
{
        char bytes[FRESHNESS_SIZE_MAX];
        size_t n = 0;

        if (size > FRESHNESS_SIZE_MAX ||
            base64url_decode_public(text, size, (uint8_t *)bytes, sizeof(bytes), &n) < 0)
                return NULL;
        return json_read(bytes, n, JSON_REJECT_DUPLICATES, NULL);
}

/* The payload of a statement, under a key of that issuer; NULL: it is none. */
static json_t *statement_open(const char *jws, size_t size, const char *issuer, const LogKeys *keys)
{
        _cleanup_free_ const Jwk **trusted = calloc(keys->n + 1, sizeof(*trusted));
        const char *text = NULL, *of;
        size_t key = 0, n = 0;
        json_t *payload;

        for (size_t i = 0; trusted && i < keys->n; i++)
                trusted[i] = &keys->items[i].jwk;
        if (!trusted ||
            jws_verify(jws, size, JWS_TYP_FRESHNESS, trusted, keys->n, &key, &text, &n) != JWS_OK)
                return NULL;
        payload = cited_statement_read(text, n);
        of = keys->items[key].issuer;
        if (streq_ptr(member_text(payload, "iss"), issuer) && (!*of || streq(of, issuer)))
                return payload;
        json_decref(payload);
        return NULL;
}

/* Sets are larger than that, as a rule, and are not read. */
static int read_small(int dir_fd, const char *name, char bytes[static FRESHNESS_SIZE_MAX],
                      size_t *ret)
{
        _cleanup_close_ int fd =
                openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > (off_t)FRESHNESS_SIZE_MAX)
                return -EFBIG;
        return fd_read_all(fd, bytes, FRESHNESS_SIZE_MAX, ret);
}

static int64_t end_by(const CitedPlace *at, const json_t *members, const json_t *statement,
                      int64_t time_sec)
{
        const int64_t own = member_sec(members, "exp"), iat = member_sec(members, "iat");
        const Freshness f = { .iat_sec = member_sec(statement, "iat"),
                              .exp_sec = member_sec(statement, "exp") };

        if (!streq_ptr(member_text(statement, "set"), at->hash) || f.iat_sec <= 0 ||
            f.iat_sec - SET_AHEAD_SEC > time_sec || iat == 0 || own == 0)
                return own;
        return freshness_end(&f, TIME_SEC_MAX, iat, own);
}

int64_t cited_set_end(const CitedPlace *at, const json_t *members, int64_t time_sec)
{
        int64_t end_sec = member_sec(members, "exp");
        char path[LOG_DIR_MAX + 16], bytes[FRESHNESS_SIZE_MAX];
        const struct dirent *e;
        DIR *dir;

        (void)snprintf(path, sizeof(path), "%s/" LOG_SETS_DIR, at->dir);
        dir = time_sec >= end_sec ? opendir(path) : NULL;
        while (dir && (e = readdir(dir))) {
                size_t size = 0;
                json_t *statement;
                int64_t other;

                if (read_small(dirfd(dir), e->d_name, bytes, &size) < 0)
                        continue;
                statement = statement_open(bytes, size, member_text(members, "iss"), at->keys);
                other = statement ? end_by(at, members, statement, time_sec) : 0;
                end_sec = other > end_sec ? other : end_sec;
                json_decref(statement);
        }
        if (dir)
                (void)closedir(dir);
        return end_sec;
}
