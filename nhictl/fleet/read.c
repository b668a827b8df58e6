/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All reports of some hosts. */

#include "nhictl/fleet/report.h"

#include "lib/wire/report.h"
#include "nhictl/output.h"
#include "nhictl/store/store.h"

#include <stdio.h>

struct HostReports {
        const Ledger *l;
        Store *store;
        bool is_blind; /* what was seen cannot be kept, and that was said */
};

typedef struct Reading {
        const HostReports *reports;
        json_t *index; /* name -> place in ret */
        HostReport *ret;
} Reading;

int host_reports_open(const Ledger *l, HostReports **ret, char ret_error[static LEDGER_ERROR_MAX])
{
        const StoreOptions o = { .url = l->settings.reports,
                                 .access = &l->settings.access,
                                 .issuer = l->settings.issuer,
                                 .size_max = REPORT_SIZE_MAX };
        HostReports *h;
        int r;

        if (!o.url) {
                (void)snprintf(
                        ret_error, LEDGER_ERROR_MAX,
                        "%s/ledger.json does not say where hosts report to: add \"reports\", "
                        "a directory or URL, and source.report on the hosts",
                        l->path);
                return -ENOENT;
        }
        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        h->l = l;
        r = store_open(&o, &h->store, ret_error);
        if (r < 0) {
                free(h);
                return r;
        }
        *ret = h;
        return 0;
}

HostReports *host_reports_free(HostReports *h)
{
        if (!h)
                return NULL;
        store_free(h->store);
        free(h);
        return NULL;
}

static HostReport *place_of(const Reading *g, const char *name)
{
        const json_t *at = json_object_get(g->index, name);

        return at ? &g->ret[json_integer_value(at)] : NULL;
}

static int on_object(void *userdata, const char *name, const char *jws, size_t size,
                     bool must_write, Published *ret)
{
        const Reading *g = userdata;
        HostReport *report = place_of(g, name);

        *ret = (Published){ 0 };
        if (!report)
                return 0;
        host_report_done(report);
        return host_report_open(g->reports->l, name, jws, size, report);
}

/* F4 */
static int on_failed(void *userdata, const char *name, bool must_write, int error, const char *why)
{
        const Reading *g = userdata;
        HostReport *report = place_of(g, name);

        if (report)
                *report = (HostReport){ .standing = HOST_UNREADABLE };
        return 0;
}

static int read_all(const HostReports *h, const char *const *names, size_t n, HostReport *ret)
{
        Reading g = { .reports = h, .index = json_object(), .ret = ret };
        const StoreSink sink = { .userdata = &g, .set = on_object, .failed = on_failed };
        int r = g.index ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (json_object_set_new(g.index, names[i], json_integer((json_int_t)i)) < 0)
                        r = -ENOMEM;
        if (r == 0)
                r = h->store->type->read(h->store, names, n, &sink);
        json_decref(g.index);
        return r;
}

/* Who may only read the ledger sees what stands there now, and cannot hold it against what was
 * seen. */
static int judge_all(HostReports *h, const char *const *names, size_t n, int64_t now_sec,
                     HostReport *reports, char error[static LEDGER_ERROR_MAX])
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        int r = seen_open(h->l, &seen, error);

        for (size_t i = 0; r == 0 && i < n; i++)
                r = seen_judge(seen, names[i], now_sec, &reports[i]);
        if (r == 0)
                r = seen_save(seen);
        if (r != -EACCES && r != -EROFS)
                return r;
        if (!h->is_blind)
                say("%s is not yours to write: what was seen of hosts before is not known, and "
                    "what is seen now is not kept",
                    h->l->path);
        h->is_blind = true;
        return 0;
}

int host_reports_read(HostReports *h, const char *const *names, size_t n, int64_t now_sec,
                      HostReport *ret, char ret_error[static LEDGER_ERROR_MAX])
{
        int r;

        ret_error[0] = '\0';
        for (size_t i = 0; i < n; i++)
                ret[i] = (HostReport){ .standing = HOST_ABSENT };
        r = read_all(h, names, n, ret);
        if (r == 0)
                r = judge_all(h, names, n, now_sec, ret, ret_error);
        if (r == 0)
                return 0;
        for (size_t i = 0; i < n; i++)
                host_report_done(&ret[i]);
        if (*ret_error == '\0')
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s",
                               *h->store->error ? h->store->error : strerror(-r));
        return r;
}
