/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl fleet: what the hosts say of themselves */

#include "lib/base/name.h"
#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/fleet/show.h"

#define STALE_DEFAULT_SEC 1800

typedef struct FleetOptions {
        CentralOptions central;
        ArgList hosts, labels, forget;
        int64_t stale_sec;
} FleetOptions;

static bool is_selected(const FleetOptions *o, const char *name, const json_t *host)
{
        if (o->hosts.n == 0 && o->labels.n == 0)
                return true;
        for (size_t i = 0; i < o->hosts.n; i++)
                if (glob_match(o->hosts.items[i], name))
                        return true;
        for (size_t i = 0; i < o->labels.n; i++)
                if (document_list_has(json_object_get(host, "labels"), o->labels.items[i]))
                        return true;
        return false;
}

static int select_hosts(const Ledger *l, const FleetOptions *o, const char ***ret, size_t *ret_n)
{
        size_t n_all = 0, n = 0;
        const char **names = ledger_names(l, DOC_HOST, &n_all);

        if (!names)
                return fail(VERB_FAILED, "out of memory");
        for (size_t i = 0; i < n_all; i++)
                if (is_selected(o, names[i], ledger_get(l, DOC_HOST, names[i])))
                        names[n++] = names[i];
        *ret = names;
        *ret_n = n;
        return VERB_OK;
}

static int forget(const Ledger *l, const ArgList *names)
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];
        int r;

        if (names->n == 0)
                return VERB_OK;
        if (seen_open(l, &seen, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        for (size_t i = 0; i < names->n; i++)
                if (!seen_forget(seen, names->items[i]))
                        say("nothing was seen of %s", names->items[i]);
        r = seen_save(seen);
        return r == 0 ? VERB_OK : fail(VERB_FAILED, "%s: %s", l->path, strerror(-r));
}

/* Without the key, its public half, nobody can tell which published set is ours. *ret_n: of how
 * many hosts older ones are shown. */
static int published(const FleetOptions *o, const Ledger *l, int64_t now_sec, json_t **ret,
                     size_t *ret_n)
{
        const char *path = o->central.key ? o->central.key : PATH_ISSUER_KEY;
        char error[LEDGER_ERROR_MAX] = "";
        SigningKey key = { 0 };
        json_t *by_key = NULL;
        int r;

        *ret = NULL;
        if (!l->settings.publish || (!o->central.key && access(path, R_OK) < 0)) {
                say("which versions are published cannot be told without the issuer's key (--key) "
                    "and \"publish\" in ledger.json");
                return VERB_OK;
        }
        r = central_public_key(&o->central, &key.public);
        if (r != VERB_OK)
                return r;
        r = fleet_published(l, &key, now_sec, &by_key, error);
        if (r == 0)
                r = fleet_raise(l, by_key, ret, ret_n);
        json_decref(by_key);
        if (r < 0)
                say("which versions are published cannot be told: %s",
                    *error ? error : strerror(-r));
        return VERB_OK;
}

static int show_hosts(const Call *call, const Ledger *l, const json_t *versions,
                      const char *const *names, size_t n)
{
        const FleetOptions *o = call->options;
        _cleanup_(host_reports_freep) HostReports *place = NULL;
        _cleanup_free_ HostReport *reports = calloc(n + 1, sizeof(*reports));
        const FleetView view = { .out = &call->out,
                                 .names = names,
                                 .reports = reports,
                                 .n = n,
                                 .versions = versions,
                                 .now_sec = call->now_sec,
                                 .stale_sec = o->stale_sec ? o->stale_sec : STALE_DEFAULT_SEC };
        char error[LEDGER_ERROR_MAX];
        int r;

        if (!reports)
                return fail(VERB_FAILED, "out of memory");
        if (host_reports_open(l, &place, error) < 0 ||
            host_reports_read(place, names, n, call->now_sec, reports, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        r = fleet_show(&view);
        for (size_t i = 0; i < n; i++)
                host_report_done(&reports[i]);
        return r;
}

static VerbStatus run(Call *call)
{
        const FleetOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_free_ const char **names = NULL;
        json_t *versions = NULL;
        size_t n = 0, n_withheld = 0;
        int r = central_open(call, &o->central, false, &l);

        if (r == VERB_OK)
                r = forget(l, &o->forget);
        if (r == VERB_OK)
                r = select_hosts(l, o, &names, &n);
        if (r == VERB_OK && n == 0)
                return fail(VERB_USAGE, "no host of the ledger is meant: nhictl host list");
        /* The network may be slow, and who revokes must not wait for it. */
        if (r == VERB_OK) {
                closep(&l->lock_fd);
                l->lock_fd = -EBADF;
        }
        if (r == VERB_OK)
                r = published(o, l, call->now_sec, &versions, &n_withheld);
        if (r == VERB_OK)
                r = show_hosts(call, l, versions, names, n);
        if (n_withheld > 0 && (r == VERB_OK || r == VERB_STALE))
                r = VERB_PROBLEM;
        json_decref(versions);
        return r;
}

#define AT(member) offsetof(FleetOptions, member)
static const Option options[] = {
        { "host", 0, OPTION_LIST, AT(hosts), "GLOB", "only hosts of this name" },
        { "label", 0, OPTION_LIST, AT(labels), "L", "only hosts with this label" },
        { "stale", 0, OPTION_DURATION, AT(stale_sec), "T",
          "call a report old that is older than T (default: 30m)" },
        { "forget", 0, OPTION_LIST, AT(forget), "HOST",
          "what was seen of this host's log and reports does not count any more" },
        LEDGER_OPTION(FleetOptions, central),
        KEY_OPTION(FleetOptions, central),
        OPTION_END,
};

const Verb verb_fleet = {
        .name = "fleet",
        .synopsis = "[--host GLOB]... [--label L]... [--stale T] [--forget HOST]...",
        .help = "show what the hosts report: their sets, gates, quarantine and logs\n"
                "A report counts where it is signed with the key that the ledger has of the host "
                "(nhictl host key).",
        .options = options,
        .options_size = sizeof(FleetOptions),
        .run = run,
};
