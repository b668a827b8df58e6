/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who needs a grant for one thing and has another for good? What stands behind an enforced class
 * waits for a grant and is [OK]; what stands behind a class that no gate covers, or one that only
 * observes, is access without a grant: a warning, because the administrator may have meant it. An
 * account that a grant set defined should have nothing of its own but the rule that sudo asks for:
 * that is a warning even where it is inert, for it would open with the gate. */

#include "nhictl/doctor/standing.h"

#include "nhictl/doctor/checks.h"

#include <stdio.h>

#define CHECK        "standing"
#define WORDS_SIZE   512u
#define STANDING_MAX 64u /* accounts; each costs a question to sshd and one to sudoers */

typedef struct Words {
        char text[WORDS_SIZE];
} Words;

static void words_add(Words *w, const char *word, const char *class)
{
        size_t used = strlen(w->text);

        (void)snprintf(w->text + used, sizeof(w->text) - used, "%s%s (%s)", used ? ", " : "", word,
                       class);
}

static bool is_open(GateMode mode)
{
        return mode == GATE_UNGATED || mode == GATE_OBSERVE;
}

/* The class by which it is open now, or NULL. */
static const char *open_class(const People *p, const Person *who, StandingKind k)
{
        const char *too = standing_class_too(k);

        if (is_open(person_mode(p, who, standing_class(k))))
                return standing_class(k);
        return too && is_open(person_mode(p, who, too)) ? too : NULL;
}

typedef struct Verdict {
        Words open;    /* no enforced gate stands before it */
        Words own;     /* a managed account's, which grants make superfluous */
        Words waits;   /* for a grant */
        Words unknown; /* it could not be looked at */
} Verdict;

/* sudo asks sudoers as well as the grant, so a rule there is no access of its own. */
static bool is_superfluous(const Person *who, StandingKind k)
{
        return who->is_managed && k != STANDING_SUDOERS;
}

static void judge(const People *p, const Person *who, Verdict *ret)
{
        Standing s;

        *ret = (Verdict){ .open = { "" } };
        standing_find(p, who, &s);
        for (StandingKind k = 0; k < STANDING_N; k++) {
                const char *class = open_class(p, who, k);

                if (s.unknown[k])
                        words_add(&ret->unknown, standing_word(k), standing_class(k));
                else if (s.has[k] && class)
                        words_add(&ret->open, standing_word(k), class);
                else if (s.has[k])
                        words_add(is_superfluous(who, k) ? &ret->own : &ret->waits,
                                  standing_word(k), standing_class(k));
        }
}

static void say_managed(const Person *who, const Verdict *v, Tally *t, Findings *f)
{
        if (who->is_local && tally_take(t))
                finding_warn(f, CHECK,
                             "take one of the two away: userdel here, or nhictl account disable at "
                             "the issuer",
                             "%s is defined by a grant set and is a local account as well: the "
                             "local one is what programs see",
                             who->name);
        if (*v->own.text && tally_take(t))
                finding_warn(f, CHECK, "take it away: grants carry what it needs",
                             "%s, a managed account, has of its own: %s; inert while its gate "
                             "stands",
                             who->name, v->own.text);
}

static void say_person(const People *p, const Person *who, Tally *t, Findings *f)
{
        Verdict v;

        judge(p, who, &v);
        if (*v.open.text && tally_take(t))
                finding_warn(f, CHECK,
                             "take it away, or gate those classes too (agentd.conf(5), gates)",
                             "%s needs a grant for some things and has these without one: %s",
                             who->name, v.open.text);
        if (*v.unknown.text && tally_take(t))
                finding_warn(f, CHECK, "sshd -t; visudo -c; ls -l /etc/shadow",
                             "it cannot be found out whether %s has: %s", who->name,
                             v.unknown.text);
        if (who->is_managed)
                say_managed(who, &v, t, f);
        if (*v.waits.text && !*v.open.text)
                finding_ok(f, CHECK, "%s has %s: these wait for a grant", who->name, v.waits.text);
}

/* root's ways in are the business of check exempt. */
static bool is_looked_at(const People *p, const Person *who)
{
        return who->uid != 0 && (who->is_managed || person_mode_any(p, who) == GATE_ENFORCE);
}

void check_standing(const DoctorHost *h, Findings *f)
{
        People p = { .host = h };
        int r = people_load(h, &p);
        size_t before = f->n, n = 0;
        Tally t = { 0 };

        if (r < 0) {
                finding_warn(f, CHECK, "mend /etc/passwd and /etc/group",
                             "the local accounts cannot be read: %s", strerror(-r));
                return;
        }
        for (size_t i = 0; i < p.n; i++)
                if (is_looked_at(&p, &p.items[i]) && n++ < STANDING_MAX)
                        say_person(&p, &p.items[i], &t, f);
        tally_more(&t, f, CHECK, "findings of standing access");
        if (n > STANDING_MAX || p.n_more > 0)
                finding_warn(f, CHECK, "nhictl check ACCOUNT CLASS answers for one account",
                             "%zu further accounts were not looked at",
                             (n > STANDING_MAX ? n - STANDING_MAX : 0) + p.n_more);
        if (f->n == before)
                finding_ok(f, CHECK, "%s",
                           n > 0 ? "no gated account has access of its own"
                                 : "no account is under an enforced gate");
        people_done(&p);
}
