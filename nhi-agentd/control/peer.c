/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The byte I/O of lib/wire/control.h: one line in, one line out, within limits and a deadline. */

#include "nhi-agentd/control/control.h"
#include "nhi-agentd/listener.h"

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "lib/wire/control.h"

static void reply(Peer *p, json_t *body)
{
        char *text = body ? json_write(body, JSON_COMPACT) : NULL;
        const size_t size = text ? strlen(text) : 0;

        json_decref(body);
        if (!text || size >= CONTROL_REPLY_MAX) {
                free(text);
                peer_close(p);
                return;
        }
        text[size] = '\n'; /* over the NUL */
        peer_reply_stream(p, text, size + 1);
}

static void refuse(Peer *p, const char *why)
{
        reply(p, json_pack("{s:i, s:b, s:s, s:s}", "schema", CONTROL_SCHEMA, "ok", false, "code",
                           "usage", "error", why));
}

static void answer(Peer *p, const char *line, size_t size)
{
        const struct ucred *who = peer_credentials(p);
        json_t *request, *body = NULL;
        json_error_t error;
        int r;

        request = json_read(line, size, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(request)) {
                json_decref(request);
                refuse(p, "the request is not one JSON object on one line");
                return;
        }
        r = control_answer(peer_agent(p), who->uid, who->gid, who->pid, request, &body);
        json_decref(request);
        if (r < 0)
                peer_close(p);
        else
                reply(p, body);
}

void control_serve(Peer *p)
{
        char *line = NULL;
        size_t size = 0;
        const int r = peer_read_line(p, CONTROL_REQUEST_MAX, &line, &size);

        if (r == 0)
                answer(p, line, size);
        else if (r == -EMSGSIZE)
                refuse(p, "the request is too long");
        else if (r != -EAGAIN)
                peer_close(p);
}
