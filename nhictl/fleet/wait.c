/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Until hosts have what was published. */

#include "nhictl/fleet/report.h"

#include "lib/base/io.h"
#include "nhictl/ledger/state.h"
#include "nhictl/verb.h"

#include <stdio.h>
#include <time.h>

#define PAUSE_USEC      (USEC_PER_SEC / 2)
#define PAUSE_MANY_USEC (2 * USEC_PER_SEC) /* of more hosts than MANY */
#define MANY            64u
#define NAMED_MAX       20u

typedef struct Waiting {
        const json_t *versions;
        const char *jti;    /* the grant that is waited for; NULL: none is */
        const char **names; /* that have not reported it yet */
        HostReport *reports;
        size_t n, n_all;
        size_t n_without; /* of those: that have the version, and left the grant out of it */
        bool is_shown;    /* progress, on a terminal */
} Waiting;

static void show_progress(Waiting *w, bool is_end)
{
        if (!w->is_shown)
                return;
        if (is_end)
                fputs("\r\033[K", stderr);
        else
                fprintf(stderr, "\r\033[K%zu of %zu hosts have it", w->n_all - w->n, w->n_all);
        (void)fflush(stderr);
}

static bool has_version(const Waiting *w, size_t i)
{
        return w->reports[i].standing == HOST_VERIFIED &&
               w->reports[i].ver >= json_integer_value(json_object_get(w->versions, w->names[i]));
}

/* Why the host left the grant out of its set, as a code; NULL: it did not. A host that left out
 * more than a report tells of may have left out this. */
static const char *left_out(const Waiting *w, size_t i)
{
        static const char kind[] = "grant ";
        const json_t *payload = w->reports[i].payload, *q;
        const json_t *told = json_object_get(payload, "quarantine");
        size_t k;

        if (!w->jti)
                return NULL;
        json_array_foreach(told, k, q) {
                const char *entry = document_text(q, "entry");

                if (strncmp(entry, kind, strlen(kind)) == 0 && streq(entry + strlen(kind), w->jti))
                        return document_text(q, "code");
        }
        return json_integer_value(json_object_get(payload, "quarantined")) >
                               (json_int_t)json_array_size(told)
                       ? "too many entries to tell of each"
                       : NULL;
}

/* Those that have it are not asked any more. Why the others have not stays in reports. */
static int look(Waiting *w, HostReports *place, char error[static LEDGER_ERROR_MAX])
{
        size_t n = 0;
        int r;

        w->n_without = 0;
        for (size_t i = 0; i < w->n; i++)
                host_report_done(&w->reports[i]);
        r = host_reports_read(place, w->names, w->n, now_realtime_usec() / (int64_t)USEC_PER_SEC,
                              w->reports, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < w->n; i++) {
                const bool has = has_version(w, i), without = has && left_out(w, i);

                w->n_without += without;
                if (has && !without) {
                        host_report_done(&w->reports[i]);
                        continue;
                }
                w->names[n] = w->names[i];
                if (n != i) {
                        w->reports[n] = w->reports[i];
                        w->reports[i] = (HostReport){ 0 };
                }
                n++;
        }
        w->n = n;
        return 0;
}

static void pause_for(uint64_t usec)
{
        struct timespec left = { .tv_sec = (time_t)(usec / USEC_PER_SEC),
                                 .tv_nsec = (long)(usec % USEC_PER_SEC) * 1000 };

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

static const char *why_not(const HostReport *r)
{
        if (r->standing != HOST_VERIFIED)
                return host_standing_text(r->standing);
        return json_is_object(json_object_get(r->payload, "refused"))
                       ? "it refused a set: nhictl status there"
                       : "it has an older set";
}

static int say_missing(const Waiting *w, int64_t wait_sec)
{
        for (size_t i = 0; i < w->n && i < NAMED_MAX; i++)
                if (has_version(w, i))
                        say("%s: it left the grant out of its set: %s: nhictl status there",
                            w->names[i], left_out(w, i));
                else
                        say("%s: %s", w->names[i], why_not(&w->reports[i]));
        if (w->n > NAMED_MAX)
                say("... and %zu more: nhictl fleet", w->n - NAMED_MAX);
        if (w->n_without > 0)
                return fail(VERB_PROBLEM, "%zu of %zu hosts did not take it", w->n_without,
                            w->n_all);
        return fail(VERB_STALE, "%zu of %zu hosts have not reported it after %llds", w->n, w->n_all,
                    (long long)wait_sec);
}

/* A place that cannot be read just now may be readable soon. */
static int wait_for(Waiting *w, HostReports *place, int64_t wait_sec)
{
        const uint64_t deadline = now_monotonic_usec() + (uint64_t)wait_sec * USEC_PER_SEC;
        char error[LEDGER_ERROR_MAX];

        for (;;) {
                const uint64_t pause = w->n > MANY ? PAUSE_MANY_USEC : PAUSE_USEC;
                const int r = look(w, place, error);

                if (r == -ENOMEM)
                        return fail(VERB_FAILED, "out of memory");
                show_progress(w, w->n == 0);
                if (w->n == 0)
                        return VERB_OK;
                if ((r == 0 && w->n == w->n_without) || now_monotonic_usec() + pause > deadline) {
                        show_progress(w, true);
                        if (r < 0)
                                say("%s", error);
                        return say_missing(w, wait_sec);
                }
                pause_for(pause);
        }
}

int hosts_wait_add(const Ledger *l, const json_t *grant, const json_t *versions, json_t *targets)
{
        const char *name;
        json_t *host;

        json_object_foreach(l->docs[DOC_HOST], name, host) {
                json_t *version = json_object_get(versions, name);

                if (version && grant_reaches(grant, host) &&
                    json_object_set(targets, name, version) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int hosts_wait(const Ledger *l, const json_t *versions, const char *jti, int64_t wait_sec)
{
        const size_t n = json_object_size(versions);
        _cleanup_(host_reports_freep) HostReports *place = NULL;
        _cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));
        _cleanup_free_ HostReport *reports = calloc(n + 1, sizeof(*reports));
        Waiting w = { .versions = versions,
                      .jti = jti,
                      .names = names,
                      .reports = reports,
                      .n_all = n,
                      .is_shown = isatty(STDERR_FILENO) == 1 };
        char error[LEDGER_ERROR_MAX];
        const json_t *value;
        const char *name;
        int r;

        if (!names || !reports)
                return fail(VERB_FAILED, "out of memory");
        json_object_foreach((json_t *)(uintptr_t)versions, name, value)
                names[w.n++] = name;
        if (host_reports_open(l, &place, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        r = wait_for(&w, place, wait_sec);
        for (size_t i = 0; i < w.n; i++)
                host_report_done(&reports[i]);
        return r;
}
