/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Do grants and revocations arrive, and will they still tomorrow? A set that is past half of its
 * life has missed many renewals; past its end no grant holds. */

#include "lib/base/path.h"
#include "nhictl/beside.h"
#include "nhictl/doctor/checks.h"
#include "nhictl/doctor/people.h"
#include "nhictl/ledger/document.h"
#include "nhictl/places.h"
#include "nhictl/reply.h"
#include "nhictl/store/store.h"

#define CHECK            "source"
#define FLEET_TIMER      "nhi-publish.timer"
#define LEDGER_JSON      PATH_LEDGER_DIR "/ledger.json"
#define LEDGER_SIZE_MAX  (256u * 1024)
#define AGE_WARN_PERCENT 50
#define AGE_FAIL_PERCENT 80
#define AGE_WORDS_SIZE   (2 * WHEN_DURATION_SIZE + 40)

/* When its issuer dated it: itself, or by a statement of freshness since. */
static int64_t heard_sec(const json_t *issuer)
{
        return member_sec(issuer, "heard") ?: member_sec(issuer, "iat");
}

/* "4d old"; where a statement of freshness was heard since: "4d old, said to be the newest 1h ago".
 */
static char *age_words(const json_t *issuer, int64_t now_sec, char *ret, size_t size)
{
        const int64_t iat = member_sec(issuer, "iat"), heard = heard_sec(issuer);
        char old[WHEN_DURATION_SIZE], confirmed[WHEN_DURATION_SIZE];

        (void)when_format_duration(old, now_sec - iat);
        if (heard > iat)
                (void)snprintf(ret, size, "%s old, said to be the newest %s ago", old,
                               when_format_duration(confirmed, now_sec - heard));
        else
                (void)snprintf(ret, size, "%s old", old);
        return ret;
}

static void say_age(const json_t *issuer, const char *name, int64_t now_sec, Findings *f)
{
        static const char renew[] =
                "nhictl publish --renew where the issuer's key is; journalctl -u nhi-fetchd here";
        static const char refresh[] = "nhictl publish --refresh where a key for freshness is, or "
                                      "--renew; journalctl -u nhi-fetchd here";
        const int64_t heard = heard_sec(issuer), exp = member_sec(issuer, "exp");
        const int64_t life = exp - heard, age = now_sec - heard;
        int64_t percent = life > 0 && age > 0 ? age * 100 / life : life > 0 ? 0 : 100;
        const char *advice = heard > member_sec(issuer, "iat") ? refresh : renew;
        char left[WHEN_DURATION_SIZE], old[AGE_WORDS_SIZE];

        (void)when_format_duration(left, exp - now_sec);
        (void)age_words(issuer, now_sec, old, sizeof(old));
        if (exp <= now_sec)
                finding_fail(f, CHECK, advice, "the set of %s is over: no grant holds", name);
        else if (percent > AGE_FAIL_PERCENT)
                finding_fail(f, CHECK, advice,
                             "the set of %s is %s and no grant holds any more in %s", name, old,
                             left);
        else if (percent > AGE_WARN_PERCENT)
                finding_warn(f, CHECK, advice,
                             "the set of %s is %s, more than half of its life: it was not "
                             "renewed (%s left)",
                             name, old, left);
        else
                finding_ok(f, CHECK, "the set of %s is %s and good for %s", name, old, left);
}

/* A refusal is of now when nothing was accepted since. */
static void say_refusal(const json_t *issuer, const char *name, Findings *f)
{
        const json_t *refusal = json_object_get(issuer, "last_refusal");

        if (json_is_object(refusal) &&
            member_number(refusal, "time") > member_number(issuer, "accepted"))
                finding_warn(f, CHECK, "nhictl log names it; publish a set that this host takes",
                             "the newest set of %s is refused: %s: %s", name,
                             member_text(refusal, "code") ?: "?",
                             member_text(refusal, "detail") ?: "");
}

/* In force, and the next agent would not know. */
static void say_unsaved(const json_t *issuer, const char *name, Findings *f)
{
        static const struct {
                const char *member, *title;
        } lists[] = { { "revocations", "revocation list" }, { "keys", "key list" } };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                if (json_is_true(
                            json_object_get(json_object_get(issuer, lists[i].member), "unsaved")))
                        finding_fail(f, CHECK,
                                     "make room for /var/lib/nhi: it is tried again every minute; "
                                     "nhictl log says what is in the way",
                                     "the %s of %s could not be saved: a restart gives back what "
                                     "it takes",
                                     lists[i].title, name);
}

/* Its set still holds, and what is revoked meanwhile is not heard of. */
static void say_places(const DoctorHost *h, const json_t *issuer, const char *name, Findings *f)
{
        static const char advice[] = "journalctl -u nhi-fetchd says what is in the way";
        const int64_t up_sec = (int64_t)h->now_sec - member_sec(h->status, "started");
        const json_t *place;
        char silent[WHEN_DURATION_SIZE];
        size_t i;

        json_array_foreach(json_object_get(issuer, "sources"), i, place) {
                const char *trouble = member_text(place, "trouble");

                if (!place_is_silent(place, issuer, up_sec))
                        continue;
                finding_warn(f, CHECK, advice,
                             "%s of %s has not answered for %s, more than half of the time for "
                             "which its set is good%s%s",
                             member_text(place, "place") ?: "a source", name,
                             when_format_duration(silent, place_silent_sec(place, up_sec)),
                             trouble ? ": " : "", trouble ? trouble : "");
        }
}

/* What is revoked, which keys sign and what is still the newest is not heard of meanwhile. */
static void say_beside(const DoctorHost *h, const json_t *issuer, const char *name, Findings *f)
{
        static const char advice[] = "journalctl -u nhi-fetchd says what is in the way; "
                                     "nhi-fetchd(8) says what a host must be let read";
        const int64_t up_sec = (int64_t)h->now_sec - member_sec(h->status, "started");
        const json_t *place;
        char silent[WHEN_DURATION_SIZE];
        size_t i;

        json_array_foreach(json_object_get(issuer, "beside"), i, place)
                if (member_text(place, "trouble"))
                        finding_warn(f, CHECK, advice,
                                     "%s of %s was not to be had from %s for %s: %s",
                                     beside_name(place), name, member_text(place, "place") ?: "?",
                                     when_format_duration(silent, place_silent_sec(place, up_sec)),
                                     member_text(place, "trouble"));
}

/* One that is not fetched any more has no newer one to come. */
static void say_lists(const json_t *issuer, const char *name, int64_t now_sec, Findings *f)
{
        static const struct {
                const char *object, *name, *meaning, *advice;
        } lists[] = {
                { "revocations", "revocation list",
                  "it was not renewed, and no later one was heard of",
                  "nhictl publish --renew where the issuer's key is; journalctl -u nhi-fetchd "
                  "here" },
                { "keys", "key list", "no key of it signs anything new",
                  "nhictl key rotate makes the next one, for the roots to sign" },
        };
        const json_t *list;
        char over[WHEN_DURATION_SIZE];

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                list = json_object_get(issuer, lists[i].object);
                if (!list_is_over(list, now_sec) || !beside_has(issuer, lists[i].object))
                        continue;
                (void)when_format_duration(over, now_sec - member_sec(list, "exp"));
                finding_warn(f, CHECK, lists[i].advice, "the %s of %s is over for %s: %s",
                             lists[i].name, name, over, lists[i].meaning);
        }
}

static void say_issuer(const DoctorHost *h, const json_t *issuer, bool is_enforced, Findings *f)
{
        static const char fetch[] =
                "publish a set for this host; journalctl -u nhi-fetchd says what is in the way";
        const char *name = member_text(issuer, "issuer") ?: "?";
        const char *source = member_text(issuer, "source") ?: "its source";

        if (json_is_integer(json_object_get(issuer, "ver")))
                say_age(issuer, name, (int64_t)h->now_sec, f);
        else if (is_enforced)
                finding_fail(f, CHECK, fetch,
                             "no verified set of %s from %s yet: no grant holds, and gates are "
                             "enforced",
                             name, source);
        else
                finding_warn(f, CHECK, fetch, "no verified set of %s from %s yet: no grant holds",
                             name, source);
        say_places(h, issuer, name, f);
        say_unsaved(issuer, name, f);
        say_beside(h, issuer, name, f);
        say_lists(issuer, name, (int64_t)h->now_sec, f);
        say_refusal(issuer, name, f);
}

/* Is a unit of ours running? Says what it is for where it is not. */
static void say_unit(const DoctorHost *h, const char *unit, const char *without, Findings *f)
{
        const char *const words[] = { "/usr/bin/systemctl", "is-active", unit, NULL };
        char state[256], advice[256];
        int r = h->run(words, state, sizeof(state));

        state[strcspn(state, "\n")] = '\0';
        (void)snprintf(advice, sizeof(advice), "systemctl enable --now %s", unit);
        if (r == 0)
                finding_ok(f, CHECK, "%s is active", unit);
        else if (r > 0 && *state)
                finding_fail(f, CHECK, advice, "%s is %s: %s", unit, state, without);
        else
                finding_warn(f, CHECK, "ask your init system",
                             "systemctl cannot say whether %s "
                             "runs",
                             unit);
}

static bool has_ledger(const DoctorHost *h)
{
        return doctor_exists(h, BELOW_ROOT(LEDGER_JSON)) &&
               doctor_exists(h, BELOW_ROOT(PATH_ISSUER_KEY));
}

static bool is_published_over_network(const DoctorHost *h)
{
        _cleanup_free_ char *text = NULL;
        char error[DOCUMENT_ERROR_MAX];
        json_t *ledger = NULL;
        const char *to;
        bool is_url;

        if (doctor_read(h, BELOW_ROOT(LEDGER_JSON), LEDGER_SIZE_MAX, &text) < 0 ||
            document_parse(text, strlen(text), &ledger, error) < 0)
                return false;
        to = document_text(ledger, "publish");
        is_url = *to && !store_directory(to);
        json_decref(ledger);
        return is_url;
}

/* Two units renew ledgers. The one of a host that is its own source has no network. */
static void say_renewal(const DoctorHost *h, Findings *f)
{
        const char *const fleet[] = { "/usr/bin/systemctl", "is-active", FLEET_TIMER, NULL };
        const bool is_fleet = is_published_over_network(h);
        char state[256];

        say_unit(h,
                 is_fleet || h->run(fleet, state, sizeof(state)) == 0 ? FLEET_TIMER
                                                                      : "nhi-renew.timer",
                 is_fleet ? "the ledger here is not renewed over the network, and its hosts' sets "
                            "run out"
                          : "this host's ledger is not renewed, and its set runs out",
                 f);
}

void check_source(const DoctorHost *h, Findings *f)
{
        const json_t *issuers = json_object_get(h->status, "issuers"), *issuer;
        People p = { .host = h };
        bool is_enforced;
        size_t i;

        if (!h->status) {
                finding_warn(f, CHECK, "see check agent",
                             "no agent answers: nothing is known about its grant sets");
                return;
        }
        if (json_array_size(issuers) == 0) {
                finding_warn(f, CHECK, "nhictl init", "no issuer is configured: no grant can hold");
                return;
        }
        is_enforced = people_load(h, &p) < 0 || people_is_enforced(&p);
        people_done(&p);
        json_array_foreach(issuers, i, issuer)
                say_issuer(h, issuer, is_enforced, f);
        say_unit(h, "nhi-fetchd.service", "neither grants nor revocations arrive", f);
        if (has_ledger(h))
                say_renewal(h, f);
}
