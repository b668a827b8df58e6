/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/modes-change.h"

#include "nhictl/agent-client.h"
#include "nhictl/modes-agent.h"
#include "nhictl/reply.h"

bool modes_is_asked(const Call *call, const char *name)
{
        if (call->operands.n == 0)
                return true;
        for (size_t i = 0; i < call->operands.n; i++)
                if (streq(call->operands.items[i], name))
                        return true;
        return false;
}

bool modes_hold(const Call *call, const json_t *gates, const char *mode)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(gates, i, gate)
                if (modes_is_asked(call, member_text(gate, "name") ?: "") &&
                    !streq_ptr(member_text(gate, "mode"), mode))
                        return false;
        return true;
}

/* What the file shall say: the gates asked for in the new mode, those it already names as they are;
 * of a gate that is no more, nothing. */
static int plan(const ModesChange *c, const Modes *old, Modes *ret)
{
        const json_t *gate;
        size_t i;
        int r;

        json_array_foreach(c->gates, i, gate) {
                const char *name = member_text(gate, "name") ?: "";
                const char *want = modes_is_asked(c->call, name) ? c->mode : modes_get(old, name);

                if (!want)
                        continue;
                r = modes_set(ret, name, want);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int plan_text(const ModesChange *c, const char *text, Modes *ret)
{
        _cleanup_(modes_done) Modes old = { 0 };
        int r = text ? modes_parse(text, &old) : 0;

        return r < 0 ? r : plan(c, &old, ret);
}

static int fail_file(const char *mode, int r)
{
        if (r == -EACCES)
                return fail(VERB_FAILED, "%s is root's: sudo nhictl %s", mode, mode);
        return fail(VERB_FAILED, "%s: %s", PATH_MODES_FILE, strerror(-r));
}

int modes_change_plan(const Call *call, const json_t *gates, const char *mode, ModesChange *ret)
{
        int r;

        *ret = (ModesChange){ .call = call, .mode = mode, .gates = gates };
        r = modes_text_load(PATH_MODES_FILE, &ret->before);
        if (r == 0)
                r = plan_text(ret, ret->before, &ret->after);
        return r < 0 ? fail_file(mode, r) : VERB_OK;
}

void modes_change_done(ModesChange *c)
{
        free(c->before);
        modes_done(&c->after);
        c->before = NULL;
}

int modes_change_text(const ModesChange *c, const char *text, char **ret)
{
        _cleanup_(modes_done) Modes m = { 0 };
        int r = plan_text(c, text, &m);

        return r < 0 ? r : modes_format(&m, ret);
}

int modes_change_write(const ModesChange *c)
{
        int r = modes_save(PATH_MODES_FILE, &c->after);

        return r < 0 ? fail_file(c->mode, r) : VERB_OK;
}

static bool holds(const json_t *gates, const void *userdata)
{
        const ModesChange *c = userdata;

        return modes_hold(c->call, gates, c->mode);
}

int modes_change_force(const ModesChange *c)
{
        return modes_put_in_force(holds, c);
}

static void put_back(const ModesChange *c)
{
        json_t *request = json_pack("{s:s}", "verb", "reload"), *reply = NULL;
        int r = modes_text_save(PATH_MODES_FILE, c->before);

        say(r < 0 ? "%s could not be put back as it was" : "%s is as it was before",
            PATH_MODES_FILE);
        /* What it did not take over in time it must not take over later. */
        if (request)
                (void)agent_call(request, &reply);
        json_decref(request);
        json_decref(reply);
}

int modes_change_run(const ModesChange *c)
{
        VerbStatus status = modes_change_write(c);

        if (status != VERB_OK)
                return status;
        status = modes_change_force(c);
        if (status != VERB_OK)
                put_back(c);
        return status;
}
