/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/confirm/confirm.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/confirm/pending-event.h"
#include "nhictl/confirm/revert-timer.h"
#include "nhictl/confirm/revert.h"
#include "nhictl/reply.h"
#include "nhictl/who.h"

#include <stdio.h>

/* The gates that this change enforces; those that were before are no part of it. */
static json_t *gates_new(const ModesChange *c)
{
        json_t *list = json_array();
        const json_t *gate;
        size_t i;

        json_array_foreach(c->gates, i, gate) {
                const char *name = member_text(gate, "name") ?: "";

                if (modes_is_asked(c->call, name) && !streq_ptr(member_text(gate, "mode"), c->mode))
                        (void)json_array_append_new(list, json_string(name));
        }
        return list;
}

static int pending_new(const ModesChange *c, int64_t within_sec, Pending *ret)
{
        const int64_t now_sec = c->call->now_sec;
        char by[WHO_SIZE];
        Pending p = {
                .begun_sec = now_sec,
                .deadline_sec = now_sec + within_sec,
                .deadline_monotonic_usec =
                        (int64_t)now_monotonic_usec() + within_sec * (int64_t)USEC_PER_SEC,
        };
        int r = boot_id_make(p.boot_id);

        if (r < 0)
                return r;
        p.gates = gates_new(c);
        p.before = c->before ? strdup(c->before) : NULL;
        p.by = strdup(who_am_i(by));
        if (!p.gates || !p.by || (c->before && !p.before)) {
                pending_done(&p);
                return -ENOMEM;
        }
        *ret = p;
        return 0;
}

/* ---- the steps, in the only order that keeps C1 ------------------------------------------------
 */

static VerbStatus prepare(const Pending *p, int64_t within_sec)
{
        int r;

        if (!revert_timer_possible())
                return fail(VERB_FAILED, "--confirm-within needs systemd's timers, and systemd "
                                         "does not run here: nothing was changed");
        if (revert_timer_enable() < 0)
                return fail(VERB_FAILED, "nhi-revert.service could not be enabled (systemctl "
                                         "status nhi-revert.service): nothing was changed");
        r = pending_save(p);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s: nothing was changed", PATH_PENDING, strerror(-r));
        if (revert_timer_arm(within_sec) < 0) {
                (void)pending_remove();
                return fail(VERB_FAILED, "nhi-revert.timer could not be started: nothing was "
                                         "changed");
        }
        return VERB_OK;
}

/* From here on a login is a new one. The record is only changed where it still is: the time may be
 * over, and a revert may have taken it. */
static VerbStatus mark_in_force(Pending *p)
{
        Pending now = { .gates = NULL };
        int r = pending_load(&now);

        pending_done(&now);
        p->in_force_monotonic_usec = (int64_t)now_monotonic_usec();
        if (r == 0)
                r = pending_save(p);
        return r < 0 ? fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r)) : VERB_OK;
}

static VerbStatus enforce(const ModesChange *c, Pending *p)
{
        VerbStatus status = modes_change_write(c);

        if (status == VERB_OK)
                status = modes_change_force(c);
        if (status == VERB_OK)
                status = mark_in_force(p);
        return status;
}

int confirm_begin(const ModesChange *c, int64_t within_sec)
{
        Pending p = { .gates = NULL };
        char when[WHEN_TIME_SIZE];
        VerbStatus status;
        int r = pending_new(c, within_sec, &p);

        if (r < 0)
                return fail(VERB_FAILED, "%s", strerror(-r));
        status = prepare(&p, within_sec);
        if (status != VERB_OK) {
                pending_done(&p);
                return status;
        }
        status = enforce(c, &p);
        if (status == VERB_OK) {
                say("it undoes itself at %s. Keep this shell open, log in anew and there run: "
                    "nhictl enforce --confirm",
                    when_format_time(when, p.deadline_sec));
                pending_event(EVENT_ENFORCE_PENDING, &p, NULL, when);
        } else if (pending_revert(&p) == VERB_OK) {
                say("everything is as it was before");
        }
        pending_done(&p);
        return status;
}

int confirm_check_none(void)
{
        Pending p = { .gates = NULL };
        char gates[256], when[WHEN_TIME_SIZE];
        int r = pending_load(&p);

        if (r == -ENOENT)
                return VERB_OK;
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r));
        r = fail(VERB_PROBLEM,
                 "the enforcement of %s waits for its confirmation until %s: first nhictl enforce "
                 "--confirm (from a new login) or nhictl enforce --revert",
                 pending_gates_text(&p, gates, sizeof(gates)),
                 when_format_time(when, p.deadline_sec));
        pending_done(&p);
        return r;
}

/* ---- observe -----------------------------------------------------------------------------------
 */

static json_t *gates_left(const ModesChange *c, const Pending *p)
{
        json_t *left = json_array();
        const json_t *item;
        size_t i;

        json_array_foreach(p->gates, i, item)
                if (!modes_is_asked(c->call, json_string_value(item)))
                        (void)json_array_append(left, (json_t *)(uintptr_t)item);
        return left;
}

static VerbStatus wait_for_fewer(Pending *p, json_t *left)
{
        int r;

        json_decref(p->gates);
        p->gates = left;
        r = json_array_size(left) > 0 ? pending_save(p) : pending_remove();
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r));
        if (json_array_size(left) == 0) {
                (void)revert_timer_disarm();
                say("nothing waits for a confirmation any more");
        }
        return VERB_OK;
}

/* What is to be put back at the deadline observes, too: written first, so that a revert in between
 * never enforces what was asked to observe. */
int confirm_observe(const ModesChange *c, Pending *p)
{
        char *old = p->before, *text = NULL;
        VerbStatus status;
        int r = modes_change_text(c, old, &text);

        if (r == 0) {
                p->before = text;
                r = pending_save(p);
        }
        if (r < 0) {
                free(text);
                p->before = old;
                return fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r));
        }
        status = modes_change_run(c);
        if (status == VERB_OK) {
                free(old);
                return wait_for_fewer(p, gates_left(c, p));
        }
        free(p->before);
        p->before = old;
        (void)pending_save(p);
        return status;
}
