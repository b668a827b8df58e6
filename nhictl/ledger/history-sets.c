/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Published sets as witnesses: each names, under the issuer's signature, the line of history that
 * it was published from. Those that hosts keep (/var/log/nhi/sets, /var/lib/nhi/sets) will do as
 * well. */

#include "lib/jose/jose.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/history-check.h"

#include <dirent.h>

#define SET_SUFFIX ".jws"

/* When the history begins: its first line's time. */
static int64_t begin_of(const HistoryCheck *c)
{
        const HistoryLine *first = &c->h->lines[0];
        int64_t sec = INT64_MAX;
        json_t *line = NULL;

        if (c->h->n_lines > 0)
                line = json_loadb(c->h->text + first->offset, first->size, 0, NULL);
        (void)document_time(line, "time", &sec);
        json_decref(line);
        return sec;
}

/* A revision that is no line may be one from before the history began: by the set's own, signed
 * time. */
static bool is_known(const HistoryCheck *c, const json_t *payload, int64_t begin_sec)
{
        const char *revision = document_text(payload, "ledger");

        return history_find(c->h, revision) ||
               (json_object_get(c->others, revision) &&
                json_integer_value(json_object_get(payload, "iat")) <= begin_sec);
}

/* unknown: object, line -> {file, n} */
static void note_unknown(json_t *unknown, const char *revision, const char *file)
{
        json_t *seen = json_object_get(unknown, revision);
        json_int_t n = json_integer_value(json_object_get(seen, "n"));

        if (seen)
                (void)json_object_set_new(seen, "n", json_integer(n + 1));
        else
                (void)json_object_set_new(unknown, revision,
                                          json_pack("{s:s, s:i}", "file", file, "n", 1));
}

static void check_set(const HistoryCheck *c, int dir_fd, const char *file, int64_t begin_sec,
                      json_t *unknown)
{
        _cleanup_free_ char *jws = NULL;
        json_t *payload;
        size_t size;

        if (document_read(dir_fd, file, SET_SIZE_MAX, &jws, &size) < 0)
                return;
        /* Key lists and statements of freshness lie there, too, and name no line. */
        payload = document_unverified(jws, size, JWS_TYP_GRANTS);
        if (!payload)
                payload = document_unverified(jws, size, JWS_TYP_REVOCATIONS);
        if (payload && streq(document_text(payload, "iss"), c->l->settings.issuer) &&
            !is_known(c, payload, begin_sec))
                note_unknown(unknown, document_text(payload, "ledger"), file);
        json_decref(payload);
}

static void say_unknown(HistoryCheck *c, const char *sets_dir, const json_t *unknown)
{
        const char *revision;
        const json_t *seen;

        json_object_foreach((json_t *)(uintptr_t)unknown, revision, seen)
                (void)json_array_append_new(
                        c->problems,
                        json_sprintf(
                                "%s/%s: was published from line %.16s..., which " HISTORY_FILE
                                " has not (%d sets): lines were cut off or changed, history could "
                                "not be written then, or this "
                                "is an older copy of the ledger",
                                sets_dir, document_text(seen, "file"), revision,
                                (int)json_integer_value(json_object_get(seen, "n"))));
}

int history_check_sets(HistoryCheck *c, const char *sets_dir)
{
        json_t *unknown = json_object();
        const int64_t begin_sec = begin_of(c);
        const struct dirent *entry;
        DIR *dir = opendir(sets_dir);

        if (!dir || !unknown) {
                json_decref(unknown);
                return dir ? (closedir(dir), -ENOMEM) : -errno;
        }
        while ((entry = readdir(dir))) {
                size_t size = strlen(entry->d_name), suffix = strlen(SET_SUFFIX);

                if (entry->d_name[0] != '.' && size > suffix &&
                    streq(entry->d_name + size - suffix, SET_SUFFIX))
                        check_set(c, dirfd(dir), entry->d_name, begin_sec, unknown);
        }
        (void)closedir(dir);
        say_unknown(c, sets_dir, unknown);
        json_decref(unknown);
        return 0;
}
