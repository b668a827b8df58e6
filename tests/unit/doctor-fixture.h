/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A host for tests of doctor's checks: files in a folder of its own, and programs that print what
 * the test says. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/doctor/doctor.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

/* A program of the host: what it prints when all of its words begin with these. */
typedef struct FakeRun {
        const char *words; /* "/usr/sbin/sshd -T": matched as a prefix of the words with blanks */
        const char *output;
        int status; /* or a negative errno */
} FakeRun;

#define FAKE_RUNS_MAX 16u

typedef struct DoctorFixture {
        char root[PATH_MAX];
        DoctorHost host;
        Findings findings;
        FakeRun runs[FAKE_RUNS_MAX];
        size_t n_runs;
} DoctorFixture;

/* run() has no userdata: one host at a time. */
static const DoctorFixture *fixture_now;

static inline int fake_run(const char *const *words, char *output, size_t size)
{
        char line[1024] = "";
        size_t used = 0;

        for (; *words && used < sizeof(line); words++)
                used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%s", used ? " " : "",
                                         *words);
        output[0] = '\0';
        for (size_t i = 0; i < fixture_now->n_runs; i++) {
                const FakeRun *r = &fixture_now->runs[i];

                if (strncmp(line, r->words, strlen(r->words)) != 0)
                        continue;
                (void)snprintf(output, size, "%s", r->output);
                return r->status;
        }
        return -ENOENT;
}

/* The latest rule for a prefix wins. */
static inline void fixture_runs(DoctorFixture *x, const char *words, const char *output, int status)
{
        if (x->n_runs == FAKE_RUNS_MAX)
                abort();
        memmove(x->runs + 1, x->runs, x->n_runs * sizeof(*x->runs));
        x->runs[0] = (FakeRun){ words, output, status };
        x->n_runs++;
}

static inline void fixture_path(const DoctorFixture *x, const char *path, char ret[static PATH_MAX])
{
        if (snprintf(ret, PATH_MAX, "%s%s", x->root, path) >= PATH_MAX)
                abort();
        for (char *p = strchr(ret + 1, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                (void)mkdir(ret, 0755);
                *p = '/';
        }
}

/* Write a file below the host's root, with its folders; NULL removes it. */
static inline void fixture_file(const DoctorFixture *x, const char *path, const char *text)
{
        char full[PATH_MAX];
        FILE *f;

        fixture_path(x, path, full);
        if (!text) {
                (void)unlink(full);
                return;
        }
        f = fopen(full, "we");
        if (!f || fputs(text, f) == EOF || fclose(f) != 0)
                abort();
}

static inline void fixture_init(DoctorFixture *x)
{
        char made[PATH_MAX];

        *x = (DoctorFixture){ .host = { .run = fake_run, .now_sec = 1700000000 } };
        fixture_now = x;
        fixture_path(x, PATH_ROOT "/", made);
        (void)snprintf(x->root, sizeof(x->root), "%s/doctor-XXXXXX", PATH_ROOT);
        if (!mkdtemp(x->root))
                abort();
        x->host.root = x->root;
}

static inline void fixture_remove(const char *path)
{
        DIR *dir = opendir(path);
        const struct dirent *entry;
        char below[PATH_MAX];

        while (dir && (entry = readdir(dir))) {
                if (streq(entry->d_name, ".") || streq(entry->d_name, "..") ||
                    snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >= PATH_MAX)
                        continue;
                if (unlink(below) < 0)
                        fixture_remove(below);
        }
        if (dir)
                (void)closedir(dir);
        (void)rmdir(path);
}

static inline void fixture_done(DoctorFixture *x)
{
        findings_done(&x->findings);
        fixture_remove(x->root);
}

/* Run one check anew. */
static inline void fixture_check(DoctorFixture *x, const char *name)
{
        findings_done(&x->findings);
        for (const DoctorCheck *c = doctor_checks; c->name; c++) {
                if (streq(c->name, name)) {
                        doctor_check_run(c, &x->host, &x->findings);
                        return;
                }
        }
        abort();
}

/* The check's last run said level, and (where not NULL) text stands in such a finding's sentence.
 */
static inline bool fixture_says(const DoctorFixture *x, FindingLevel level, const char *text)
{
        for (size_t i = 0; i < x->findings.n; i++)
                if (x->findings.items[i].level == level &&
                    (!text || strstr(x->findings.items[i].text, text)))
                        return true;
        for (size_t i = 0; i < x->findings.n; i++)
                fprintf(stderr, "  %s %s: %s\n", finding_level_text(x->findings.items[i].level),
                        x->findings.items[i].check, x->findings.items[i].text);
        return false;
}

/* Nothing but [OK]. */
static inline bool fixture_is_well(const DoctorFixture *x)
{
        if (x->findings.n > 0 && findings_count(&x->findings, FINDING_OK) == x->findings.n)
                return true;
        (void)fixture_says(x, FINDING_OK, "\001");
        return false;
}
