/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A grant for root without commands bounds nothing: a setuid copy, a unit or a key that its holder
 * plants stays when the grant is over. That is found afterwards (nhictl leftovers), not
 * prevented. */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"
#include "nhictl/reply.h"

#define CHECK "unbounded"

static void say_grant(const json_t *grant, Findings *f)
{
        finding_warn(f, CHECK,
                     "grant it anew with --command or --edit, and revoke this one; afterwards: "
                     "nhictl leftovers",
                     "grant %s makes %s root without commands: it bounds nothing, what it plants "
                     "stays",
                     member_text(grant, "jti") ?: "?", member_text(grant, "account") ?: "?");
}

void check_unbounded(const DoctorHost *h, Findings *f)
{
        const json_t *grant;
        Tally t = { 0 };
        size_t i;

        if (!h->grants) {
                finding_warn(f, CHECK, "systemctl start nhi-agentd",
                             "no agent answers: which grants there are is not known");
                return;
        }
        json_array_foreach(h->grants, i, grant)
                if (terms_unbounded(json_object_get(grant, "authorization_details")) &&
                    tally_take(&t))
                        say_grant(grant, f);
        tally_more(&t, f, CHECK, "grants for root without commands");
        if (t.n == 0)
                finding_ok(f, CHECK, "no active grant makes anybody root without commands");
}
