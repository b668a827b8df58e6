/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sudo_nhi/ask.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/wire/client.h"

#include <stdio.h>

#define VERDICT_ALLOW 1u /* lib/wire/format.h */

/* Everything that one exchange needs; too large for a stack. */
typedef struct Question {
        WireExchange exchange;
        WireRequest request;
        uint8_t argv[WIRE_MSG_MAX], edit[WIRE_MSG_MAX], gids[WIRE_GIDS_MAX * sizeof(uint32_t)];
} Question;

static int question_lists(Question *q, const Invoker *invoker, const Command *c)
{
        WireRequest *r = &q->request;
        int e;

        e = wire_list_build((const char *const *)c->argv, c->n_argv, q->argv, sizeof(q->argv),
                            &r->argv);
        if (e == 0 && c->n_edit > 0)
                e = wire_list_build((const char *const *)c->edit, c->n_edit, q->edit,
                                    sizeof(q->edit), &r->edit);
        if (e == 0)
                e = wire_gids_build(invoker->account.gids, invoker->account.n_gids, q->gids,
                                    sizeof(q->gids), &r->gids);
        return e;
}

static WireText optional_text(const char *s)
{
        return wire_text(s && *s ? s : NULL);
}

/* The groups are those that a gate had looked up: the agent does not judge by them, and a question
 * must not wait for a directory that it is not about. 0, WIRE_E_TOO_LARGE or a negative errno. */
static int question_make(Question *q, WireMode mode, const Invoker *invoker, const Command *c)
{
        q->request = (WireRequest){
                .type = WIRE_COMMAND,
                .mode = mode,
                .service = wire_text("sudo"),
                .subject = wire_text(invoker->name),
                .subject_uid = invoker->account.uid,
                .real_uid = invoker->account.uid,
                .egid = invoker->egid,
                .target = wire_text(c->target),
                .target_group = optional_text(c->group),
                .tty = optional_text(invoker->tty),
                .command = wire_text(c->path),
                .cwd = optional_text(c->cwd ? c->cwd : invoker->cwd),
        };
        return question_lists(q, invoker, c);
}

/* The agent's words, fit for a terminal. */
static void message_format(const WireReply *reply, char message[static ASK_MESSAGE_SIZE])
{
        char reason[65], text[1025], safe[sizeof(text)];

        if (wire_text_copy(reply->reason, reason, sizeof(reason)) < 0)
                reason[0] = '\0';
        if (wire_text_copy(reply->message, text, sizeof(text)) < 0)
                text[0] = '\0';
        (void)text_escape(safe, sizeof(safe), text);
        if (safe[0])
                (void)snprintf(message, ASK_MESSAGE_SIZE, "%s", safe);
        else
                (void)snprintf(message, ASK_MESSAGE_SIZE, "denied (%s); see: nhictl why",
                               text_escape(safe, sizeof(safe), reason));
}

Answer ask_command(const Invoker *invoker, const Command *command,
                   char message[static ASK_MESSAGE_SIZE])
{
        uint64_t deadline = now_monotonic_usec() + ASK_DEADLINE_USEC;
        _cleanup_free_ Question *q = calloc(1, sizeof(*q));
        WireReply reply = { 0 };

        message[0] = '\0';
        if (!q || question_make(q, WIRE_MODE_ENFORCE, invoker, command) != 0)
                return ANSWER_FAULT;
        if (wire_ask(PATH_PAM_SOCK, owner_trusted(), &q->request, deadline, &q->exchange, &reply) !=
            0)
                return ANSWER_FAULT;
        if (reply.verdict == VERDICT_ALLOW)
                return ANSWER_ALLOWED;
        message_format(&reply, message);
        return ANSWER_DENIED;
}

void tell_command(const Invoker *invoker, const Command *command)
{
        _cleanup_free_ Question *q = calloc(1, sizeof(*q));

        if (q && question_make(q, WIRE_MODE_OBSERVE, invoker, command) == 0)
                (void)wire_notify(PATH_PAM_SOCK, owner_trusted(), &q->request, &q->exchange);
}
