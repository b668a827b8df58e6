/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/process-tree.h"

static TreeItem *tree_find(const ProcessTree *t, pid_t pid, uint64_t start)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->items[i].pid == pid && t->items[i].start == start)
                        return &t->items[i];
        return NULL;
}

bool process_tree_has(const ProcessTree *t, const Process *p)
{
        const TreeItem *i = tree_find(t, p->pid, p->start);

        return i && !i->gone;
}

size_t process_tree_count(const ProcessTree *t)
{
        size_t n = 0;

        for (size_t i = 0; i < t->n; i++)
                n += !t->items[i].gone;
        return n;
}

int process_tree_add(ProcessTree *t, const Process *p, bool leads)
{
        const size_t capacity = t->capacity ? 2 * t->capacity : 16;
        TreeItem *known = tree_find(t, p->pid, p->start);
        void *grown;

        if (known) {
                known->gone = false;
                return 0;
        }
        if (t->n == t->capacity) {
                grown = reallocarray(t->items, capacity, sizeof(*t->items));
                if (!grown)
                        return -ENOMEM;
                t->items = grown;
                t->capacity = capacity;
        }
        t->items[t->n++] = (TreeItem){ .pid = p->pid, .start = p->start, .leads = leads };
        return 0;
}

/* While anybody is in a session, its number is given to nobody else. */
static bool session_is_in_use(const ProcessTable *look, pid_t session)
{
        for (size_t i = 0; i < look->n; i++)
                if (look->items[i].session == session && !look->items[i].is_zombie)
                        return true;
        return false;
}

/* T2: who is not there any more, or is somebody else, leaves; a session outlives its leader. */
static bool tree_prune(ProcessTree *t, const ProcessTable *look)
{
        bool changed = false;
        size_t kept = 0;

        for (size_t i = 0; i < t->n; i++) {
                TreeItem item = t->items[i];
                const Process *p = process_find(look, item.pid);
                const bool lives = p && p->start == item.start && !p->is_zombie;
                const bool is_other = p && p->start != item.start;

                if (lives && !item.leads && p->session == item.pid && p->start >= t->since)
                        item.leads = changed = true;
                if (!lives && (!item.leads || is_other || !session_is_in_use(look, item.pid))) {
                        changed = true;
                        continue;
                }
                changed = changed || item.gone == lives;
                item.gone = !lives;
                t->items[kept++] = item;
        }
        t->n = kept;
        return changed;
}

static bool tree_claims(const ProcessTree *t, const Process *p)
{
        for (size_t i = 0; i < t->n; i++)
                if ((!t->items[i].gone && t->items[i].pid == p->parent) ||
                    (t->items[i].leads && t->items[i].pid == p->session))
                        return true;
        return false;
}

/* Once through: a child may stand before its parent, where numbers have wrapped. */
static bool tree_grow(ProcessTree *t, const ProcessTable *look)
{
        bool grown = false;

        for (size_t i = 0; i < look->n; i++) {
                const Process *p = &look->items[i];

                if (p->is_zombie || p->start < t->since || process_tree_has(t, p) ||
                    !tree_claims(t, p))
                        continue;
                if (process_tree_add(t, p, p->session == p->pid) < 0)
                        break; /* the next look finds it again */
                grown = true;
        }
        return grown;
}

bool process_tree_update(ProcessTree *t, const ProcessTable *look)
{
        bool changed = tree_prune(t, look);

        while (tree_grow(t, look))
                changed = true;
        return changed;
}

void process_tree_done(ProcessTree *t)
{
        free(t->items);
        *t = (ProcessTree){};
}

/* ---- the state file ---- */

json_t *process_tree_to_json(const ProcessTree *t)
{
        json_t *items = json_array();

        for (size_t i = 0; items && i < t->n; i++)
                if (json_array_append_new(items, json_pack("[I, I, b]", (json_int_t)t->items[i].pid,
                                                           (json_int_t)t->items[i].start,
                                                           (int)t->items[i].leads)) < 0) {
                        json_decref(items);
                        return NULL;
                }
        return json_pack("{s:I, s:o}", "since", (json_int_t)t->since, "items", items);
}

int process_tree_from_json(const json_t *o, ProcessTree *ret)
{
        const json_t *items = json_object_get(o, "items");
        json_int_t pid, start;
        ProcessTree t = { .since = (uint64_t)json_integer_value(json_object_get(o, "since")) };
        int leads, r = json_is_array(items) ? 0 : -EBADMSG;

        for (size_t i = 0; r == 0 && i < json_array_size(items); i++) {
                if (json_unpack(json_array_get(items, i), "[I, I, b]", &pid, &start, &leads) < 0)
                        r = -EBADMSG;
                else
                        r = process_tree_add(
                                &t, &(Process){ .pid = (pid_t)pid, .start = (uint64_t)start },
                                leads != 0);
        }
        if (r < 0)
                process_tree_done(&t);
        else
                *ret = t;
        return r;
}
