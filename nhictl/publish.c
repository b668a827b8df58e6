/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl publish */

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/who.h"

typedef struct PublishOptions {
        CentralOptions central;
        const char *to;
        bool renew, all;
        ArgList replace;
} PublishOptions;

/* A directory, or a file URL of one; anything else is another version's. */
static int target_of(const char *to, const char **ret)
{
        if (!to || *to == '/') {
                *ret = to;
                return VERB_OK;
        }
        if (strncmp(to, "file:///", 8) != 0)
                return fail(VERB_USAGE,
                            "--to %s: this version publishes to an absolute directory or a "
                            "file:// URL only",
                            to);
        *ret = to + 7;
        return VERB_OK;
}

static VerbStatus run(Call *call)
{
        const PublishOptions *o = call->options;
        PublishRequest request = { .mode = o->all     ? PUBLISH_ALL
                                           : o->renew ? PUBLISH_RENEW
                                                      : PUBLISH_CHANGED,
                                   .now_usec = now_realtime_usec(),
                                   .replace = o->replace.items,
                                   .n_replace = o->replace.n };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        char who[WHO_SIZE];
        int r;

        r = target_of(o->to, &request.target);
        if (r == VERB_OK)
                r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        r = ledger_commit(l, call->now_sec, who_am_i(who));
        central_say_notes(l);
        if (r < 0)
                return fail(VERB_FAILED, "%s/revisions: %s", l->path, strerror(-r));
        r = central_publish(&o->central, l, &request, &changed);
        if (r == VERB_OK && output_changed(&call->out, changed) < 0)
                return VERB_FAILED;
        return r;
}

#define AT(member) offsetof(PublishOptions, member)
static const Option options[] = {
        { "to", 0, OPTION_STRING, AT(to), "DIR", "publish there instead of where the ledger says" },
        { "renew", 0, OPTION_FLAG, AT(renew), NULL,
          "only sets that are over a quarter of their lifetime (for the timer)" },
        { "all", 0, OPTION_FLAG, AT(all), NULL, "every host, also where nothing changed" },
        { "replace", 0, OPTION_LIST, AT(replace), "REVISION",
          "overwrite sets of this revision, which the ledger does not know" },
        LEDGER_OPTION(PublishOptions, central),
        KEY_OPTION(PublishOptions, central),
        OPTION_END,
};

const Verb verb_publish = {
        .name = "publish",
        .synopsis = "[--to DIR] [--renew|--all] [--replace REVISION]...",
        .help = "sign and publish the grant sets of hosts whose grants changed\n"
                "A ledger that is older than what is published is refused: an older checkout must "
                "not un-revoke.",
        .options = options,
        .options_size = sizeof(PublishOptions),
        .run = run,
};
