/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When reports are made, and for whom. */

#include "nhi-agentd/report.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/wire/report.h"
#include "nhi-agentd/set/localdb.h"
#include "nhi-agentd/writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#ifdef NHI_TEST
uint64_t report_spacing_usec = REPORT_SPACING_USEC;
#else
static const uint64_t report_spacing_usec = REPORT_SPACING_USEC;
#endif

#define READER_GROUP "nhi-fetch"
#define FILE_HEX     32u /* digits of an issuer's hash that name its file */
#define SEQ_TEXT_MAX 32u

/* What is known for one issuer. */
typedef struct Recipient {
        char *issuer;
        bool wants;                      /* a report */
        uint64_t due_usec, made_usec;    /* CLOCK_MONOTONIC; made 0: not yet */
        ReportUse uses[REPORT_USES_MAX]; /* the last used first */
        size_t n_uses;
} Recipient;

struct Reports {
        Agent *agent;
        sd_event_source *timer;
        Recipient *recipients; /* by index of the issuer */
        size_t n;
        uint64_t seq;
};

/* On its way to the disk. */
typedef struct Copy {
        char seq[SEQ_TEXT_MAX];
        char *file, *jws;
        gid_t gid;
        mode_t mode;
} Copy;

int report_file(const char *issuer, char **ret)
{
        char hash[65], *file = NULL;

        content_hash(issuer, strlen(issuer), hash);
        if (asprintf(&file, PATH_REPORTS_DIR "/%.*s.jws", (int)FILE_HEX, hash) < 0)
                return -ENOMEM;
        *ret = file;
        return 0;
}

/* ---- what was used ---- */

static Recipient *recipient_of(const Reports *r, const char *issuer)
{
        for (size_t i = 0; i < r->n; i++)
                if (streq_ptr(r->recipients[i].issuer, issuer))
                        return &r->recipients[i];
        return NULL;
}

/* To the front; what was used longest ago goes. */
static void use_note(Recipient *p, const char *jti, int64_t at_sec)
{
        ReportUse use = { .at_sec = at_sec };
        size_t i = 0;

        (void)snprintf(use.jti, sizeof(use.jti), "%s", jti);
        while (i < p->n_uses && !streq(p->uses[i].jti, use.jti))
                i++;
        if (i == p->n_uses && p->n_uses < REPORT_USES_MAX)
                p->n_uses++;
        else if (i == p->n_uses)
                i--;
        memmove(&p->uses[1], &p->uses[0], i * sizeof(p->uses[0]));
        p->uses[0] = use;
}

/* R1 */
void reports_note(Reports *r, const Event *e)
{
        const Grant *g = e->decision.grant;
        Recipient *p;

        if (e->kind != EVENT_DECISION || !e->has_decision || e->decision.verdict != VERDICT_ALLOW ||
            !g)
                return;
        p = recipient_of(r, g->issuer);
        if (p)
                use_note(p, g->jti, agent_now(r->agent).real_usec / (int64_t)USEC_PER_SEC);
}

/* ---- the number ---- */

/* R3. Where there is none, or it is damaged, the clock's milliseconds are above it all the same
 * unless the clock was set back, too. */
static void seq_load(Reports *r)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        uint64_t seq;

        if (file_read_trusted(PATH_REPORT_SEQ, owner_trusted(), SEQ_TEXT_MAX, &text, &size) < 0)
                return;
        seq = strtoull(text, NULL, 10);
        if (seq < INT64_MAX && seq > r->seq)
                r->seq = seq;
}

static uint64_t seq_next(Reports *r)
{
        const int64_t clock = agent_now(r->agent).real_usec / 1000;

        r->seq++;
        if (clock > 0 && (uint64_t)clock > r->seq)
                r->seq = (uint64_t)clock;
        return r->seq;
}

/* ---- files ---- */

static void copy_free(Copy *c)
{
        free(c->file);
        free(c->jws);
        free(c);
}

/* A number that cannot be saved keeps no report back: it may say just that the disk is full. */
static int copy_write(void *userdata)
{
        const Copy *c = userdata;

        (void)file_replace(PATH_REPORT_SEQ, c->seq, strlen(c->seq), 0600, geteuid(), getegid(),
                           true);
        return file_replace(c->file, c->jws, strlen(c->jws), c->mode, geteuid(), c->gid, false);
}

static void on_written(void *userdata, int r)
{
        copy_free(userdata);
}

/* Nobody but the fetcher need read it; without its group nobody does. */
static int copy_new(const Agent *a, uint64_t seq, const char *issuer, char *jws, Copy **ret)
{
        Copy *c = calloc(1, sizeof(*c));
        uint32_t gid;

        if (!c || report_file(issuer, &c->file) < 0) {
                free(c);
                return -ENOMEM;
        }
        (void)snprintf(c->seq, sizeof(c->seq), "%" PRIu64 "\n", seq);
        c->jws = jws;
        c->gid = getegid();
        c->mode = 0600;
        if (localdb_group(a->local, READER_GROUP, &gid)) {
                c->gid = gid;
                c->mode = 0640;
        }
        *ret = c;
        return 0;
}

static int make(Reports *r, size_t index)
{
        Agent *a = r->agent;
        const Recipient *p = &r->recipients[index];
        const ReportFacts facts = { .seq = seq_next(r), .uses = p->uses, .n_uses = p->n_uses };
        _cleanup_free_ char *jws = NULL;
        Copy *c = NULL;
        int e;

        e = report_make(a, index, &facts, &jws);
        if (e == 0)
                e = copy_new(a, facts.seq, p->issuer, jws, &c);
        if (e < 0)
                return e;
        TAKE_PTR(jws);
        e = writer_call(a->writer, copy_write, on_written, c);
        if (e < 0)
                copy_free(c);
        return e;
}

/* ---- when ---- */

static void arm(Reports *r)
{
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < r->n; i++)
                if (r->recipients[i].wants && r->recipients[i].due_usec < next)
                        next = r->recipients[i].due_usec;
        if (next == UINT64_MAX) {
                (void)sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
                return;
        }
        (void)sd_event_source_set_time(r->timer, next);
        (void)sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Reports *r = userdata;
        const uint64_t now = now_monotonic_usec();

        for (size_t i = 0; i < r->n; i++) {
                Recipient *p = &r->recipients[i];

                if (!p->wants || p->due_usec > now)
                        continue;
                p->made_usec = now;
                p->due_usec =
                        now + (make(r, i) == 0
                                       ? r->agent->config->issuers[i].source.report_interval_usec
                                       : report_spacing_usec);
        }
        arm(r);
        return 0;
}

/* R4 */
static void make_soon(Recipient *p)
{
        const uint64_t now = now_monotonic_usec();
        const uint64_t soon = p->made_usec > 0 ? p->made_usec + report_spacing_usec : now;

        p->due_usec = soon > now ? soon : now;
}

void reports_changed(Reports *r, size_t index)
{
        if (!r || index >= r->n || !r->recipients[index].wants)
                return;
        make_soon(&r->recipients[index]);
        arm(r);
}

/* ---- life ---- */

static void recipients_free(Recipient *recipients, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(recipients[i].issuer);
        free(recipients);
}

/* What was used stays known as long as the issuer is there. */
static void recipient_init(Recipient *p, const Reports *r, const Issuer *issuer)
{
        const Recipient *before = recipient_of(r, issuer->issuer);

        if (before)
                *p = *before;
        p->issuer = strdup(issuer->issuer);
        p->wants = p->issuer && *issuer->source.report != '\0';
        make_soon(p);
}

static bool is_expected(const Reports *r, const char *name)
{
        bool found = false;

        for (size_t i = 0; i < r->n && !found; i++) {
                _cleanup_free_ char *file = NULL;

                found = r->recipients[i].wants &&
                        report_file(r->recipients[i].issuer, &file) == 0 &&
                        streq(strrchr(file, '/') + 1, name);
        }
        return found;
}

static void dir_prepare(const Reports *r)
{
        const struct dirent *entry;
        DIR *dir;

        if (mkdir(PATH_REPORTS_DIR, 0755) == 0)
                (void)chmod(PATH_REPORTS_DIR, 0755);
        dir = opendir(PATH_REPORTS_DIR);
        while (dir && (entry = readdir(dir)))
                if (entry->d_name[0] != '.' && !is_expected(r, entry->d_name))
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
        if (dir)
                (void)closedir(dir);
}

void reports_begin(Reports *r)
{
        const Config *c = r->agent->config;
        Recipient *recipients = calloc(c->n_issuers + 1, sizeof(*recipients));

        /* Without memory there are no reports until the next configuration. */
        for (size_t i = 0; recipients && i < c->n_issuers; i++)
                recipient_init(&recipients[i], r, &c->issuers[i]);
        recipients_free(r->recipients, r->n);
        r->recipients = recipients;
        r->n = recipients ? c->n_issuers : 0;
        seq_load(r);
        dir_prepare(r);
        arm(r);
}

int reports_new(Agent *a, Reports **ret)
{
        Reports *r = calloc(1, sizeof(*r));
        int e;

        if (!r)
                return -ENOMEM;
        r->agent = a;
        e = sd_event_add_time(a->event, &r->timer, CLOCK_MONOTONIC, 0, 0, on_timer, r);
        if (e < 0) {
                free(r);
                return e;
        }
        (void)sd_event_source_set_description(r->timer, "report");
        (void)sd_event_source_set_enabled(r->timer, SD_EVENT_OFF);
        *ret = r;
        return 0;
}

Reports *reports_free(Reports *r)
{
        if (!r)
                return NULL;
        sd_event_source_disable_unref(r->timer);
        recipients_free(r->recipients, r->n);
        free(r);
        return NULL;
}
