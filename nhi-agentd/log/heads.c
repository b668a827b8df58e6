/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/log/heads.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <stdio.h>

struct Heads {
        HeadsOptions options;
        uint64_t made_seq; /* of the last one */
        sd_event_source *timer;
};

/* One on its way to the disk. */
typedef struct Copy {
        char text[LOG_HEAD_TEXT_MAX + 2];
        char *jws;
        WriterFile files[2];
} Copy;

static void copy_free(Copy *c)
{
        free(c->jws);
        free(c);
}

static void on_kept(void *userdata, int r)
{
        copy_free(userdata);
}

/* The next one, or NULL: the log has not moved, or there is no memory, or it has failed: the head
 * that is kept says how far it was before. */
static Copy *make(Heads *h)
{
        Copy *c = calloc(1, sizeof(*c));
        LogHead head;
        size_t size;

        log_head(h->options.log, &head);
        if (!c || log_error(h->options.log, NULL) != 0 || head.chain.seq == h->made_seq ||
            log_head_format(&head, c->text) < 0 ||
            jws_sign(h->options.key, LOG_HEAD_TYP, c->text, strlen(c->text), &c->jws) < 0) {
                free(c);
                return NULL;
        }
        memcpy(c->text + strlen(c->text), "\n", 2);
        c->files[0] = (WriterFile){ .path = h->options.state_path,
                                    .data = c->text,
                                    .size = strlen(c->text),
                                    .mode = 0600 };
        h->made_seq = head.chain.seq;
        h->options.emit(h->options.userdata, c->jws);
        /* A line each, where an anchor appends them to a file; its NUL makes room for that. */
        size = strlen(c->jws);
        c->jws[size] = '\n';
        c->files[1] = (WriterFile){
                .path = h->options.signed_path, .data = c->jws, .size = size + 1, .mode = 0644
        };
        return c;
}

void heads_make(Heads *h)
{
        Copy *c = make(h);

        if (c && writer_replace(h->options.writer, c->files, ELEMENTSOF(c->files), on_kept, c) < 0)
                copy_free(c);
}

void heads_make_last(Heads *h)
{
        Copy *c = make(h);

        for (size_t i = 0; c && i < ELEMENTSOF(c->files); i++)
                (void)file_replace(c->files[i].path, c->files[i].data, c->files[i].size,
                                   c->files[i].mode, geteuid(), getegid(), true);
        if (c)
                copy_free(c);
}

static int on_interval(sd_event_source *source, uint64_t usec, void *userdata)
{
        Heads *h = userdata;

        heads_make(h);
        (void)sd_event_source_set_time_relative(source, h->options.interval_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void heads_set_interval(Heads *h, uint64_t interval_usec)
{
        h->options.interval_usec = interval_usec;
        (void)sd_event_source_set_time_relative(h->timer, interval_usec);
}

int heads_new(sd_event *event, const HeadsOptions *o, Heads **ret)
{
        Heads *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->options = *o;
        r = sd_event_add_time_relative(event, &h->timer, CLOCK_BOOTTIME, o->interval_usec, 0,
                                       on_interval, h);
        if (r < 0) {
                free(h);
                return r;
        }
        (void)sd_event_source_set_description(h->timer, "log-head");
        *ret = h;
        return 0;
}

Heads *heads_free(Heads *h)
{
        if (!h)
                return NULL;
        sd_event_source_disable_unref(h->timer);
        free(h);
        return NULL;
}

int head_load(const char *path, LogHead *ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner_trusted(), LOG_HEAD_TEXT_MAX + 1, &text, &size);
        return r < 0 ? r : log_head_parse(text, size, ret);
}
