/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/metrics/text.h"

#include "lib/base/name.h"

#include <inttypes.h>

#define VALUE_SIZE 1536
#define MICRO      1000000

static const char *const type_names[] = {
        [METRIC_GAUGE] = "gauge",
        [METRIC_COUNTER] = "counter",
        [METRIC_HISTOGRAM] = "histogram",
};

void metric_family(MetricText *t, const char *name, MetricType type, const char *unit,
                   const char *help)
{
        t->family = name;
        t->type = type;
        fprintf(t->out, "# TYPE %s %s\n", name, type_names[type]);
        if (*unit)
                fprintf(t->out, "# UNIT %s %s\n", name, unit);
        fprintf(t->out, "# HELP %s %s\n", name, help);
}

/* M3 */
static void put_value(FILE *out, const char *value)
{
        char visible[VALUE_SIZE];

        text_visible(visible, sizeof(visible), value);
        for (const char *c = visible; *c; c++) {
                if (*c == '\\' || *c == '"')
                        (void)fputc('\\', out);
                (void)fputc(*c, out);
        }
}

static void put_labels(FILE *out, const MetricLabel *labels, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                fprintf(out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
                put_value(out, labels[i].value);
                (void)fputc('"', out);
        }
        if (n > 0)
                (void)fputc('}', out);
}

static void put_name(MetricText *t, const MetricLabel *labels, size_t n_labels)
{
        fprintf(t->out, "%s%s", t->family, t->type == METRIC_COUNTER ? "_total" : "");
        put_labels(t->out, labels, n_labels);
        (void)fputc(' ', t->out);
}

static void put_micro(FILE *out, int64_t millionths)
{
        const uint64_t size = millionths < 0 ? -(uint64_t)millionths : (uint64_t)millionths;

        fprintf(out, "%s%" PRIu64 ".%06" PRIu64 "\n", millionths < 0 ? "-" : "", size / MICRO,
                size % MICRO);
}

void metric_sample(MetricText *t, const MetricLabel *labels, size_t n_labels, int64_t value)
{
        put_name(t, labels, n_labels);
        fprintf(t->out, "%" PRId64 "\n", value);
}

void metric_sample_micro(MetricText *t, const MetricLabel *labels, size_t n_labels,
                         int64_t millionths)
{
        put_name(t, labels, n_labels);
        put_micro(t->out, millionths);
}

void metric_histogram(MetricText *t, const int64_t *bounds_msec, const uint64_t *counts, size_t n,
                      int64_t sum_usec)
{
        uint64_t so_far = 0;

        for (size_t i = 0; i < n; i++) {
                so_far += counts[i];
                fprintf(t->out, "%s_bucket{le=\"%" PRId64 ".%03" PRId64 "\"} %" PRIu64 "\n",
                        t->family, bounds_msec[i] / 1000, bounds_msec[i] % 1000, so_far);
        }
        so_far += counts[n];
        fprintf(t->out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", t->family, so_far);
        fprintf(t->out, "%s_count %" PRIu64 "\n%s_sum ", t->family, so_far, t->family);
        put_micro(t->out, sum_usec);
}

void metric_end(MetricText *t)
{
        fputs("# EOF\n", t->out);
}
