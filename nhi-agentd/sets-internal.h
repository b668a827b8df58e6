/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between sets.c (the queue), sets-offer.c (one offer), sets-load.c (at start), sets-state.c
 * (state.json), sets-archive.c (which sets stay on the disk), sets-config.c (another
 * configuration), sets-prepare.c (from bytes to what can be put in force, on a thread),
 * sets-accept.c (into force, on the loop), sets-list.c (revocation lists), sets-keys.c (key lists),
 * sets-believed.c (what those two have in common), sets-fresh.c (statements of freshness),
 * sets-fresh-later.c (those that come too fast) and sets-record.c (what is written down). */

#include "lib/base/macro.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/set-bytes.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/standing.h"
#include "nhi-agentd/state.h"
#include "nhi-agentd/writer.h"

#define HIDDEN_TOLD_MAX 64u

/* Of two issuers' grants with one jti the one of the first issuer is heard. Those of them that have
 * to do with this set; they point into the sets. */
typedef struct Hidden {
        const Grant *told[HIDDEN_TOLD_MAX];
        size_t n_told, n; /* n: all of them */
} Hidden;

/* One issuer's archived revocation list. */
typedef struct ListRead {
        SetFloor floor;       /* ver 0: it has none */
        RevocationList *list; /* NULL: it is lost, and error says why */
        SetError error;
} ListRead;

/* One issuer's archived key list. */
typedef struct KeysRead {
        bool was_read;   /* false: what is in force stays */
        KeysFloor floor; /* ver 0: it has none */
        KeyList *keys;
        bool is_lost; /* it has one, which cannot be read */
        bool roots_are_conf;
        SetError error;
} KeysRead;

typedef struct Offer {
        struct Offer *next;
        Sets *sets;
        uint32_t label; /* an issuer's index; of a set that is offered, the fetcher's word for it */
        bool again;     /* what is in force already, under another policy: read from its archive */
        SetBytes *bytes; /* NULL: to be read */
        char hash[65];   /* of bytes, where it matters */
        SetsDone done;   /* NULL: nobody waits */
        void *userdata;
        Config *config; /* no set: this is to be the configuration */

        /* Prepared, on the thread: */
        Now now;
        int r; /* 0, SET_E_*, or a negative errno */
        size_t index;
        GrantSet *set;
        SetError error;
        Standing *standing; /* with set in its issuer's place; of a refused one, without any */
        GrantList gone;     /* what is in force and will not be; points into the set in force */
        GrantList *left;    /* of a configuration: the same for each issuer in force */
        size_t n_left;
        ListRead *lists; /* of a configuration: those of issuers that are new, as many as it has */
        KeysRead *key_lists; /* the same; and where other roots are named */
        size_t n_lists;
        const struct ListKind *list_kind; /* bytes are a list of that kind; NULL: they are none */
        RevocationList *list;             /* gone: grants that it takes, the first of them */
        size_t n_named, n_lifted;         /* grants in force that it takes, and gives back */
        KeyList *keys;
        KeysFloor keys_floor;
        bool sets_floor;    /* of the sets: to o->floor */
        uint64_t believed;  /* which of the lists that were believed it is; 0: none */
        bool is_unsaved;    /* a list that is in force, and could not be saved so far */
        const char *issuer; /* whose; the configuration's */
        bool is_fresh; /* bytes are a statement of freshness; then statement is, and bytes, set and
                          the rest are the set in force that is verified anew with it */
        bool fresh_waits; /* its set is still to come, or too many came at once */
        bool is_later; /* it is the fresh_later of issuer o->label, which stays until it is judged
                        */
        Freshness *fresh;
        SetBytes *statement;
        StrList narrowed; /* its jtis, and those that were narrowed before */
        StrList withheld; /* the latter, and what it gains while a newer set is not saved */
        Hidden hidden;
        GrantList lessened; /* grants in force that set has with less; points into set */
        char *path;         /* of the archive; NULL: it is there */
        SetFloor floor;

        /* Being saved, on the disk's thread: */
        IdMap *idmap;
        char *uids; /* NULL: nothing new */
        size_t uids_size;
        State state; /* a share */
        int64_t time_floor_sec;
        int archive_fd;

        PublishWaiter published;
        char line[SET_DETAIL_MAX + 64];
} Offer;

/* The set that state.json names, which the loop may not have heard of yet. */
typedef struct OnDisk {
        char *issuer; /* NULL: none was saved */
        SetFloor floor;
        int64_t time_floor_sec;
        uint64_t believed; /* the last list that was saved: Offer.believed; 0: none */
} OnDisk;

struct Sets {
        Agent *agent;
        OnDisk on_disk; /* the disk's thread's own */
        Offer *current; /* NULL: idle */
        Offer *first, **last;
        size_t n_queued, n_bytes; /* that wait; of those that nobody verifies yet */
        Config *next_config;
        LocalDb *next_local;
        bool state_dirty;
        size_t n_state_saves;   /* under way */
        uint64_t n_believed;    /* lists, since the start */
        bool again_due;         /* what is in force, or was, is to be verified anew */
        size_t unsaved_at;      /* of the lists: before it, those that could not be saved were tried
                                   again; SIZE_MAX: none is due */
        sd_event_source *retry; /* enabled while something that failed waits for its next try */
        unsigned n_failures;    /* one after the other */
        bool stopping;
        sd_event_source *refused; /* enabled while refused offers are counted */
};

Offer *offer_new(Sets *s);
Offer *offer_free(Offer *o);
void offer_answer(Offer *o, const char *format, ...) _printf_(2, 3);
/* What is current is done: the next one. */
void sets_offer_done(Sets *s);

/* What failed for lack of memory or disk is tried again, later and later up to a minute. */
void sets_retry_later(Sets *s);
/* It went well: the next failure is the first. */
void sets_recovered(Sets *s);
/* The same for verifying anew what is in force. */
void sets_again_later(Sets *s);
/* At once, after the current offer. */
void sets_verify_again(Sets *s);

/* sets-prepare.c, on the thread or at start: everything that takes as long as a set is large. */
int offer_prepare(void *offer);
/* Part of it, of what is in force, from its archive. */
void offer_prepare_again(Offer *o);
/* The same for what reaches the disk. */
int offer_save(void *offer);

/* sets-accept.c: begin with the offer that is current: sets_offer_done() is called in the end. */
int offer_begin(Offer *o);
/* Verified anew, by itself or with a statement of freshness, the set of issuer o->label has no end
 * on the boot clock that moves out with a clock that was set back since it was accepted (T01). */
Now offer_now_again(const Offer *o, Now now);
/* Narrow what is in force, have it saved, and then put it in force. */
void offer_accept(Offer *o);
/* Answer so as soon as logins see what is in force now; ends in sets_offer_done(). */
void offer_accepted(Offer *o, int64_t ver, const char *hash);
/* The same with o->line. */
void offer_answer_published(Offer *o);
/* Put o->set in force; takes what was prepared. */
void offer_put_in_force(Offer *o);
/* It could not be judged, or was refused: o->r and o->error say why. */
void offer_refuse(Offer *o);

/* sets-prepare.c: o->r, o->error and o->index from verifying it as each issuer's until one takes
 * it: a foreign key is refused before anything is parsed. The error that is told is that of the
 * first whose key it is, else the labelled one's. */
typedef int OfferVerifyAs(Offer *o, size_t index, SetError *ret_error);
void offer_find_issuer(Offer *o, OfferVerifyAs *verify_as);

/* A list that is believed before it is saved. */
typedef struct ListKind {
        const char *title, *takes; /* "what it `takes` is over all the same" */
        /* In IssuerState: the SetFloor that is saved, a SetError, SetBytes that are not. */
        size_t floor, refused, unsaved;
        /* The hash of the one in force, and what is saved with it into o. */
        const char *(*note)(Offer *o);
        void (*put_in_force)(Offer *o);  /* takes what was prepared */
        int (*announce)(Offer *o, bool); /* state.json is to name it; false: the saved one again */
        void (*on_disk)(Offer *o);       /* it does, on the disk's thread; may be NULL */
        void (*saved)(Offer *o);         /* the same, on the loop */
} ListKind;

extern const ListKind list_kind, key_list_kind;

/* sets-believed.c: on the loop, what was prepared; ends in sets_offer_done(). */
void believed_prepared(Offer *o);
/* Between sets: the next of those that are in force, could not be saved, and are due; NULL: none.
 */
Offer *believed_next_unsaved(Sets *s);
/* It is saved, or not; ends in sets_offer_done(). */
void believed_begin_unsaved(Offer *o);
/* What could not be saved is in force no longer, and not for a newer one: it is judged anew. */
void believed_offer_unsaved(Agent *a, const ListKind *kind, size_t index);
/* What state.json says as long as o is not saved. */
int believed_share_before(Offer *o, State *ret);
void believed_record_refused(Agent *a, const ListKind *kind, size_t index, const SetError *error);

/* sets-list.c, sets-keys.c, on the thread. */
void list_prepare(Offer *o);
void keys_prepare(Offer *o);
void *key_list_release(void *object);

/* sets-keys-load.c: the key list that state.json names, by the roots of this configuration. */
void keys_read(const State *state, const Issuer *issuer, Now now, KeysRead *ret);
/* Does what its list said of roots still hold: does agentd.conf name none but those that it named
 * when the list was taken, or that the list did? */
bool keys_are_of_roots(const KeysFloor *floor, const SetPolicy *policy);
/* On the loop; takes read->keys. */
void keys_put(Agent *a, size_t index, KeysRead *read);

/* sets-fresh.c, the same for a statement of freshness. */
void fresh_prepare(Offer *o);
void fresh_prepared(Offer *o);
void fresh_refuse(Offer *o);
/* Does its key still sign them, and no list name it? NULL: no. On the thread, or at start. */
bool fresh_counts(const Agent *a, size_t index, const Freshness *f);
/* With the set that is verified anew: before it is saved state.json names the statement, or, as
 * that failed, the one before; on the disk's thread; in force. */
int fresh_announce(Offer *o);
void fresh_take_back(Offer *o);
int fresh_save(Offer *o);
void fresh_put_in_force(Offer *o);
/* Another set of the issuer is in force; other revocation lists are. */
void fresh_set_changed(Sets *s, size_t index);
void fresh_lists_changed(Sets *s);
void fresh_record_refused(Agent *a, size_t index, const SetError *error);
/* sets-fresh-later.c, on the thread: the end that it gives the set in force; 0 where it is newer
 * than the one that waits for its turn, and gives more; may it be taken now? */
int64_t fresh_end_by(const Offer *o, const Freshness *f);
int fresh_check_later(Offer *o);
bool fresh_is_due(const Offer *o);
/* On the loop: it waits, in place of the one that did; it was taken, and none waits any more. */
void fresh_wait_for_turn(Offer *o);
void fresh_taken(Offer *o);
void fresh_forget_later(IssuerState *s);
/* Between sets: one whose turn it is; NULL: none. */
Offer *fresh_next_due(Sets *s);
/* sets-fresh-load.c: at start, before the set is loaded. */
void fresh_load(Agent *a, size_t index);

/* sets-list-load.c: the list that state.json names for an issuer. Reads nothing that the loop
 * changes while an offer is under way. */
void list_read(const State *state, const SetPolicy *policy, Now now, ListRead *ret);
/* On the loop, for an issuer that has none; takes read->list. */
void list_put(Agent *a, size_t index, ListRead *read);

/* sets-record.c: an offer's EVENT_SET_REFUSED, by itself or, where they come too fast, counted. */
void sets_record_refused(Sets *s, size_t index, const Event *e);
/* The same of an entry that is left out of what was accepted: EVENT_QUARANTINE. */
void sets_record_entry(Sets *s, size_t index, const char *code, const char *detail);
/* The same of a revocation list in force, and of a grant that it names. */
void sets_record_list(Sets *s, size_t index, const Event *e);
void sets_record_named(Sets *s, size_t index, const Event *e);
int sets_on_refused(sd_event_source *source, uint64_t usec, void *userdata);

/* sets-record.c: refused, as o->error says; accepted, with what of it is not heard. */
void offer_record_refused(Offer *o);
void offer_record_accepted(Offer *o);

/* sets-archive.c: remove from the disk, on its thread, what none of SETS_KEPT_MAX needs. What fails
 * is left to the next set. */
void sets_prune_archive(Sets *s);

/* sets-config.c: the same for a configuration. */
int config_begin(Offer *o);
/* It stays as it was: write that down. */
void sets_refuse_config(Sets *s, int r);
/* What is in force is to be verified anew, in the order of the issuers that there are now. */
void sets_config_changed(Sets *s);
