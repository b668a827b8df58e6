/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nsswitch.conf(5): is the module asked for the accounts and groups that grants give? */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/nss-switch.h"

#include <stdio.h>

#define NSS_WORD "nhi"

static const char advice_line[] = "let the line end with \"nhi\", as in: passwd: files nhi";

/* ---- the order ---- */

/* What stands before the word ends the search? True where it was told. */
static bool judge_before(const SwitchLine *s, const char *database, size_t end, Findings *f)
{
        for (size_t i = 1; i < end; i++) {
                Blocks b = *s->words[i] == '[' ? action_judge(s->words[i])
                                               : (Blocks){ .always = false };

                if (b.always)
                        finding_fail(f, "nss-order", "put nhi before it",
                                     "%s:%u: \"%s %s\" ends the search of %s before nhi is asked",
                                     NSSWITCH, s->line, s->words[i - 1], s->words[i], database);
                else if (b.in_outage)
                        finding_warn(f, "nss-order", "put nhi before it",
                                     "%s:%u: \"%s %s\" ends the search of %s before nhi is asked, "
                                     "while %s is out of order",
                                     NSSWITCH, s->line, s->words[i - 1], s->words[i], database,
                                     s->words[i - 1]);
                if (b.always || b.in_outage)
                        return true;
        }
        return false;
}

static bool judge_around(const SwitchLine *s, const char *database, size_t at, Findings *f)
{
        size_t files = switch_find(s, "files");

        if (at + 1 < s->n && *s->words[at + 1] == '[') {
                Blocks b = action_judge(s->words[at + 1]);

                if (b.always || b.in_outage) {
                        finding_fail(f, "nss-order", "take the action behind nhi away",
                                     "%s:%u: \"nhi %s\" ends the search of %s for names that are "
                                     "not ours",
                                     NSSWITCH, s->line, s->words[at + 1], database);
                        return true;
                }
        }
        if (files < s->n && at < files) {
                finding_warn(f, "nss-order", advice_line,
                             "%s:%u: nhi stands before files in %s: local names wait for it",
                             NSSWITCH, s->line, database);
                return true;
        }
        return false;
}

static bool has_accounts(const DoctorHost *h)
{
        return json_integer_value(json_object_get(h->status, "accounts")) > 0 ||
               json_array_size(h->grants) > 0;
}

static void tell_missing(const DoctorHost *h, const SwitchLine *s, const char *database,
                         Findings *f)
{
        if (has_accounts(h))
                finding_fail(f, "nss-order", advice_line,
                             "%s:%u: nhi is missing in %s: what grants give does not exist here",
                             NSSWITCH, s->line, database);
        else
                finding_warn(f, "nss-order", advice_line,
                             "%s:%u: nhi is missing in %s: accounts of grants will not exist here",
                             NSSWITCH, s->line, database);
}

/* True where the database is well. */
static bool judge_database(const DoctorHost *h, const char *conf, const char *database,
                           bool may_be_absent, Findings *f)
{
        _cleanup_(switch_done) SwitchLine s = { .n = 0 };
        size_t at;

        if (switch_load(conf, database, &s) < 0) {
                f->failed = true;
                return false;
        }
        if (s.line == 0 && may_be_absent)
                return true;
        at = switch_find(&s, NSS_WORD);
        if (at < s.n)
                return !judge_before(&s, database, at, f) && !judge_around(&s, database, at, f);
        if (may_be_absent)
                finding_fail(f, "nss-order", "delete the line, or let it end with \"nhi\"",
                             "%s:%u: the %s line hides every group that a grant gives", NSSWITCH,
                             s.line, database);
        else
                tell_missing(h, &s, database, f);
        return false;
}

void check_nss_order(const DoctorHost *h, Findings *f)
{
        _cleanup_free_ char *conf = NULL;
        int r = doctor_read(h, NSSWITCH, NSSWITCH_MAX, &conf);
        bool passwd, group, initgroups;

        if (r < 0) {
                finding_warn(f, "nss-order", advice_line, "%s cannot be read: %s", NSSWITCH,
                             strerror(-r));
                return;
        }
        passwd = judge_database(h, conf, "passwd", false, f);
        group = judge_database(h, conf, "group", false, f);
        initgroups = judge_database(h, conf, "initgroups", true, f);
        if (passwd && group && initgroups)
                finding_ok(f, "nss-order", "accounts and groups are asked of nhi, behind files");
}

/* ---- the module ---- */

#define NSS_MODULE "libnss_nhi.so.2"

static bool module_in(const DoctorHost *h, const char *folder)
{
        char path[320];

        (void)snprintf(path, sizeof(path), "%s/" NSS_MODULE, folder);
        return doctor_exists(h, path);
}

static bool module_is_there(const DoctorHost *h)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char folder[300];

        if (module_in(h, "/lib") || module_in(h, "/lib64") || module_in(h, "/usr/lib64"))
                return true;
        if (doctor_names(h, "/lib", &names) < 0)
                return false;
        for (char **name = names; *name; name++) {
                (void)snprintf(folder, sizeof(folder), "/lib/%s", *name);
                if (strstr(*name, "-linux-") && module_in(h, folder))
                        return true;
        }
        return false;
}

static bool is_named(const char *conf, const char *database)
{
        _cleanup_(switch_done) SwitchLine s = { .n = 0 };

        return switch_load(conf, database, &s) == 0 && switch_find(&s, NSS_WORD) < s.n;
}

void check_nss_module(const DoctorHost *h, Findings *f)
{
        _cleanup_free_ char *conf = NULL;
        int r = doctor_read(h, NSSWITCH, NSSWITCH_MAX, &conf);

        if (r < 0)
                finding_warn(f, "nss-module", "look at the file", "%s cannot be read: %s", NSSWITCH,
                             strerror(-r));
        else if (!is_named(conf, "passwd") && !is_named(conf, "group"))
                finding_ok(f, "nss-module", "%s does not name nhi", NSSWITCH);
        else if (module_is_there(h))
                finding_ok(f, "nss-module", "%s is there", NSS_MODULE);
        else
                finding_fail(f, "nss-module",
                             "install the package of the module (libnss-nhi, nss_nhi) again",
                             "%s names nhi, and %s is not there: what grants give does not exist "
                             "here",
                             NSSWITCH, NSS_MODULE);
}

/* ---- other providers ---- */

#define USERDB_DIR "/run/systemd/userdb"

/* A provider that hangs holds up every name that files do not know. */
void check_nss_userdb(const DoctorHost *h, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        int r = doctor_names(h, USERDB_DIR, &names);
        bool any = false;

        if (r < 0 && r != -ENOENT) {
                finding_warn(f, "nss-userdb", "look at the folder", "%s cannot be read: %s",
                             USERDB_DIR, strerror(-r));
                return;
        }
        for (char **name = names; name && *name; name++) {
                if (strncmp(*name, "io.systemd.", strlen("io.systemd.")) == 0)
                        continue;
                any = true;
                finding_warn(f, "nss-userdb",
                             "see that it is known and answers: userdbctl --service=NAME user",
                             "%s/%s answers for accounts beside NSS: one that hangs costs 45 s for "
                             "each unknown name",
                             USERDB_DIR, *name);
        }
        if (!any)
                finding_ok(f, "nss-userdb", "no provider of accounts but systemd's own");
}
