/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Metrics as text, so that both of its readers take the same file: OpenMetrics 1.0 and the
 * Prometheus text format 0.0.4, which node-exporter's textfile collector reads.
 *
 *  M1 A family's lines MUST stand together, TYPE, UNIT and HELP first, and none MUST come twice.
 *  M2 Only types that both know: gauge, counter, histogram. A counter's samples end in _total and
 *     its family does not, as OpenMetrics demands; to the older format they are untyped.
 *  M3 Label values MUST be UTF-8, with backslash, quote and line feed escaped, and nothing that a
 *     terminal would act upon.
 *  M4 No time stamps, which the collector refuses; numbers without an exponent and without a
 *     locale. The last line is "# EOF". */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum MetricType {
        METRIC_GAUGE,
        METRIC_COUNTER,
        METRIC_HISTOGRAM,
} MetricType;

typedef struct MetricLabel {
        const char *name, *value;
} MetricLabel;

/* Samples are of the family that was begun last. */
typedef struct MetricText {
        FILE *out;
        const char *family;
        MetricType type;
} MetricText;

/* unit "": none; name ends in it where there is one. All texts are ours: nothing is escaped. */
void metric_family(MetricText *t, const char *name, MetricType type, const char *unit,
                   const char *help);
void metric_sample(MetricText *t, const MetricLabel *labels, size_t n_labels, int64_t value);
/* The same in millionths. */
void metric_sample_micro(MetricText *t, const MetricLabel *labels, size_t n_labels,
                         int64_t millionths);
/* A histogram without labels: n buckets by their upper bound in milliseconds, then those beyond. */
void metric_histogram(MetricText *t, const int64_t *bounds_msec, const uint64_t *counts, size_t n,
                      int64_t sum_usec);
void metric_end(MetricText *t);
