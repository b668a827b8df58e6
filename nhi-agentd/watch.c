/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/watch.h"

#include "nhi-agentd/sets.h"
#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <sys/inotify.h>

#define SUDO_CONF_MAX (256u * 1024)
/* Changes come in bursts (useradd writes four files): wait for the end of one. */
#define SETTLE_USEC 100000

struct Watch {
        Agent *agent;
        sd_event_source *inotify, *settle;
        bool local_changed;
        bool loading;
};

typedef struct Load {
        Watch *watch;
        LocalDb *local;
} Load;

static const char *next_word(const char **p, size_t *ret_size)
{
        const char *start = *p + strspn(*p, " \t\r");

        *ret_size = strcspn(start, " \t\r\n");
        *p = start + *ret_size;
        return start;
}

static bool word_is(const char *word, size_t size, const char *text)
{
        return size == strlen(text) && strncasecmp(word, text, size) == 0;
}

/* "Plugin SYMBOL PATH [options]", sudo.conf(5). */
static bool line_is_plugin(const char *line)
{
        size_t n_plugin, n_symbol, n_path;
        const char *plugin = next_word(&line, &n_plugin);
        const char *symbol = next_word(&line, &n_symbol);
        const char *path = next_word(&line, &n_path);
        const char *base = memrchr(path, '/', n_path);
        const size_t n_base = base ? n_path - (size_t)(base + 1 - path) : n_path;

        base = base ? base + 1 : path;
        return word_is(plugin, n_plugin, "Plugin") &&
               word_is(symbol, n_symbol, "sudo_nhi_approval") && n_base == strlen("sudo_nhi.so") &&
               strncmp(base, "sudo_nhi.so", n_base) == 0;
}

bool sudo_conf_has_plugin(const char *text)
{
        while (*text) {
                if (line_is_plugin(text))
                        return true;
                text = strchrnul(text, '\n');
                if (*text)
                        text++;
        }
        return false;
}

void watch_read_sudo_conf(Agent *a)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        a->sudo_plugin = file_read_trusted(PATH_SUDO_CONF, owner_trusted(), SUDO_CONF_MAX, &text,
                                           &size) == 0 &&
                         sudo_conf_has_plugin(text);
}

static int load_local(void *userdata)
{
        Load *l = userdata;

        return localdb_load(WATCH_ETC_DIR, &l->local);
}

/* A passwd that cannot be read leaves the one that was read before. */
static void on_loaded(void *userdata, int r)
{
        Load *l = userdata;
        Watch *w = l->watch;

        if (r == 0)
                sets_change_local(w->agent->sets, TAKE_PTR(l->local));
        localdb_free(l->local);
        free(l);
        if (r == -ECANCELED)
                return;
        w->loading = false;
        if (w->local_changed)
                (void)sd_event_source_set_enabled(w->settle, SD_EVENT_ONESHOT);
}

static void reload_local(Watch *w)
{
        Load *l;

        if (w->loading)
                return;
        l = calloc(1, sizeof(*l));
        if (!l)
                return;
        l->watch = w;
        if (writer_call(w->agent->writer, load_local, on_loaded, l) < 0) {
                free(l);
                return;
        }
        w->loading = true;
        w->local_changed = false;
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
        Watch *w = userdata;

        if (w->local_changed)
                reload_local(w);
        return 0;
}

static const char *const local_files[] = { "passwd", "group", "subuid", "subgid" };

static int on_inotify(sd_event_source *source, const struct inotify_event *e, void *userdata)
{
        Watch *w = userdata;
        const bool overflow = (e->mask & IN_Q_OVERFLOW) != 0;
        bool matters = overflow;

        for (size_t i = 0; e->len > 0 && i < ELEMENTSOF(local_files); i++)
                if (streq(e->name, local_files[i]))
                        matters = true;
        /* At once: without the plugin the very next sudo must be judged without it. */
        if (overflow || (e->len > 0 && streq(e->name, "sudo.conf")))
                watch_read_sudo_conf(w->agent);
        if (!matters)
                return 0;
        w->local_changed = true;
        (void)sd_event_source_set_time_relative(w->settle, SETTLE_USEC);
        return sd_event_source_set_enabled(w->settle, SD_EVENT_ONESHOT);
}

DEFINE_CLEANUP(Watch *, watch_free)

int watch_new(Agent *a, Watch **ret)
{
        _cleanup_(watch_freep) Watch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->agent = a;
        r = sd_event_add_time_relative(a->event, &w->settle, CLOCK_MONOTONIC, SETTLE_USEC, 0,
                                       on_settled, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->settle, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_inotify(a->event, &w->inotify, WATCH_ETC_DIR,
                                         IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM |
                                                 IN_ATTRIB,
                                         on_inotify, w);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(w->settle, "watch-settle");
        (void)sd_event_source_set_description(w->inotify, "watch-etc");
        *ret = TAKE_PTR(w);
        return 0;
}

Watch *watch_free(Watch *w)
{
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->inotify);
        sd_event_source_disable_unref(w->settle);
        free(w);
        return NULL;
}
