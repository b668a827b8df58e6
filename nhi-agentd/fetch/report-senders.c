/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The senders of all entries of a list. */

#include "nhi-agentd/fetch/report.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <syslog.h>

#define LINE_SIZE 600

typedef struct Sending {
        const ReportSenders *all;
        const SourceSpec *spec;
        ReportSender *sender;
        char trouble[LINE_SIZE]; /* as it was said; "": none */
} Sending;

struct ReportSenders {
        ReportSay say;
        void *userdata;
        size_t n;
        Sending items[];
};

static void say(const Sending *s, int priority, const char *sentence)
{
        char line[LINE_SIZE + 16];

        (void)snprintf(line, sizeof(line), "report: %s", sentence);
        s->all->say(s->all->userdata, priority, s->spec->issuer, line);
}

/* The same again is silence. */
static void on_report(void *userdata, const char *sentence)
{
        Sending *s = userdata;
        char now[LINE_SIZE];

        (void)snprintf(now, sizeof(now), "%s", sentence ? sentence : "");
        if (streq(now, s->trouble))
                return;
        memcpy(s->trouble, now, sizeof(now));
        say(s, *now ? LOG_WARNING : LOG_INFO, *now ? now : "taken");
}

/* One that cannot be served never holds up the others. */
static void sending_start(ReportSenders *all, sd_event *event, const SourceSpec *spec,
                          const ReportSenderConfig *given)
{
        Sending *s = &all->items[all->n];
        ReportSenderConfig config = *given;
        int r;

        *s = (Sending){ .all = all, .spec = spec };
        config.userdata = s;
        config.report = on_report;
        r = report_sender_new(event, spec, &config, &s->sender);
        if (r < 0)
                say(s, LOG_ERR, strerror(-r));
        else
                all->n++;
}

int report_senders_new(sd_event *event, const SourceList *list, const ReportSenderConfig *config,
                       ReportSay say_line, void *userdata, ReportSenders **ret)
{
        ReportSenders *all = calloc(1, sizeof(*all) + list->n * sizeof(all->items[0]));

        if (!all)
                return -ENOMEM;
        all->say = say_line;
        all->userdata = userdata;
        for (size_t i = 0; i < list->n; i++)
                if (list->specs[i].report && *list->specs[i].report)
                        sending_start(all, event, &list->specs[i], config);
        *ret = all;
        return 0;
}

ReportSenders *report_senders_free(ReportSenders *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                (void)report_sender_free(s->items[i].sender);
        free(s);
        return NULL;
}
