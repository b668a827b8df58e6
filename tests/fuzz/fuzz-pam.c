/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The whole PAM module between a libc and a libpam that do what the input says (P01..P22).
 * Input: the five files, the service, then one call after the other. After each call:
 *
 *  - who is gated and enforced is let in only where the agent allowed that very subject, and is
 *    never left alone (E2, X1);
 *  - who is not is left alone and waits for nothing (E1, X2);
 *  - no code but those of the law, no descriptor kept, no wait beyond the deadline, errno as it
 *    was, no word to strangers.
 *
 * Who is gated is found out here from lib/gate, which has targets of its own, and from the list of
 * people; everything between those and the code is the module's. */

#include "lib/base/name.h"
#include "lib/base/path.h"
#include "lib/base/service.h"
#include "lib/gate/gate.h"
#include "tests/fuzz/pam-world.h"

#include <security/pam_modules.h>

struct pam_handle {
        int nothing;
};
static struct pam_handle handle;

#define PHASE_TIME_USEC 2000000u
#define SLACK_USEC      20000u
#define CALLS_MAX       6

typedef enum Entry {
        ENTRY_AUTHENTICATE,
        ENTRY_ACCOUNT,
        ENTRY_OPEN,
        ENTRY_CLOSE,
        ENTRY_SETCRED,
        ENTRY_CHAUTHTOK,
        ENTRY_N,
} Entry;

static int (*const entry_points[ENTRY_N])(pam_handle_t *, int, int, const char **) = {
        [ENTRY_AUTHENTICATE] = pam_sm_authenticate, [ENTRY_ACCOUNT] = pam_sm_acct_mgmt,
        [ENTRY_OPEN] = pam_sm_open_session,         [ENTRY_CLOSE] = pam_sm_close_session,
        [ENTRY_SETCRED] = pam_sm_setcred,           [ENTRY_CHAUTHTOK] = pam_sm_chauthtok,
};

/* What the handle must hold on to (pam_nhi/bind.h), held here a second time. */
typedef struct Bound {
        bool is_bound;
        char user[LABEL_SIZE_MAX + 1];
        uid_t uid;
} Bound;

/* ---- who is gated ---- */

static int person_group(void *userdata, const char *group, gid_t *ret)
{
        const Person *p = userdata;

        if (!p)
                return -ENOENT;
        if (p->error || p->has_many_groups || !label_is_sane(p->name))
                return -EIO; /* somebody is there, whatever passwd calls them */
        if (streq(group, "broken"))
                return -EIO;
        if (!streq(group, "ops"))
                return -ENOENT;
        *ret = 500;
        return 0;
}

static GateMode mode_of_spelling(const Person *p, const char *name, const char *class)
{
        const gid_t gids[] = { 100, 500 };
        GatePaths paths = gate_paths;
        GateSubject subject = { .name = name,
                                .uid = p && !p->error && label_is_sane(p->name) ? p->uid
                                                                                : (uid_t)-1,
                                .gids = gids,
                                .n_gids = p && p->in_ops ? 2 : 1,
                                .lookup = person_group,
                                .lookup_userdata = (void *)p };

        paths.owner = world.euid;
        return gate_mode(&paths, &subject, class, NULL, 0);
}

/* The stricter of how it was named and how passwd spells it; where passwd fails, any gate may be
 * meant, but an exemption of the name as given holds. */
static GateMode mode_find(const Person *p, const char *given, const char *class)
{
        bool resolved = p && !p->error && label_is_sane(p->name);
        GateMode as_given = mode_of_spelling(p, label_is_sane(given) ? given : NULL, class);
        GateMode as_named = as_given;

        if (resolved || (p && p->error && as_given != GATE_EXEMPT))
                as_named = mode_of_spelling(p, resolved ? p->name : NULL, class);
        return as_named < as_given ? as_named : as_given;
}

/* Who is gated stays so through a login, as its files and its service stay what they are: found out
 * once by no name, by passwd's and by the one that was asked for. */
typedef struct Known {
        bool is_known;
        GateMode mode;
} Known;
static Known known[PEOPLE_N][3];

static GateMode mode_of_person(const Person *p, const char *given, const char *class)
{
        Known *k;

        if (!p || (given && given != p->name && !streq(given, p->asked)))
                return mode_find(p, given, class);
        k = &known[p - people][!given ? 0 : given == p->name ? 1 : 2];
        if (!k->is_known)
                *k = (Known){ true, mode_find(p, given, class) };
        return k->mode;
}

static GateMode mode_of_name(const char *name, const char *class)
{
        return mode_of_person(label_is_sane(name) ? person_find(name, 0) : NULL, name, class);
}

static GateMode mode_of_uid(uid_t uid, const char *class)
{
        const Person *p = person_find(NULL, uid);

        return mode_of_person(p, p && !p->error ? p->name : NULL, class);
}

static bool is_allowed_name(const char *name)
{
        const Person *p = name ? person_find(name, 0) : NULL;

        return p && p->name && world_allowed(p->name);
}

static bool is_allowed_uid(uid_t uid)
{
        const Person *p = person_find(NULL, uid);

        return p && p->name && world_allowed(p->name);
}

/* What a call is about, and what it may end in. */
typedef struct Expected {
        const char *class;
        bool elevation, gated; /* gated: enforced, for whatever reason */
        bool allowed;          /* each enforced one was, by the agent */
} Expected;

static Expected expect(const Bound *b)
{
        char buf[SERVICE_SIZE_MAX + 1];
        const char *class = service_class(world.service, buf), *user = world.user;
        const Person *p = label_is_sane(user) ? person_find(user, 0) : NULL;
        bool changed, subject_gated, caller_gated = false;
        Expected e = { .class = class, .elevation = service_is_elevation(world.service) };

        if (e.elevation) {
                uid_t uid = b->is_bound ? b->uid : world.uid;

                subject_gated = mode_of_uid(uid, class) == GATE_ENFORCE;
                e.allowed = !subject_gated || is_allowed_uid(uid);
        } else {
                uid_t uid = p && !p->error && label_is_sane(p->name) ? p->uid : (uid_t)-1;

                subject_gated = mode_of_name(user, class) == GATE_ENFORCE;
                e.allowed = !subject_gated || is_allowed_name(user);
                if (world.uid != 0 && world.uid != uid) {
                        caller_gated = mode_of_uid(world.uid, class) == GATE_ENFORCE;
                        e.allowed &= !caller_gated || is_allowed_uid(world.uid);
                }
        }
        changed = !e.elevation && b->is_bound && !streq(b->user, user ? user : "");
        e.gated = subject_gated || caller_gated ||
                  (changed && mode_of_name(b->user, class) == GATE_ENFORCE);
        e.allowed &= !changed;
        return e;
}

/* ---- one call ---- */

static bool is_denial(int code)
{
        return code == PAM_PERM_DENIED || code == PAM_AUTHINFO_UNAVAIL || code == PAM_USER_UNKNOWN;
}

static void gated_check(Entry entry, const Expected *e, int code)
{
        int granted = entry == ENTRY_AUTHENTICATE ? PAM_IGNORE : PAM_SUCCESS;

        if (entry == ENTRY_CLOSE) {
                FUZZ_HOLDS(code == PAM_SUCCESS, "a session always closes");
                FUZZ_HOLDS(world.n_waits == 0, "without a wait");
                return;
        }
        FUZZ_HOLDS(code == granted || is_denial(code), "a code of the law");
        FUZZ_HOLDS(entry != ENTRY_OPEN || code != PAM_USER_UNKNOWN, "a code of its phase");
        if (code == granted)
                FUZZ_HOLDS(e->allowed && e->class, "nobody gets in whom the agent did not allow");
}

static void ungated_check(int code)
{
        FUZZ_HOLDS(code == PAM_IGNORE, "who is not gated is left alone");
        FUZZ_HOLDS(world.n_waits == 0 && world.n_allowed == 0, "without a wait");
        FUZZ_HOLDS(world.n_asked <= 1, "with one notice at most");
}

static const char *const options[][3] = {
        { NULL },           { "debug", NULL }, { "quiet", NULL }, { "debug", "quiet", NULL },
        { "nosuch", NULL },
};

typedef struct Turn {
        Entry entry;
        int flags;
        const char *const *argv;
        int argc;
} Turn;

static Turn turn_read(void)
{
        uint8_t what = input_u8(&world.in), how = input_u8(&world.in);
        Turn t = { .entry = what % ENTRY_N,
                   .flags = how & 1 ? PAM_SILENT : 0,
                   .argv = options[(how >> 1) % ELEMENTSOF(options)] };

        while (t.argv[t.argc])
                t.argc++;
        world.uid = people[input_u8(&world.in) % PEOPLE_N].uid;
        world.euid = input_u8(&world.in) > 248 ? 1000 : 0;
        return t;
}

static void world_rewind(void)
{
        world.n_polls = world.n_waits = world.n_prompts = world.n_connects = world.n_allowed =
                world.n_asked = 0;
        world.asked = false;
        world.n_open = 0;
}

static void bind_as(Bound *b, const Turn *t)
{
        if (world.data_fails || (b->is_bound && t->entry != ENTRY_AUTHENTICATE))
                return;
        if (!b->is_bound)
                b->uid = world.uid;
        b->is_bound = true;
        (void)snprintf(b->user, sizeof(b->user), "%s", world.user ? world.user : "");
}

static void words_check(const Turn *t, const Expected *e)
{
        bool quiet = t->flags & PAM_SILENT;

        for (int i = 0; i < t->argc; i++)
                quiet |= streq(t->argv[i], "quiet");
        FUZZ_HOLDS(!world.n_prompts || !quiet, "no word where none is wanted (P02)");
        FUZZ_HOLDS(!world.n_prompts || t->entry != ENTRY_AUTHENTICATE || e->elevation,
                   "no word to strangers (A09)");
        /* And the groups that grants give, at the beginning of a session: pam_nhi/member.c. */
        FUZZ_HOLDS(world.n_prompts <= (t->entry == ENTRY_OPEN ? 5u : 1u), "one line at most");
}

static void call(Bound *b)
{
        Turn t = turn_read();
        uint64_t begin = world.clock_usec;
        const char **argv = (const char **)(uintptr_t)t.argv;
        Expected e;
        int code;

        world_rewind();
        errno = EXDEV;
        code = entry_points[t.entry](&handle, t.flags, t.argc, argv);
        FUZZ_HOLDS(errno == EXDEV, "errno as it was");
        FUZZ_HOLDS(world.n_open == 0, "no descriptor is kept");
        FUZZ_HOLDS(world.clock_usec - begin <= PHASE_TIME_USEC + SLACK_USEC, "in time");
        if (world.euid != 0 || t.entry == ENTRY_SETCRED || t.entry == ENTRY_CHAUTHTOK) {
                FUZZ_HOLDS(code == PAM_IGNORE && world.n_connects == 0 && world.n_prompts == 0,
                           "not our business (E3, P04, P05)");
                return;
        }
        bind_as(b, &t);
        e = expect(b);
        world.n_open = 0;
        words_check(&t, &e);
        if (e.gated)
                gated_check(t.entry, &e, code);
        else
                ungated_check(code);
}

/* ---- a login ---- */

static char *read_service(void)
{
        static const char *const services[] = { "sshd", "sudo",         "su-l", "cron",    "login",
                                                "atd",  "systemd-user", "x",    "polkit-1" };
        uint8_t which = input_u8(&world.in);

        if (which == 255)
                return NULL;
        if (which == 254)
                return input_until(&world.in, 0, NULL);
        return strdup(services[which % ELEMENTSOF(services)]);
}

/* The user of the next call: mostly the one before. */
static void read_user(char **user)
{
        uint8_t which = input_u8(&world.in);

        if (which >= 128 && *user)
                return;
        free(*user);
        *user = which == 127   ? NULL
                : which == 126 ? input_until(&world.in, 0, NULL)
                               : strdup(people[which % PEOPLE_N].asked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *service, *user = NULL;
        Bound bound = { 0 };

        world_init(data, size);
        memset(known, 0, sizeof(known));
        world.service = service = read_service();
        world.label = input_u8(&world.in) > 128 ? input_until(&world.in, 0, NULL) : NULL;
        world.data_fails = input_u8(&world.in) > 240;
        for (int i = 0; i < CALLS_MAX && world.in.size > 0; i++) {
                read_user(&user);
                world.user = user;
                call(&bound);
        }
        world_done();
        free(service);
        free(user);
        return 0;
}
