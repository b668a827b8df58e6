/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/metrics/page-internal.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhi-agentd/fetched.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/staleness.h"

#include <stdio.h>

#define USEC            ((int64_t)USEC_PER_SEC)
#define PLACE_NAME_SIZE 1280

/* ---- one number of each issuer; those of a set or a list only where there is one ---- */

static int64_t get_verified(const IssuerState *s, Now now)
{
        return s->set != NULL;
}

static int64_t get_unsaved(const IssuerState *s, Now now)
{
        return issuer_list_is_unsaved(s) + issuer_keys_are_unsaved(s);
}

static int64_t get_issued(const IssuerState *s, Now now)
{
        return s->set->iat_sec;
}

static int64_t get_expires(const IssuerState *s, Now now)
{
        return s->set->exp_sec;
}

static int64_t get_version(const IssuerState *s, Now now)
{
        return s->set->ver;
}

static int64_t get_quarantined(const IssuerState *s, Now now)
{
        return (int64_t)s->set->n_quarantined;
}

static int64_t get_list_expires(const IssuerState *s, Now now)
{
        return s->list->exp_sec;
}

static bool is_here(const IssuerState *s)
{
        return true;
}

static bool has_set(const IssuerState *s)
{
        return s->set != NULL;
}

static bool has_list(const IssuerState *s)
{
        return s->list != NULL;
}

static const struct {
        Family family;
        int64_t (*get)(const IssuerState *s, Now now);
        bool (*has)(const IssuerState *s);
} of_issuer[] = {
        { { "nhi_issuer_verified", METRIC_GAUGE, "", "1: a verified set of the issuer is here." },
          get_verified,
          is_here },
        { { "nhi_lists_unsaved", METRIC_GAUGE, "",
            "Revocation and key lists in force that could not be saved." },
          get_unsaved,
          is_here },
        { { "nhi_set_issued_timestamp_seconds", METRIC_GAUGE, "seconds",
            "When the set in force was signed." },
          get_issued,
          has_set },
        { { "nhi_set_expires_timestamp_seconds", METRIC_GAUGE, "seconds",
            "When the set in force ends, and every grant of it." },
          get_expires,
          has_set },
        { { "nhi_set_version", METRIC_GAUGE, "", "Version of the set in force." },
          get_version,
          has_set },
        { { "nhi_set_quarantined", METRIC_GAUGE, "",
            "Entries of the set in force that this host refuses." },
          get_quarantined,
          has_set },
        { { "nhi_revocations_expires_timestamp_seconds", METRIC_GAUGE, "seconds",
            "When the revocation list in force ends; what it names stays revoked." },
          get_list_expires,
          has_list },
};

static void put_issuers(Page *p)
{
        const Agent *a = p->agent;

        for (size_t i = 0; i < ELEMENTSOF(of_issuer); i++) {
                page_begin(p, &of_issuer[i].family);
                for (size_t k = 0; k < a->config->n_issuers; k++) {
                        const MetricLabel label = { "issuer", a->config->issuers[k].issuer };

                        if (of_issuer[i].has(&a->issuers[k]))
                                metric_sample(&p->text, &label, 1,
                                              of_issuer[i].get(&a->issuers[k], p->now));
                }
        }
}

/* Half, four fifths and the end of a set's life, as the events tell them. */
static void put_life_used(Page *p)
{
        static const Family family = { "nhi_set_life_used_ratio", METRIC_GAUGE, "ratio",
                                       "How much of the life of the set in force is over." };
        const Agent *a = p->agent;

        page_begin(p, &family);
        for (size_t i = 0; i < a->config->n_issuers; i++) {
                const IssuerState *s = &a->issuers[i];
                const MetricLabel label = { "issuer", a->config->issuers[i].issuer };
                const int64_t life_sec = s->set ? staleness_life_usec(s) / USEC : 0;

                if (life_sec > 0)
                        metric_sample_micro(&p->text, &label, 1,
                                            staleness_age_usec(s, p->now) / life_sec);
        }
}

/* ---- one number of each place ---- */

/* One that has not answered is as old as the agent, at least. In microseconds. */
static int64_t get_place_age(const Page *p, const Heard *h)
{
        const int64_t age_usec = heard_place_age_usec(h, p->now);
        const int64_t up_usec = p->now.real_usec - p->agent->started_sec * USEC;

        return age_usec >= 0 ? age_usec : up_usec > 0 ? up_usec : 0;
}

static int64_t get_place_answered(const Page *p, const Heard *h)
{
        return p->now.real_usec - heard_place_age_usec(h, p->now);
}

static const struct {
        Family family;
        int64_t (*get_micro)(const Page *p, const Heard *h);
        bool needs_answer;
} of_place[] = {
        { { "nhi_source_age_seconds", METRIC_GAUGE, "seconds",
            "How long ago the source last answered; since the agent started, where it has not." },
          get_place_age,
          false },
        { { "nhi_source_answered_timestamp_seconds", METRIC_GAUGE, "seconds",
            "When the source last answered." },
          get_place_answered,
          true },
};

/* One place of one issuer: of its sets, or with a label that says what else. */
typedef struct Place {
        const Heard *heard;
        char name[PLACE_NAME_SIZE];
        MetricLabel labels[3];
        size_t n_labels;
} Place;

static void place_init(Place *ret, const Page *p, size_t issuer, uint32_t object, size_t place)
{
        const Issuer *i = &p->agent->config->issuers[issuer];

        ret->heard = &p->agent->issuers[issuer].heard[object][place];
        heard_place_name(&i->source, place, ret->name, sizeof(ret->name));
        ret->labels[0] = (MetricLabel){ "issuer", i->issuer };
        ret->labels[1] = (MetricLabel){ "source", ret->name };
        ret->labels[2] = (MetricLabel){ "object", feed_object_name(object) };
        ret->n_labels = object == FEED_SET ? 2 : 3;
}

typedef void (*PlacePut)(Page *p, const Place *place, size_t family);

static void each_place_of(Page *p, size_t issuer, PlacePut put, size_t family)
{
        const Issuer *i = &p->agent->config->issuers[issuer];
        Place place;

        for (uint32_t object = 0; object < FEED_OBJECTS_N; object++)
                for (size_t k = 0; k < heard_n_places(&i->source); k++) {
                        if (!fetched_from(i, object, k))
                                continue;
                        place_init(&place, p, issuer, object, k);
                        put(p, &place, family);
                }
}

/* Calls put for every place. */
static void each_place(Page *p, PlacePut put, size_t family)
{
        for (size_t i = 0; i < p->agent->config->n_issuers; i++)
                each_place_of(p, i, put, family);
}

static void put_place_time(Page *p, const Place *place, size_t family)
{
        if (place->heard->has_answered || !of_place[family].needs_answer)
                metric_sample_micro(&p->text, place->labels, place->n_labels,
                                    of_place[family].get_micro(p, place->heard));
}

static void put_place_failing(Page *p, const Place *place, size_t family)
{
        metric_sample(&p->text, place->labels, place->n_labels, *place->heard->trouble != '\0');
}

static void put_places(Page *p)
{
        static const Family failing = { "nhi_source_failing", METRIC_GAUGE, "",
                                        "1: something is in the way of the source." };

        for (size_t f = 0; f < ELEMENTSOF(of_place); f++) {
                page_begin(p, &of_place[f].family);
                each_place(p, put_place_time, f);
        }
        page_begin(p, &failing);
        each_place(p, put_place_failing, 0);
}

int metrics_page(Agent *a, Now now, char **ret, size_t *ret_size)
{
        char *text = NULL;
        size_t size = 0;
        Page p = { .agent = a, .now = now, .text.out = open_memstream(&text, &size) };
        bool failed;

        if (!p.text.out)
                return -ENOMEM;
        evidence_view(a->evidence, &p.log);
        page_put_host(&p);
        put_issuers(&p);
        put_life_used(&p);
        put_places(&p);
        page_put_tally(&p);
        metric_end(&p.text);
        failed = ferror(p.text.out) != 0;
        if (fclose(p.text.out) != 0 || failed) {
                free(text);
                return -ENOMEM;
        }
        *ret = text;
        *ret_size = size;
        return 0;
}
