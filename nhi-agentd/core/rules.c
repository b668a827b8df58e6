/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/rules.h"

#include "lib/base/name.h"

#include <string.h>

bool list_contains(const StrList *list, const char *text)
{
        for (size_t i = 0; list && text && i < list->n; i++)
                if (strcmp(list->items[i], text) == 0)
                        return true;
        return false;
}

bool list_contains_sorted(const StrList *list, const char *text)
{
        size_t low = 0, high = list && text ? list->n : 0;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int order = strcmp(list->items[middle], text);

                if (order == 0)
                        return true;
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return false;
}

/* Classes whose kind is known here: a caller that says otherwise is confused and is denied. */
static bool class_fits_elevation(const AccessRequest *r)
{
        static const struct {
                const char *class;
                bool elevation;
        } known[] = {
                { "ssh", false },  { "cron", false },         { "at", false },  { "login", false },
                { "unit", false }, { "systemd-user", false }, { "sudo", true }, { "su", true },
        };

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(known[i].class, r->class) == 0)
                        return known[i].elevation == r->elevation;
        return true;
}

bool request_is_lawful(const AccessRequest *r)
{
        if (!r || !r->account || !r->class || r->class[0] == '\0' || !class_fits_elevation(r))
                return false;
        switch (r->kind) {
        case REQUEST_ACCOUNT:
                return true;
        case REQUEST_SESSION:
        case REQUEST_REVIEW:
                return !r->elevation || r->target;
        case REQUEST_COMMAND:
                return r->elevation && r->target && (r->command || r->edit.n > 0);
        case REQUEST_KEYS:
                return strcmp(r->class, "ssh") == 0;
        case REQUEST_NONE:
                break;
        }
        return false;
}

static Outcome rule_request(Judge *j)
{
        if (!request_is_lawful(j->request)) {
                note_text(&j->note, "the request is not one that can be judged");
                return RULE_FAILED;
        }
        if (!name_is_sane(j->request->account)) {
                j->reason = REASON_BAD_NAME;
                return RULE_FAILED;
        }
        note_text(&j->note, "class ");
        note_text(&j->note, j->request->class);
        return RULE_HELD;
}

static Outcome rule_account(Judge *j)
{
        const char *granted = j->grant ? j->grant->account : NULL;

        note_text(&j->note, "the grant is for ");
        note_text(&j->note, granted ? granted : "nobody");
        return granted && strcmp(granted, j->request->account) == 0 ? RULE_HELD : RULE_FAILED;
}

static Outcome rule_uid(Judge *j)
{
        /* sshd's helper for keys is asked by name; whoever logs in is judged again with a uid. */
        if (!j->account || j->request->kind == REQUEST_KEYS)
                return RULE_APART;
        note_text(&j->note, "the set defines uid ");
        note_number(&j->note, j->account->uid);
        note_text(&j->note, ", the host says ");
        note_number(&j->note, j->request->uid);
        return j->account->uid == j->request->uid ? RULE_HELD : RULE_FAILED;
}

static Outcome rule_given_back(Judge *j)
{
        if (!j->host->is_ended || !j->host->is_ended(j->host->userdata, j->grant))
                return RULE_HELD;
        note_text(&j->note, "it was given back or ended on this host and stays over");
        return RULE_FAILED;
}

/* Lists take away and never give: silence is no reason to allow. */
static Outcome rule_lists(Judge *j)
{
        const char *title = NULL;
        ListVerdict v = LIST_SILENT;

        if (j->host->lists)
                v = j->host->lists(j->host->userdata, j->grant, &title);
        if (v == LIST_SILENT)
                return RULE_HELD;
        note_text(&j->note, title);
        if (v == LIST_NAMES) {
                note_text(&j->note, ", names it");
        } else {
                note_text(&j->note, " is lost on this host: its source has to bring it again");
                j->reason = REASON_NO_SET;
        }
        return RULE_FAILED;
}

static Outcome rule_lock(Judge *j)
{
        bool account = list_contains_sorted(j->host->locked, j->grant->account);

        if (!account && !list_contains_sorted(j->host->locked, j->grant->jti))
                return RULE_HELD;
        note_text(&j->note, account ? "account " : "grant ");
        note_text(&j->note, account ? j->grant->account : j->grant->jti);
        note_text(&j->note, " is locked on this host; root unlocks it: nhictl unlock");
        return RULE_FAILED;
}

static bool is_same(const char *a, const char *b)
{
        return a && b && strcmp(a, b) == 0;
}

static bool is_counted(const Judge *j)
{
        return is_same(j->request->counted_jti, j->grant->jti) &&
               is_same(j->request->counted_issuer, j->grant->issuer);
}

static Outcome rule_sessions(Judge *j)
{
        const HostView *h = j->host;
        uint32_t n;

        /* A user manager comes with a login, which is counted; a session under review is. */
        if (j->grant->max_sessions == 0 || strcmp(j->request->class, "systemd-user") == 0 ||
            j->request->kind == REQUEST_REVIEW)
                return RULE_APART;
        n = h->n_uses ? h->n_uses(h->userdata, j->grant) : 0;
        if (n > 0 && is_counted(j))
                n--;
        note_number(&j->note, n);
        note_text(&j->note, " of ");
        note_number(&j->note, j->grant->max_sessions);
        note_text(&j->note, " sessions are used");
        /* Consumed by open_session alone: sudo -l and -v never open one. */
        if (j->request->kind != REQUEST_SESSION)
                return RULE_HELD;
        return n < j->grant->max_sessions ? RULE_HELD : RULE_FAILED;
}

/* Both versions of the grant have to allow, and the earlier end wins: what a set takes away does
 * not wait until the set is saved. */
static Outcome rule_newest(Judge *j)
{
        HostView host = *j->host;
        const Grant *newest = host.newest ? host.newest(host.userdata, j->grant) : NULL;
        Judge other;

        if (!newest)
                return RULE_APART;
        note_text(&j->note, "so does the newest set, which is not in force yet");
        host.newest = NULL;
        judge_init(&other, j->account, newest, &host, j->request, j->now);
        if (rules_walk(&other, NULL, NULL) < rules_n) {
                note_clear(&j->note);
                note_text(&j->note, "the newest set, which is not in force yet, says less");
                j->reason = other.reason;
                return RULE_FAILED;
        }
        if (other.end_sec < j->end_sec)
                j->end_sec = other.end_sec;
        if (other.boot_end_usec < j->boot_end_usec)
                j->boot_end_usec = other.boot_end_usec;
        return RULE_HELD;
}

/* In this order. Who and what comes before when, so that somebody whose grant has ended hears just
 * that, and somebody who never had one for this service hears that instead. */
const Rule rules[] = {
        { "request", REASON_BAD_REQUEST, rule_request },
        { "account", REASON_NO_GRANT, rule_account },
        { "uid", REASON_UID_MISMATCH, rule_uid },
        { "service", REASON_SERVICE_NOT_GRANTED, rule_service },
        { "from", REASON_FROM_NOT_GRANTED, rule_from },
        { "key", REASON_KEY_NOT_GRANTED, rule_key },
        { "run-as", REASON_RUN_AS_NOT_GRANTED, rule_target },
        { "run-as-group", REASON_GROUP_NOT_GRANTED, rule_target_group },
        { "plugin", REASON_PLUGIN_MISSING, rule_plugin },
        { "command", REASON_COMMAND_NOT_GRANTED, rule_command },
        { "edit", REASON_EDIT_NOT_GRANTED, rule_edit },
        { "clock", REASON_CLOCK, rule_clock },
        { "begin", REASON_NOT_YET, rule_begin },
        { "end", REASON_EXPIRED, rule_end },
        { "set", REASON_SET_STALE, rule_set },
        { "revocations", REASON_REVOKED, rule_lists },
        { "given-back", REASON_GIVEN_BACK, rule_given_back },
        { "lock", REASON_LOCKED, rule_lock },
        { "window", REASON_OUTSIDE_WINDOW, rule_window },
        { "sessions", REASON_MAX_SESSIONS, rule_sessions },
        { "newest-set", REASON_REVOKED, rule_newest },
};
const size_t rules_n = sizeof(rules) / sizeof(rules[0]);

void judge_init(Judge *j, const Account *account, const Grant *grant, const HostView *host,
                const AccessRequest *request, Now now)
{
        static const HostView nothing;
        size_t n = grant ? grant->n_terms : 0;

        j->grant = grant;
        j->account = account;
        j->host = host ? host : &nothing;
        j->request = request;
        j->now = now;
        j->candidates = n >= GRANT_TERMS_MAX ? UINT32_MAX : (UINT32_C(1) << n) - 1;
        j->end_sec = 0;
        j->boot_end_usec = 0;
        j->reason = REASON_NO_GRANT;
        j->note.wanted = false;
        note_clear(&j->note);
}

size_t rules_walk(Judge *j, RuleSink out, void *userdata)
{
        j->note.wanted = out != NULL;
        for (size_t i = 0; i < rules_n; i++) {
                Outcome o;

                note_clear(&j->note);
                j->reason = rules[i].reason;
                o = rules[i].check(j);
                if (out && o != RULE_APART)
                        out(userdata, rules[i].name, o == RULE_HELD, j->note.text);
                if (o == RULE_FAILED)
                        return i;
        }
        j->reason = REASON_GRANTED;
        return rules_n;
}
