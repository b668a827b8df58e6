/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* `check`: the verdict that a request would be given, and the rules that lead to it. */

#include "nhi-agentd/control/verbs.h"

#include "lib/base/io.h"
#include "lib/base/service.h"

#include <arpa/inet.h>
#include <stdio.h>

#define CHECK_LIST_MAX   256u
#define CHECK_GRANTS_MAX 256u
/* Latest second that fits a clock in microseconds. */
#define CHECK_AT_MAX (INT64_MAX / (int64_t)USEC_PER_SEC)

/* The question, with what it points into. */
typedef struct Question {
        AccessRequest request;
        Now now;
        const char *command_items[CHECK_LIST_MAX], *edit_items[CHECK_LIST_MAX];
        gid_t gids[CHECK_LIST_MAX];
        size_t n_gids;
} Question;

/* An array of texts into items: their number, or -EINVAL. */
static ssize_t texts_read(const json_t *array, const char *items[static CHECK_LIST_MAX])
{
        size_t n = json_array_size(array);

        if (n > CHECK_LIST_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                items[i] = json_string_value(json_array_get(array, i));
                if (!items[i])
                        return -EINVAL;
        }
        return (ssize_t)n;
}

static int gids_read(const json_t *array, Question *q)
{
        size_t n = json_array_size(array);

        if (n > CHECK_LIST_MAX)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                const json_t *gid = json_array_get(array, i);

                if (!json_is_integer(gid) || json_integer_value(gid) < 0 ||
                    json_integer_value(gid) >= UINT32_MAX)
                        return -EINVAL;
                q->gids[i] = (gid_t)json_integer_value(gid);
        }
        q->n_gids = n;
        return 0;
}

/* IPv4 as ::ffff:a.b.c.d, as the core has it. */
static int address_read(const char *text, uint8_t ret[static 16])
{
        struct in6_addr v6;
        struct in_addr v4;

        if (inet_pton(AF_INET6, text, &v6) == 1) {
                memcpy(ret, &v6, 16);
                return 0;
        }
        if (inet_pton(AF_INET, text, &v4) != 1)
                return -EINVAL;
        memset(ret, 0, 10);
        ret[10] = ret[11] = 0xff;
        memcpy(ret + 12, &v4, 4);
        return 0;
}

static int command_read(const json_t *request, Question *q)
{
        ssize_t n = texts_read(json_object_get(request, "command"), q->command_items);
        ssize_t n_edit = texts_read(json_object_get(request, "edit"), q->edit_items);

        if (n < 0 || n_edit < 0)
                return -EINVAL;
        if (n > 0) {
                q->request.command = q->command_items[0];
                q->request.argv = (StrList){ &q->command_items[1], (size_t)n - 1 };
        }
        q->request.edit = (StrList){ q->edit_items, (size_t)n_edit };
        return 0;
}

/* The phase that a question of this shape is put in: what is known decides. */
static RequestKind question_kind(const AccessRequest *r)
{
        if (!r->elevation)
                return REQUEST_SESSION;
        if (r->command || r->edit.n > 0)
                return REQUEST_COMMAND;
        return r->target ? REQUEST_SESSION : REQUEST_ACCOUNT;
}

/* The uid that a module would send: asked, else what the set or the local files say. */
static uint32_t account_uid(const Agent *a, json_t *request, const char *account)
{
        const Account *ours = grant_store_account(&a->store, account);
        int64_t asked = request_number(request, "uid", -1);
        uint32_t uid, gid;

        if (asked >= 0 && asked < UINT32_MAX)
                return (uint32_t)asked;
        if (ours)
                return ours->uid;
        return localdb_user(a->local, account, &uid, &gid) ? uid : UINT32_MAX;
}

static bool class_is_elevation(const char *class)
{
        return service_is_elevation(strncmp(class, "pam:", 4) == 0 ? class + 4 : class);
}

/* NULL, or what is wrong with the request. */
static const char *question_read(const Agent *a, json_t *request, Question *q)
{
        const char *account = request_text(request, "account");
        const char *class = request_text(request, "class"), *from = request_text(request, "from");
        int64_t at = request_number(request, "at", 0);
        AccessRequest *r = &q->request;

        if (!name_is_sane(account))
                return "that is no account name";
        if (!service_class_is_valid(class) && !streq(class, "systemd-user"))
                return "that is no service class (ssh sudo su cron at login unit pam:NAME)";
        if (gids_read(json_object_get(request, "gids"), q) < 0)
                return "gids is a list of group ids";
        if (command_read(request, q) < 0)
                return "command and edit are lists of texts";
        if (from && address_read(from, r->from) < 0)
                return "from is an IPv4 or IPv6 address";
        if (at < 0 || at > CHECK_AT_MAX)
                return "at is a time in seconds since the epoch";

        r->account = account;
        r->class = class;
        r->uid = account_uid(a, request, account);
        r->elevation = class_is_elevation(class);
        r->sudo_plugin = a->sudo_plugin;
        r->target = request_text(request, "run_as");
        if (!r->target && r->elevation && (r->command || r->edit.n > 0))
                r->target = "root"; /* sudo's default */
        r->target_group = request_text(request, "run_as_group");
        r->unit = request_text(request, "unit");
        r->has_from = from != NULL;
        r->is_local = !from && !streq(class, "ssh");
        r->kind = question_kind(r);

        q->now = agent_now(a);
        if (at > 0) {
                q->now.boot_usec += at * (int64_t)USEC_PER_SEC - q->now.real_usec;
                q->now.real_usec = at * (int64_t)USEC_PER_SEC;
        }
        return NULL;
}

/* ---- the gate, from the agent's own configuration, without NSS ----------------------------------
 */

static bool globs_match(const StrList *globs, const char *text)
{
        for (size_t i = 0; i < globs->n; i++)
                if (glob_match(globs->items[i], text))
                        return true;
        return false;
}

static bool group_holds(const Agent *a, const Question *q, const char *group)
{
        uint32_t gid;

        if (localdb_is_member(a->local, q->request.account, group))
                return true;
        if (!localdb_group(a->local, group, &gid) && !idmap_group_by_name(a->idmap, group, &gid))
                return false;
        for (size_t i = 0; i < q->n_gids; i++)
                if (q->gids[i] == gid)
                        return true;
        return false;
}

static bool gate_holds(const Agent *a, const Question *q, const GateRule *g)
{
        if (!globs_match(&g->services, q->request.class))
                return false;
        if (globs_match(&g->accounts, q->request.account))
                return true;
        for (size_t i = 0; i < g->groups.n; i++)
                if (group_holds(a, q, g->groups.items[i]))
                        return true;
        return false;
}

static bool account_is_defined(const Agent *a, const AccessRequest *r)
{
        IdMapUser known;

        return idmap_user_by_name(a->idmap, r->account, &known) ||
               idmap_user_by_uid(a->idmap, r->uid, &known);
}

/* As lib/gate/gate.h: a defined account or an enforced gate, else an observed gate. */
static GateMode check_gate(const Agent *a, const Question *q, const char **ret_name)
{
        const GateRule *observed = NULL;

        *ret_name = "";
        if (account_is_defined(a, &q->request))
                return GATE_ENFORCE;
        for (size_t i = 0; i < a->config->n_gates; i++) {
                const GateRule *g = &a->config->gates[i];

                if (!gate_holds(a, q, g))
                        continue;
                if (g->mode != GATE_OBSERVE) {
                        *ret_name = g->name;
                        return GATE_ENFORCE;
                }
                if (!observed)
                        observed = g;
        }
        if (!observed)
                return GATE_UNGATED;
        *ret_name = observed->name;
        return GATE_OBSERVE;
}

static const char *gate_mode_word(GateMode m)
{
        static const char *const words[] = {
                [GATE_ENFORCE] = "enforce",
                [GATE_OBSERVE] = "observe",
                [GATE_UNGATED] = "ungated",
                [GATE_EXEMPT] = "exempt",
        };

        return words[m];
}

/* ---- the verdict and its rules -----------------------------------------------------------------
 */

static void on_rule(void *userdata, const char *rule, bool held, const char *detail)
{
        json_t *rules = userdata;

        (void)array_take(rules, json_pack("{s:o, s:b, s:o}", "rule", json_text(rule), "held", held,
                                          "detail", json_text(detail)));
}

static json_t *grant_rules(Agent *a, const Grant *g, const HostView *host, const Question *q)
{
        json_t *rules = json_array();
        Decision d;

        if (!rules)
                return NULL;
        d = decide_explain(&a->store, g, host, &q->request, q->now, on_rule, rules);
        return json_pack("{s:o, s:b, s:s, s:o}", "jti", json_text(g->jti), "allows",
                         d.verdict == VERDICT_ALLOW, "reason", reason_token(d.reason), "rules",
                         rules);
}

static json_t *rules_of_grants(Agent *a, const HostView *host, const Question *q)
{
        const Grant *const *grants;
        json_t *list = json_array();
        size_t n = 0;

        grants = grant_store_find(&a->store, q->request.account, &n);
        for (size_t i = 0; i < n && i < CHECK_GRANTS_MAX; i++)
                if (array_take(list, grant_rules(a, grants[i], host, q)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

static int verdict_add(json_t *body, const Decision *d)
{
        if (json_object_set_new(body, "jti", json_text(d->grant ? d->grant->jti : NULL)) < 0)
                return -ENOMEM;
        if (d->verdict != VERDICT_ALLOW)
                return 0;
        return json_object_set_new(body, "until", json_integer(d->end_sec)) < 0 ? -ENOMEM : 0;
}

static int question_answer(Agent *a, const Question *q, json_t **ret_reply)
{
        HostView host = agent_host_view(a);
        Decision d = decide(&a->store, &host, &q->request, q->now);
        const char *gate;
        GateMode mode = check_gate(a, q, &gate);
        json_t *body;

        body = json_pack("{s:{s:s, s:o}, s:s, s:s, s:s, s:s, s:o}", "gate", "mode",
                         gate_mode_word(mode), "name", json_text(gate), "verdict",
                         d.verdict == VERDICT_ALLOW ? "allow" : "deny", "reason",
                         reason_token(d.reason), "sentence", reason_sentence(d.reason), "advice",
                         reason_advice(d.reason), "grants", rules_of_grants(a, &host, q));
        if (body && verdict_add(body, &d) < 0) {
                json_decref(body);
                return -ENOMEM;
        }
        return reply_ok(body, ret_reply);
}

int control_check(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        _cleanup_free_ Question *q = NULL;
        const char *account, *wrong;
        int r;

        r = request_account(peer, request, &account, ret_reply);
        if (r != 0)
                return r < 0 ? r : 0;
        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        wrong = question_read(a, request, q);
        if (wrong)
                return reply_refuse(ret_reply, "usage", "%s", wrong);
        return question_answer(a, q, ret_reply);
}
