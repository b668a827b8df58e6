/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A proof over an hour that a test makes up: svc-deploy and svc-* are accounts that a set defined,
 * olga needs a grant for sudo and su (gate "operators"), half for systemd-user (gate "managers"),
 * root is exempt, nobody else is gated. */

#include "lib/base/macro.h"
#include "nhictl/prove/prove.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BASE_SEC INT64_C(1795346400)
#define BOOT     "boot-a"

/* Seconds from the beginning of the hour. */
static inline int64_t at(double sec)
{
        return BASE_SEC * 1000000 + (int64_t)(sec * 1000000);
}

static inline const char *fake_name(void *userdata, uint32_t uid)
{
        return uid == 70001  ? "svc-deploy"
               : uid == 1002 ? "olga"
               : uid == 1003 ? "bob"
               : uid == 1004 ? "half"
               : uid == 0    ? "root"
                             : NULL;
}

static inline GateMode fake_gate(void *userdata, const char *account, uint32_t uid,
                                 const char *class, char *ret_gate, size_t ret_gate_size)
{
        const char *name = account ? account : fake_name(NULL, uid);

        ret_gate[0] = '\0';
        if (name && strncmp(name, "svc-", 4) == 0)
                return GATE_ENFORCE;
        if (name && streq(name, "root"))
                return GATE_EXEMPT;
        if (name && streq(name, "half") && streq(class, "systemd-user")) {
                (void)snprintf(ret_gate, ret_gate_size, "managers");
                return GATE_ENFORCE;
        }
        if (!name || !streq(name, "olga") || (!streq(class, "sudo") && !streq(class, "su")))
                return GATE_UNGATED;
        (void)snprintf(ret_gate, ret_gate_size, "operators");
        return GATE_ENFORCE;
}

/* Every witness there, the agent up since before: nothing is missing. */
static inline Proof proof_new(void)
{
        Proof p = { .host = { .gate = fake_gate, .name = fake_name },
                    .since_usec = at(0),
                    .until_usec = at(3600),
                    .log_is_evidence = true,
                    .log_wrong = "",
                    .log_first_usec = at(-3600),
                    .log_last_usec = at(3590),
                    .boot = BOOT,
                    .agent_answers = true };
        Life *l;
        Boot *b;

        for (size_t i = 0; i < WITNESS_N; i++)
                p.witnesses[i] = (WitnessState){ .is_there = true, .is_expected = true };
        l = proof_add(&p, lives);
        *l = (Life){ .kind = LIFE_AGENT_START, .time_usec = at(-3600) };
        b = proof_add(&p, boots);
        *b = (Boot){ .first_usec = at(-7200), .last_usec = at(3599) };
        return p;
}

/* A signed set with one grant (jti NULL: none), of which no record says when it was accepted. */
static inline SetFact *set_of(Proof *p, const char *hash, const char *jti, const char *account,
                              double end)
{
        SetFact *f = proof_add(p, sets);

        *f = (SetFact){ .hash = hash, .issuer = "iss", .is_known = true };
        f->grants = calloc(1, sizeof(*f->grants));
        assert_non_null(f->grants);
        f->n_grants = jti != NULL;
        if (jti)
                f->grants[0] = (SetGrant){ .jti = jti, .account = account, .end_usec = at(end) };
        return f;
}

/* Allowed by a set of its own, when that came into force stands nowhere. */
static inline Stay *stay(Proof *p, const char *account, const char *class, int64_t pid,
                         double start, double until)
{
        const char *set = proof_format(p, "set of stay %zu", p->stays.n);
        Stay *s = proof_add(p, stays);

        (void)set_of(p, set, "g-1", account, until);
        *s = (Stay){ .account = account,
                     .class = class,
                     .grant = "g-1",
                     .issuer = "iss",
                     .set = set,
                     .session = "s1",
                     .scope = "",
                     .logind = "",
                     .boot = BOOT,
                     .invocation = "",
                     .uid = streq(account, "olga") ? 1002 : 70001,
                     .audit_session = PROVE_UNSET,
                     .pid = pid,
                     .start_usec = at(start),
                     .end_usec = PROVE_OPEN,
                     .until_usec = at(until),
                     .seq = 17,
                     .has_started = true };
        return s;
}

/* end < 0: still there. */
static inline Sighting *seen(Proof *p, Witness w, const char *account, const char *class,
                             int64_t pid, double start, double end)
{
        Sighting *s = proof_add(p, sightings);

        *s = (Sighting){ .witness = w,
                         .account = account,
                         .class = class,
                         .logind = "",
                         .boot = "",
                         .where = "here",
                         .uid = PROVE_UNSET,
                         .audit_session = PROVE_UNSET,
                         .pid = pid,
                         .start_usec = at(start),
                         .end_usec = end < 0 ? PROVE_OPEN : at(end),
                         .end_is_known = true };
        return s;
}

static inline void runs(Proof *p, int64_t pid, uint32_t uid, uint32_t loginuid, uint32_t audit,
                        const char *unit, double start)
{
        Process *x = proof_add(p, processes);

        *x = (Process){ .pid = pid,
                        .start_usec = at(start),
                        .uid = uid,
                        .loginuid = loginuid,
                        .audit_session = audit,
                        .unit = unit,
                        .name = "sleep" };
}

static inline void lives(Proof *p, LifeKind kind, double when, double before)
{
        Life *l = proof_add(p, lives);

        *l = (Life){ .kind = kind, .time_usec = at(when), .before_usec = at(before) };
}

static inline void mode(Proof *p, const char *gate, double when, bool was, bool is)
{
        ModeChange *m = proof_add(p, modes);

        *m = (ModeChange){
                .gate = gate, .time_usec = at(when), .was_enforced = was, .is_enforced = is
        };
}

static inline void gate_is(Proof *p, const char *name, bool enforced)
{
        GateNow *g = proof_add(p, gates);

        *g = (GateNow){ .name = name, .is_enforced = enforced };
}

/* The one thing that was found. */
static inline void assert_found(Proof *p, FindingKind kind)
{
        proof_judge(p);
        assert_false(p->failed);
        assert_int_equal(p->findings.n, 1);
        assert_int_equal(p->findings.items[0].kind, kind);
        assert_int_equal(proof_answer(p),
                         proof_finding_is_leak(kind) ? PROVE_LEAK : PROVE_NO_EVIDENCE);
}

static inline void assert_proved(Proof *p)
{
        proof_judge(p);
        for (size_t i = 0; i < p->findings.n; i++)
                print_error("found %d of %s\n", (int)p->findings.items[i].kind,
                            p->findings.items[i].account);
        for (size_t i = 0; i < p->gaps.n; i++)
                print_error("gap %d %s\n", (int)p->gaps.items[i].kind, p->gaps.items[i].detail);
        assert_int_equal(proof_answer(p), PROVE_PROVED);
        assert_true(p->covered >= 1.0);
}

/* The one gap there is, and its length in seconds. */
static inline void assert_gap(Proof *p, GapKind kind, double start, double end)
{
        proof_judge(p);
        assert_int_equal(p->gaps.n, 1);
        assert_int_equal(p->gaps.items[0].kind, kind);
        assert_int_equal(p->gaps.items[0].start_usec, at(start));
        assert_int_equal(p->gaps.items[0].end_usec, at(end));
        assert_int_equal(proof_answer(p), PROVE_NO_EVIDENCE);
}
