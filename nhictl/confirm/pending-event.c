/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "nhictl/confirm/pending-event.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <systemd/sd-journal.h>

#define GATES_TEXT_SIZE 1024

static const EventRow events[EVENT_N] = { EVENTS(EVENT_ROW) };

static const struct {
        const char *lead, *advice;
} sentences[EVENT_N] = {
        [EVENT_ENFORCE_PENDING] = { "Enforced until the deadline",
                                    "To keep it, from a new login: nhictl enforce --confirm" },
        [EVENT_ENFORCE_CONFIRMED] = { "Enforcement confirmed", "It stays" },
        [EVENT_ENFORCE_REVERTED] = { "Enforcement undone",
                                     "Before the next one: nhictl log --would-deny, nhictl "
                                     "doctor" },
};

void pending_event(EventKind kind, const Pending *p, const Login *login, const char *detail)
{
        static const Login nobody = { .session = "" };
        const Login *l = login ? login : &nobody;
        char gates[GATES_TEXT_SIZE];

        (void)pending_gates_text(p, gates, sizeof(gates));
        (void)sd_journal_send("MESSAGE=%s: %s: %s. %s", sentences[kind].lead, gates, detail,
                              sentences[kind].advice, "MESSAGE_ID=%s", events[kind].message_id,
                              "PRIORITY=%d", events[kind].priority, "NHI_EVENT=%s",
                              events[kind].name, "NHI_CODE=%s", gates, "NHI_DETAIL=%s", detail,
                              "NHI_ISSUED_BY=%s", p->by, "NHI_SESSION=%s", l->session,
                              "NHI_ACCOUNT=%s", l->user, "NHI_SERVICE=%s", l->service,
                              "NHI_RHOST=%s", l->remote, NULL);
}
