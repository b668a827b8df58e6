/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What PAM would run: the lines of one service and one kind (pam.d(5)), with its includes resolved
 * in the order in which libpam meets them. Reads files only; nothing is loaded. */

#include <stdbool.h>
#include <stddef.h>

typedef enum PamKind {
        PAM_KIND_AUTH = 0,
        PAM_KIND_ACCOUNT,
        PAM_KIND_PASSWORD,
        PAM_KIND_SESSION,
} PamKind;

typedef struct PamLine {
        char *file;    /* "/etc/pam.d/common-account", without the root */
        unsigned line; /* its number there, from 1 */
        char *control; /* "requisite", "[success=1 default=ignore]" */
        char *module;  /* as written: "pam_nhi.so" or an absolute path */
        char *args;    /* "" where there are none */
        bool silent;   /* "-account": a missing module is not an error */
} PamLine;

typedef struct PamStack {
        PamLine *lines;
        size_t n;
} PamStack;

#define PAM_STACK_LINES_MAX 512u
#define PAM_STACK_DEPTH_MAX 16u

/* root is "" or the folder below which etc/pam.d and usr/lib/pam.d are read (/etc first). A service
 * without a file, or whose file has no line of this kind, is answered with the lines of "other", as
 * libpam does. An include of a file that is not there stays in the stack as a line of its own
 * (control "include", "substack" or "@include", module the file's name): libpam lets it fail. 0 and
 * an owned *ret, which may hold no line; -ENOENT where there is neither the file nor "other",
 * -EINVAL for a service with a '/', -ELOOP for includes deeper than PAM_STACK_DEPTH_MAX, -E2BIG,
 * -ENOMEM, or another negative errno. */
int pam_stack_read(const char *root, const char *service, PamKind kind, PamStack *ret);
void pam_stack_done(PamStack *s);

/* True where there is a file for exactly this service. */
bool pam_service_exists(const char *root, const char *service);
/* The module's base name is name ("pam_nhi.so")? */
bool pam_line_is(const PamLine *line, const char *name);
/* Could this line end the stack well, or jump over lines behind it ("sufficient", "done", a
 * number)? What stands before the gate must not. */
bool pam_line_may_skip(const PamLine *line);
/* The place of the first line that pam_line_is() says yes to, or s->n. */
size_t pam_stack_find(const PamStack *s, const char *name);
