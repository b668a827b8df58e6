/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/path-watch.h"

#include "lib/base/macro.h"
#include "nhi-agentd/fetch/backoff.h"

#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>

#define DIR_MASK                                                                                   \
        (IN_ONLYDIR | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |            \
         IN_DELETE_SELF | IN_MOVE_SELF)
#define SELF_MASK (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)

/* One directory on the way, and the name in it that leads on. */
typedef struct Step {
        PathWatch *watch;
        char *dir, *next;
        sd_event_source *source; /* NULL: not there, or not ours to read */
        bool is_stale;           /* what lies behind the name may be another thing by now */
} Step;

struct PathWatch {
        sd_event *event;
        PathChanged changed;
        void *userdata;
        Step *steps; /* from "/" to the directory of the path */
        size_t n_steps;
        sd_event_source *settle, *poll;
};

static void settle_soon(PathWatch *w)
{
        (void)sd_event_source_set_time_relative(w->settle, PATH_WATCH_SETTLE_USEC);
        (void)sd_event_source_set_enabled(w->settle, SD_EVENT_ONESHOT);
}

static int on_inotify(sd_event_source *source, const struct inotify_event *e, void *userdata)
{
        Step *step = userdata;
        PathWatch *w = step->watch;
        size_t i = (size_t)(step - w->steps);

        if (e->mask & SELF_MASK)
                step->is_stale = true;
        else if (e->len == 0 || !streq(e->name, step->next))
                return 0;
        if (i + 1 < w->n_steps)
                w->steps[i + 1].is_stale = true;
        settle_soon(w);
        return 0;
}

/* From the top down: a directory that appears while we look is seen by the watch above it. */
static void steps_arm(PathWatch *w)
{
        bool is_stale = false;

        for (size_t i = 0; i < w->n_steps; i++) {
                Step *s = &w->steps[i];
                uint32_t mask = DIR_MASK | (i + 1 == w->n_steps ? IN_CLOSE_WRITE : 0);

                is_stale |= s->is_stale;
                if (is_stale)
                        s->source = sd_event_source_disable_unref(s->source);
                s->is_stale = false;
                if (!s->source &&
                    sd_event_add_inotify(w->event, &s->source, s->dir, mask, on_inotify, s) >= 0)
                        (void)sd_event_source_set_description(s->source, "path-watch");
        }
}

static int on_settle(sd_event_source *source, uint64_t usec, void *userdata)
{
        PathWatch *w = userdata;

        steps_arm(w);
        w->changed(w->userdata);
        return 0;
}

static int on_poll(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)sd_event_source_set_time_relative(source, usec_jittered(PATH_WATCH_POLL_USEC));
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return on_settle(source, usec, userdata);
}

static int step_init(Step *s, PathWatch *w, const char *path, size_t slash)
{
        const char *name = path + slash + 1;

        s->watch = w;
        s->dir = strndup(path, slash > 0 ? slash : 1);
        s->next = strndup(name, strcspn(name, "/"));
        return s->dir && s->next ? 0 : -ENOMEM;
}

static int steps_init(PathWatch *w, const char *path)
{
        size_t n = 0;
        int r;

        for (const char *c = path; *c; c++)
                n += *c == '/';
        w->steps = calloc(n, sizeof(*w->steps));
        if (!w->steps)
                return -ENOMEM;

        for (size_t i = 0; path[i]; i++) {
                if (path[i] != '/')
                        continue;
                if (path[i + 1] == '/' || path[i + 1] == '\0')
                        return -EINVAL;
                r = step_init(&w->steps[w->n_steps++], w, path, i);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int timers_init(PathWatch *w)
{
        int r;

        r = sd_event_add_time_relative(w->event, &w->settle, CLOCK_MONOTONIC, 0, 1, on_settle, w);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(w->settle, "path-watch-settle");
        r = sd_event_add_time_relative(w->event, &w->poll, CLOCK_MONOTONIC,
                                       usec_jittered(PATH_WATCH_POLL_USEC), 0, on_poll, w);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(w->poll, "path-watch-poll");
        return 0;
}

DEFINE_CLEANUP(PathWatch *, path_watch_free);

int path_watch_new(sd_event *event, const char *path, PathChanged changed, void *userdata,
                   PathWatch **ret)
{
        _cleanup_(path_watch_freep) PathWatch *w = NULL;
        int r;

        if (path[0] != '/' || strlen(path) >= PATH_MAX)
                return -EINVAL;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        w->event = sd_event_ref(event);
        w->changed = changed;
        w->userdata = userdata;

        r = steps_init(w, path);
        if (r < 0)
                return r;
        r = timers_init(w);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(w);
        return 0;
}

PathWatch *path_watch_free(PathWatch *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n_steps; i++) {
                (void)sd_event_source_disable_unref(w->steps[i].source);
                free(w->steps[i].dir);
                free(w->steps[i].next);
        }
        free(w->steps);
        (void)sd_event_source_disable_unref(w->settle);
        (void)sd_event_source_disable_unref(w->poll);
        (void)sd_event_unref(w->event);
        free(w);
        return NULL;
}
