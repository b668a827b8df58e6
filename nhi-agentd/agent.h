/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent: one struct that owns everything, on one sd-event loop. The loop never waits for disk,
 * journal, bus or hash: files are written by the writer's threads, bus calls are asynchronous, the
 * journal gets non-blocking datagrams. */

#include "nhi-agentd/config/config.h"
#include "nhi-agentd/event.h"
#include "nhi-agentd/heard.h"
#include "nhi-agentd/metrics/tally.h"
#include "nhi-agentd/refusals.h"
#include "nhi-agentd/session/session.h"
#include "nhi-agentd/set-bytes.h"
#include "nhi-agentd/set/freshness.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/keylist.h"
#include "nhi-agentd/set/localdb.h"
#include "nhi-agentd/set/revocations.h"
#include "nhi-agentd/standing.h"

typedef struct Writer Writer;       /* writer.h: the one thread that touches the disk */
typedef struct Journal Journal;     /* journal.h: datagrams to journald */
typedef struct Listener Listener;   /* listener.h: sockets, peers, limits, deadlines */
typedef struct Denials Denials;     /* denials.h: ring of last denials for `why` */
typedef struct State State;         /* state.h: what outlives a restart */
typedef struct Sets Sets;           /* sets.h: verify, archive, put in force; one at a time */
typedef struct Expiry Expiry;       /* expiry.h: the one deadline, on both clocks */
typedef struct Evidence Evidence;   /* evidence.h: between decide and answer */
typedef struct Requests Requests;   /* request.h: requests under way, recent decisions */
typedef struct Watch Watch;         /* watch.h: local files that matter */
typedef struct Publisher Publisher; /* publish.h: gates and identity snapshot */
typedef struct Members Members; /* member.h: groups that grants gave, until nothing carries them */
typedef struct Ended Ended;     /* ended.h: what is over, in small turns */
typedef struct Metrics Metrics; /* metrics/metrics.h: the file for node-exporter */
typedef struct Reports Reports; /* report.h: what this host says of itself to its issuers */
typedef struct Leftovers Leftovers; /* leftovers.h: what sessions left behind is looked for */

/* What was said of a set's age last: of which set, and of which end of it. percent 0: nothing. */
typedef struct StaleTold {
        char hash[65];
        int64_t exp_sec;
        unsigned percent;
} StaleTold;

/* One issuer's current set and what is remembered of it. */
typedef struct IssuerState {
        GrantSet *set;  /* NULL: none verified */
        int archive_fd; /* its bytes as received, to verify them anew under another policy; -EBADF:
                           none. Open, so that nothing that happens to the archive takes them away
                         */
        SetFloor floor;
        SetFloor seen; /* of the newest set that verified, be it that it could not be saved */
        int64_t accepted_sec;
        int64_t offered_sec; /* when the source last offered it, under this configuration; 0: not */
        Now judged;          /* the clocks when it was accepted */
        int64_t refused_sec; /* last refusal */
        SetError refused;
        Refusals refusals;     /* offers: what of them was not written down one by one */
        Refusals left_out;     /* the same of entries of what was accepted; */
        Refusals ended;        /* of grants that are over by their time or a newer set; */
        Refusals lists, named; /* of revocation lists, and of the grants that they took */
        StaleTold told;        /* staleness.h */
        /* By place; of what is not fetched (fetched.h) nothing is shown. */
        Heard heard[FEED_OBJECTS_N][HEARD_PLACES_MAX];
        StrList narrowed; /* jtis that a verified set, not yet in force, no longer has; sorted */
        StrList revoked;  /* the same, but for those that the set in force itself lost: */
        bool is_narrowed_again; /* when it was verified anew, which is not saved yet */
        GrantList lessened; /* grants in force, as the newest verified set has them: with less */
        GrantSet *lessened_owner; /* it, where it could not be saved; NULL: the offer's under way */
        RevocationList *list;     /* in force; NULL: none */
        SetFloor list_floor;      /* of the one that is saved; ver 0: none */
        bool list_is_lost;        /* state.json names one that cannot be read again */
        SetError list_refused;    /* the last refusal since; code "": none */
        SetBytes *list_unsaved;   /* of the one in force, while it waits to be saved again */
        KeyList *keys;            /* the key list in force; NULL: none */
        KeysFloor keys_floor;     /* of the one that is saved; ver 0: none */
        bool keys_are_lost;       /* state.json names one that cannot be read again */
        bool roots_are_conf;      /* agentd.conf names other roots since: those count, not keys' */
        SetError keys_refused;    /* as list_refused */
        SetBytes *keys_unsaved;   /* as list_unsaved */
        Freshness *fresh;         /* of the set in force, or of the one that was lost; NULL: none */
        Freshness *fresh_next;    /* of a set that is still to come; NULL: none */
        Freshness *fresh_later;   /* of the set in force: too many came at once; NULL: none */
        int64_t fresh_later_usec; /* when it is taken; CLOCK_BOOTTIME */
        Ration fresh_ration;      /* of those that were taken */
        SetError fresh_refused;   /* as list_refused */
} IssuerState;

typedef struct Agent {
        sd_event *event;
        Config *config;
        IssuerState *issuers; /* as many as config->n_issuers, by index */
        IdMap *idmap;
        LocalDb *local;
        Standing *standing;          /* NULL: nothing is in force. Replaced, never changed */
        GrantStore store;            /* standing's */
        const Grant *const *by_boot; /* store's grants by boot_end_usec */
        size_t n_by_boot;
        size_t n_active; /* grants in force when the last snapshot was made */
        StrList locked;  /* a view of state's; agent_lock() changes it */
        int64_t started_sec;
        State *state;
        Sets *sets;
        Sessions *sessions;
        Writer *writer, *worker; /* disk; sets */
        Members *members;
        Publisher *publisher;
        Ended *ended;
        Leftovers *leftovers;
        Reports *reports;
        Journal *journal;
        Listener *listener;
        Denials *denials;
        Expiry *expiry;
        Evidence *evidence;
        Requests *requests;
        Watch *watch;
        Metrics *metrics;
        Tally tally; /* what was written down since the start, for metrics */
        uint64_t generation, decision_id;
        int64_t pruned_sec;                       /* ended grants were last forgotten */
        int64_t floor_real_usec, floor_boot_usec; /* the clock said at least the one at the other */
        bool sudo_plugin;                         /* /etc/sudo.conf names sudo_nhi.so (watched) */
        bool reconciled;    /* sessions are known: from now on refreshes publish */
        bool serving;       /* READY=1 was said */
        bool stopping;      /* agent_stop() was called */
        unsigned n_reloads; /* under way */
        int lock_fd;        /* one agent a host */
        void (*on_failed)(struct Agent *a, int r); /* cannot serve after all; NULL: exit the loop */
        char config_error[CONFIG_ERROR_MAX];       /* of the last reload; "" where it was good */
} Agent;

/* An agent that owns config, with an empty store, that serves nobody yet. */
int agent_new(sd_event *event, Config *config, Agent **ret);
Agent *agent_free(Agent *a);
/* Load what outlives a restart, verify the archived sets, reconcile sessions, publish, and then
 * listen on what listener_take_fds() has: READY=1 comes last. A negative errno and *ret_error (one
 * sentence) where the agent must not start. */
#define AGENT_ERROR_MAX 512
int agent_start(Agent *a, char ret_error[static AGENT_ERROR_MAX]);
/* SIGTERM: let nobody in any more, answer who is in, then end the loop; the second time end it at
 * once. What waits on the sockets is served by the next agent: no login is refused meanwhile. */
void agent_stop(Agent *a);
/* Load state, ids, local files and archived sets: agent_start() without sessions and sockets. */
int agent_load(Agent *a, char ret_error[static AGENT_ERROR_MAX]);
/* SIGHUP and the control verb "reload": load the configuration anew, off the loop. A bad one
 * changes nothing but a->config_error, and is written down. PID 1 hears READY=1 when what is in
 * /etc is in force and published, or refused; also where a negative errno says that nobody looks
 * at it now. */
int agent_reload(Agent *a);
/* One of those is through. */
void agent_reloaded(Agent *a);

Now agent_now(const Agent *a);
#ifdef NHI_TEST
extern int64_t agent_ahead_usec; /* added to both clocks */
#endif
/* Now for verifying sets: never before what verified sets have proved, so that ends on the boot
 * clock cannot move out with a clock that was set back. */
Now agent_judging_now(const Agent *a);
/* A verified set says that at boot_usec it was iat_sec or later. */
void agent_prove_time(Agent *a, int64_t iat_sec, int64_t boot_usec);
IssuerState *agent_issuers_new(size_t n); /* NULL where there is no memory */
void agent_issuers_free(IssuerState *issuers, size_t n);
/* True where CLOCK_REALTIME lies behind what verified sets have proved. */
bool agent_clock_is_behind(const Agent *a, Now now);
/* Anything that may change who has access has changed, and is denied already: have gates and
 * snapshot published, then sessions reviewed, and arm the expiry timer. */
void agent_refresh(Agent *a);
/* A deadline has passed, or a clock was set: what ends now is denied and withdrawn by its own
 * deadlines; sessions are reviewed at once. */
void agent_time_passed(Agent *a);
/* Put these grants in force; takes standing. NULL: none are. What was in force before is freed when
 * nobody reads it any more; the sets that it points into are the caller's. */
void agent_put_standing(Agent *a, Standing *standing);
/* It ended or was given back on this host, or a set on its way to the disk revokes it. */
bool agent_has_ended(const Agent *a, const Grant *g);
HostView agent_host_view(Agent *a);
/* What the registry of sessions asks: agent-judge.c. */
SessionsHost agent_sessions_host(Agent *a);
/* To the journal, to `nhictl why`, and to the decision log; nobody waits for it. */
void agent_record(Agent *a, const Event *e);
/* The same without the log: for what is written there otherwise. */
void agent_tell(Agent *a, const Event *e);
const Grant *agent_grant(const Agent *a, const char *jti); /* NULL where none */

/* The holder gives a grant back: over at once and for good. -ENOENT where no set has it, -EALREADY
 * where it was over. Persisted; refreshes. */
int agent_give_back(Agent *a, const char *jti);
/* Lock or unlock an account's name or a jti on this host. Persisted; refreshes. */
int agent_lock(Agent *a, const char *name, bool locked, bool *ret_changed);
