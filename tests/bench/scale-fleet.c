/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The fetchers of many hosts in one process: for each host what nhi-fetchd runs for it, a source of
 * the network and a feed client, at the defaults of agentd.conf(5), all on one loop.
 *
 *   scale-fleet https|etcd FIRST HOSTS PER_SECOND CA_FILE FEED_SOCK URL OBJECTS
 *
 * Hosts are h00001 and on, of which these are from FIRST; so many begin in each second. URL has
 * "{host}" in the place of their names (https), or is a member of a cluster whose keys are
 * source.etcd_key's (etcd). What they fetch goes to FEED_SOCK with the host's number in the place
 * of the issuer's, see scale-feed.c. Of OBJECTS the first is the host's set; the others, up to two,
 * are the same for all and go nowhere. On stdout "begun N" when the last one has begun, and a line
 * for each trouble as it comes and goes.
 */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/fetch/feed-client.h"
#include "nhi-agentd/fetch/http-pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#define TICK_USEC (USEC_PER_SEC / 100)
#define NAME_SIZE 16

/* What stands beside a host's own set for all of them, in the place of its name. */
static const char *const shared[] = { "revocations", "keys" };

typedef struct Host {
        char name[NAME_SIZE];
        HttpPool *pool;
        FeedClient *client;
        struct {
                SourceSpec spec;
                SourceSink sink;
                void *source;
        } objects[1 + ELEMENTSOF(shared)];
        bool is_in_trouble;
} Host;

typedef struct Fleet {
        sd_event *event;
        sd_event_source *timer;
        const SourceType *type;
        SourceSpec spec; /* of every host but for its name and number */
        FeedClientConfig feed;
        Host *hosts;
        size_t first, n, n_begun, n_objects;
        uint64_t begin_usec, per_second;
} Fleet;

static _Noreturn void die(const char *what, int error)
{
        (void)fprintf(stderr, "scale-fleet: %s: %s\n", what, strerror(error));
        exit(EXIT_FAILURE);
}

static int on_deliver(void *userdata, const void *bytes, size_t size)
{
        Host *h = userdata;
        int r = feed_client_deliver(h->client, bytes, size);

        if (r < 0)
                die(h->name, -r);
        return 0;
}

/* Of what all hosts share only the asking is wanted: it need not be there. */
static int on_deliver_shared(void *userdata, const void *bytes, size_t size)
{
        return 0;
}

static void on_report_shared(void *userdata, const char *sentence)
{
}

static void on_report(void *userdata, const char *sentence)
{
        Host *h = userdata;

        if (sentence || h->is_in_trouble)
                printf("%s %s %s\n", sentence ? "trouble" : "well", h->name,
                       sentence ? sentence : "");
        h->is_in_trouble = sentence;
}

static int object_begin(const Fleet *f, Host *h, size_t k)
{
        SourceSpec *spec = &h->objects[k].spec;
        SourceSink *sink = &h->objects[k].sink;

        *spec = f->spec;
        spec->host = k == 0 ? h->name : shared[k - 1];
        *sink = (SourceSink){ .userdata = h,
                              .deliver = k == 0 ? on_deliver : on_deliver_shared,
                              .report = k == 0 ? on_report : on_report_shared,
                              .pool = h->pool };
        return f->type->start(f->event, spec, sink, &h->objects[k].source);
}

static void host_begin(Fleet *f, size_t i)
{
        Host *h = &f->hosts[i];
        FeedClientConfig feed = f->feed;
        int r;

        (void)snprintf(h->name, sizeof(h->name), "h%05zu", f->first + i);
        feed.issuer_index = (uint32_t)(f->first + i);
        r = feed_client_new(f->event, &feed, &h->client);
        if (r >= 0)
                r = http_pool_new(&h->pool);
        for (size_t k = 0; r >= 0 && k < f->n_objects; k++)
                r = object_begin(f, h, k);
        if (r < 0)
                die(h->name, -r);
}

/* As many as are due by now. */
static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        Fleet *f = userdata;
        const uint64_t due =
                (now_monotonic_usec() - f->begin_usec) * f->per_second / USEC_PER_SEC + 1;

        while (f->n_begun < f->n && f->n_begun < due)
                host_begin(f, f->n_begun++);
        if (f->n_begun == f->n) {
                printf("begun %zu\n", f->n);
                return 0;
        }
        (void)sd_event_source_set_time_relative(source, TICK_USEC);
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static void fleet_init(Fleet *f, char **argv)
{
        char *type = argv[1], *url = argv[7];

        f->type = streq(type, "etcd") ? &source_etcd : &source_https;
        f->first = strtoul(argv[2], NULL, 10);
        f->n = strtoul(argv[3], NULL, 10);
        f->per_second = strtoul(argv[4], NULL, 10);
        f->n_objects = strtoul(argv[8], NULL, 10);
        f->spec = (SourceSpec){ .issuer = "https://grants.example.org",
                                .type = type,
                                .urls = { url },
                                .n_urls = 1,
                                .etcd_key = "/nhi/sets/{host}",
                                .ca_file = argv[5],
                                .interval_usec = 60 * USEC_PER_SEC,
                                .wait_usec = 60 * USEC_PER_SEC,
                                .timeout_usec = 30 * USEC_PER_SEC,
                                .size_max = 64ull * 1024 * 1024 };
        f->feed = feed_client_defaults;
        f->feed.sock_path = argv[6];
        f->feed.owner = geteuid();
        f->hosts = calloc(f->n, sizeof(*f->hosts));
        if (!f->hosts)
                die("hosts", ENOMEM);
}

int main(int argc, char **argv)
{
        struct rlimit files;
        Fleet f = { 0 };
        int r;

        if (argc != 9 || strtoul(argv[8], NULL, 10) - 1 > ELEMENTSOF(shared)) {
                (void)fputs("usage: scale-fleet https|etcd FIRST HOSTS PER_SECOND CA_FILE "
                            "FEED_SOCK URL OBJECTS\n",
                            stderr);
                return 2;
        }
        (void)signal(SIGPIPE, SIG_IGN);
        (void)setvbuf(stdout, NULL, _IOLBF, 0);
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
        fleet_init(&f, argv);
        r = sd_event_new(&f.event);
        f.begin_usec = now_monotonic_usec();
        if (r >= 0)
                r = sd_event_add_time_relative(f.event, &f.timer, CLOCK_MONOTONIC, 0, 1, on_tick,
                                               &f);
        if (r >= 0)
                r = sd_event_loop(f.event);
        if (r < 0)
                die("the loop", -r);
        return 0;
}
