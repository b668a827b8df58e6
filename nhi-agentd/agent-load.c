/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the agent reads before it serves, and the configuration it reads again while it does. */

#include "nhi-agentd/agent.h"

#include "nhi-agentd/config/trust.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/member/member.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/staleness.h"
#include "nhi-agentd/state.h"
#include "nhi-agentd/watch.h"
#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define UIDS_FILE_MAX (16u * 1024 * 1024)
#define PATH_LOCK     PATH_RUN_DIR "/agentd.lock"

/* A13: whoever made the directory before us must have been root, and it must be one. */
static int check_dir(const char *path, char ret_error[static AGENT_ERROR_MAX])
{
        struct stat st;

        if (lstat(path, &st) < 0) {
                int r = -errno;

                (void)snprintf(ret_error, AGENT_ERROR_MAX,
                               "%s: %s; systemd-tmpfiles --create makes it", path, strerror(-r));
                return r;
        }
        if (S_ISDIR(st.st_mode) && st.st_uid == owner_trusted() && (st.st_mode & 022) == 0)
                return 0;
        (void)snprintf(ret_error, AGENT_ERROR_MAX,
                       "%s: must be a directory, owned by root and writable by nobody else", path);
        return -EPERM;
}

static int take_lock(Agent *a, char ret_error[static AGENT_ERROR_MAX])
{
        a->lock_fd = open(PATH_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (a->lock_fd >= 0 && flock(a->lock_fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        int r = -errno;

        (void)snprintf(ret_error, AGENT_ERROR_MAX, "%s: %s", PATH_LOCK,
                       r == -EWOULDBLOCK ? "another nhi-agentd runs on this host" : strerror(-r));
        return r;
}

static int load_state(Agent *a, char ret_error[static AGENT_ERROR_MAX])
{
        char error[STATE_ERROR_MAX] = "";
        State *loaded = NULL;
        int r;

        r = state_load(PATH_STATE_FILE, &loaded, error);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                (void)snprintf(ret_error, AGENT_ERROR_MAX, "%s", error);
                return r;
        }
        state_free(a->state);
        a->state = loaded;
        agent_prove_time(a, loaded->time_floor_sec, agent_now(a).boot_usec);
        return 0;
}

static int load_uids(Agent *a, char ret_error[static AGENT_ERROR_MAX])
{
        _cleanup_free_ char *text = NULL;
        IdMap *loaded = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(PATH_UIDS_FILE, owner_trusted(), UIDS_FILE_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = idmap_parse(text, size, &loaded);
        if (r < 0) {
                (void)snprintf(ret_error, AGENT_ERROR_MAX,
                               "%s: %s; restore it from a backup: it says which ids must never be "
                               "given to another name",
                               PATH_UIDS_FILE, r == -EBADMSG ? "damaged" : trust_error_text(r));
                return r;
        }
        idmap_free(a->idmap);
        a->idmap = loaded;
        return 0;
}

int agent_load(Agent *a, char ret_error[static AGENT_ERROR_MAX])
{
        int r;

        r = check_dir(PATH_RUN_DIR, ret_error);
        if (r == 0)
                r = check_dir(PATH_STATE_DIR, ret_error);
        if (r == 0)
                r = check_dir(PATH_SETS_DIR, ret_error);
        if (r == 0)
                r = take_lock(a, ret_error);
        if (r == 0)
                r = load_state(a, ret_error);
        if (r == 0)
                r = load_uids(a, ret_error);
        if (r == 0)
                r = evidence_open(a->evidence, ret_error);
        if (r < 0)
                return r;

        r = localdb_load(WATCH_ETC_DIR, &a->local);
        if (r == 0)
                r = watch_new(a, &a->watch);
        if (r < 0) {
                (void)snprintf(ret_error, AGENT_ERROR_MAX, "%s: passwd and group: %s",
                               WATCH_ETC_DIR, strerror(-r));
                return r;
        }
        watch_read_sudo_conf(a);
        members_load(a->members);
        staleness_load(a);
        r = sets_load_archived(a->sets);
        if (r < 0)
                (void)snprintf(ret_error, AGENT_ERROR_MAX, "%s: %s", PATH_SETS_DIR, strerror(-r));
        for (size_t i = 0; r == 0 && i < a->config->n_issuers; i++)
                if (a->issuers[i].set)
                        evidence_keep_set(a->evidence, a->issuers[i].set->hash);
        return r;
}

/* ---- reload -----------------------------------------------------------------------------------
 */

typedef struct Reload {
        Agent *agent;
        Config *config;
        char error[CONFIG_ERROR_MAX];
} Reload;

static int load_config(void *userdata)
{
        Reload *l = userdata;

        return config_load(PATH_CONF_FILE, PATH_CONF_DIR, &l->config, l->error);
}

static void on_config_loaded(void *userdata, int r)
{
        Reload *l = userdata;
        Agent *a = l->agent;

        if (r == -ECANCELED) {
                config_free(l->config);
        } else if (r < 0) {
                const Event e = { .kind = EVENT_CONFIG_REFUSED, .detail = l->error };

                memcpy(a->config_error, l->error, sizeof(a->config_error));
                agent_record(a, &e);
                agent_refresh(a);
        } else {
                const Event e = { .kind = EVENT_CONFIG_CHANGED, .detail = PATH_CONF_FILE };

                a->config_error[0] = '\0';
                agent_record(a, &e);
                sets_change_config(a->sets, l->config);
        }
        if (r < 0)
                agent_reloaded(a);
        free(l);
}

static void say_reloaded(const Agent *a)
{
        if (a->n_reloads == 0 && a->serving && !a->stopping)
                (void)sd_notify(0, "READY=1");
}

int agent_reload(Agent *a)
{
        Reload *l = calloc(1, sizeof(*l));
        int r = -ENOMEM;

        if (l) {
                l->agent = a;
                r = writer_call(a->writer, load_config, on_config_loaded, l);
        }
        if (r < 0) {
                free(l);
                say_reloaded(a); /* whoever asked may have told PID 1 to wait (main.c) */
                return r;
        }
        a->n_reloads++;
        if (a->serving)
                (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                                 (unsigned long long)now_monotonic_usec());
        return 0;
}

void agent_reloaded(Agent *a)
{
        a->n_reloads--;
        say_reloaded(a);
}
