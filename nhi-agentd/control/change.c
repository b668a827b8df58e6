/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The control verbs that change something. Each only narrows what is given (C4), but for unlock,
 * reload and log-resume, which are uid 0's. */

#include "nhi-agentd/control/verbs.h"
#include "nhi-agentd/evidence.h"

#include <stdio.h>

static const SessionView *session_find(const SessionView *list, size_t n, const char *id)
{
        for (size_t i = 0; i < n; i++)
                if (streq(list[i].id, id))
                        return &list[i];
        return NULL;
}

/* Who ends it and why, for the log and for whoever sits at its terminal. */
static void end_words(const Peer *peer, const char *reason, char *ret, size_t size)
{
        char uid[16];
        const char *who = *peer->account ? peer->account : uid;

        (void)snprintf(uid, sizeof(uid), "uid %u", (unsigned)peer->uid);
        if (reason && *reason)
                (void)snprintf(ret, size, "ended by %s: %s", who, reason);
        else
                (void)snprintf(ret, size, "ended by %s with nhictl end", who);
}

int control_end(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        _cleanup_free_ SessionView *list = NULL;
        const char *id = request_text(request, "session");
        const SessionView *s;
        char why[2 * LABEL_SIZE_MAX];
        size_t n = 0;
        int r;

        r = sessions_snapshot(a, &list, &n);
        if (r < 0)
                return r;

        s = session_find(list, n, id);
        if (!s || (peer->uid != 0 && s->uid != peer->uid))
                return reply_refuse(
                        ret_reply, "absent",
                        "there is no such session, or it is not yours: nhictl sessions");

        end_words(peer, request_text(request, "reason"), why, sizeof(why));
        r = session_end(a->sessions, id, why);
        if (r == -ENOENT)
                return reply_refuse(ret_reply, "absent", "the session is over already");
        if (r < 0)
                return reply_refuse(ret_reply, "failed", "the session could not be ended: %s",
                                    strerror(-r));
        return reply_ok(json_pack("{s:o}", "ended", json_text(id)), ret_reply);
}

/* The account's grants that are not over: all of them, or the one asked for. Their ids are copied:
 * giving one back rebuilds the store. */
static int grants_to_give_back(const Agent *a, const char *account, const char *jti, json_t *ids)
{
        const Grant *const *grants;
        Now now = agent_now(a);
        size_t n = 0;
        int r;

        grants = grant_store_find(&a->store, account, &n);
        for (size_t i = 0; i < n; i++) {
                Reason state = grant_state(a, grants[i], now);

                if (jti && !streq(grants[i]->jti, jti))
                        continue;
                if (state == REASON_GIVEN_BACK || state == REASON_EXPIRED)
                        continue;
                r = array_take(ids, json_text(grants[i]->jti));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int give_back_all(Agent *a, json_t *ids)
{
        const json_t *id;
        size_t i;
        int r;

        json_array_foreach(ids, i, id) {
                r = agent_give_back(a, json_string_value(id));
                if (r < 0 && r != -EALREADY && r != -ENOENT)
                        return r;
        }
        return 0;
}

/* The holder's own verb: root, who is not the holder, narrows by lock, end or revoke. */
int control_done(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        const char *jti = request_text(request, "jti");
        json_t *ids;
        int r;

        if (!*peer->account)
                return reply_no_account(peer, ret_reply);
        if (jti && !grant_of(&a->store, peer->account, jti))
                return reply_refuse(ret_reply, "absent",
                                    "you hold no such grant: nhictl mine (root narrows by: "
                                    "nhictl lock ID)");

        ids = json_array();
        r = ids ? grants_to_give_back(a, peer->account, jti, ids) : -ENOMEM;
        if (r == 0)
                r = give_back_all(a, ids);
        if (r < 0) {
                json_decref(ids);
                return reply_refuse(ret_reply, "failed", "not everything was given back: %s",
                                    strerror(-r));
        }
        return reply_ok(json_pack("{s:o}", "ended", ids), ret_reply);
}

/* ---- lock, unlock: an account or a grant, on this host ------------------------------------------
 */

static void record_hold(Agent *a, const char *what, const char *name, const char *why)
{
        char message[LABEL_SIZE_MAX + 64], detail[512];
        Event e = { .kind = EVENT_CONFIG_CHANGED, .message = message, .code = what };

        (void)snprintf(message, sizeof(message), "%s: %s", what, name);
        (void)snprintf(detail, sizeof(detail), "%s%s%s", name, why ? ": " : "", why ? why : "");
        e.detail = detail;
        agent_record(a, &e);
}

static int hold_set(Agent *a, json_t *request, bool locked, json_t **ret_reply)
{
        const char *name = request_text(request, "name");
        bool changed = false;
        int r;

        if (!name_is_sane(name) && !jti_is_valid(name))
                return reply_refuse(ret_reply, "usage",
                                    "that is neither an account nor the id of a grant");

        r = agent_lock(a, name, locked, &changed);
        if (r < 0)
                return reply_refuse(ret_reply, "failed", "could not %s: %s",
                                    locked ? "lock" : "unlock", strerror(-r));
        if (changed)
                record_hold(a, locked ? "lock" : "unlock", name, request_text(request, "reason"));
        return reply_ok(json_pack("{s:b}", "changed", changed), ret_reply);
}

int control_lock(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        return hold_set(a, request, true, ret_reply);
}

int control_unlock(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        return hold_set(a, request, false, ret_reply);
}

/* The files are read off the loop: what came of it shows in status ("config_error"). */
int control_reload(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        int r = agent_reload(a);

        if (r < 0)
                return reply_refuse(ret_reply, "failed", "the old configuration stays: %s",
                                    *a->config_error ? a->config_error : strerror(-r));
        return reply_ok(json_pack("{s:b}", "changed", true), ret_reply);
}

/* What came of it shows in status ("log"). */
int control_log_resume(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        const char *why = request_text(request, "reason");
        char detail[512];
        const Event e = { .kind = EVENT_LOG_RESUMED,
                          .account = *peer->account ? peer->account : NULL,
                          .uid = peer->uid,
                          .detail = detail };
        int r;

        (void)snprintf(detail, sizeof(detail), "by uid %u%s%s", peer->uid, why ? ": " : "",
                       why ? why : "");
        r = evidence_resume(a->evidence, &e);
        if (r < 0 && r != -EALREADY)
                return reply_refuse(ret_reply, "failed", "the log could not be resumed: %s",
                                    strerror(-r));
        return reply_ok(json_pack("{s:b}", "changed", r == 0), ret_reply);
}
