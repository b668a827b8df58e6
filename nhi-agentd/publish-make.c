/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One publication: from a view of what is in force to the gates in place and a snapshot beside the
 * one that is read (publish.h: B1, B3). */

#include "nhi-agentd/publish-internal.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/state.h"

static int make_gates(Publication *c)
{
        Publisher *p = c->publisher;
        _cleanup_free_ char *text = NULL;
        char hash[65];
        size_t size = 0;
        int r;

        r = publish_gates_text(c->view.config, c->view.idmap, &text, &size);
        if (r < 0)
                return r;
        content_hash(text, size, hash);
        if (streq(hash, p->gates_hash))
                return 0;
        r = file_replace(PATH_GATES_RUN, text, size, 0644, geteuid(), getegid(), false);
        if (r < 0)
                return r;
        memcpy(p->gates_hash, hash, sizeof(hash));
        c->gates_text = TAKE_PTR(text);
        c->gates_size = size;
        return 0;
}

int publication_make(void *userdata)
{
        Publication *c = userdata;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = make_gates(c);
        if (r == 0)
                r = snapshot_image(&c->view, &data, &size, &c->n_active, &c->given);
        return r == 0 ? snapshot_stage(PATH_SNAPSHOT, data, size) : r;
}

void publication_free(Publication *c)
{
        if (!c)
                return;
        state_unshare(c->publisher->agent->state, &c->view.state);
        free(c->gates_text);
        member_list_done(&c->given);
        free(c);
}
DEFINE_CLEANUP(Publication *, publication_free)

int publication_new(Publisher *p, Publication **ret)
{
        _cleanup_(publication_freep) Publication *c = calloc(1, sizeof(*c));
        Agent *a = p->agent;
        int r;

        if (!c)
                return -ENOMEM;
        c->publisher = p;
        c->serial = p->wanted;
        c->since_usec = now_monotonic_usec();
        c->view = (PublishView){ .store = a->store,
                                 .config = a->config,
                                 .idmap = a->idmap,
                                 .local = a->local,
                                 .now = agent_now(a),
                                 .generation = ++a->generation };
        for (size_t i = 0; i < a->config->n_issuers && i < ELEMENTSOF(c->view.narrowed); i++)
                c->view.narrowed[i] = a->issuers[i].narrowed;
        c->view.n_revokers = agent_revokers(a, c->view.revokers, ELEMENTSOF(c->view.revokers));
        r = state_share(a->state, &c->view.state);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
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
void publication_copy_gates(Publication *p)
{
        Copy *c;

        if (!p->gates_text)
                return;
        c = calloc(1, sizeof(*c));
        if (!c)
                return;
        c->text = TAKE_PTR(p->gates_text);
        c->file = (WriterFile){ PATH_GATES_STATE, c->text, p->gates_size, 0644 };
        if (writer_replace(p->publisher->agent->writer, &c->file, 1, on_copied, c) < 0)
                on_copied(c, -EBUSY);
}
