/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Is the gate asked first, by every service that is a way in, and last in its session? */

#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/pam.h"
#include "nhictl/doctor/trouble.h"

static const char advice_enable[] = "nhictl pam enable puts it there; in a file that is edited by "
                                    "hand: see pam_nhi(8)";
static const char advice_order[] =
        "pam_nhi.so has to stand before this line: nhictl pam diff, then "
        "nhictl pam enable";

/* ---- account: first ---- */

/* Where the gate of a service stands; false where its stack cannot be read. */
static bool stack_load(const DoctorHost *h, const char *service, PamKind kind, PamStack *ret,
                       TroubleList *t)
{
        int r = pam_stack_read(h->root, service, kind, ret);

        if (r < 0)
                trouble_add(t, FINDING_WARN, "look at its file in /etc/pam.d", service,
                            "the %s stack cannot be read: %s", pam_kind_text(kind), strerror(-r));
        return r == 0;
}

static void judge_skips(const PamStack *s, size_t gate, PamKind kind, const char *service,
                        TroubleList *t)
{
        for (size_t i = 0; i < gate; i++) {
                const PamLine *l = &s->lines[i];

                if (pam_stack_skips(s, i, gate))
                        trouble_add(t, FINDING_FAIL, advice_order, service,
                                    "%s:%u (%s %s) can end or skip the %s stack before %s is asked "
                                    "(%s:%u)",
                                    l->file, l->line, l->control, l->module, pam_kind_text(kind),
                                    PAM_MODULE, s->lines[gate].file, s->lines[gate].line);
        }
}

/* True where the service asks the gate. */
static bool judge_account(const DoctorHost *h, const char *service, TroubleList *t)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        bool is_way_in = pam_service_role(service) == PAM_ROLE_WAY_IN;
        size_t gate;

        if (!stack_load(h, service, PAM_KIND_ACCOUNT, &s, t))
                return false;
        gate = pam_stack_find(&s, PAM_MODULE);
        if (gate < s.n)
                judge_skips(&s, gate, PAM_KIND_ACCOUNT, service, t);
        else
                trouble_add(t, is_way_in ? FINDING_FAIL : FINDING_WARN,
                            is_way_in ? advice_enable
                                      : "where people or jobs start something by it: add the line "
                                        "\"account requisite pam_nhi.so\" before all others",
                            service, "no %s in the account stack", PAM_MODULE);
        return gate < s.n;
}

static void tell_nothing_gated(const DoctorHost *h, Findings *f)
{
        if (doctor_gate_is_enforced(h))
                finding_fail(f, "pam-order", "nhictl pam enable",
                             "gates are enforced, and no service of PAM asks %s: nothing is gated",
                             PAM_MODULE);
        else
                finding_warn(
                        f, "pam-order",
                        "nhictl pam diff, then nhictl pam enable: by that alone nobody is gated",
                        "no service of PAM asks %s: nothing is gated yet", PAM_MODULE);
}

static bool is_service(const char *name)
{
        PamRole role = pam_service_role(name);

        return role == PAM_ROLE_WAY_IN || role == PAM_ROLE_UNKNOWN;
}

/* nhi-unit asks by what we ship, also where nothing is enabled. */
static bool counts_as_enabled(const char *name)
{
        return !streq(name, "nhi-unit");
}

void check_pam_order(const DoctorHost *h, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        TroubleList t = { .items = NULL };
        size_t n_gated = 0, n_all = 0;
        Findings dropped = { .items = NULL };
        int r = pam_names(h, &names);

        if (r < 0) {
                finding_warn(f, "pam-order", "does this host use PAM?",
                             "/etc/pam.d cannot be read: %s", strerror(-r));
                return;
        }
        for (char **name = names; *name; name++) {
                if (!is_service(*name))
                        continue;
                n_all++;
                n_gated += judge_account(h, *name, &t) && counts_as_enabled(*name);
        }
        if (n_gated == 0) {
                (void)trouble_tell(&t, &dropped, "pam-order");
                findings_done(&dropped);
                tell_nothing_gated(h, f);
        } else if (!trouble_tell(&t, f, "pam-order")) {
                finding_ok(f, "pam-order", "%zu services ask %s first in the account stack", n_all,
                           PAM_MODULE);
        }
}

/* ---- session: there, and behind pam_systemd ---- */

/* The session stack of a service whose account stack asks the gate. */
static void judge_session_stack(const PamStack *s, const char *service, TroubleList *t)
{
        size_t gate = pam_stack_find(s, PAM_MODULE), logind = pam_stack_find(s, "pam_systemd.so");

        if (gate == s->n) {
                trouble_add(t, FINDING_FAIL, advice_enable, service,
                            "no %s in the session stack: what starts there is tied to no grant",
                            PAM_MODULE);
                return;
        }
        judge_skips(s, gate, PAM_KIND_SESSION, service, t);
        /* The user manager's own session is made by PID 1's request, not by a login. */
        if (logind < s->n && logind > gate && !streq(service, "systemd-user"))
                trouble_add(t, FINDING_FAIL,
                            "pam_nhi.so has to stand behind pam_systemd.so: nhictl pam enable",
                            service,
                            "%s:%u (pam_systemd.so) makes a new session behind %s (%s:%u): su and "
                            "sudo -i leave the grant's scope",
                            s->lines[logind].file, s->lines[logind].line, PAM_MODULE,
                            s->lines[gate].file, s->lines[gate].line);
}

static bool asks_in_account(const DoctorHost *h, const char *service)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };

        return pam_stack_read(h->root, service, PAM_KIND_ACCOUNT, &s) == 0 &&
               pam_stack_find(&s, PAM_MODULE) < s.n;
}

/* True where the account stack asks the gate. */
static bool judge_session(const DoctorHost *h, const char *service, TroubleList *t)
{
        _cleanup_(pam_stack_done) PamStack s = { .lines = NULL };
        bool asks = asks_in_account(h, service);

        if (!stack_load(h, service, PAM_KIND_SESSION, &s, t) || s.n == 0)
                return asks;
        if (asks)
                judge_session_stack(&s, service, t);
        else if (pam_stack_find(&s, PAM_MODULE) < s.n)
                trouble_add(t, FINDING_FAIL, advice_enable, service,
                            "%s is in the session stack, and not in the account stack: half of the "
                            "gate",
                            PAM_MODULE);
        return asks;
}

void check_pam_session(const DoctorHost *h, Findings *f)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        TroubleList t = { .items = NULL };
        size_t n = 0;
        int r = pam_names(h, &names);

        if (r < 0) {
                finding_warn(f, "pam-session", "does this host use PAM?",
                             "/etc/pam.d cannot be read: %s", strerror(-r));
                return;
        }
        for (char **name = names; *name; name++) {
                if (is_service(*name) && counts_as_enabled(*name))
                        n += judge_session(h, *name, &t);
        }
        if (!trouble_tell(&t, f, "pam-session"))
                finding_ok(f, "pam-session",
                           n > 0 ? "%zu services ask %s in the session stack"
                                 : "%zu services ask %s in the account stack: nothing to look at",
                           n, PAM_MODULE);
}
