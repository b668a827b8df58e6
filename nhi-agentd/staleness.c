/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/staleness.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/jose/json.h"
#include "nhi-agentd/heard.h"

#include <inttypes.h>
#include <stdio.h>

#define USEC          ((int64_t)USEC_PER_SEC)
#define TOLD_SCHEMA   1
#define TOLD_FILE_MAX (256u * 1024)
#define DETAIL_SIZE   2400

static const unsigned levels[] = { STALE_OVER, STALE_LATE, STALE_HALF };

/* ---- how old ---- */

/* When its issuer dated it. */
static int64_t begin_usec(const IssuerState *s)
{
        return s->set->heard_sec * USEC;
}

int64_t staleness_life_usec(const IssuerState *s)
{
        const int64_t life_usec = s->set->exp_sec * USEC - begin_usec(s);

        return life_usec > 0 ? life_usec : 0;
}

int64_t staleness_age_usec(const IssuerState *s, Now now)
{
        const int64_t judged_age = s->judged.real_usec - begin_usec(s);
        const int64_t by_real = now.real_usec - begin_usec(s);
        const int64_t by_boot = judged_age + now.boot_usec - s->judged.boot_usec;

        return by_real > by_boot ? by_real : by_boot;
}

static int64_t level_usec(const IssuerState *s, unsigned level)
{
        return staleness_life_usec(s) / 100 * level; /* whole seconds: nothing is rounded */
}

unsigned staleness_level(const IssuerState *s, Now now)
{
        const int64_t age = staleness_age_usec(s, now);

        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (age >= level_usec(s, levels[i]))
                        return levels[i];
        return 0;
}

Now staleness_point(const IssuerState *s, unsigned level)
{
        const int64_t real = begin_usec(s) + level_usec(s, level);

        return (Now){ .real_usec = real,
                      .boot_usec = s->judged.boot_usec + (real - s->judged.real_usec) };
}

/* ---- what was told ---- */

static void told_read(Agent *a, const json_t *entry)
{
        const char *issuer = json_string_value(json_object_get(entry, "issuer"));
        const char *hash = json_string_value(json_object_get(entry, "set"));
        const json_t *exp = json_object_get(entry, "exp"), *at = json_object_get(entry, "percent");

        if (!issuer || !hash || strlen(hash) >= sizeof(a->issuers->told.hash) ||
            !json_is_integer(exp) || !json_is_integer(at))
                return;
        for (size_t i = 0; i < a->config->n_issuers; i++) {
                StaleTold *told = &a->issuers[i].told;

                if (!streq(a->config->issuers[i].issuer, issuer))
                        continue;
                (void)snprintf(told->hash, sizeof(told->hash), "%s", hash);
                told->exp_sec = json_integer_value(exp);
                told->percent = (unsigned)json_integer_value(at);
        }
}

void staleness_load(Agent *a)
{
        _cleanup_(json_decrefp) json_t *root = NULL;
        _cleanup_free_ char *text = NULL;
        const json_t *entry;
        size_t size = 0, i;

        if (file_read_trusted(PATH_STALE_RUN, owner_trusted(), TOLD_FILE_MAX, &text, &size) < 0)
                return;
        root = json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        if (json_integer_value(json_object_get(root, "schema")) != TOLD_SCHEMA)
                return;
        json_array_foreach(json_object_get(root, "issuers"), i, entry)
                told_read(a, entry);
}

static json_t *told_view(const char *issuer, const StaleTold *told)
{
        return json_pack("{s:s, s:s, s:I, s:i}", "issuer", issuer, "set", told->hash, "exp",
                         (json_int_t)told->exp_sec, "percent", (int)told->percent);
}

/* /run is memory. Where it is full, what was told is told again after a restart. */
static void told_save(const Agent *a)
{
        json_t *list = json_array(), *root;
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < a->config->n_issuers; i++)
                if (a->issuers[i].told.percent > 0)
                        (void)json_array_append_new(
                                list, told_view(a->config->issuers[i].issuer, &a->issuers[i].told));
        root = json_pack("{s:i, s:o}", "schema", TOLD_SCHEMA, "issuers", list);
        text = root ? json_write(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        if (text)
                (void)file_replace(PATH_STALE_RUN, text, strlen(text), 0600, geteuid(), getegid(),
                                   false);
}

/* ---- telling ---- */

/* What the fetcher says of the way there: "heard 3h ago; https://...: timeout". */
static void way_words(const IssuerState *s, Now now, char *ret, size_t size)
{
        const int64_t age_usec = heard_age_usec(s, now);
        const char *trouble = heard_trouble(s);

        if (age_usec < 0)
                (void)snprintf(ret, size, "its source was not heard since the agent started%s%s",
                               *trouble ? ": " : "", trouble);
        else
                (void)snprintf(ret, size, "its source was heard %" PRId64 " s ago%s%s",
                               age_usec / USEC, *trouble ? ": " : "", trouble);
}

static void tell_stale(Agent *a, size_t index, unsigned level, Now now)
{
        const IssuerState *s = &a->issuers[index];
        const int64_t left_usec = staleness_life_usec(s) - staleness_age_usec(s, now);
        char way[HEARD_TROUBLE_SIZE + 80], code[8], detail[DETAIL_SIZE];
        const Event e = { .kind = level == STALE_OVER ? EVENT_SET_EXPIRED : EVENT_SOURCE_STALE,
                          .code = code,
                          .detail = detail,
                          .set = s->set->hash };

        way_words(s, now, way, sizeof(way));
        (void)snprintf(code, sizeof(code), "%u", level);
        if (level == STALE_OVER)
                (void)snprintf(detail, sizeof(detail),
                               "%s: the set's life is over, and every grant of it; %s",
                               a->config->issuers[index].issuer, way);
        else
                (void)snprintf(detail, sizeof(detail),
                               "%s: %u percent of the set's life have passed without a newer one, "
                               "%" PRId64 " s are left; %s",
                               a->config->issuers[index].issuer, level, left_usec / USEC, way);
        agent_record(a, &e);
}

static void tell_fresh(Agent *a, size_t index, unsigned before, Now now)
{
        const IssuerState *s = &a->issuers[index];
        char code[8], detail[DETAIL_SIZE];
        const Event e = {
                .kind = EVENT_SOURCE_FRESH, .code = code, .detail = detail, .set = s->set->hash
        };

        (void)snprintf(code, sizeof(code), "%u", before);
        (void)snprintf(detail, sizeof(detail), "%s: the set in force is good for %" PRId64 " s",
                       a->config->issuers[index].issuer,
                       (staleness_life_usec(s) - staleness_age_usec(s, now)) / USEC);
        agent_record(a, &e);
}

/* L2, L3. True where something was said, or is no longer to be remembered. */
static bool issuer_review(Agent *a, size_t index, Now now)
{
        const IssuerState *s = &a->issuers[index];
        StaleTold *told = &a->issuers[index].told;
        const unsigned level = staleness_level(s, now), before = told->percent;
        const bool is_same = streq(told->hash, s->set->hash) && told->exp_sec == s->set->exp_sec;

        if (is_same && level <= before)
                return false;
        (void)snprintf(told->hash, sizeof(told->hash), "%s", s->set->hash);
        told->exp_sec = s->set->exp_sec;
        told->percent = level;
        if (level > 0)
                tell_stale(a, index, level, now);
        else if (before > 0)
                tell_fresh(a, index, before, now);
        return level > 0 || before > 0;
}

void staleness_review(Agent *a, Now now)
{
        bool is_news = false;

        for (size_t i = 0; i < a->config->n_issuers; i++)
                if (a->issuers[i].set)
                        is_news |= issuer_review(a, i, now);
        if (is_news)
                told_save(a);
}
