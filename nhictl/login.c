/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/login.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/service.h"
#include "nhictl/command.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-login.h>

#define LOGINCTL          PATH_ROOT "/usr/bin/loginctl"
#define SESSION_TEXT_SIZE 1024u /* what the properties of one session take at most, and more */
#define SESSIONS_MAX      4096u
#define ASK_TRIES         5u

static const char *const refusals[] = {
#define LOGIN_REFUSAL_SENTENCE(name, sentence) sentence,
        LOGIN_REFUSALS(LOGIN_REFUSAL_SENTENCE)
#undef LOGIN_REFUSAL_SENTENCE
};

const char *login_refusal_sentence(LoginRefusal r)
{
        return refusals[r];
}

/* ---- what loginctl says ------------------------------------------------------------------------
 */

static int64_t number(const char *text)
{
        char *end;
        long long v = strtoll(text, &end, 10);

        return *text && *end == '\0' && v >= 0 ? v : -1;
}

static void property_take(Login *l, const char *name, const char *value)
{
        const struct {
                const char *name;
                char *text;
        } texts[] = { { "Id", l->session },
                      { "Name", l->user },
                      { "Service", l->service },
                      { "Class", l->class },
                      { "RemoteHost", l->remote } };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(texts[i].name, name))
                        (void)snprintf(texts[i].text, LOGIN_TEXT_MAX, "%s", value);
        if (streq(name, "Audit") && number(value) > 0 && number(value) < UINT32_MAX)
                l->audit_session = (uint32_t)number(value);
        if (streq(name, "Leader"))
                l->leader = number(value);
        if (streq(name, "TimestampMonotonic"))
                l->begun_monotonic_usec = number(value);
}

static bool is_wanted(const Login *l, uint32_t audit_session, LoginAuditOf audit_of, const char *id)
{
        if (!*l->session)
                return false;
        if (audit_session == LOGIN_AUDIT_INVALID)
                return streq_ptr(l->session, id);
        return l->audit_session == audit_session ||
               (l->leader > 0 && audit_of(l->leader) == audit_session);
}

bool login_parse(const char *text, uint32_t audit_session, LoginAuditOf audit_of, const char *id,
                 Login *ret)
{
        static const Login none = { .audit_session = LOGIN_AUDIT_INVALID,
                                    .begun_monotonic_usec = -1 };
        _cleanup_free_ char *copy = strdup(text);
        char *at = copy, *line;
        bool found = false;
        Login l = none;

        while (copy && (line = strsep(&at, "\n"))) {
                char *equals = strchr(line, '=');

                if (equals) {
                        *equals = '\0';
                        property_take(&l, line, equals + 1);
                }
                if (*line != '\0' && at)
                        continue;
                if (is_wanted(&l, audit_session, audit_of, id) &&
                    (!found || l.begun_monotonic_usec < ret->begun_monotonic_usec)) {
                        *ret = l;
                        found = true;
                }
                l = none;
        }
        return found;
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static uint32_t audit_session_read(int64_t pid)
{
        char path[48], text[16] = "";
        _cleanup_close_ int fd = -EBADF;

        (void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/sessionid", pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
                return LOGIN_AUDIT_INVALID;
        text[strcspn(text, "\n")] = '\0';
        return number(text) > 0 && number(text) < UINT32_MAX ? (uint32_t)number(text)
                                                             : LOGIN_AUDIT_INVALID;
}

/* The properties of all these sessions, malloc'ed; NULL where logind does not tell. loginctl stops
 * at the first that is gone meanwhile: half an answer is none, for the oldest session counts. */
static char *sessions_ask(char **ids, size_t n)
{
        static const char *const head[] = {
                LOGINCTL,   "--no-pager",   "show-session",        "-pId",
                "-pAudit",  "-pName",       "-pService",           "-pClass",
                "-pLeader", "-pRemoteHost", "-pTimestampMonotonic"
        };
        _cleanup_free_ const char **words = calloc(ELEMENTSOF(head) + n + 1, sizeof(*words));
        size_t size = (n + 1) * SESSION_TEXT_SIZE;
        _cleanup_free_ char *text = malloc(size);

        if (!words || !text)
                return NULL;
        memcpy(words, head, sizeof(head));
        memcpy(words + ELEMENTSOF(head), ids, n * sizeof(*ids));
        return command_run(words, text, size) == 0 && *text ? TAKE_PTR(text) : NULL;
}

static char *sessions_list(void)
{
        char **ids = NULL, *text = NULL;
        int n = sd_get_sessions(&ids);

        if (n > 0)
                text = sessions_ask(ids, (size_t)n < SESSIONS_MAX ? (size_t)n : SESSIONS_MAX);
        for (int i = 0; i < n; i++)
                free(ids[i]);
        free(ids);
        return text;
}

static LoginRefusal sessions_search(uint32_t audit_session, const char *id, Login *ret)
{
        _cleanup_free_ char *text = NULL;

        for (unsigned i = 0; !text && i < ASK_TRIES; i++)
                text = sessions_list();
        return text && login_parse(text, audit_session, audit_session_read, id, ret)
                       ? LOGIN_REFUSAL_NONE
                       : LOGIN_REFUSAL_NO_SESSION;
}

LoginRefusal login_find(Login *ret)
{
        uint32_t audit_session = audit_session_read(getpid());
        _cleanup_free_ char *id = NULL;

        if (audit_session == LOGIN_AUDIT_INVALID && sd_pid_get_session(0, &id) < 0)
                return LOGIN_REFUSAL_NO_LOGIN;
        return sessions_search(audit_session, id, ret);
}

/* ---- judging -----------------------------------------------------------------------------------
 */

LoginRefusal login_judge(const Login *login, const Pending *pending)
{
        /* "user", and what later versions split it into: "user-early", "user-light". */
        if (strncmp(login->class, "user", 4) != 0)
                return LOGIN_REFUSAL_NO_PERSON;
        if (service_is_elevation(login->service))
                return LOGIN_REFUSAL_ELEVATION;
        if (pending->in_force_monotonic_usec <= 0 ||
            login->begun_monotonic_usec <= pending->in_force_monotonic_usec)
                return LOGIN_REFUSAL_OLD;
        return LOGIN_REFUSAL_NONE;
}

char *login_text(const Login *login, char *ret, size_t size)
{
        (void)snprintf(ret, size, "session %s of %s (%s%s%s)", login->session, login->user,
                       *login->service ? login->service : "no service",
                       *login->remote ? " from " : "", login->remote);
        return ret;
}

json_t *login_document(const Login *login)
{
        return json_pack("{s:s, s:s, s:s, s:s}", "session", login->session, "user", login->user,
                         "service", login->service, "rhost", login->remote);
}
