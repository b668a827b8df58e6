/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pam_nhi/tell.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <security/pam_ext.h>
#include <syslog.h>

#define ESCAPED_SIZE 320

static int log_level(Cause cause)
{
        switch (cause_outcome(cause)) {
        case OUTCOME_FAULT:
                return LOG_ERR;
        case OUTCOME_GRANTED:
        case OUTCOME_LEFT_ALONE:
                return LOG_DEBUG;
        case OUTCOME_DENIED:
        case OUTCOME_BAD_NAME:
        default:
                return LOG_NOTICE;
        }
}

void tell_log(const Call *c, Cause cause)
{
        const char *reason = cause == CAUSE_DENIED ? c->reason : cause_token(cause);
        const char *name = c->subject.name[0] ? c->subject.name : c->subject.given;
        char subject[ESCAPED_SIZE], user[ESCAPED_SIZE], option[ESCAPED_SIZE], token[ESCAPED_SIZE];
        int level = c->options.unknown ? LOG_ERR : log_level(cause);

        if (level == LOG_DEBUG && !c->options.debug)
                return;
        pam_syslog(c->pamh, level, "%s: %s subject=\"%s\" user=\"%s\" class=%s gate=%s%s%s",
                   phase_word(c->phase), text_escape(token, sizeof(token), reason),
                   text_escape(subject, sizeof(subject), name),
                   text_escape(user, sizeof(user), c->user), c->class ? c->class : "-",
                   c->gate[0] ? c->gate : "-", c->options.unknown ? " unknown option: " : "",
                   text_escape(option, sizeof(option), c->options.unknown));
}

/* Somebody was kept out: was an exemption meant for them that does not hold? */
void tell_exempt_problem(const Call *c, Cause cause)
{
        GatePaths paths = gate_paths;
        char path[ESCAPED_SIZE], escaped[ESCAPED_SIZE];
        unsigned line = 0;

        if (cause_outcome(cause) == OUTCOME_LEFT_ALONE || cause_outcome(cause) == OUTCOME_GRANTED)
                return;
        paths.owner = owner_trusted();
        if (!exempt_problem(&paths, path, sizeof(path), &line))
                return;
        (void)text_escape(escaped, sizeof(escaped), path);
        if (line > 0)
                pam_syslog(
                        c->pamh, LOG_WARNING,
                        "exempt file %s: line %u exempts nobody: a line is ACCOUNT-GLOB CLASS-GLOB",
                        escaped, line);
        else
                pam_syslog(c->pamh, LOG_WARNING,
                           "exempt file %s is ignored: it must be a plain file of root that "
                           "nobody else can write",
                           escaped);
}

/* The agent's words, with whatever could move a terminal's cursor taken out. */
static void line_clean(char *line)
{
        while (*line) {
                size_t shown = text_shown_size(line);

                if (shown == 0)
                        *line = ' ';
                line += shown > 0 ? shown : 1;
        }
}

/* A denial has a reason: one without is no answer (format.h). */
static void tell_denied(const Call *c, Cause cause)
{
        char message[sizeof(c->message)], reason[sizeof(c->reason)];

        memcpy(message, c->message, sizeof(message));
        memcpy(reason, c->reason, sizeof(reason));
        line_clean(message);
        line_clean(reason);
        if (cause != CAUSE_DENIED || !message[0])
                (void)pam_error(c->pamh, "nhi: %s (%s); %s", cause_sentence(cause),
                                cause == CAUSE_DENIED ? reason : cause_token(cause),
                                cause_advice(cause));
        else if (strstr(message, reason))
                (void)pam_error(c->pamh, "nhi: %s", message);
        else
                (void)pam_error(c->pamh, "nhi: %s (%s)", message, reason);
}

static void tell_granted(const Call *c)
{
        char message[sizeof(c->message)];

        if (c->phase != PHASE_OPEN_SESSION || !c->message[0])
                return;
        memcpy(message, c->message, sizeof(message));
        line_clean(message);
        (void)pam_info(c->pamh, "nhi: %s", message);
}

/* Before they have proved who they are, strangers learn nothing about an account (A09). */
static bool may_be_a_stranger(const Call *c)
{
        return c->phase == PHASE_AUTHENTICATE && !c->elevation;
}

void tell_person(const Call *c, Cause cause)
{
        if (c->silent || c->options.quiet || may_be_a_stranger(c))
                return;
        if (c->phase == PHASE_CLOSE_SESSION || cause_outcome(cause) == OUTCOME_LEFT_ALONE)
                return;
        if (cause_outcome(cause) == OUTCOME_GRANTED)
                tell_granted(c);
        else
                tell_denied(c, cause);
}
