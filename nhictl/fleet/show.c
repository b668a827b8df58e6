/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/fleet/show.h"

#include "nhictl/verb.h"
#include "nhictl/when.h"

#include <stdio.h>

#define CELL_MAX  64
#define AHEAD_SEC 60 /* of this machine's clock, and nobody minds */
#define SAID_MAX  20u

/* What is to be said of one host. */
typedef struct Look {
        const char *name;
        const HostReport *report;
        bool is_verified, is_stale, is_ahead;
        int64_t age_sec;
        int64_t published; /* version; 0: not known */
        bool is_behind;
        int64_t n_quarantined;
        bool has_refused, has_log_error;
} Look;

static int64_t number(const json_t *object, const char *member)
{
        return json_integer_value(json_object_get(object, member));
}

static Look look_at(const FleetView *v, size_t i)
{
        const HostReport *r = &v->reports[i];
        Look k = { .name = v->names[i],
                   .report = r,
                   .is_verified = r->standing == HOST_VERIFIED,
                   .published = number(v->versions, v->names[i]) };

        if (!k.is_verified)
                return k;
        k.age_sec = v->now_sec - r->iat_sec;
        k.is_stale = k.age_sec > v->stale_sec;
        k.is_ahead = k.age_sec < -AHEAD_SEC;
        k.is_behind = k.published > r->ver;
        k.n_quarantined = number(r->payload, "quarantined");
        k.has_refused = json_is_object(json_object_get(r->payload, "refused"));
        k.has_log_error =
                json_is_true(json_object_get(json_object_get(r->payload, "log"), "error"));
        return k;
}

static int status_of(const Look *k)
{
        if (k->report->log != LOG_TROUBLE_NONE || k->n_quarantined > 0 || k->has_refused ||
            k->has_log_error)
                return VERB_PROBLEM;
        return k->is_verified && !k->is_stale && !k->is_ahead && !k->is_behind ? VERB_OK
                                                                               : VERB_STALE;
}

/* ---- JSON ---- */

static json_t *host_view(const Look *k)
{
        const HostReport *r = k->report;
        json_t *view = json_pack("{s:s, s:s, s:b, s:b}", "host", k->name, "report",
                                 host_standing_name(r->standing), "well", status_of(k) == VERB_OK,
                                 "verified", k->is_verified);
        const char *const members[] = { "set",   "refused", "quarantine", "quarantined",
                                        "gates", "used",    "used_since", "sessions",
                                        "log",   "boot",    "agent",      "seq" };

        if (view && k->published > 0)
                (void)json_object_set_new(view, "published", json_integer(k->published));
        if (view && (k->is_verified || r->log != LOG_TROUBLE_NONE))
                (void)json_object_set_new(view, "log_trouble",
                                          r->log == LOG_TROUBLE_NONE
                                                  ? json_null()
                                                  : json_string(log_trouble_name(r->log)));
        if (!view || !k->is_verified)
                return view;
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                (void)json_object_set(view, members[i], json_object_get(r->payload, members[i]));
        (void)json_object_set_new(view, "at", document_time_new(r->iat_sec));
        (void)json_object_set_new(view, "age_sec", json_integer(k->age_sec));
        (void)json_object_set_new(view, "stale", json_boolean(k->is_stale));
        (void)json_object_set_new(view, "behind",
                                  k->published > 0 ? json_boolean(k->is_behind) : json_null());
        return view;
}

static int print_json(const FleetView *v)
{
        json_t *hosts = json_array();

        for (size_t i = 0; i < v->n; i++) {
                const Look k = look_at(v, i);

                if (json_array_append_new(hosts, host_view(&k)) < 0) {
                        json_decref(hosts);
                        return -ENOMEM;
                }
        }
        return output_document(json_pack("{s:o}", "hosts", hosts));
}

/* ---- a table ---- */

static const char *gates_cell(const Look *k, char ret[static CELL_MAX])
{
        const json_t *gates = json_object_get(k->report->payload, "gates"), *gate;
        size_t n = json_array_size(gates), n_enforced = 0, i;

        json_array_foreach(gates, i, gate)
                n_enforced += streq(document_text(gate, "mode"), "enforce");
        if (n == 0)
                (void)snprintf(ret, CELL_MAX, "none");
        else
                (void)snprintf(ret, CELL_MAX, "%zu of %zu enforced", n_enforced, n);
        return ret;
}

/* Versions are milliseconds of a clock. */
static const char *set_cell(const Look *k, char ret[static CELL_MAX])
{
        char text[WHEN_DURATION_SIZE > WHEN_TIME_SIZE ? WHEN_DURATION_SIZE : WHEN_TIME_SIZE];
        const int64_t ver = k->report->ver;

        if (ver == 0)
                (void)snprintf(ret, CELL_MAX, "none");
        else if (k->published == 0)
                (void)snprintf(ret, CELL_MAX, "%s", when_format_time(text, ver / 1000));
        else if (k->is_behind)
                (void)snprintf(ret, CELL_MAX, "%s behind",
                               when_format_duration(text, (k->published - ver + 999) / 1000));
        else
                (void)snprintf(ret, CELL_MAX, "current");
        return ret;
}

static const char *trouble_cell(const Look *k)
{
        const LogTrouble t = k->report->log;

        return t == LOG_TROUBLE_NONE ? NULL : log_trouble_name(t);
}

static const char *log_cell(const Look *k, char ret[static CELL_MAX])
{
        if (trouble_cell(k))
                return trouble_cell(k);
        if (k->has_log_error)
                return "failed";
        (void)snprintf(ret, CELL_MAX, "%lld", (long long)k->report->log_seq);
        return ret;
}

static const char *count_cell(const Look *k, const char *member, char ret[static CELL_MAX])
{
        (void)snprintf(ret, CELL_MAX, "%lld", (long long)number(k->report->payload, member));
        return ret;
}

static Shade shade_of(int status)
{
        return status == VERB_OK ? SHADE_PLAIN : status == VERB_STALE ? SHADE_WARN : SHADE_BAD;
}

static int add_row(Table *t, const Look *k)
{
        char age[WHEN_DURATION_SIZE], set[CELL_MAX], gates[CELL_MAX], sessions[CELL_MAX],
                quarantined[CELL_MAX], head[CELL_MAX];
        const char *standing = k->is_stale ? "old" : k->is_ahead ? "ahead" : NULL;
        int r;

        if (!standing)
                standing = host_standing_name(k->report->standing);
        if (!k->is_verified)
                r = table_row(t, (const char *const[]){ k->name, standing, NULL, NULL, NULL, NULL,
                                                        NULL, trouble_cell(k) });
        else
                r = table_row(t, (const char *const[]){ k->name, standing,
                                                        when_format_duration(age, k->age_sec),
                                                        set_cell(k, set), gates_cell(k, gates),
                                                        count_cell(k, "sessions", sessions),
                                                        count_cell(k, "quarantined", quarantined),
                                                        log_cell(k, head) });
        if (r == 0)
                table_shade(t, -1, shade_of(status_of(k)));
        return r;
}

static int print_table(const FleetView *v)
{
        static const char *const headings[] = { "HOST",     "REPORT",     "AGE", "SET", "GATES",
                                                "SESSIONS", "QUARANTINE", "LOG", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        int r = table_new(v->out, headings, &t);

        for (size_t i = 0; r == 0 && i < v->n; i++) {
                const Look k = look_at(v, i);

                r = add_row(t, &k);
        }
        return r == 0 ? table_print(t) : r;
}

/* ---- what is wrong ---- */

static void say_quarantine(const Look *k)
{
        const json_t *first = json_array_get(json_object_get(k->report->payload, "quarantine"), 0);

        if (k->n_quarantined > 0)
                say("%s: did not take %s: %s%s", k->name, document_text(first, "entry"),
                    document_text(first, "code"), k->n_quarantined > 1 ? ", and others" : "");
}

static void say_host(const Look *k)
{
        const HostReport *r = k->report;

        if (!k->is_verified)
                say("%s: %s", k->name, host_standing_text(r->standing));
        if (r->log != LOG_TROUBLE_NONE)
                say("%s: %s: nhictl log verify there; where that is known, nhictl fleet --forget "
                    "%s",
                    k->name, log_trouble_text(r->log), k->name);
        if (k->has_log_error)
                say("%s: its decision log cannot be written, so nobody is let in", k->name);
        if (k->has_refused)
                say("%s: refused a set: %s", k->name,
                    document_text(json_object_get(r->payload, "refused"), "code"));
        if (k->is_ahead)
                say("%s: its report is of the future: one of the two clocks is wrong", k->name);
        say_quarantine(k);
}

/* The status of the worst. */
static int say_all(const FleetView *v)
{
        size_t n_said = 0, n_bad = 0;
        int worst = VERB_OK;

        for (size_t i = 0; i < v->n; i++) {
                const Look k = look_at(v, i);
                const int status = status_of(&k);

                if (status == VERB_OK)
                        continue;
                n_bad++;
                if (worst != VERB_PROBLEM)
                        worst = status;
                if (n_said < SAID_MAX || status == VERB_PROBLEM) {
                        say_host(&k);
                        n_said++;
                }
        }
        if (n_bad > 0)
                say("%zu of %zu hosts are not as they should be", n_bad, v->n);
        return worst;
}

int fleet_show(const FleetView *v)
{
        int r = v->out->json ? print_json(v) : print_table(v);

        if (r < 0)
                return fail(VERB_FAILED, "%s", strerror(-r));
        return say_all(v);
}
