/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/process-tree.h"

#include "lib/base/sort.h"

static int compare(const void *a, const void *b)
{
        const TreeItem *x = a, *y = b;

        if (x->pid != y->pid)
                return x->pid < y->pid ? -1 : 1;
        return x->start < y->start ? -1 : x->start > y->start;
}

static void tree_sort(ProcessTree *t)
{
        sort_items(t->items, t->n, compare);
        t->n_sorted = t->n;
}

static TreeItem *tree_find(const ProcessTree *t, pid_t pid, uint64_t start)
{
        const TreeItem key = { .pid = pid, .start = start };
        TreeItem *found = find_item(&key, t->items, t->n_sorted, compare);

        if (found)
                return found;
        for (size_t i = t->n_sorted; i < t->n; i++)
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

static int tree_append(ProcessTree *t, const Process *p, bool leads)
{
        const size_t capacity = t->capacity ? 2 * t->capacity : 16;
        void *grown;

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

int process_tree_add(ProcessTree *t, const Process *p, bool leads)
{
        TreeItem *known = tree_find(t, p->pid, p->start);

        if (!known)
                return tree_append(t, p, leads);
        known->gone = false;
        return 0;
}

/* While anybody is in a session, its number is given to nobody else. */
static bool session_is_in_use(const ProcessTable *look, pid_t session)
{
        size_t n;
        const Process *const *in = process_session_of(look, session, &n);

        for (size_t i = 0; i < n; i++)
                if (!in[i]->is_zombie)
                        return true;
        return false;
}

/* T2: who is not there any more, or is somebody else, leaves; a session outlives its leader. mine,
 * by the index in the look: who is part of it. */
static bool tree_prune(ProcessTree *t, const ProcessTable *look, bool *mine)
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
                if (lives)
                        mine[p - look->items] = true;
                t->items[kept++] = item;
        }
        t->n = kept;
        return changed;
}

static bool grow_by(ProcessTree *t, const ProcessTable *look, const Process *const *list, size_t n,
                    bool *mine)
{
        bool grown = false;

        for (size_t i = 0; i < n; i++) {
                const Process *p = list[i];

                if (p->is_zombie || p->start < t->since || mine[p - look->items])
                        continue;
                if (tree_append(t, p, p->session == p->pid) < 0)
                        break; /* the next look finds it again */
                grown = mine[p - look->items] = true;
        }
        return grown;
}

/* Who came is itself looked at, in its turn. */
static bool tree_grow(ProcessTree *t, const ProcessTable *look, bool *mine)
{
        const Process *const *list;
        bool grown = false;
        size_t n;

        for (size_t i = 0; i < t->n; i++) {
                const TreeItem item = t->items[i];

                list = item.gone ? NULL : process_children(look, item.pid, &n);
                grown = (list && grow_by(t, look, list, n, mine)) || grown;
                list = item.leads ? process_session_of(look, item.pid, &n) : NULL;
                grown = (list && grow_by(t, look, list, n, mine)) || grown;
        }
        return grown;
}

bool process_tree_update(ProcessTree *t, const ProcessTable *look)
{
        _cleanup_free_ bool *mine = calloc(look->n + 1, sizeof(*mine));
        bool changed;

        if (!mine)
                return false; /* the next look tells */
        changed = tree_prune(t, look, mine);
        changed = tree_grow(t, look, mine) || changed;
        tree_sort(t);
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
