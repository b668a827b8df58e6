/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision log of a host, for tests/host/cases/evidence.sh.
 *
 *   log-lab check SCHEMA <LOG          each line is one record that fits the schema: "N records"
 *   log-lab match JOURNAL <LOG         each event stands as often in the journal (journalctl -o
 * json) as in the log, and each decision once: "N events" log-lab say SERVICE ACCOUNT setuid, run
 * by anybody: asks PAM as su does, with texts that would end a record, or move a cursor, in every
 * item that the asker chooses: "N asked" */

#include "lib/base/sort.h"
#include "tests/unit/schema.h"

#include <errno.h>
#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE_MAX 16384u

static int complain(size_t n, const char *line, const char *what)
{
        printf("line %zu: %s: %.300s\n", n, what, line);
        return EXIT_FAILURE;
}

/* The next line without its newline: false at the end. */
static bool next_line(FILE *f, char **line, size_t *ret_size)
{
        static size_t capacity;
        const ssize_t n = getline(line, &capacity, f);

        if (n <= 0)
                return false;
        *ret_size = (size_t)n;
        if ((*line)[n - 1] == '\n')
                (*line)[--*ret_size] = '\0';
        return true;
}

/* ---- check ------------------------------------------------------------------------------------
 */

static const char *line_fault(const json_t *schema, const char *line, size_t size)
{
        static char error[256];
        json_t *o;

        if (size >= LINE_SIZE_MAX)
                return "too long";
        for (size_t i = 0; i < size; i++)
                if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
                        return "a control character";
        o = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
        if (!o)
                return "no JSON";
        error[0] = '\0';
        if (schema_fits(schema, o, error, sizeof(error)))
                error[0] = '\0';
        json_decref(o);
        return error[0] ? error : NULL;
}

static int check(const char *schema_path)
{
        json_t *schema = json_load_file(schema_path, JSON_REJECT_DUPLICATES, NULL);
        char *line = NULL;
        size_t size, n = 0;

        if (!schema)
                return complain(0, schema_path, "no schema");
        while (next_line(stdin, &line, &size)) {
                const char *fault = line_fault(schema, line, size);

                n++;
                if (fault)
                        return complain(n, line, fault);
        }
        printf("%zu records\n", n);
        return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- match ------------------------------------------------------------------------------------
 */

/* What tells one event from another: its first member in the log, and in the journal. */
static const char *const members[][2] = {
        { "event", "NHI_EVENT" },     { "decision", "NHI_DECISION" }, { "pid", "NHI_PID" },
        { "account", "NHI_ACCOUNT" }, { "class", "NHI_CLASS" },       { "phase", "NHI_PHASE" },
        { "mode", "NHI_MODE" },       { "verdict", "NHI_VERDICT" },   { "reason", "NHI_REASON" },
        { "grant", "NHI_GRANT" },     { "session", "NHI_SESSION" },   { "code", "NHI_CODE" },
        { "count", "NHI_COUNT" },     { "set", "NHI_SET" },
};

/* About the log itself, or said by others than the agent. */
static bool is_one_sided(const char *event)
{
        static const char *const events[] = {
                "log-created",   "segment",         "segment-end",       "log-torn",
                "log-head",      "log-failed",      "log-space",         "grant-used",
                "gates-removed", "enforce-pending", "enforce-confirmed", "enforce-reverted"
        };

        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                if (streq(event, events[i]))
                        return true;
        return false;
}

typedef struct Events {
        char **keys;
        size_t n;
} Events;

static char *key_of(const json_t *o, unsigned side)
{
        char *key = NULL;
        size_t size;
        FILE *out = open_memstream(&key, &size);

        for (size_t i = 0; out && i < ELEMENTSOF(members); i++) {
                const json_t *v = json_object_get(o, members[i][side]);

                if (json_is_integer(v))
                        (void)fprintf(out, "%s=%lld ", members[i][0],
                                      (long long)json_integer_value(v));
                else if (json_is_string(v))
                        (void)fprintf(out, "%s=%s ", members[i][0], json_string_value(v));
        }
        if (out)
                (void)fclose(out);
        return key;
}

static void add(Events *e, const json_t *o, unsigned side)
{
        const char *event = json_string_value(json_object_get(o, members[0][side]));

        if (!event || is_one_sided(event))
                return;
        e->keys = reallocarray(e->keys, e->n + 1, sizeof(*e->keys));
        if (!e->keys)
                abort();
        e->keys[e->n++] = key_of(o, side);
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void read_events(FILE *f, unsigned side, Events *ret)
{
        char *line = NULL;
        size_t size;

        while (next_line(f, &line, &size)) {
                json_t *o = json_loadb(line, size, 0, NULL);

                add(ret, o, side);
                json_decref(o);
        }
        free(line);
        sort_items(ret->keys, ret->n, compare);
}

/* Sorted: one that both have is passed over in both. */
static size_t say_difference(const Events *log, const Events *journal)
{
        size_t i = 0, k = 0, n = 0;

        while (i < log->n || k < journal->n) {
                const int order = i == log->n       ? 1
                                  : k == journal->n ? -1
                                                    : strcmp(log->keys[i], journal->keys[k]);

                if (order != 0 && n++ < 10)
                        printf("only in the %s: %s\n", order < 0 ? "log" : "journal",
                               order < 0 ? log->keys[i] : journal->keys[k]);
                i += order <= 0;
                k += order >= 0;
        }
        return n;
}

static size_t say_twice(const Events *log)
{
        size_t n = 0;

        for (size_t i = 1; i < log->n; i++)
                if (streq(log->keys[i - 1], log->keys[i]) && strstr(log->keys[i], " decision=") &&
                    n++ < 10)
                        printf("twice: %s\n", log->keys[i]);
        return n;
}

static int match(const char *journal_path)
{
        FILE *f = fopen(journal_path, "re");
        Events log = {}, journal = {};
        size_t n;

        if (!f)
                return complain(0, journal_path, strerror(errno));
        read_events(stdin, 0, &log);
        read_events(f, 1, &journal);
        (void)fclose(f);
        n = say_difference(&log, &journal) + say_twice(&log);
        printf("%zu events, %zu wrong\n", log.n, n);
        return log.n > 0 && n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- say --------------------------------------------------------------------------------------
 */

static int say_nothing(int n, const struct pam_message **messages, struct pam_response **ret,
                       void *userdata)
{
        *ret = calloc((size_t)n, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* One account phase with this item: whatever is answered, there is an answer. */
static bool ask(const char *service, const char *account, int item, const char *text)
{
        static const struct pam_conv conversation = { say_nothing, NULL };
        pam_handle_t *pamh = NULL;

        if (pam_start(service, account, &conversation, &pamh) != PAM_SUCCESS)
                return false;
        (void)pam_set_item(pamh, item, text);
        (void)pam_acct_mgmt(pamh, 0);
        (void)pam_end(pamh, PAM_PERM_DENIED);
        return true;
}

static int say(const char *service, const char *account)
{
        static const int items[] = { PAM_RHOST, PAM_RUSER, PAM_TTY, PAM_USER };
        static char every[256], large[65537];
        const char *const texts[] = {
                "\"}\n{\"seq\":1,\"event\":\"decision\",\"verdict\":\"allow\"}\n",
                "\",\"verdict\":\"allow\",\"x\":\"",
                "\x1b]0;owned\x07\x1b[2J\x1b[1A",
                "\xff\xfe\xc0\xaf\xed\xa0\x80 \xe2\x80\xae gnp.exe \xc2\x9b",
                "\r\nroot\\",
                every,
                large,
        };
        unsigned n = 0;

        for (unsigned i = 1; i < sizeof(every); i++)
                every[i - 1] = (char)i;
        memset(large, 'A', sizeof(large) - 1);
        for (size_t i = 0; i < ELEMENTSOF(items); i++)
                for (size_t k = 0; k < ELEMENTSOF(texts); k++)
                        n += ask(service, account, items[i], texts[k]);
        printf("%u asked\n", n);
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
        if (argc == 3 && streq(argv[1], "check"))
                return check(argv[2]);
        if (argc == 3 && streq(argv[1], "match"))
                return match(argv[2]);
        if (argc == 4 && streq(argv[1], "say"))
                return say(argv[2], argv[3]);
        (void)fprintf(stderr,
                      "usage: log-lab check SCHEMA | match JOURNAL | say SERVICE ACCOUNT\n");
        return 2;
}
