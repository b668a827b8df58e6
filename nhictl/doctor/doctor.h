/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* nhictl doctor: what could bypass the gate, lock somebody out, or make a grant fail. A check looks
 * at one thing and says what it found; it changes nothing, and where it cannot look it says so
 * (a warning), never [OK]. */

#include "lib/base/macro.h"
#include "nhictl/command.h"

#include <jansson.h>
#include <stdint.h>

typedef enum FindingLevel {
        FINDING_FAIL = 0, /* zeroed: the worst */
        FINDING_WARN,
        FINDING_OK,
} FindingLevel;

typedef struct Finding {
        FindingLevel level;
        const char *check; /* the check's name: "pam-order", stable, for --json and the manual */
        char *text;        /* one sentence with file and line where there are such */
        char *advice;      /* what to do, one line; NULL with FINDING_OK */
} Finding;

typedef struct Findings {
        Finding *items;
        size_t n;
        bool failed; /* memory ran out: the list is not complete */
} Findings;

/* The host as checks see it: every path below root, every program through run. Both are replaced in
 * tests. */
typedef struct DoctorHost {
        const char *root;     /* "" or a folder of a test */
        const json_t *status; /* the agent's reply to "status", NULL where none answers */
        const json_t *gates;  /* its gates, or the published ones without an agent; NULL: none */
        const json_t *grants; /* its reply to "list", NULL where none answers */
        uint64_t now_sec;
        /* command_run(); words[0] is never below root. */
        int (*run)(const char *const *words, char *output, size_t size);
} DoctorHost;

typedef struct DoctorCheck {
        const char *name;
        void (*run)(const DoctorHost *h, Findings *f); /* adds at least one finding */
        const char *help; /* what it looks at, for the manual: lower case, no full stop */
} DoctorCheck;

/* In the order of the report, NULL name ends it; made from checks.h. */
extern const DoctorCheck doctor_checks[];

/* Run one check. One that finds nothing to say has not looked: that is a warning of its own. */
void doctor_check_run(const DoctorCheck *c, const DoctorHost *h, Findings *f);

/* Append; a finding that is not [OK] has an advice. What may not be shown (text_visible()) is
 * kept as \xNN. */
void finding_ok(Findings *f, const char *check, const char *format, ...) _printf_(3, 4);
void finding_warn(Findings *f, const char *check, const char *advice, const char *format, ...)
        _printf_(4, 5);
void finding_fail(Findings *f, const char *check, const char *advice, const char *format, ...)
        _printf_(4, 5);
void findings_done(Findings *f);
size_t findings_count(const Findings *f, FindingLevel level);
const char *finding_level_text(FindingLevel level); /* "fail", "warn", "ok" */

/* The text of a file below root, at most size_max bytes: 0 and an owned *ret, or a negative errno
 * (-EFBIG; -EBADMSG: a NUL in it; -EINVAL: no regular file, and it was not opened). Symbolic links
 * are followed, as by those who read the file in earnest. */
int doctor_read(const DoctorHost *h, const char *path, size_t size_max, char **ret);
bool doctor_exists(const DoctorHost *h, const char *path);
/* The names in a folder below root but "." and "..", sorted, at most DOCTOR_NAMES_MAX: 0, an owned
 * *ret (NULL ends it) for doctor_names_free(), or a negative errno (-E2BIG). */
#define DOCTOR_NAMES_MAX 4096u
int doctor_names(const DoctorHost *h, const char *path, char ***ret);
char **doctor_names_free(char **names);
DEFINE_CLEANUP(char **, doctor_names_free);
