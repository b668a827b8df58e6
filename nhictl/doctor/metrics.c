/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers that nobody can read, or that are no longer written, alarm nobody: the metrics file and
 * the way to it, as a collector without rights sees them. */

#include "nhictl/doctor/checks.h"
#include "nhictl/reply.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define CHECK     "metrics"
#define LATE_SEC  5 /* besides three intervals */
#define TRAVERSED S_IXOTH
#define LISTED    (S_IROTH | S_IXOTH)
#define READ      S_IROTH

static int stat_below(const DoctorHost *h, const char *path, struct stat *ret)
{
        char full[PATH_MAX];

        if (snprintf(full, sizeof(full), "%s%s", h->root, path) >= (int)sizeof(full))
                return -ENAMETOOLONG;
        return stat(full, ret) < 0 ? -errno : 0;
}

/* false, and said, where others may not. */
static bool others_may(const DoctorHost *h, const char *path, mode_t what, Findings *f)
{
        char advice[PATH_MAX + 64];
        struct stat st;
        int r = stat_below(h, path, &st);

        if (r < 0) {
                finding_warn(f, CHECK,
                             "journalctl -u nhi-agentd; see metrics.file in agentd.conf(5)",
                             "%s: %s", path, strerror(-r));
                return false;
        }
        if ((st.st_mode & what) == what)
                return true;
        (void)snprintf(advice, sizeof(advice), "chmod o+%s%s %s, or another metrics.file",
                       what & S_IROTH ? "r" : "", what & S_IXOTH ? "x" : "", path);
        finding_warn(f, CHECK, advice, "%s is closed to others: no collector can read the metrics",
                     path);
        return false;
}

static bool way_is_open(const DoctorHost *h, const char *file, Findings *f)
{
        char part[PATH_MAX];
        const char *last = strrchr(file, '/');

        for (const char *slash = strchr(file + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                (void)snprintf(part, sizeof(part), "%.*s", (int)(slash - file), file);
                if (!others_may(h, part, slash == last ? LISTED : TRAVERSED, f))
                        return false;
        }
        return others_may(h, file, READ, f);
}

void check_metrics(const DoctorHost *h, Findings *f)
{
        const json_t *metrics = json_object_get(h->status, "metrics");
        const char *file = member_text(metrics, "file"), *error = member_text(metrics, "error");
        const int64_t age_sec = (int64_t)h->now_sec - member_sec(metrics, "written");

        if (!h->status)
                finding_warn(f, CHECK, "see check agent",
                             "no agent answers: whether metrics are written is not known");
        else if (!file || *file != '/')
                finding_ok(f, CHECK, "none are wanted (metrics.file)");
        else if (error)
                finding_warn(f, CHECK, "see metrics.file in agentd.conf(5)",
                             "%s cannot be written: %s", file, error);
        else if (age_sec > 3 * member_sec(metrics, "interval") + LATE_SEC)
                finding_warn(f, CHECK, "is its file system in order? systemctl restart nhi-agentd",
                             "%s was not written for %lld s", file, (long long)age_sec);
        else if (way_is_open(h, file, f))
                finding_ok(f, CHECK, "%s is written, and everybody may read it", file);
}
