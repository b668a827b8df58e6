/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One offered set from its bytes to what the loop puts in force by exchanging pointers. It reads
 * what is in force and changes nothing: between sets nobody does (W3). */

#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <stdio.h>

/* The very set that state.json names, which the archive could not give back. */
static bool is_lost(const IssuerState *s, const char *hash)
{
        return !s->set && *hash && streq(s->floor.hash, hash);
}

/* Only a host that lost an archive pays for the hash twice. */
static void hash_if_lost(const Agent *a, const SetBytes *b, char ret[static 65])
{
        ret[0] = '\0';
        for (size_t i = 0; i < a->config->n_issuers; i++)
                if (!a->issuers[i].set && a->issuers[i].floor.hash[0]) {
                        content_hash(b->data, b->size, ret);
                        return;
                }
}

/* A set that could not be saved has no floor on disk; what it revoked stays over all the same, so
 * none from before it is taken (W2). One that is in force stays, for it was narrowed by the newer
 * one; one that was withdrawn was not, and does not come back. */
static void hold_against_seen(Offer *o, const SetFloor *seen)
{
        const bool is_older = o->set->ver < seen->ver;

        if (!is_older && (o->set->ver > seen->ver || streq(o->set->hash, seen->hash)))
                return;
        o->r = set_refused(&o->error, is_older ? "version-floor" : "equivocation",
                           "ver %lld is %s %lld, seen before and not saved", (long long)o->set->ver,
                           is_older ? "below" : "another", (long long)seen->ver);
        o->set = grant_set_free(o->set);
}

/* A key that a list names signs nothing new here, though agentd.conf still trusts it. What is in
 * force under it stays, and none of its grants allows anything. */
static void hold_against_lists(Offer *o)
{
        if (!agent_key_is_revoked(o->sets->agent, o->set->issuer, o->set->kid))
                return;
        o->r = set_refused(&o->error, "key-revoked",
                           "a revocation list names the key %s that signed it", o->set->kid);
        o->set = grant_set_free(o->set);
}

/* What is believed of the issuer's sets beyond what they say themselves. */
static SetPolicy policy_of(const Offer *o, size_t i)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[i];
        SetPolicy policy = issuer_policy(&a->config->issuers[i], s);
        const Freshness *const heard[ELEMENTSOF(policy.fresh)] = { s->fresh,
                                                                   o->fresh ? o->fresh
                                                                            : s->fresh_next };

        for (size_t k = 0; k < ELEMENTSOF(heard); k++)
                if (fresh_counts(a, i, heard[k]))
                        policy.fresh[k] = heard[k];
        return policy;
}

/* Nothing that this issuer's keys, or enough of its roots, signed. */
static bool is_somebody_elses(const SetError *e)
{
        return streq(e->code, "key") || streq(e->code, "root-threshold");
}

void offer_find_issuer(Offer *o, OfferVerifyAs *verify_as)
{
        const size_t n = o->sets->agent->config->n_issuers, first = o->label;

        o->r = SET_E_REFUSED;
        o->error = (SetError){};
        o->index = first;
        for (size_t k = 0; k < (o->again ? 1 : n) && o->r == SET_E_REFUSED; k++) {
                const size_t i = (first + k) % n;
                SetError error = {};

                o->r = verify_as(o, i, &error);
                if (o->r == SET_E_REFUSED && k > 0 &&
                    (!is_somebody_elses(&o->error) || is_somebody_elses(&error)))
                        continue;
                o->index = i;
                o->error = error;
        }
}

/* The roots may have set it below the set in force, whose hash it has then. */
static SetFloor floor_of(const IssuerState *s)
{
        const SetFloor without_hash = { .ver = s->floor.ver };

        return s->set && s->floor.ver < s->set->ver ? without_hash : s->floor;
}

static int verify_as(Offer *o, size_t i, SetError *error)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[i];
        const SetPolicy policy = policy_of(o, i);
        const SetFloor floor = floor_of(s);

        return grant_set_verify(o->bytes->data, o->bytes->size, &policy, &floor, a->local, a->idmap,
                                o->now, o->again || is_lost(s, o->hash), &o->set, error);
}

static void verify(Offer *o)
{
        const Agent *a = o->sets->agent;

        hash_if_lost(a, o->bytes, o->hash);
        offer_find_issuer(o, verify_as);
        if (o->r == 0 && (!o->again || !a->issuers[o->index].set))
                hold_against_seen(o, &a->issuers[o->index].seen);
        if (o->r == 0 && !o->again)
                hold_against_lists(o);
}

/* All sets, with this one (NULL: none) as its issuer's. */
static int build_standing(Offer *o)
{
        const Agent *a = o->sets->agent;
        const size_t n = a->config->n_issuers;
        _cleanup_free_ const GrantSet **sets = calloc(n + 1, sizeof(*sets));

        if (!sets)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                sets[i] = i == o->index ? o->set : a->issuers[i].set;
        return standing_build(sets, n, &o->standing);
}

/* While a newer set waits to be saved, the one in force gains nothing by being verified anew: what
 * it did not have then, nobody held against the newer one (W2). */
static int find_withheld(Offer *o, const StrList *before)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[o->index];
        GrantList gained = {}, more = {};
        int r;

        if (!o->again || s->seen.ver <= s->floor.ver)
                return 0;
        r = standing_compare(&o->standing->store, &a->store, a->config->issuers[o->index].issuer,
                             &gained, &more);
        if (r == 0 && gained.n > 0)
                r = gone_jtis(&gained, before, &o->withheld);
        free(gained.grants);
        free(more.grants);
        return r;
}

/* What a newer set revokes replaces what the one before it did. What the set in force loses when it
 * is verified anew comes on top. */
static int find_gone(Offer *o)
{
        static const StrList none;
        Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[o->index];
        const StrList *before = s->is_narrowed_again ? &s->revoked : &s->narrowed;
        int r;

        if (!s->set)
                return 0;
        r = standing_compare(&a->store, &o->standing->store, a->config->issuers[o->index].issuer,
                             &o->gone, &o->lessened);
        if (r == 0 && o->gone.n > 0)
                r = gone_jtis(&o->gone, o->again ? before : &none, &o->narrowed);
        return r == 0 ? find_withheld(o, before) : r;
}

/* All of the issuer's that are heard. */
static int find_withdrawn(Offer *o)
{
        const Agent *a = o->sets->agent;

        return a->issuers[o->index].set ? standing_compare(&a->store, &o->standing->store,
                                                           a->config->issuers[o->index].issuer,
                                                           &o->gone, &o->lessened)
                                        : 0;
}

/* Those that this set hides, and those of it that are hidden. */
static void find_hidden(Offer *o)
{
        const GrantStore *s = &o->standing->store;
        const char *issuer = o->set->issuer;

        for (size_t i = 0; i < s->n_hidden; i++) {
                const Grant *heard = grant_store_grant(s, s->hidden[i]->jti);

                if (!streq(s->hidden[i]->issuer, issuer) && !streq(heard->issuer, issuer))
                        continue;
                if (o->hidden.n_told < HIDDEN_TOLD_MAX)
                        o->hidden.told[o->hidden.n_told++] = s->hidden[i];
                o->hidden.n++;
        }
}

static int prepare_accepted(Offer *o)
{
        const Agent *a = o->sets->agent;
        int r;

        /* What is verified anew moves no floor: roots may have set it since. */
        o->floor = a->issuers[o->index].floor;
        if (!o->again) {
                o->floor.ver = o->set->ver;
                memcpy(o->floor.hash, o->set->hash, sizeof(o->floor.hash));
        }
        if (!o->again && asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->set->hash) < 0) {
                o->path = NULL;
                return -ENOMEM;
        }
        r = build_standing(o);
        if (r < 0)
                return r;
        find_hidden(o);
        return find_gone(o);
}

static void forget_prepared(Offer *o)
{
        o->standing = standing_free(o->standing);
        free(TAKE_PTR(o->gone.grants));
        free(TAKE_PTR(o->lessened.grants));
        free(TAKE_PTR(o->withheld.items));
        o->gone.n = o->lessened.n = o->withheld.n = 0;
        o->hidden = (Hidden){};
        o->set = grant_set_free(o->set);
}

/* Without memory nothing is in force, or nothing is written down of each grant. What cannot be
 * judged is tried again: none of its grants is over. */
static void prepare_withdrawn(Offer *o)
{
        if (build_standing(o) == 0 && o->r == SET_E_REFUSED)
                (void)find_withdrawn(o);
}

static int read_archive(Offer *o)
{
        const IssuerState *s = &o->sets->agent->issuers[o->label];

        return s->archive_fd >= 0 ? set_bytes_read(s->archive_fd, SET_SIZE_MAX, &o->bytes)
                                  : -ENOENT;
}

static void prepare_verified(Offer *o)
{
        if (o->r == 0)
                o->r = prepare_accepted(o);
        if (o->r < 0)
                forget_prepared(o);
}

void offer_prepare_again(Offer *o)
{
        o->r = read_archive(o);
        if (o->r == 0)
                verify(o);
        prepare_verified(o);
}

int offer_prepare(void *offer)
{
        Offer *o = offer;
        int r;

        o->index = o->label;
        r = o->bytes ? set_bytes_check(o->bytes) : read_archive(o);
        if (r == 0 && !o->again && keylist_is_meant(o->bytes->data, o->bytes->size)) {
                keys_prepare(o);
                return 0;
        }
        if (r == 0)
                verify(o);
        else
                o->r = r;
        /* The header says what it is, and the signature is over the header. */
        if (!o->again && o->r == SET_E_REFUSED && streq(o->error.code, "type")) {
                list_prepare(o);
                if (o->r == SET_E_REFUSED && streq(o->error.code, "type")) {
                        o->list_kind = NULL;
                        fresh_prepare(o);
                }
                if (o->r == SET_E_REFUSED && streq(o->error.code, "type"))
                        o->is_fresh = false;
                return 0;
        }
        prepare_verified(o);
        if (o->again && o->r != 0)
                prepare_withdrawn(o);
        return 0;
}

/* The ids that the set defines. Not earlier: what the set revokes does not wait for them. */
static int learn_ids(Offer *o)
{
        Agent *a = o->sets->agent;
        bool changed = false;
        int r;

        r = idmap_copy(a->idmap, &o->idmap);
        if (r == 0)
                r = idmap_learn(o->idmap, o->set, a->local, &changed);
        if (r == 0 && changed)
                r = idmap_format(o->idmap, &o->uids, &o->uids_size);
        return r;
}

static void remember_on_disk(Offer *o, char **issuer)
{
        OnDisk *d = &o->sets->on_disk;

        free(d->issuer);
        *d = (OnDisk){ .issuer = TAKE_PTR(*issuer),
                       .floor = o->floor,
                       .time_floor_sec = o->time_floor_sec };
}

/* On the disk's thread or at start, in this order: what state.json names is there (W1). What is
 * verified anew has its archive, and its floor stands. */
int offer_save(void *offer)
{
        Offer *o = offer;
        size_t size = 0;
        _cleanup_free_ char *state = NULL, *issuer = NULL;
        int r;

        r = learn_ids(o);
        if (r == 0 && o->path && !(issuer = strdup(o->set->issuer)))
                r = -ENOMEM;
        if (r == 0 && o->path)
                r = file_replace(o->path, o->bytes->data, o->bytes->size, 0600, geteuid(),
                                 getegid(), true);
        if (r == 0 && o->path) {
                o->archive_fd = open(o->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
                r = o->archive_fd < 0 ? -errno : 0;
        }
        if (r == 0 && o->uids)
                r = file_replace(PATH_UIDS_FILE, o->uids, o->uids_size, 0600, geteuid(), getegid(),
                                 true);
        if (r == 0 && o->is_fresh)
                return fresh_save(o);
        if (r < 0 || !o->path)
                return r;
        r = state_format(&o->state, o->set->issuer, &o->floor, o->time_floor_sec, &state, &size);
        if (r == 0)
                r = file_replace(PATH_STATE_FILE, state, size, 0600, geteuid(), getegid(), true);
        if (r == 0)
                remember_on_disk(o, &issuer);
        return r;
}
