/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/unit-start.h"

#include "nhi-agentd/session/registry.h"

int sessions_start_unit(Sessions *s, const char *unit)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = bus_message_manager(s->bus, "StartUnit", &m);
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "ss", unit, "replace");
        return r < 0 ? r : bus_send(s->bus, m, NULL, NULL, NULL);
}
