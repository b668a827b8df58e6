/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/prove/host.h"

#include "lib/base/macro.h"
#include "lib/gate/account.h"

#include <pwd.h>
#include <stdio.h>

typedef struct Answer {
        struct Answer *next;
        uint32_t uid;
        GateMode mode;
        char class[96], gate[128], account[];
} Answer;

typedef struct Name {
        struct Name *next;
        uint32_t uid;
        bool is_known;
        char text[];
} Name;

#define BUCKETS 256u

struct HostMemory {
        Answer *answers[BUCKETS];
        Name *names[BUCKETS];
};

int host_memory_new(HostMemory **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

HostMemory *host_memory_free(HostMemory *m)
{
        for (size_t i = 0; m && i < BUCKETS; i++) {
                for (Answer *a = m->answers[i], *next; a; a = next) {
                        next = a->next;
                        free(a);
                }
                for (Name *n = m->names[i], *next; n; n = next) {
                        next = n->next;
                        free(n);
                }
        }
        free(m);
        return NULL;
}

static size_t bucket_of(const char *account, uint32_t uid)
{
        size_t h = uid;

        for (; *account; account++)
                h = h * 31 + (unsigned char)*account;
        return h % BUCKETS;
}

/* ---- names ---- */

static const char *find_name(void *userdata, uint32_t uid)
{
        HostMemory *m = userdata;
        Name **first = &m->names[uid % BUCKETS], *n;
        const struct passwd *entry;
        size_t size;

        for (n = *first; n; n = n->next)
                if (n->uid == uid)
                        return n->is_known ? n->text : NULL;
        entry = getpwuid(uid);
        size = entry ? strlen(entry->pw_name) + 1 : 1;
        n = malloc(sizeof(*n) + size);
        if (!n)
                return NULL;
        *n = (Name){ .next = *first, .uid = uid, .is_known = entry != NULL };
        memcpy(n->text, entry ? entry->pw_name : "", size);
        *first = n;
        return n->is_known ? n->text : NULL;
}

/* ---- gates ---- */

/* An account that nobody knows any more is gated by its name. */
static GateMode ask(const char *account, uint32_t uid, const char *class, char *gate, size_t size)
{
        GateAccount a = { .name = account, .uid = uid, .no_groups = -ENOENT };
        const struct passwd *entry = account ? getpwnam(account) : getpwuid(uid);
        GateMode mode;

        if (entry) {
                a.uid = entry->pw_uid;
                a.gid = entry->pw_gid;
                a.no_groups = 0;
        }
        mode = gate_account_mode_as(&a, account, class, gate, size);
        gate_account_done(&a);
        return mode;
}

static GateMode find_gate(void *userdata, const char *account, uint32_t uid, const char *class,
                          char *ret_gate, size_t ret_gate_size)
{
        HostMemory *m = userdata;
        const char *key = account ? account : "";
        Answer **first = &m->answers[bucket_of(key, uid)], *a;
        const size_t size = strlen(key) + 1;

        for (a = *first; a; a = a->next)
                if (a->uid == uid && streq(a->account, key) && streq(a->class, class))
                        break;
        if (!a) {
                a = strlen(class) < sizeof(a->class) ? calloc(1, sizeof(*a) + size) : NULL;
                if (!a)
                        return ask(account, uid, class, ret_gate, ret_gate_size);
                a->uid = uid;
                memcpy(a->account, key, size);
                (void)snprintf(a->class, sizeof(a->class), "%s", class);
                a->mode = ask(account, uid, class, a->gate, sizeof(a->gate));
                a->next = *first;
                *first = a;
        }
        (void)snprintf(ret_gate, ret_gate_size, "%s", a->gate);
        return a->mode;
}

ProveHost host_memory_host(HostMemory *m)
{
        return (ProveHost){ .userdata = m, .gate = find_gate, .name = find_name };
}
