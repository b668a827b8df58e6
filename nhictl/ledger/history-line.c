/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One line of the history, as text. L6: every text goes through the encoder of lib/log, and all
 * bounds together stay below HISTORY_LINE_MAX. */

#include "lib/log/text.h"
#include "nhictl/ledger/history.h"
#include "nhictl/when.h"

#include <assert.h>
#include <stdio.h>

/* Bytes of the encodings, at most. */
#define WHO_MAX     512u
#define FILE_MAX    640u
#define ACCOUNT_MAX 128u
#define REASON_MAX  1536u
#define TO_MAX      512u
#define HOSTS_MAX   1024u
#define LINK_SIZE   67u /* "HASH", with its comma */

static_assert(WHO_MAX + FILE_MAX + ACCOUNT_MAX + REASON_MAX + TO_MAX + HOSTS_MAX +
                              (HISTORY_PREV_MAX + HISTORY_LAST_MAX + 3) * LINK_SIZE + 320 <
                      HISTORY_LINE_MAX,
              "a line is bounded");

static const struct ActionRow {
        const char *word;
        bool is_harmless;
} actions[HISTORY_ACTION_N] = {
#define HISTORY_ACTION_ROW(name, word, harmless) [HISTORY_##name] = { word, harmless },
        HISTORY_ACTIONS(HISTORY_ACTION_ROW)
#undef HISTORY_ACTION_ROW
};

const char *history_action_name(HistoryAction a)
{
        return a < HISTORY_ACTION_N ? actions[a].word : "?";
}

bool history_action_is_harmless(HistoryAction a)
{
        return a < HISTORY_ACTION_N && actions[a].is_harmless;
}

static void put_text(FILE *f, const char *member, const char *text, size_t max)
{
        char encoded[REASON_MAX];
        size_t size = 0;

        if (!text || *text == '\0')
                return;
        (void)log_text_encode(text, encoded, max, &size);
        (void)fprintf(f, ",\"%s\":\"%.*s\"", member, (int)size, encoded);
}

/* As many names as fit; the number is of all. */
static void put_hosts(FILE *f, const HistoryEntry *e)
{
        size_t room = HOSTS_MAX;

        if (e->n_hosts == 0)
                return;
        (void)fprintf(f, ",\"n_hosts\":%zu,\"hosts\":[", e->n_hosts);
        for (size_t i = 0; i < e->n_hosts && strlen(e->hosts[i]) + 3 <= room; i++) {
                (void)fprintf(f, "%s\"%s\"", i > 0 ? "," : "", e->hosts[i]);
                room -= strlen(e->hosts[i]) + 3;
        }
        (void)fputc(']', f);
}

static void put_links(FILE *f, const History *h, const HistoryLinks *links)
{
        if (links->n_last > 0)
                (void)fputs(",\"last\":[", f);
        for (size_t i = 0; i < links->n_last; i++)
                (void)fprintf(f, "%s\"%s\"", i > 0 ? "," : "", h->lines[links->last[i]].hash);
        (void)fprintf(f, "%s,\"prev\":[", links->n_last > 0 ? "]" : "");
        for (size_t i = 0; i < links->n_prev; i++)
                (void)fprintf(f, "%s\"%s\"", i > 0 ? "," : "", links->prev[i]);
        (void)fputs("]}", f);
}

char *history_format(const HistoryEntry *e, const History *h, const HistoryLinks *links)
{
        char time[WHEN_TIME_SIZE], *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        (void)fprintf(f, "{\"time\":\"%s\"", when_format_time(time, e->at_sec));
        put_text(f, "who", e->who && *e->who ? e->who : "?", WHO_MAX);
        (void)fprintf(f, ",\"action\":\"%s\"", history_action_name(e->action));
        put_text(f, "file", e->file, FILE_MAX);
        put_text(f, "account", e->account, ACCOUNT_MAX);
        put_text(f, "until", e->until, WHEN_TIME_SIZE);
        put_text(f, "reason", e->reason, REASON_MAX);
        put_text(f, "to", e->to, TO_MAX);
        put_hosts(f, e);
        put_text(f, "torn", e->torn, HISTORY_HASH);
        put_text(f, "before", e->before, HISTORY_HASH);
        put_text(f, "after", e->after, HISTORY_HASH);
        put_links(f, h, links);
        if (ferror(f) | fclose(f)) {
                free(text);
                return NULL;
        }
        return text;
}
