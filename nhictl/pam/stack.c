/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pam.d(5) as libpam reads it, Debian's "@include" and the folder for vendors' files with it. */

#include "nhictl/pam/stack.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <strings.h>

#define BLANKS " \t\r\n"

/* In the order in which libpam looks. */
static const char *const folders[] = { "/etc/pam.d", "/usr/lib/pam.d" };

static const char *const kinds[] = {
        [PAM_KIND_AUTH] = "auth",
        [PAM_KIND_ACCOUNT] = "account",
        [PAM_KIND_PASSWORD] = "password",
        [PAM_KIND_SESSION] = "session",
};

typedef struct Reader {
        const char *root;
        PamKind kind;
        PamStack *stack;
} Reader;

/* One file of those that are open, the including ones below it. */
typedef struct Source {
        const char *file; /* without the root */
        FILE *stream;
        unsigned line; /* read so far */
        unsigned depth;
} Source;

static int read_named(Reader *r, const char *name, unsigned depth);

/* ---- lines ---- */

/* Cut the comment and what is blank behind; true where the line goes on in the next. */
static bool text_trim(char *text)
{
        size_t size = strcspn(text, "#");
        bool has_comment = text[size] == '#';

        while (size > 0 && strchr(BLANKS, text[size - 1]))
                size--;
        text[size] = '\0';
        if (has_comment || size == 0 || text[size - 1] != '\\')
                return false;
        text[size - 1] = ' ';
        return true;
}

/* The next line that says something, its continuations joined to it: 1 and an owned *ret, 0 at the
 * end. */
static int text_read(Source *s, char **ret, unsigned *ret_line)
{
        _cleanup_free_ char *raw = NULL, *text = NULL;
        size_t capacity = 0;
        bool more = true;

        while (more && getline(&raw, &capacity, s->stream) >= 0) {
                char *joined = NULL;

                s->line++;
                more = text_trim(raw);
                if (raw[strspn(raw, BLANKS)] == '\0' && !more) {
                        more = true;
                        continue;
                }
                if (!text)
                        *ret_line = s->line;
                if (asprintf(&joined, "%s%s", text ? text : "", raw) < 0)
                        return -ENOMEM;
                free(text);
                text = joined;
        }
        if (ferror(s->stream))
                return -EIO;
        if (!text)
                return 0;
        *ret = TAKE_PTR(text);
        return 1;
}

/* The next word; one that begins with '[' ends behind its ']', blanks and all. "" at the end. */
static char *word_next(char **at)
{
        char *word = *at + strspn(*at, BLANKS), *end = word;

        if (*word == '[') {
                while (*end && *end != ']')
                        end += *end == '\\' && end[1] ? 2 : 1;
                end += *end == ']';
        } else {
                end += strcspn(end, BLANKS);
        }
        *at = end + (*end != '\0');
        *end = '\0';
        return word;
}

/* ---- the stack ---- */

static void line_done(PamLine *l)
{
        free(l->file);
        free(l->control);
        free(l->module);
        free(l->args);
}

/* line's texts are borrowed. */
static int stack_append(PamStack *s, const PamLine *line)
{
        PamLine copy = *line, *grown;

        if (s->n == PAM_STACK_LINES_MAX)
                return -E2BIG;
        grown = reallocarray(s->lines, s->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->lines = grown;
        copy.file = strdup(line->file);
        copy.control = strdup(line->control);
        copy.module = strdup(line->module);
        copy.args = strdup(line->args);
        if (!copy.file || !copy.control || !copy.module || !copy.args) {
                line_done(&copy);
                return -ENOMEM;
        }
        s->lines[s->n++] = copy;
        return 0;
}

void pam_stack_done(PamStack *s)
{
        for (size_t i = 0; i < s->n; i++)
                line_done(&s->lines[i]);
        free(s->lines);
        *s = (PamStack){ .lines = NULL };
}

static bool is_include(const char *control)
{
        return strcasecmp(control, "include") == 0 || strcasecmp(control, "substack") == 0 ||
               streq(control, "@include");
}

/* A line of our kind: the file that it names, or itself. One that includes what is not there stays
 * in the stack, because libpam lets it fail there. */
static int line_take(Reader *r, const Source *s, const PamLine *l)
{
        int e;

        if (!is_include(l->control))
                return stack_append(r->stack, l);
        e = *l->module ? read_named(r, l->module, s->depth + 1) : -ENOENT;
        return e == -ENOENT ? stack_append(r->stack, l) : e;
}

static int text_take(Reader *r, const Source *s, char *text, unsigned number)
{
        PamLine l = { .file = (char *)s->file, .line = number };
        char *at = text, *type = word_next(&at);

        if (streq(type, "@include")) {
                l.control = type;
        } else {
                l.silent = *type == '-';
                if (strcasecmp(type + l.silent, kinds[r->kind]) != 0)
                        return 0;
                l.control = word_next(&at);
        }
        l.module = word_next(&at);
        l.args = at + strspn(at, BLANKS);
        return line_take(r, s, &l);
}

static int read_source(Reader *r, Source *s)
{
        for (;;) {
                _cleanup_free_ char *text = NULL;
                unsigned number = 0;
                int n = text_read(s, &text, &number);

                if (n <= 0)
                        return n;
                n = text_take(r, s, text, number);
                if (n < 0)
                        return n;
        }
}

/* -ENOENT where this one is not there. */
static int read_path(Reader *r, const char *path, unsigned depth)
{
        _cleanup_free_ char *full = NULL;
        Source s = { .file = path, .depth = depth };
        int n;

        if (asprintf(&full, "%s%s", r->root, path) < 0)
                return -ENOMEM;
        s.stream = fopen(full, "re");
        if (!s.stream)
                return errno == ENOTDIR ? -ENOENT : -errno;
        n = read_source(r, &s);
        (void)fclose(s.stream);
        return n;
}

/* A file by the name that a service or an include gives it. */
static int read_named(Reader *r, const char *name, unsigned depth)
{
        if (depth >= PAM_STACK_DEPTH_MAX)
                return -ELOOP;
        if (name[0] == '/')
                return read_path(r, name, depth);
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = NULL;
                int n;

                if (asprintf(&path, "%s/%s", folders[i], name) < 0)
                        return -ENOMEM;
                n = read_path(r, path, depth);
                if (n != -ENOENT)
                        return n;
        }
        return -ENOENT;
}

int pam_stack_read(const char *root, const char *service, PamKind kind, PamStack *ret)
{
        _cleanup_(pam_stack_done) PamStack stack = { .lines = NULL };
        Reader r = { .root = root, .kind = kind, .stack = &stack };
        bool exists;
        int n;

        if (!*service || strchr(service, '/'))
                return -EINVAL;
        n = read_named(&r, service, 0);
        exists = n == 0;
        if (n == -ENOENT || (n == 0 && stack.n == 0))
                n = read_named(&r, "other", 0);
        if (n < 0 && !(n == -ENOENT && exists))
                return n;
        *ret = stack;
        stack = (PamStack){ .lines = NULL };
        return 0;
}

bool pam_service_exists(const char *root, const char *service)
{
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s%s/%s", root, folders[i], service) >= 0 &&
                    access(path, F_OK) == 0)
                        return true;
        }
        return false;
}

bool pam_line_is(const PamLine *line, const char *name)
{
        const char *slash = strrchr(line->module, '/');

        return !is_include(line->control) && streq(slash ? slash + 1 : line->module, name);
}

bool pam_line_may_skip(const PamLine *line)
{
        static const char *const harmless[] = { "required", "requisite", "optional",
                                                "include",  "substack",  "@include" };

        for (size_t i = 0; i < ELEMENTSOF(harmless); i++)
                if (strcasecmp(line->control, harmless[i]) == 0)
                        return false;
        if (line->control[0] != '[')
                return true;
        for (const char *at = strchr(line->control, '='); at; at = strchr(at + 1, '=')) {
                const char *action = at + 1 + strspn(at + 1, BLANKS);

                if ((*action >= '0' && *action <= '9') || strncasecmp(action, "done", 4) == 0)
                        return true;
        }
        return false;
}

size_t pam_stack_find(const PamStack *s, const char *name)
{
        size_t i = 0;

        while (i < s->n && !pam_line_is(&s->lines[i], name))
                i++;
        return i;
}
