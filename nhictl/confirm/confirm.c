/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/confirm/confirm.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "nhictl/confirm/pending-event.h"
#include "nhictl/confirm/revert-timer.h"
#include "nhictl/confirm/revert.h"
#include "nhictl/gates-file.h"
#include "nhictl/modes-agent.h"
#include "nhictl/when.h"

#include <stdio.h>

#define LOCK_USEC (20 * USEC_PER_SEC)

bool confirm_is_known_here(void)
{
        return access(PATH_CONFIRMED, F_OK) == 0;
}

static VerbStatus fail_record(const char *option, int r)
{
        if (r == -EACCES)
                return fail(VERB_FAILED, "%s is root's: sudo nhictl enforce %s", option, option);
        if (r == -EBADMSG)
                return fail(VERB_FAILED, "%s is damaged: nhictl observe, then remove it",
                            PATH_PENDING);
        return fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r));
}

/* ---- --confirm ---------------------------------------------------------------------------------
 */

/* Is there something to confirm, and is it what was enforced? */
static VerbStatus check_pending(const Pending *p)
{
        char boot_id[PENDING_ID_SIZE];
        json_t *gates;
        bool enforced = true;
        const json_t *item;
        size_t i;

        boot_id_read(boot_id);
        if (pending_left_usec(p, boot_id, (int64_t)now_monotonic_usec()) == 0)
                return fail(VERB_PROBLEM, "the time is over: the enforcement is being undone");
        gates = gates_published();
        json_array_foreach(p->gates, i, item)
                enforced = enforced && gate_has_mode(gates, json_string_value(item), "enforce");
        json_decref(gates);
        if (p->in_force_monotonic_usec <= 0 || !enforced)
                return fail(VERB_PROBLEM, "the enforcement did not come about as it was meant: "
                                          "nhictl enforce --revert, then once more");
        return VERB_OK;
}

static int confirmed_save(const Pending *p, const Login *login, int64_t now_sec)
{
        json_t *doc = json_pack("{s:i, s:O, s:I, s:o}", "format", 1, "gates", p->gates, "time",
                                (json_int_t)now_sec, "login", login_document(login));
        _cleanup_free_ char *text = doc ? json_write(doc, JSON_INDENT(1)) : NULL;

        json_decref(doc);
        if (!text)
                return -ENOMEM;
        return file_replace(PATH_CONFIRMED, text, strlen(text), 0600, owner_trusted(), (gid_t)-1,
                            true);
}

static VerbStatus confirm_by(const Call *call, const Pending *p, const Login *login)
{
        char who[4 * LOGIN_TEXT_MAX];
        int r = confirmed_save(p, login, call->now_sec);

        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_CONFIRMED, strerror(-r));
        r = pending_remove();
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r));
        (void)revert_timer_disarm();
        (void)login_text(login, who, sizeof(who));
        say("confirmed by %s: it stays enforced", who);
        if (call->out.json)
                r = output_document(
                        json_pack("{s:b, s:o}", "changed", true, "login", login_document(login)));
        else
                r = output_changed(&call->out, true);
        pending_event(EVENT_ENFORCE_CONFIRMED, p, login, who);
        return r < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus confirm_pending(const Call *call, const Pending *p)
{
        VerbStatus status = check_pending(p);
        LoginRefusal refusal;
        Login login;

        if (status != VERB_OK)
                return status;
        refusal = login_find(&login);
        if (refusal == LOGIN_REFUSAL_NONE)
                refusal = login_judge(&login, p);
        if (refusal != LOGIN_REFUSAL_NONE)
                return fail(VERB_PROBLEM, "%s", login_refusal_sentence(refusal));
        return confirm_by(call, p, &login);
}

int confirm_run(const Call *call)
{
        _cleanup_close_ int lock_fd = -EBADF;
        Pending p = { .gates = NULL };
        VerbStatus status;
        int r = pending_load(&p);

        if (r == -ENOENT)
                return fail(VERB_PROBLEM, "nothing waits for a confirmation");
        pending_done(&p);
        if (r == 0)
                r = pending_lock(LOCK_USEC, &lock_fd);
        /* As it is behind the lock. */
        if (r == 0)
                r = pending_load(&p);
        if (r == -ENOENT)
                return fail(VERB_PROBLEM, "nothing waits for a confirmation any more");
        if (r < 0)
                return fail_record("--confirm", r);
        status = confirm_pending(call, &p);
        pending_done(&p);
        return status;
}

/* ---- --revert ----------------------------------------------------------------------------------
 */

static const char *why(const Pending *p, const char *boot_id)
{
        if (!pending_is_of_boot(p, boot_id))
                return "the host was restarted before anybody confirmed it";
        if (pending_left_usec(p, boot_id, (int64_t)now_monotonic_usec()) == 0)
                return "nobody confirmed it in time";
        return "an administrator took it back";
}

/* Its timer may be gone without a restart that we could tell: a soft reboot keeps /run and stops
 * every unit. */
static VerbStatus revert_later(const Call *call, int64_t left_usec)
{
        const int64_t usec = (int64_t)USEC_PER_SEC;

        if (revert_timer_possible() && revert_timer_arm((left_usec + usec - 1) / usec) < 0)
                return fail(VERB_FAILED, "nhi-revert.timer could not be started: try again, or "
                                         "nhictl enforce --revert");
        say("the enforcement may still be confirmed: nothing is due");
        return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus revert_pending(const Call *call, const Pending *p, bool if_due)
{
        char boot_id[PENDING_ID_SIZE], gates[256];
        const char *detail;
        VerbStatus status;
        int64_t left_usec;

        boot_id_read(boot_id);
        left_usec = pending_left_usec(p, boot_id, (int64_t)now_monotonic_usec());
        if (if_due && left_usec > 0)
                return revert_later(call, left_usec);
        detail = why(p, boot_id);
        status = pending_revert(p);
        if (status != VERB_OK)
                return status;
        say("%s is as it was before it was enforced: %s",
            pending_gates_text(p, gates, sizeof(gates)), detail);
        status = output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
        pending_event(EVENT_ENFORCE_REVERTED, p, NULL, detail);
        return status;
}

int confirm_revert(const Call *call, bool if_due)
{
        _cleanup_close_ int lock_fd = -EBADF;
        Pending p = { .gates = NULL };
        VerbStatus status;
        int r;

        /* It helps, but what undoes an enforcement never waits for ever. */
        (void)pending_lock(LOCK_USEC, &lock_fd);
        r = pending_load(&p);
        if (r == -ENOENT) {
                say("nothing waits for a confirmation; nhictl observe lets gates observe");
                return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
        }
        if (r < 0)
                return fail_record("--revert", r);
        status = revert_pending(call, &p, if_due);
        pending_done(&p);
        return status;
}
