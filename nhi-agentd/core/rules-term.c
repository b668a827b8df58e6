/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a grant's terms allow. Each rule is a filter over the candidates (rules.h). */

#include "nhi-agentd/core/rules.h"

#include <string.h>

typedef bool (*TermCheck)(const Judge *j, const Term *t);

/* Keep the candidates for which check holds; held while one is left. */
static Outcome filter_terms(Judge *j, TermCheck check)
{
        uint32_t kept = 0;

        for (uint32_t i = 0; i < GRANT_TERMS_MAX; i++)
                if ((j->candidates & UINT32_C(1) << i) && check(j, &j->grant->terms[i]))
                        kept |= UINT32_C(1) << i;
        /* On a miss the former candidates stay, for whoever explains it. */
        if (kept == 0)
                return RULE_FAILED;
        j->candidates = kept;
        return RULE_HELD;
}

/* "; granted: a, b" from one list of each term that is still a candidate. */
static void note_granted(Judge *j, const StrList *(*list_of)(const Term *t))
{
        bool any = false;

        note_text(&j->note, "; granted: ");
        for (uint32_t i = 0; i < GRANT_TERMS_MAX && j->note.wanted; i++) {
                if (!(j->candidates & UINT32_C(1) << i) || list_of(&j->grant->terms[i])->n == 0)
                        continue;
                note_text(&j->note, any ? ", " : NULL);
                note_list(&j->note, list_of(&j->grant->terms[i]));
                any = true;
        }
        if (!any)
                note_text(&j->note, "nothing");
}

/* ---- service ----------------------------------------------------------------------------------*/

static bool class_is(const Judge *j, const char *class)
{
        return strcmp(j->request->class, class) == 0;
}

static const StrList *services_of(const Term *t)
{
        return &t->services;
}

static const StrList *units_of(const Term *t)
{
        return &t->units;
}

static bool term_is_user_manager(const Judge *j, const Term *t)
{
        return t->type == TERM_LOGIN && t->user_manager;
}

static bool term_has_unit(const Judge *j, const Term *t)
{
        return t->type == TERM_UNIT && list_contains(&t->units, j->request->unit);
}

static bool term_has_service(const Judge *j, const Term *t)
{
        TermType wanted = j->request->elevation ? TERM_ELEVATE : TERM_LOGIN;

        if (j->request->kind == REQUEST_KEYS && t->n_ssh_keys == 0)
                return false;
        return t->type == wanted && list_contains(&t->services, j->request->class);
}

static Outcome check_unit(Judge *j)
{
        j->reason = REASON_UNIT_NOT_GRANTED;
        note_text(&j->note, "unit ");
        note_text(&j->note, j->request->unit ? j->request->unit : "unknown");
        note_granted(j, units_of);
        return j->request->unit ? filter_terms(j, term_has_unit) : RULE_FAILED;
}

Outcome rule_service(Judge *j)
{
        if (class_is(j, "unit"))
                return check_unit(j);
        if (class_is(j, "systemd-user")) {
                j->reason = REASON_USER_MANAGER_NOT_GRANTED;
                note_text(&j->note, "needs a login term with user_manager");
                return filter_terms(j, term_is_user_manager);
        }
        note_text(&j->note, j->request->elevation ? "elevation by " : "login by ");
        note_text(&j->note, j->request->class);
        note_granted(j, services_of);
        return filter_terms(j, term_has_service);
}

/* ---- origin -----------------------------------------------------------------------------------*/

static bool cidr_contains(const Cidr *c, const uint8_t addr[static 16])
{
        size_t whole = c->prefix / 8;
        unsigned rest = c->prefix % 8;
        uint8_t mask = (uint8_t)(0xff00u >> rest);

        if (c->prefix > 128 || memcmp(c->addr, addr, whole) != 0)
                return false;
        return rest == 0 || ((c->addr[whole] ^ addr[whole]) & mask) == 0;
}

static bool term_covers_origin(const Judge *j, const Term *t)
{
        const AccessRequest *r = j->request;

        if (t->n_from == 0)
                return true;
        if (!r->has_from) /* nothing of ssh is local, whatever the caller says */
                return r->is_local && !class_is(j, "ssh");
        for (size_t i = 0; i < t->n_from; i++)
                if (cidr_contains(&t->from[i], r->from))
                        return true;
        return false;
}

static void note_origin(Judge *j)
{
        const AccessRequest *r = j->request;

        note_text(&j->note, "from ");
        if (r->has_from)
                note_address(&j->note, r->from);
        else
                note_text(&j->note, r->is_local ? "this host" : "an unknown address");
        note_text(&j->note, "; granted:");
        for (uint32_t i = 0; i < GRANT_TERMS_MAX && j->note.wanted; i++) {
                const Term *t = &j->grant->terms[i];

                if (!(j->candidates & UINT32_C(1) << i))
                        continue;
                if (t->n_from == 0)
                        note_text(&j->note, " anywhere");
                for (size_t k = 0; k < t->n_from; k++) {
                        note_text(&j->note, " ");
                        note_cidr(&j->note, &t->from[k]);
                }
        }
}

Outcome rule_from(Judge *j)
{
        /* Keys are asked for before the address is known; the login itself is judged with it. */
        if (j->request->elevation || j->request->kind == REQUEST_KEYS || class_is(j, "unit"))
                return RULE_APART;
        note_origin(j);
        return filter_terms(j, term_covers_origin);
}

/* ---- ssh key ----------------------------------------------------------------------------------*/

static bool term_has_key(const Term *t, const SshKey *key)
{
        for (size_t i = 0; key && i < t->n_ssh_keys; i++)
                if (strcmp(t->ssh_keys[i].algorithm, key->algorithm) == 0 &&
                    strcmp(t->ssh_keys[i].blob, key->blob) == 0)
                        return true;
        return false;
}

static bool term_suits_key(const Judge *j, const Term *t)
{
        return t->n_ssh_keys == 0 || term_has_key(t, j->request->key);
}

Outcome rule_key(Judge *j)
{
        if (!class_is(j, "ssh") || (!j->request->key && !j->request->key_is_judged))
                return RULE_APART;
        note_text(&j->note, j->request->key ? "key used: " : "no key was used");
        note_text(&j->note, j->request->key ? j->request->key->algorithm : NULL);
        note_text(&j->note, j->request->key ? " " : NULL);
        note_text(&j->note, j->request->key ? j->request->key->blob : NULL);
        return filter_terms(j, term_suits_key);
}

bool judge_carries_key(const Judge *j)
{
        for (uint32_t i = 0; i < GRANT_TERMS_MAX; i++)
                if ((j->candidates & UINT32_C(1) << i) &&
                    term_has_key(&j->grant->terms[i], j->request->key))
                        return true;
        return false;
}

/* ---- elevation --------------------------------------------------------------------------------*/

static const StrList *run_as_of(const Term *t)
{
        return &t->run_as;
}

static const StrList *run_as_groups_of(const Term *t)
{
        return &t->run_as_groups;
}

/* Limits that PAM cannot keep, because it learns the command never. */
static bool term_limits_commands(const Term *t)
{
        return t->has_commands || t->n_commands > 0 || t->edit.n > 0;
}

/* As good as root: whoever may become root, or anybody, is held by no narrower limit. */
static bool term_is_wide(const Judge *j, const Term *t)
{
        return !term_limits_commands(t) &&
               (list_contains(&t->run_as, "*") || list_contains(&t->run_as, "root"));
}

static bool term_has_target(const Judge *j, const Term *t)
{
        /* Not known yet: sudo's plugin and the session phase judge it; others have only this. */
        if (!j->request->target)
                return class_is(j, "sudo") ? t->run_as.n > 0 : term_is_wide(j, t);
        return list_contains(&t->run_as, j->request->target) || list_contains(&t->run_as, "*");
}

Outcome rule_target(Judge *j)
{
        if (!j->request->elevation)
                return RULE_APART;
        note_text(&j->note, "target ");
        note_text(&j->note, j->request->target ? j->request->target : "not known yet");
        note_granted(j, run_as_of);
        return filter_terms(j, term_has_target);
}

static bool term_has_group(const Judge *j, const Term *t)
{
        return list_contains(&t->run_as_groups, j->request->target_group) ||
               list_contains(&t->run_as_groups, "*");
}

Outcome rule_target_group(Judge *j)
{
        const char *group = j->request->target_group;

        if (!j->request->elevation || !group || group[0] == '\0')
                return RULE_APART;
        note_text(&j->note, "target group ");
        note_text(&j->note, group);
        note_granted(j, run_as_groups_of);
        return filter_terms(j, term_has_group);
}

/* Whoever is in already has come past it; what became narrow since is rule_command's. */
Outcome rule_plugin(Judge *j)
{
        if (!class_is(j, "sudo") || j->request->kind == REQUEST_COMMAND ||
            j->request->kind == REQUEST_REVIEW)
                return RULE_APART;
        if (j->request->sudo_plugin) {
                note_text(&j->note, "sudo_nhi is configured and keeps narrow grants");
                return RULE_HELD;
        }
        note_text(&j->note, "sudo_nhi is not configured: only a grant for root, without command "
                            "limits, can be kept");
        return filter_terms(j, term_is_wide);
}

static bool term_has_command(const Judge *j, const Term *t)
{
        const AccessRequest *r = j->request;

        if (!term_limits_commands(t))
                return true;
        for (size_t i = 0; i < t->n_commands; i++) {
                const StrList *argv = &t->commands[i].argv;
                size_t same = 0;

                if (argv->n != r->argv.n + 1 || strcmp(argv->items[0], r->command) != 0)
                        continue;
                while (same < r->argv.n && strcmp(argv->items[same + 1], r->argv.items[same]) == 0)
                        same++;
                if (same == r->argv.n)
                        return true;
        }
        return false;
}

static bool term_is_unlimited(const Judge *j, const Term *t)
{
        return !term_limits_commands(t);
}

/* Nobody has seen the command of a session that was opened without sudo_nhi. */
static Outcome rule_command_unseen(Judge *j)
{
        if (j->request->kind != REQUEST_REVIEW || j->request->sudo_plugin)
                return RULE_APART;
        note_text(&j->note, "it was opened without sudo_nhi: no command limit can be kept");
        return filter_terms(j, term_is_wide);
}

Outcome rule_command(Judge *j)
{
        const AccessRequest *r = j->request;

        if (!r->elevation || r->edit.n > 0)
                return RULE_APART;
        if (!class_is(j, "sudo")) {
                note_text(&j->note, "only sudo can keep a limit on commands");
                return filter_terms(j, term_is_unlimited);
        }
        if (!r->command)
                return rule_command_unseen(j);
        note_text(&j->note, r->command);
        for (size_t i = 0; i < r->argv.n; i++) {
                note_text(&j->note, " ");
                note_text(&j->note, r->argv.items[i]);
        }
        return filter_terms(j, term_has_command);
}

static const StrList *edit_of(const Term *t)
{
        return &t->edit;
}

static bool term_has_edits(const Judge *j, const Term *t)
{
        for (size_t i = 0; i < j->request->edit.n; i++)
                if (!list_contains(&t->edit, j->request->edit.items[i]))
                        return false;
        return true;
}

Outcome rule_edit(Judge *j)
{
        if (!j->request->elevation || j->request->edit.n == 0)
                return RULE_APART;
        note_text(&j->note, "edit ");
        note_list(&j->note, &j->request->edit);
        note_granted(j, edit_of);
        return filter_terms(j, term_has_edits);
}
