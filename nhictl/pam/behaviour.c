/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/behaviour.h"

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/base/service.h"
#include "nhictl/agent-client.h"
#include "nhictl/gates-file.h"
#include "nhictl/output.h"
#include "nhictl/pam/probe.h"
#include "nhictl/pam/stack.h"
#include "nhictl/reply.h"
#include "nhictl/subject.h"

#include <pwd.h>
#include <security/pam_appl.h>
#include <stdio.h>

#define PASSWD_FILE    PATH_ROOT "/etc/passwd"
#define PERSON_FIRST   1000u
#define PERSON_LAST    59999u
#define CANDIDATES_MAX 64u

static const char *const services[] = { "sshd", "sudo", "su", "login" };

static GateMode mode_of(const char *user, const char *service)
{
        char buf[SERVICE_SIZE_MAX + 1];
        GateMode mode;
        Subject s;

        subject_resolve(user, &s);
        mode = subject_gate(&s, service_class(service, buf), NULL, 0);
        subject_done(&s);
        return mode;
}

static void question_add(PamBehaviour *b, const char *service, const char *user, uid_t uid,
                         bool must_deny)
{
        PamQuestion *q = &b->questions[b->n];

        if (b->n == PAM_QUESTIONS_MAX)
                return;
        *q = (PamQuestion){ .service = service, .uid = uid, .must_deny = must_deny };
        (void)snprintf(q->user, sizeof(q->user), "%s", user);
        q->before = must_deny ? 0 : pam_probe(service, user, uid);
        b->n++;
}

/* In every service in which no enforced gate stands before this account. */
static void questions_add(PamBehaviour *b, const char *user, uid_t uid)
{
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                if (pam_service_exists(PATH_ROOT, services[i]) &&
                    mode_of(user, services[i]) != GATE_ENFORCE)
                        question_add(b, services[i], user, uid, false);
}

/* ---- whom to ask for ---- */

static bool is_person(const struct passwd *p)
{
        const char *shell = p->pw_shell ? strrchr(p->pw_shell, '/') : NULL;

        return p->pw_uid >= PERSON_FIRST && p->pw_uid <= PERSON_LAST &&
               !(shell && (streq(shell, "/nologin") || streq(shell, "/false")));
}

/* From the file: enumerating a directory service could take minutes. */
static bool person_find(char *ret, size_t size, uid_t *ret_uid)
{
        FILE *f = fopen(PASSWD_FILE, "re");
        const struct passwd *p;
        bool found = false;

        for (unsigned n = 0; f && !found && n < CANDIDATES_MAX && (p = fgetpwent(f));) {
                if (!is_person(p))
                        continue;
                n++;
                found = mode_of(p->pw_name, "sshd") != GATE_ENFORCE;
                if (found) {
                        (void)snprintf(ret, size, "%s", p->pw_name);
                        *ret_uid = p->pw_uid;
                }
        }
        if (f)
                (void)fclose(f);
        return found;
}

/* Without an agent nobody who is gated has a grant. */
static bool has_grant(const char *account)
{
        json_t *request =
                json_pack("{s:s, s:s, s:s}", "verb", "check", "account", account, "class", "ssh");
        json_t *reply = NULL;
        bool allowed;

        if (!request || agent_call(request, &reply) < 0) {
                json_decref(request);
                return false;
        }
        allowed = !streq_ptr(member_text(reply, "verdict"), "deny");
        json_decref(request);
        json_decref(reply);
        return allowed;
}

static bool managed_find(char *ret, size_t size)
{
        json_t *accounts = accounts_published();
        const json_t *item;
        bool found = false;
        size_t i;

        json_array_foreach(accounts, i, item) {
                const char *name = json_string_value(item);

                if (i == CANDIDATES_MAX)
                        break;
                if (!name || mode_of(name, "sshd") != GATE_ENFORCE || has_grant(name))
                        continue;
                (void)snprintf(ret, size, "%s", name);
                found = true;
                break;
        }
        json_decref(accounts);
        return found;
}

void pam_behaviour_ask(PamBehaviour *ret)
{
        char name[LABEL_SIZE_MAX + 1];
        uid_t uid = 0;

        ret->n = 0;
        questions_add(ret, "root", 0);
        if (ret->n == 0)
                say("warning: root is under enforced gates in every service: a way in needs an "
                    "exemption in /etc/nhi/exempt");
        if (person_find(name, sizeof(name), &uid))
                questions_add(ret, name, uid);
        else
                say("no local account of a person without an enforced gate is here: only root is "
                    "tried");
        if (!pam_service_exists(PATH_ROOT, "sshd"))
                return;
        if (managed_find(name, sizeof(name)))
                question_add(ret, "sshd", name, 0, true);
        else
                say("no managed account without a grant is here: that one is denied was not tried");
}

/* ---- judging ---- */

static const char *code_words(int code)
{
        return code < 0 ? strerror(-code) : pam_strerror(NULL, code);
}

/* What the gate says to one without a grant; USER_UNKNOWN where the name is not published. */
static bool is_denial(int code)
{
        return code == PAM_PERM_DENIED || code == PAM_AUTHINFO_UNAVAIL || code == PAM_USER_UNKNOWN;
}

static bool question_holds(const PamQuestion *q)
{
        int code = pam_probe(q->service, q->user, q->uid);

        if (q->must_deny ? is_denial(code) : code == q->before)
                return true;
        if (q->must_deny)
                say("%s: %s has no grant and is not denied: PAM says \"%s\"", q->service, q->user,
                    code_words(code));
        else
                say("%s: PAM's answer to %s would become \"%s\"; before the change it was \"%s\"",
                    q->service, q->user, code_words(code), code_words(q->before));
        return false;
}

bool pam_behaviour_holds(const PamBehaviour *b)
{
        bool well = true;

        for (size_t i = 0; i < b->n; i++)
                well &= question_holds(&b->questions[i]);
        return well;
}
