/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl pam diff: the distribution's own tool, run where only this program sees what it does. */

#include "nhictl/pam/change.h"
#include "nhictl/pam/rehearse.h"
#include "nhictl/pam/structure.h"
#include "nhictl/pam/text-diff.h"

#include "lib/base/path.h"

#include <stdio.h>

typedef struct Comparison {
        const PamTool *tool;
        const Output *out;
        Tree before;
} Comparison;

/* One file that differs; either may be NULL. */
typedef VerbStatus (*OnFile)(void *data, const TreeFile *old, const TreeFile *new);

static bool is_shown(const TreeFile *f)
{
        return !S_ISDIR(f->st.st_mode) && !pam_is_note(f);
}

static VerbStatus each_changed(const Tree *before, const Tree *after, OnFile on_file, void *data)
{
        VerbStatus s = VERB_OK;

        for (size_t i = 0; s == VERB_OK && i < before->n; i++) {
                const TreeFile *old = &before->files[i], *new = tree_find(after, old->path);

                if (is_shown(old) && !(new &&tree_file_equal(old, new)))
                        s = on_file(data, old, new);
        }
        for (size_t i = 0; s == VERB_OK && i < after->n; i++)
                if (is_shown(&after->files[i]) && !tree_find(before, after->files[i].path))
                        s = on_file(data, NULL, &after->files[i]);
        return s;
}

static VerbStatus diff_of(const TreeFile *old, const TreeFile *new, TextDiff *ret)
{
        return text_diff(old ? old->text : "", new ? new->text : "", ret) < 0
                       ? fail(VERB_FAILED, "out of memory")
                       : VERB_OK;
}

static VerbStatus on_file_text(void *data, const TreeFile *old, const TreeFile *new)
{
        TextDiff d = { .n = 0 };
        VerbStatus s = diff_of(old, new, &d);

        if (s == VERB_OK)
                text_diff_print(&d, old ? old->path : "/dev/null", new ? new->path : "/dev/null",
                                stdout);
        text_diff_done(&d);
        return s;
}

static json_t *lines_of(const TextDiff *d, DiffKind kind)
{
        json_t *list = json_array();

        for (size_t i = 0; i < d->n; i++)
                if (d->lines[i].kind == kind)
                        (void)json_array_append_new(
                                list, json_stringn_nocheck(d->lines[i].text, d->lines[i].size));
        return list;
}

static VerbStatus on_file_json(void *data, const TreeFile *old, const TreeFile *new)
{
        TextDiff d = { .n = 0 };
        VerbStatus s = diff_of(old, new, &d);
        int r = 0;

        if (s == VERB_OK)
                r = json_array_append_new(data, json_pack("{s:s, s:o, s:o}", "path",
                                                          old ? old->path : new->path, "removed",
                                                          lines_of(&d, DIFF_REMOVED), "added",
                                                          lines_of(&d, DIFF_ADDED)));
        text_diff_done(&d);
        if (r < 0)
                return fail(VERB_FAILED, "out of memory");
        return s;
}

static VerbStatus print(const Comparison *c, const Tree *after)
{
        json_t *files;
        VerbStatus s;

        if (!c->out->json)
                return each_changed(&c->before, after, on_file_text, NULL);
        files = json_array();
        s = each_changed(&c->before, after, on_file_json, files);
        if (s != VERB_OK) {
                json_decref(files);
                return s;
        }
        return output_document(json_pack("{s:s, s:o}", "tool", c->tool->name, "files", files)) < 0
                       ? VERB_FAILED
                       : VERB_OK;
}

static int compare(void *data)
{
        const Comparison *c = data;
        _cleanup_(tree_done) Tree after = { .files = NULL };
        VerbStatus s = c->tool->enable();

        if (s == VERB_OK)
                s = pam_tree(c->tool, &after);
        if (s == VERB_OK)
                s = print(c, &after);
        if (s != VERB_OK || pam_structure_holds(PATH_ROOT))
                return (int)s;
        c->tool->explain();
        return VERB_PROBLEM;
}

static VerbStatus run_diff(Call *call)
{
        Comparison c = { .out = &call->out };
        VerbStatus s = pam_begin(call->verb->name, &c.tool);

        if (s != VERB_OK)
                return s;
        s = pam_tree(c.tool, &c.before);
        if (s == VERB_OK)
                s = (VerbStatus)rehearse(c.tool->scratch, compare, &c);
        tree_done(&c.before);
        return s;
}

const Verb verb_pam_diff = {
        .name = "pam diff",
        .synopsis = "",
        .help = "show what pam enable would change in /etc/pam.d; nothing is changed\n"
                "Runs pam-auth-update or authselect on copies that only it sees, and prints the\n"
                "difference. Prints nothing where there is none.",
        .run = run_diff,
};
