/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/publish.h"

#include "nhi-agentd/publish-snapshot.h"
#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"

#include <jansson.h>
#include <stdio.h>

/* Patterns of a gate as the gates file has them: globs, and %GROUP. */
static int gate_patterns(const GateRule *g, char ***ret)
{
        const size_t n = g->accounts.n + g->groups.n;
        char **list = calloc(n + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const bool is_group = i >= g->accounts.n;
                const char *name =
                        is_group ? g->groups.items[i - g->accounts.n] : g->accounts.items[i];

                if (asprintf(&list[i], "%s%s", is_group ? "%" : "", name) < 0) {
                        list[i] = NULL;
                        *ret = list;
                        return -ENOMEM;
                }
        }
        *ret = list;
        return 0;
}

static int put_gate(GatesText *t, const GateRule *g)
{
        char **patterns = NULL;
        int r = gate_patterns(g, &patterns);

        if (r == 0)
                r = gates_text_gate(t, g->name, g->mode, g->services.items, g->services.n,
                                    (const char *const *)patterns, g->accounts.n + g->groups.n);
        for (size_t i = 0; patterns && patterns[i]; i++)
                free(patterns[i]);
        free(patterns);
        return r;
}

int publish_gates_text(const Config *config, const IdMap *idmap, char **ret, size_t *ret_size)
{
        GatesText t = {};
        int r = gates_text_begin(&t);

        for (size_t i = 0; r == 0 && i < config->n_gates; i++)
                r = put_gate(&t, &config->gates[i]);
        for (size_t i = 0; r == 0 && i < idmap_n_users(idmap); i++) {
                const IdMapUser u = idmap_user_at(idmap, i);

                r = gates_text_account(&t, u.name, u.uid);
        }
        if (r == 0)
                r = gates_text_end(&t);
        if (r == 0) {
                *ret = TAKE_PTR(t.text);
                *ret_size = t.size;
        }
        gates_text_done(&t);
        return r;
}

typedef struct Copy {
        char *text;
        WriterFile file;
} Copy;

static void on_copied(void *userdata, int r)
{
        Copy *c = userdata;

        free(c->text);
        free(c);
}

/* The copy that outlives a reboot: modules read it while /run has none yet. */
static void copy_gates(Agent *a)
{
        Copy *c = calloc(1, sizeof(*c));

        if (!c)
                return;
        c->text = malloc(a->gates_size + 1);
        if (!c->text) {
                free(c);
                return;
        }
        memcpy(c->text, a->gates_text, a->gates_size);
        c->file = (WriterFile){ PATH_GATES_STATE, c->text, a->gates_size, 0644 };
        if (writer_replace(a->writer, &c->file, 1, on_copied, c) < 0)
                on_copied(c, -EBUSY);
}

static int publish_gates(Agent *a)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = publish_gates_text(a->config, a->idmap, &text, &size);
        if (r < 0)
                return r;
        if (a->gates_text && a->gates_size == size && memcmp(a->gates_text, text, size) == 0)
                return 0;
        r = file_replace(PATH_GATES_RUN, text, size, 0644, geteuid(), getegid(), false);
        if (r < 0)
                return r;
        free(a->gates_text);
        a->gates_text = TAKE_PTR(text);
        a->gates_size = size;
        copy_gates(a);
        return 0;
}

/* Nothing of ours is answered: what is left when the true snapshot cannot be had. */
static int publish_empty(uint64_t generation)
{
        const SnapshotBuild b = { .generation = generation };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = snapshot_build(&b, &data, &size);
        if (r == 0)
                r = snapshot_publish(PATH_SNAPSHOT, data, size);
        if (r < 0)
                (void)unlink(PATH_SNAPSHOT);
        return r;
}

static int publish_snapshot(Agent *a)
{
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = snapshot_image(a, a->generation + 1, &data, &size);
        if (r == 0)
                r = snapshot_publish(PATH_SNAPSHOT, data, size);
        if (r < 0)
                (void)publish_empty(a->generation + 1);
        a->generation++;
        return r;
}

int publish(Agent *a)
{
        int r = publish_gates(a);

        if (r < 0) {
                /* What is not known to be gated must not become visible. */
                (void)publish_empty(++a->generation);
                return r;
        }
        return publish_snapshot(a);
}

int publish_sources(const Config *config)
{
        json_t *sources = json_array(), *root;
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < config->n_issuers; i++)
                json_array_append_new(sources,
                                      json_pack("{s:I, s:s, s:s, s:s}", "index", (json_int_t)i,
                                                "issuer", config->issuers[i].issuer, "type",
                                                config->issuers[i].source_type, "path",
                                                config->issuers[i].source_path));
        root = json_pack("{s:i, s:o}", "schema", 1, "sources", sources);
        text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        if (!text)
                return -ENOMEM;
        return file_replace(PATH_SOURCES_RUN, text, strlen(text), 0644, geteuid(), getegid(),
                            false);
}
