/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Closed segments that the configuration lets go, the oldest first: each is named in the log before
 * it is removed, so that one that is missing without a record was taken. The files are looked at
 * and removed on the disk's thread. */

#include "nhi-agentd/evidence-internal.h"

#include "nhi-agentd/writer.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <sys/stat.h>

/* At one time: the rest goes with the next segment. */
#define PRUNE_MAX 16u

typedef struct Gone {
        LogSegment segment;
        uint64_t last_seq;
} Gone;

typedef struct Prune {
        Evidence *evidence;
        int dir_fd;
        uint32_t keep;
        int64_t keep_age_sec;
        Gone gone[PRUNE_MAX];
        size_t n, at;
} Prune;

static void prune_free(Prune *p)
{
        closep(&p->dir_fd);
        free(p);
}

static bool is_old(const Prune *p, const LogSegment *s)
{
        struct stat st;

        return fstatat(p->dir_fd, s->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               now_realtime_usec() / (int64_t)USEC_PER_SEC - st.st_mtim.tv_sec > p->keep_age_sec;
}

/* On the thread. The newest closed one always stays. */
static int find_gone(void *userdata)
{
        Prune *p = userdata;
        _cleanup_(log_segments_done) LogSegments list = {};
        size_t n_closed = 0;
        int r = log_segments_list(p->dir_fd, &list);

        if (r < 0)
                return r;
        while (n_closed < list.n && list.items[n_closed].first_seq > 0)
                n_closed++;
        for (size_t i = 0; i + 1 < n_closed && p->n < PRUNE_MAX; i++) {
                if (n_closed - i <= p->keep && !is_old(p, &list.items[i]))
                        break;
                p->gone[p->n++] = (Gone){ .segment = list.items[i],
                                          .last_seq = list.items[i + 1].first_seq - 1 };
        }
        return 0;
}

static int remove_gone(void *userdata)
{
        Prune *p = userdata;
        char name[LOG_NAME_SIZE + 1];

        for (size_t i = 0; i < p->at; i++)
                for (LogFileKind k = LOG_FILE_CLOSED; k <= LOG_FILE_SETS; k++) {
                        log_name_format(k, p->gone[i].segment.first_seq, name);
                        (void)unlinkat(p->dir_fd, name, 0);
                }
        return fsync(p->dir_fd) < 0 ? -errno : 0;
}

static void on_removed(void *userdata, int r)
{
        Prune *p = userdata;

        if (r != -ECANCELED)
                evidence_sweep_sets(p->evidence);
        prune_free(p);
}

/* The record of the last one is on the disk, and so are all before it. */
static void on_named(void *userdata, int r)
{
        Prune *p = userdata;

        if (r < 0 || writer_call(p->evidence->agent->writer, remove_gone, on_removed, p) < 0)
                prune_free(p);
}

static int name_one(Prune *p, const Gone *g, LogDone done)
{
        Evidence *v = p->evidence;
        LogBody *b = &v->body;

        log_body_init(b, LOG_EVENT_PRUNED);
        log_body_text(b, LOG_FIELD_BOOT, v->boot);
        log_body_number(b, LOG_FIELD_FIRST, (int64_t)g->segment.first_seq);
        log_body_number(b, LOG_FIELD_LAST, (int64_t)g->last_seq);
        log_body_text(b, LOG_FIELD_SEGMENT, g->segment.name);
        log_body_done(b);
        return log_append(v->log, b->data, b->size, NULL, 0, done, p);
}

static void on_found(void *userdata, int r)
{
        Prune *p = userdata;
        Evidence *v = p->evidence;

        if (r < 0 || p->n == 0 || !v->log) {
                prune_free(p);
                return;
        }
        for (; p->at < p->n; p->at++) {
                const Gone *g = &p->gone[p->at];
                const bool is_last = p->at + 1 == p->n;
                const Event e = { .kind = EVENT_LOG_PRUNED, .detail = g->segment.name };

                if (name_one(p, g, is_last ? on_named : NULL) < 0)
                        break;
                agent_tell(v->agent, &e);
        }
        /* What was named and could not be removed now goes with the next segment. */
        if (p->at < p->n)
                prune_free(p);
}

void evidence_prune(Evidence *v)
{
        Prune *p = calloc(1, sizeof(*p));

        if (!p)
                return;
        p->evidence = v;
        p->keep = v->agent->config->log_keep;
        p->keep_age_sec = v->agent->config->log_keep_age_sec;
        p->dir_fd = open(v->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (p->dir_fd < 0 || writer_call(v->agent->writer, find_gone, on_found, p) < 0)
                prune_free(p);
}
