/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/request-read.h"

#include "lib/base/macro.h"
#include "lib/base/service.h"

#include <arpa/inet.h>
#include <stdio.h>

bool auth_info_key(char *auth_info, SshKey *ret)
{
        for (char *line = auth_info; line;) {
                char *next = strchr(line, '\n'), *save = NULL;
                const char *method, *algorithm, *blob;

                if (next)
                        *next++ = '\0';
                method = strtok_r(line, " ", &save);
                algorithm = strtok_r(NULL, " ", &save);
                blob = strtok_r(NULL, " ", &save);
                if (method && algorithm && blob && streq(method, "publickey")) {
                        *ret = (SshKey){ .algorithm = algorithm, .blob = blob };
                        return true;
                }
                line = next;
        }
        return false;
}

bool origin_parse(const char *text, uint8_t ret[static 16])
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        char plain[INET6_ADDRSTRLEN];
        const size_t n = strcspn(text, "%");

        if (n >= sizeof(plain))
                return false;
        memcpy(plain, text, n);
        plain[n] = '\0';
        if (inet_pton(AF_INET6, plain, ret) == 1)
                return true;
        if (text[n] != '\0' || inet_pton(AF_INET, plain, ret + 12) != 1)
                return false;
        memcpy(ret, mapped, sizeof(mapped));
        return true;
}

static int copy_texts(const WireRequest *w, RequestData *d)
{
        const struct {
                WireText text;
                char *to;
                size_t size;
        } texts[] = {
                { w->service, d->service, sizeof(d->service) },
                { w->subject, d->subject, sizeof(d->subject) },
                { w->target, d->target, sizeof(d->target) },
                { w->target_group, d->target_group, sizeof(d->target_group) },
                { w->ruser, d->ruser, sizeof(d->ruser) },
                { w->rhost, d->rhost, sizeof(d->rhost) },
                { w->tty, d->tty, sizeof(d->tty) },
                { w->auth_info, d->auth_info, sizeof(d->auth_info) },
                { w->command, d->command, sizeof(d->command) },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (wire_text_copy(texts[i].text, texts[i].to, texts[i].size) < 0)
                        return -EBADMSG;
        return 0;
}

/* Copy a list's items behind each other at *at, which has room. */
static int copy_list(const WireList *l, char **at, StrList *ret)
{
        WireText item;
        size_t pos = 0;

        if (l->n == 0)
                return 0;
        ret->items = calloc(l->n, sizeof(char *));
        if (!ret->items)
                return -ENOMEM;
        while (ret->n < l->n && wire_list_next(l, &pos, &item)) {
                if (item.size > 0)
                        memcpy(*at, item.data, item.size);
                (*at)[item.size] = '\0';
                ret->items[ret->n++] = *at;
                *at += item.size + 1;
        }
        return ret->n == l->n ? 0 : -EBADMSG;
}

static int copy_lists(const WireRequest *w, RequestData *d)
{
        char *at;
        int r;

        /* Each item carries a size in the message that is longer than its NUL here. */
        d->lists = malloc(w->argv.bytes.size + w->edit.bytes.size + 1);
        if (!d->lists)
                return -ENOMEM;
        at = d->lists;
        r = copy_list(&w->argv, &at, &d->access.argv);
        return r < 0 ? r : copy_list(&w->edit, &at, &d->access.edit);
}

static void describe(const AccessRequest *x, char *ret, size_t size)
{
        const StrList *words = x->edit.n > 0 ? &x->edit : &x->argv;
        size_t at = (size_t)snprintf(ret, size, "%s", x->edit.n > 0 ? "sudoedit" : x->command);

        for (size_t i = 0; i < words->n && at < size - 1; i++)
                at += (size_t)snprintf(ret + at, size - at, " %s", words->items[i]);
}

static const RequestKind kinds[] = {
        [WIRE_PHASE_AUTHENTICATE] = REQUEST_ACCOUNT,
        [WIRE_PHASE_ACCOUNT] = REQUEST_ACCOUNT,
        [WIRE_PHASE_OPEN_SESSION] = REQUEST_SESSION,
        [WIRE_PHASE_CLOSE_SESSION] = REQUEST_NONE,
};

static RequestKind request_kind(const WireRequest *w)
{
        if (w->type == WIRE_COMMAND)
                return REQUEST_COMMAND;
        return w->type == WIRE_PAM && w->phase < ELEMENTSOF(kinds) ? kinds[w->phase] : REQUEST_NONE;
}

/* Whom an elevation leads to, as far as this phase can know: sudo tells PAM before open_session
 * only who asks, su tells whom from the start. */
static const char *known_target(const RequestData *d, RequestKind kind)
{
        if (!d->access.elevation || !d->target[0])
                return NULL;
        if (kind == REQUEST_ACCOUNT && !streq(d->class, "su") && streq(d->target, d->subject))
                return NULL;
        return d->target;
}

static bool primary_gid(const Agent *a, const char *user, uint32_t *ret)
{
        IdMapUser ours;
        uint32_t uid;

        if (localdb_user(a->local, user, &uid, ret))
                return true;
        if (!idmap_user_by_name(a->idmap, user, &ours))
                return false;
        *ret = ours.gid;
        return true;
}

static const char *group_name(const Agent *a, uint32_t gid)
{
        const char *name = localdb_group_name(a->local, gid);

        for (size_t i = 0; !name && i < idmap_n_groups(a->idmap); i++) {
                const char *other;
                uint32_t other_gid;

                idmap_group_at(a->idmap, i, &other, &other_gid);
                if (other_gid == gid)
                        name = other;
        }
        return name;
}

/* sudo -g: named by the plugin; in open_session it is the effective gid, but for sudoedit,
 * whose session runs with root's real uid and the caller's groups. NULL: the target's own. */
static const char *target_group(const Agent *a, RequestData *d, RequestKind kind)
{
        const WireRequest *w = &d->wire;
        uint32_t own;

        if (!d->access.elevation || !primary_gid(a, d->target, &own))
                return d->target_group[0] ? d->target_group : NULL;
        if (kind == REQUEST_COMMAND) {
                const char *name = group_name(a, own);

                return d->target_group[0] && !streq_ptr(d->target_group, name) ? d->target_group
                                                                               : NULL;
        }
        if (kind != REQUEST_SESSION || !streq(d->class, "sudo") || w->egid == own ||
            (w->real_uid == 0 && w->subject_uid != 0))
                return NULL;
        (void)snprintf(d->egid_name, sizeof(d->egid_name), "%s",
                       group_name(a, w->egid) ? group_name(a, w->egid) : "#unknown");
        return d->egid_name;
}

static void fill_access(const Agent *a, RequestData *d)
{
        const RequestKind kind = request_kind(&d->wire);
        AccessRequest *x = &d->access;

        x->kind = kind;
        x->account = d->subject;
        x->uid = d->wire.subject_uid;
        x->class = d->class;
        x->elevation = service_is_elevation(d->service);
        x->sudo_plugin = a->sudo_plugin;
        x->target = known_target(d, kind);
        x->target_group = target_group(a, d, kind);
        x->command = kind == REQUEST_COMMAND ? d->command : NULL;
        x->is_local = x->elevation || !d->rhost[0];
        x->has_from = !x->is_local && origin_parse(d->rhost, x->from);
        x->key_is_judged = kind == REQUEST_SESSION && streq(d->class, "ssh");
        if (x->key_is_judged && auth_info_key(d->auth_info, &d->key))
                x->key = &d->key;
}

int request_read(const Agent *a, const WireRequest *wire, RequestData *ret)
{
        int r;

        memset(ret, 0, REQUEST_DATA_CLEARED);
        ret->wire = *wire;
        ret->egid_name[0] = ret->asked[0] = '\0';
        r = copy_texts(wire, ret);
        if (r == 0)
                r = copy_lists(wire, ret);
        if (r == 0) {
                ret->class = service_class(ret->service, ret->class_buf);
                if (!ret->class || !name_is_sane(ret->subject))
                        r = -EBADMSG;
        }
        if (r < 0) {
                request_data_done(ret);
                return r;
        }
        fill_access(a, ret);
        if (ret->access.command)
                describe(&ret->access, ret->asked, sizeof(ret->asked));
        return 0;
}

void request_data_done(RequestData *d)
{
        free(TAKE_PTR(d->lists));
        free(TAKE_PTR(d->access.argv.items));
        free(TAKE_PTR(d->access.edit.items));
}
