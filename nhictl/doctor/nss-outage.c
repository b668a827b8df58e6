/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a gate for a group while the directory that knows the group is out of order? libc
 * then asks the next service of the line, which has never heard of it: nobody is a member, and the
 * gate is passed. Where the search ends there, it is not known who is a member, and everybody meets
 * the gate. */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/nss-switch.h"
#include "nhictl/doctor/people.h"
#include "nhictl/reply.h"

#include <stdio.h>

#define CHECK      "nss-outage"
#define ENTRY_SIZE 8192u

/* The service that is asked when the one at i is out of order; NULL where the search ends. */
static const char *asked_next(const SwitchLine *s, size_t i)
{
        for (i++; i < s->n && *s->words[i] == '['; i++)
                if (action_judge(s->words[i]).when_unavailable)
                        return NULL;
        return i < s->n ? s->words[i] : NULL;
}

/* Files are always there; nhi knows only groups that grants gave, and answers from a file. */
static bool may_be_out_of_order(const char *service)
{
        return *service != '[' && !streq(service, "files") && !streq(service, "compat") &&
               !streq(service, "nhi");
}

static bool service_knows(const DoctorHost *h, const char *service, const char *group)
{
        const char *const words[] = {
                "/usr/bin/getent", "--service", service, "group", "--", group, NULL
        };
        char entry[ENTRY_SIZE];

        return h->run(words, entry, sizeof(entry)) == 0 && *entry;
}

static void say_passed(const SwitchLine *s, size_t i, const char *gate, const char *group,
                       Findings *f)
{
        char advice[512];

        (void)snprintf(advice, sizeof(advice),
                       "let %s stand last in the line, or write [UNAVAIL=return] behind it; "
                       "everybody then meets the gate during an outage, root by su too: nhi(7)",
                       s->words[i]);
        finding_warn(f, CHECK, advice,
                     "gate %s: %s:%u asks %s behind %s, which knows group %s: while %s is out of "
                     "order nobody is known as a member, and its members pass the gate",
                     gate, NSSWITCH, s->line, asked_next(s, i), s->words[i], group, s->words[i]);
}

static void judge_group(const DoctorHost *h, const SwitchLine *s, const char *gate,
                        const char *group, Tally *t, Findings *f)
{
        for (size_t i = 0; i < s->n; i++)
                if (may_be_out_of_order(s->words[i]) && asked_next(s, i) &&
                    service_knows(h, s->words[i], group) && tally_take(t))
                        say_passed(s, i, gate, group, f);
}

static void judge_line(const DoctorHost *h, const SwitchLine *s, Findings *f)
{
        const json_t *gate, *item;
        Tally t = { 0 };
        size_t i, j;

        json_array_foreach(h->gates, i, gate)
                json_array_foreach(json_object_get(gate, "accounts"), j, item) {
                        const char *pattern = json_string_value(item);

                        if (pattern && *pattern == '%')
                                judge_group(h, s, member_text(gate, "name") ?: "?", pattern + 1, &t,
                                            f);
                }
        tally_more(&t, f, CHECK, "groups of gates whose service may be out of order");
}

/* Memberships come from the line initgroups, where there is one. */
void check_nss_outage(const DoctorHost *h, Findings *f)
{
        static const char *const databases[] = { "group", "initgroups" };
        _cleanup_free_ char *conf = NULL;
        const size_t before = f->n;
        int r = doctor_read(h, NSSWITCH, NSSWITCH_MAX, &conf);

        if (r < 0) {
                finding_warn(f, CHECK, "look at the file", "%s cannot be read: %s", NSSWITCH,
                             strerror(-r));
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(databases); i++) {
                _cleanup_(switch_done) SwitchLine s = { .n = 0 };

                if (switch_load(conf, databases[i], &s) < 0)
                        f->failed = true;
                else
                        judge_line(h, &s, f);
        }
        if (f->n == before && !f->failed)
                finding_ok(f, CHECK, "no gate's group is lost while its service is out of order");
}
