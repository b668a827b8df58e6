/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/confirm/revert.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/gate/gate.h"
#include "nhictl/agent-client.h"
#include "nhictl/confirm/revert-timer.h"
#include "nhictl/modes-agent.h"
#include "nhictl/modes-file.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

/* ---- the files ---------------------------------------------------------------------------------
 */

static int names_of(const Pending *p, const char ***ret)
{
        const char **names = calloc(json_array_size(p->gates) + 1, sizeof(*names));
        const json_t *item;
        size_t i;

        if (!names)
                return -ENOMEM;
        json_array_foreach(p->gates, i, item)
                names[i] = json_string_value(item);
        *ret = names;
        return 0;
}

/* A file that is not there, or that the modules would not read either, is left alone. */
static int published_observe(const char *path, bool durable, const char *const *names,
                             size_t n_names)
{
        _cleanup_free_ char *text = NULL, *relaxed = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner_trusted(), GATES_SIZE_MAX, &text, &size);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = gates_text_observe(text, size, names, n_names, &relaxed);
        if (r < 0)
                return r;
        if (memcmp(text, relaxed, size) == 0)
                return 0;
        return file_replace(path, relaxed, size, 0644, owner_trusted(), (gid_t)-1, durable);
}

/* Both files are tried, whatever became of the other. */
static int published_revert(const Pending *p)
{
        _cleanup_free_ const char **names = NULL;
        size_t n = json_array_size(p->gates);
        int run, state, r;

        r = names_of(p, &names);
        if (r < 0)
                return r;
        run = published_observe(PATH_GATES_RUN, false, names, n);
        state = published_observe(PATH_GATES_STATE, true, names, n);
        if (run < 0)
                (void)fail(VERB_FAILED, "%s: %s", PATH_GATES_RUN, strerror(-run));
        if (state < 0)
                (void)fail(VERB_FAILED, "%s: %s", PATH_GATES_STATE, strerror(-state));
        return run < 0 ? run : state;
}

/* What is as it was is not written: on a disk that has become read-only a record would stay for
 * ever though nothing is left to undo. */
static int modes_revert(const Pending *p)
{
        _cleanup_free_ char *now = NULL;

        if (modes_text_load(PATH_MODES_FILE, &now) == 0 && streq_ptr(now, p->before))
                return 0;
        return modes_text_save(PATH_MODES_FILE, p->before);
}

int pending_revert_files(const Pending *p)
{
        int saved = modes_revert(p);
        int published = published_revert(p);

        if (saved < 0)
                (void)fail(VERB_FAILED, "%s: %s", PATH_MODES_FILE, strerror(-saved));
        return saved < 0 ? saved : published;
}

/* ---- the agent ---------------------------------------------------------------------------------
 */

static bool none_enforced(const json_t *gates, const void *userdata)
{
        const Pending *p = userdata;
        const json_t *item;
        size_t i;

        json_array_foreach(p->gates, i, item)
                if (gate_has_mode(gates, json_string_value(item), "enforce"))
                        return false;
        return true;
}

/* The modes file from before, and these gates observed in so many words: for a gate whose own rule
 * has come to say enforce. */
static int modes_observe(const Pending *p)
{
        Modes m = { .was_absent = !p->before };
        const json_t *item;
        size_t i;
        int r = p->before ? modes_parse(p->before, &m) : 0;

        json_array_foreach(p->gates, i, item)
                if (r == 0)
                        r = modes_set(&m, json_string_value(item), "observe");
        if (r == 0)
                r = modes_save(PATH_MODES_FILE, &m);
        modes_done(&m);
        return r;
}

/* No answer is no failure: what runs no more reads its configuration when it starts. */
static VerbStatus agent_revert(const Pending *p)
{
        VerbStatus status;

        if (agent_life() == AGENT_LIFE_AWAY) {
                say("the agent does not run: the modules obey already, and it reads the modes when "
                    "it starts");
                return VERB_OK;
        }
        status = modes_put_in_force(none_enforced, p);
        if (status == VERB_FAILED && modes_observe(p) == 0)
                status = modes_put_in_force(none_enforced, p);
        if (status != VERB_UNREACHABLE)
                return status;
        say("the modules obey already, and the agent reads the modes when it starts");
        return VERB_OK;
}

int pending_revert(const Pending *p)
{
        int r = pending_revert_files(p);
        VerbStatus status = agent_revert(p);

        if (status != VERB_OK) {
                /* It may have published its own modes again meanwhile. */
                (void)published_revert(p);
                return fail(VERB_FAILED, "the agent still enforces: correct its configuration, or "
                                         "systemctl stop nhi-agentd; then again: nhictl enforce "
                                         "--revert");
        }
        if (r < 0)
                return VERB_FAILED;
        r = pending_remove();
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_PENDING, strerror(-r));
        (void)revert_timer_disarm();
        return VERB_OK;
}
