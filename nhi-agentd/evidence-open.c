/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The log's life under the agent: opened, failed, resumed, closed. */

#include "nhi-agentd/evidence-internal.h"

#include "nhi-agentd/event-fields.h"
#include "nhi-agentd/log/hostkey.h"
#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-id128.h>

#define MIB UINT64_C(1048576)

static void say_failed(Evidence *v)
{
        EvidenceView view;
        Event e = { .kind = EVENT_LOG_FAILED };

        evidence_view(v, &view);
        e.code = view.error == -ESTALE    ? "rolled-back"
                 : view.error == -EBADMSG ? "damaged"
                 : view.error == -EBUSY   ? "not-resumed"
                                          : "write";
        e.detail = view.why;
        agent_tell(v->agent, &e);
}

static void on_failed(void *userdata)
{
        Evidence *v = userdata;

        mark_failed(v);
        say_failed(v);
}

/* At a start. What each start finds anew, as it was, needs no mark. */
static void on_failed_before(Evidence *v)
{
        static const int found_anew[] = { -ENOENT, -ENOTDIR, -ELOOP, -EPERM,
                                          -ESTALE, -EBADMSG, -EBUSY };
        const int error = log_error(v->log, NULL);

        for (size_t i = 0; i < ELEMENTSOF(found_anew); i++)
                if (error == found_anew[i]) {
                        say_failed(v);
                        return;
                }
        on_failed(v);
}

static void on_segment(void *userdata)
{
        Evidence *v = userdata;

        if (v->heads)
                heads_make(v->heads);
        evidence_prune(v);
        evidence_sweep_sets(v);
}

static void on_space(void *userdata, uint64_t n_free)
{
        const Evidence *v = userdata;
        char detail[512];
        const Event e = { .kind = EVENT_LOG_SPACE, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%.400s: %" PRIu64 " MiB are left", v->dir,
                       n_free / MIB);
        agent_tell(v->agent, &e);
}

static void on_head(void *userdata, const char *jws)
{
        Evidence *v = userdata;
        const Event e = { .kind = EVENT_LOG_HEAD, .head = jws };

        agent_tell(v->agent, &e);
}

/* The head that was kept, and what is wrong with it: 0 or the error that the log has by that. */
static int read_floor(Evidence *v, LogHead *ret, bool *ret_there)
{
        int r = head_load(PATH_LOG_HEAD, ret);
        const bool is_marked = mark_read(v);

        *ret_there = r == 0;
        if (r < 0 && r != -ENOENT)
                (void)snprintf(v->why, sizeof(v->why),
                               "%s: %s: it cannot be told whether the log was rolled back; nhictl "
                               "log verify --head, then nhictl log resume",
                               PATH_LOG_HEAD, r == -EBADMSG ? "damaged" : strerror(-r));
        if (r < 0 && r != -ENOENT)
                return -EBADMSG;
        return is_marked ? -EBUSY : 0;
}

static int open_log(Evidence *v)
{
        const Config *c = v->agent->config;
        LogHead floor;
        bool has_floor = false;
        LogOptions o = {
                .store = { .rotate_size = c->log_rotate_mib * MIB,
                           .rotate_age_usec = c->log_rotate_age_sec * (int64_t)USEC_PER_SEC },
                .on_failed = on_failed,
                .on_segment = on_segment,
                .on_space = on_space,
                .userdata = v,
        };

        /* Like every other path that is not of the tests' making. */
        if (asprintf(&v->dir, PATH_ROOT "%s", c->log_dir) < 0) {
                v->dir = NULL;
                return -ENOMEM;
        }
        o.store.dir = v->dir;
        o.error = read_floor(v, &floor, &has_floor);
        o.floor = has_floor ? &floor : NULL;
        (void)snprintf(o.store.host, sizeof(o.store.host), "%s", c->host_name);
        (void)snprintf(o.store.kid, sizeof(o.store.kid), "%s", v->key.public.kid);
        return log_new(v->agent->event, &o, &v->log);
}

static int make_heads(Evidence *v)
{
        const HeadsOptions o = {
                .log = v->log,
                .writer = v->agent->writer,
                .key = &v->key,
                .state_path = PATH_LOG_HEAD,
                .signed_path = PATH_LOG_HEAD_RUN,
                .interval_usec = v->agent->config->log_head_interval_usec,
                .emit = on_head,
                .userdata = v,
        };

        return heads_new(v->agent->event, &o, &v->heads);
}

int evidence_open(Evidence *v, char ret_error[static EVIDENCE_ERROR_MAX])
{
        int r;

        r = host_key_load(PATH_HOST_KEY, &v->key, ret_error);
        if (r < 0)
                return r;
        r = open_log(v);
        if (r == 0)
                r = make_heads(v);
        if (r < 0) {
                (void)snprintf(ret_error, EVIDENCE_ERROR_MAX, "%s: %s", v->agent->config->log_dir,
                               strerror(-r));
                return r;
        }
        mark_prepare(v);
        if (log_error(v->log, NULL) != 0)
                on_failed_before(v);
        else
                evidence_prune(v);
        return 0;
}

void evidence_config_changed(Evidence *v, const Config *before)
{
        const Config *c = v->agent->config;
        char detail[2 * 1024];
        const Event e = { .kind = EVENT_CONFIG_CHANGED, .code = "restart", .detail = detail };

        if (!v->log)
                return;
        log_set_rotation(v->log, c->log_rotate_mib * MIB,
                         c->log_rotate_age_sec * (int64_t)USEC_PER_SEC);
        if (c->log_head_interval_usec != before->log_head_interval_usec)
                heads_set_interval(v->heads, c->log_head_interval_usec);
        if (c->log_keep != before->log_keep || c->log_keep_age_sec != before->log_keep_age_sec)
                evidence_prune(v);
        if (streq(c->log_dir, before->log_dir))
                return;
        (void)snprintf(detail, sizeof(detail),
                       "log.dir: %.900s is used from the next start of nhi-agentd on; until then "
                       "%.900s",
                       c->log_dir, before->log_dir);
        agent_record(v->agent, &e);
}

/* ---- the way back -----------------------------------------------------------------------------
 */

static void on_resumed(void *userdata, int r)
{
        Evidence *v = userdata;

        if (r == -ECANCELED)
                return;
        if (r < 0) {
                say_failed(v);
                return;
        }
        v->why[0] = '\0';
        v->n_lost = 0;
        carry_flush(v);
        heads_make(v->heads);
        mark_clear(v);
}

int evidence_resume(Evidence *v, const Event *e)
{
        Event whole = *e;

        if (!v->log)
                return -ECANCELED;
        if (log_error(v->log, NULL) == 0)
                return -EALREADY;
        whole.boot = v->boot;
        whole.n_denials = v->n_lost;
        agent_tell(v->agent, &whole);
        event_record(&whole, &v->body);
        return log_resume(v->log, v->body.data, v->body.size, on_resumed, v);
}

/* ---- life -------------------------------------------------------------------------------------
 */

int evidence_new(Agent *a, Evidence **ret)
{
        Evidence *v = calloc(1, sizeof(*v));
        sd_id128_t boot;

        if (!v)
                return -ENOMEM;
        v->agent = a;
        v->last = &v->first;
        if (sd_id128_get_boot(&boot) == 0)
                (void)sd_id128_to_string(boot, v->boot);
        *ret = v;
        return 0;
}

Evidence *evidence_free(Evidence *v)
{
        if (!v)
                return NULL;
        if (v->log)
                log_stop(v->log);
        if (v->heads)
                heads_make_last(v->heads);
        mark_lost(v);
        v->heads = heads_free(v->heads);
        v->log = log_free(v->log);
        carry_done(v);
        signing_key_done(&v->key);
        free(v->dir);
        free(v);
        return NULL;
}
