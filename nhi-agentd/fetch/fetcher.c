/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/fetcher.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/fetch/http-pool.h"
#include "nhi-agentd/fetch/path-watch.h"
#include "nhi-agentd/fetch/report.h"
#include "nhi-agentd/fetch/sources.h"

#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

#define LINE_SIZE 600

/* The types of sources that there are. */
static const SourceType *const source_types[] = { &source_file, &source_https, &source_etcd };

/* One entry of the list at work; one of its URLs, where each is a source of its own: mirrors of an
 * issuer are all asked, and the agent takes the highest version. */
typedef struct Fetch {
        Fetcher *fetcher;
        SourceSpec spec;
        const SourceType *type;
        SourceSink sink;
        void *source;
        FeedClient *client;
        int64_t answered_usec;   /* CLOCK_BOOTTIME; 0: the source has not answered yet */
        int64_t next_usec;       /* likewise; when it looks again */
        char trouble[LINE_SIZE]; /* of the source; "": none */
        char answer[LINE_SIZE];  /* of the agent; "": none yet */
} Fetch;

struct Fetcher {
        sd_event *event;
        FetcherConfig config;
        PathWatch *watch;
        Tidings *tidings; /* NULL: none are told */
        HttpPool *pool;
        SourceList list;
        Fetch *fetches;
        size_t n_fetches;
        ReportSenders *reports; /* of that list */
        struct stat seen;       /* the list that is at work */
};

static const SourceType *source_type_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(source_types); i++)
                if (streq(source_types[i]->name, name))
                        return source_types[i];
        return NULL;
}

static void say(const Fetcher *f, int priority, const char *what, const char *line)
{
        char escaped[LINE_SIZE], whole[2 * LINE_SIZE];

        if (!f->config.say)
                return;
        (void)snprintf(whole, sizeof(whole), "%s: %s", what,
                       text_escape(escaped, sizeof(escaped), line));
        f->config.say(priority, whole);
}

static void status_tell(const Fetcher *f)
{
        const Fetch *shown = NULL;
        char escaped[LINE_SIZE], line[2 * LINE_SIZE];

        if (!f->config.status)
                return;
        for (size_t i = 0; i < f->n_fetches; i++)
                if (!shown || *f->fetches[i].trouble)
                        shown = &f->fetches[i];
        if (!shown) {
                f->config.status("waiting for the agent to say what to fetch");
                return;
        }
        text_escape(escaped, sizeof(escaped), *shown->trouble ? shown->trouble : shown->answer);
        (void)snprintf(line, sizeof(line), "%zu source%s; %s", f->n_fetches,
                       f->n_fetches == 1 ? "" : "s", *escaped ? escaped : "nothing delivered yet");
        f->config.status(line);
}

/* Remember and say what is new; the same again is silence. */
static bool text_changed(char text[static LINE_SIZE], const char *now)
{
        char cut[LINE_SIZE];

        (void)snprintf(cut, sizeof(cut), "%s", now);
        if (streq(text, cut))
                return false;
        memcpy(text, cut, sizeof(cut));
        return true;
}

static int on_deliver(void *userdata, const void *bytes, size_t size)
{
        const Fetch *fetch = userdata;

        return feed_client_deliver(fetch->client, bytes, size);
}

static void on_next(void *userdata, uint64_t usec)
{
        Fetch *fetch = userdata;

        fetch->next_usec = now_boottime_usec() + (int64_t)usec;
}

static void on_report(void *userdata, const char *sentence)
{
        Fetch *fetch = userdata;
        const bool is_first = !sentence && fetch->answered_usec == 0;

        if (!sentence)
                fetch->answered_usec = now_boottime_usec();
        if (is_first)
                tidings_soon(fetch->fetcher->tidings);
        if (!text_changed(fetch->trouble, sentence ? sentence : ""))
                return;
        say(fetch->fetcher, sentence ? LOG_WARNING : LOG_INFO, fetch->spec.issuer,
            sentence ? sentence : "the source is well");
        tidings_soon(fetch->fetcher->tidings);
        status_tell(fetch->fetcher);
}

/* What the agent has already is nothing new to say. */
static void on_answered(void *userdata, const char *line)
{
        Fetch *fetch = userdata;
        bool is_accepted = strncmp(line, "accepted ", 9) == 0;
        bool is_unchanged = strncmp(line, "unchanged ", 10) == 0;

        if (!text_changed(fetch->answer, line))
                return;
        if (!is_unchanged)
                say(fetch->fetcher, is_accepted ? LOG_INFO : LOG_WARNING, fetch->spec.issuer, line);
        status_tell(fetch->fetcher);
}

static bool on_tiding(void *userdata, size_t i, Tiding *ret)
{
        const Fetcher *f = userdata;
        const Fetch *fetch;

        if (i >= f->n_fetches)
                return false;
        fetch = &f->fetches[i];
        *ret = (Tiding){ .issuer_index = fetch->spec.index,
                         .place = (uint16_t)fetch->spec.places[0],
                         .object = (uint16_t)fetch->spec.object,
                         .answered_usec = fetch->answered_usec,
                         .next_usec = fetch->next_usec,
                         .trouble = fetch->trouble };
        if (fetch->type->is_told && fetch->answered_usec > 0 && !*fetch->trouble)
                ret->answered_usec = now_boottime_usec();
        return true;
}

static void fetch_done(Fetch *fetch)
{
        if (fetch->source)
                fetch->type->stop(fetch->source);
        (void)feed_client_free(fetch->client);
}

static int fetch_init(Fetch *fetch, Fetcher *f, const SourceType *type, const SourceSpec *spec)
{
        FeedClientConfig feed = f->config.feed;
        int r;

        *fetch = (Fetch){
                .fetcher = f,
                .spec = *spec,
                .type = type,
                .sink = { .userdata = fetch,
                          .deliver = on_deliver,
                          .report = on_report,
                          .next = on_next,
                          .pool = f->pool },
        };
        feed.issuer_index = spec->index;
        feed.userdata = fetch;
        feed.answered = on_answered;
        r = feed_client_new(f->event, &feed, &fetch->client);
        if (r < 0)
                return r;
        return type->start(f->event, &fetch->spec, &fetch->sink, &fetch->source);
}

static void fetches_stop(Fetcher *f)
{
        f->reports = report_senders_free(f->reports);
        for (size_t i = 0; i < f->n_fetches; i++)
                fetch_done(&f->fetches[i]);
        free(f->fetches);
        f->fetches = NULL;
        f->n_fetches = 0;
        sources_done(&f->list);
}

/* What cannot be served never holds up the others. */
static void fetch_start(Fetcher *f, const SourceType *type, const SourceSpec *spec)
{
        Fetch *fetch = &f->fetches[f->n_fetches];
        int r = fetch_init(fetch, f, type, spec);

        if (r >= 0) {
                f->n_fetches++;
                return;
        }
        fetch_done(fetch);
        say(f, LOG_ERR, spec->issuer, strerror(-r));
}

static void entry_start(Fetcher *f, const SourceSpec *spec)
{
        const SourceType *type = source_type_find(spec->type);

        if (!type) {
                say(f, LOG_ERR, spec->issuer, "this version fetches no source of that type");
                return;
        }
        if (!type->is_per_url) {
                fetch_start(f, type, spec);
                return;
        }
        for (size_t i = 0; i < spec->n_urls; i++) {
                SourceSpec one = *spec;

                one.urls[0] = spec->urls[i];
                one.places[0] = spec->places[i];
                one.n_urls = 1;
                fetch_start(f, type, &one);
        }
}

static void on_report_said(void *userdata, int priority, const char *issuer, const char *line)
{
        say(userdata, priority, issuer, line);
}

static bool on_borrow(void *lender, const SourceSpec *spec, size_t *ret_member, char **ret_token)
{
        const Fetcher *f = lender;

        for (size_t i = 0; i < f->n_fetches; i++)
                if (f->fetches[i].type == &source_etcd && f->fetches[i].spec.index == spec->index)
                        return source_etcd_lend(f->fetches[i].source, ret_member, ret_token);
        return false;
}

static void reports_start(Fetcher *f)
{
        ReportSenderConfig config = report_sender_defaults;
        int r;

        config.owner = f->config.owner;
        config.borrow = on_borrow;
        config.lender = f;
        r = report_senders_new(f->event, &f->list, &config, on_report_said, f, &f->reports);
        if (r < 0)
                say(f, LOG_ERR, "reports", strerror(-r));
}

static void fetches_start(Fetcher *f, SourceList *list)
{
        f->list = *list;
        *list = (SourceList){ 0 };
        f->fetches = calloc(f->list.n * SOURCE_URLS_MAX + 1, sizeof(*f->fetches));
        if (!f->fetches) {
                say(f, LOG_ERR, "sources", strerror(ENOMEM));
                return;
        }
        for (size_t i = 0; i < f->list.n; i++)
                entry_start(f, &f->list.specs[i]);
        reports_start(f);
}

void fetcher_reload(Fetcher *f)
{
        char error[SOURCES_ERROR_MAX] = "";
        SourceList list = { 0 };
        int r;

        r = sources_load(f->config.sources_path, f->config.owner, &list, error);
        if (r < 0 && r != -ENOENT)
                say(f, LOG_ERR, f->config.sources_path, error);
        if (r == 0) {
                fetches_stop(f);
                fetches_start(f, &list);
        }
        status_tell(f);
}

/* A list that was rewritten, be it with the same words, comes from an agent that began anew. */
static void on_sources_changed(void *userdata)
{
        Fetcher *f = userdata;
        struct stat st;

        if (lstat(f->config.sources_path, &st) < 0) {
                status_tell(f);
                return;
        }
        if (st.st_ino == f->seen.st_ino && st.st_dev == f->seen.st_dev &&
            st.st_ctim.tv_sec == f->seen.st_ctim.tv_sec &&
            st.st_ctim.tv_nsec == f->seen.st_ctim.tv_nsec)
                return;
        f->seen = st;
        fetcher_reload(f);
}

DEFINE_CLEANUP(Fetcher *, fetcher_free);

int fetcher_new(sd_event *event, const FetcherConfig *config, Fetcher **ret)
{
        _cleanup_(fetcher_freep) Fetcher *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->event = sd_event_ref(event);
        f->config = *config;
        r = http_pool_new(&f->pool);
        if (r >= 0)
                r = path_watch_new(event, config->sources_path, on_sources_changed, f, &f->watch);
        if (r < 0)
                return r;
        if (config->tidings_usec > 0)
                r = tidings_new(event,
                                &(TidingsConfig){ .sock_path = config->feed.sock_path,
                                                  .owner = config->feed.owner,
                                                  .interval_usec = config->tidings_usec,
                                                  .spacing_usec = TIDINGS_SPACING_USEC,
                                                  .userdata = f,
                                                  .source = on_tiding },
                                &f->tidings);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(f);
        return 0;
}

Fetcher *fetcher_free(Fetcher *f)
{
        if (!f)
                return NULL;
        (void)path_watch_free(f->watch);
        fetches_stop(f);
        (void)tidings_free(f->tidings);
        (void)http_pool_free(f->pool);
        (void)sd_event_unref(f->event);
        free(f);
        return NULL;
}
