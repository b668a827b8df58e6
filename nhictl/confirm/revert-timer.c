/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/confirm/revert-timer.h"

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/command.h"

#include <inttypes.h>
#include <stdio.h>

#define SYSTEMCTL    PATH_ROOT "/usr/bin/systemctl"
#define SYSTEMD_RUN  PATH_ROOT "/usr/bin/systemd-run"
#define REVERT_UNIT  "nhi-revert.service"
#define REVERT_TIMER "nhi-revert.timer"
#define AGENT_UNIT   "nhi-agentd.service"

static int run(const char *const *words)
{
        char output[1024];
        int r = command_run(words, output, sizeof(output));

        return r > 0 ? -EIO : r;
}

bool revert_timer_possible(void)
{
        return access(PATH_ROOT "/run/systemd/system", F_OK) == 0;
}

int revert_timer_enable(void)
{
        static const char *const is_enabled[] = { SYSTEMCTL, "--quiet", "is-enabled", REVERT_UNIT,
                                                  NULL };
        static const char *const enable[] = { SYSTEMCTL, "--quiet", "enable", REVERT_UNIT, NULL };

        return run(is_enabled) == 0 ? 0 : run(enable);
}

int revert_timer_arm(int64_t sec)
{
        char when[48];
        const char *const words[] = { SYSTEMD_RUN,
                                      "--quiet",
                                      "--collect",
                                      "--unit=" REVERT_UNIT,
                                      when,
                                      "--timer-property=AccuracySec=1s",
                                      "--timer-property=IgnoreOnIsolate=yes",
                                      NULL };
        int r;

        (void)snprintf(when, sizeof(when), "--on-active=%" PRId64 "s", sec);
        r = revert_timer_disarm();
        return r < 0 ? r : run(words);
}

/* systemctl stop of a unit that is not loaded is an error; of a timer that is over, too. */
int revert_timer_disarm(void)
{
        static const char *const is_active[] = { SYSTEMCTL, "--quiet", "is-active", REVERT_TIMER,
                                                 NULL };
        static const char *const stop[] = { SYSTEMCTL, "--quiet", "stop", REVERT_TIMER, NULL };

        return run(is_active) < 0 ? 0 : run(stop);
}

AgentLife agent_life(void)
{
        static const char *const words[] = { SYSTEMCTL, "is-active", AGENT_UNIT, NULL };
        char output[64];

        if (!revert_timer_possible() || command_run(words, output, sizeof(output)) < 0)
                return AGENT_LIFE_UNKNOWN;
        output[strcspn(output, "\n")] = '\0';
        if (streq(output, "inactive") || streq(output, "failed"))
                return AGENT_LIFE_AWAY;
        return *output ? AGENT_LIFE_RUNS : AGENT_LIFE_UNKNOWN;
}
