/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/metrics/tally.h"

#include "lib/base/macro.h"

#define CLASS_PAM_PREFIX "pam:"

const char *const tally_classes[TALLY_CLASS_N] = {
        "ssh", "sudo", "su", "cron", "at", "login", "unit", "systemd-user", "pam", "none"
};
#define CLASS_PAM  (TALLY_CLASS_N - 2)
#define CLASS_NONE (TALLY_CLASS_N - 1)

const char *const tally_verdicts[TALLY_VERDICT_N] = {
#define TALLY_LABEL(name, label) [TALLY_##name] = label,
        TALLY_VERDICTS(TALLY_LABEL)
};

const int64_t tally_buckets_msec[TALLY_BUCKET_N] = { 50,   100,  250,   500,  1000,
                                                     2500, 5000, 10000, 30000 };

static size_t class_of(const char *class)
{
        if (!class)
                return CLASS_NONE;
        for (size_t i = 0; i < CLASS_PAM; i++)
                if (streq(tally_classes[i], class))
                        return i;
        return strncmp(class, CLASS_PAM_PREFIX, strlen(CLASS_PAM_PREFIX)) == 0 ? CLASS_PAM
                                                                               : CLASS_NONE;
}

static Reason reason_of(const Event *e)
{
        return (unsigned)e->decision.reason < REASON_N ? e->decision.reason : REASON_BAD_REQUEST;
}

static void count_decision(Tally *t, const Event *e, TallyVerdict verdict, uint64_t n)
{
        t->decisions[verdict][class_of(e->class)] += n;
        if (verdict == TALLY_DENY)
                t->denials[reason_of(e)] += n;
        else if (verdict == TALLY_WOULD_DENY)
                t->would_deny[reason_of(e)] += n;
}

static void count_end(Tally *t, const Event *e)
{
        size_t i = 0;

        t->n_ended++;
        if (e->took_usec <= 0)
                return;
        while (i < TALLY_BUCKET_N && e->took_usec > tally_buckets_msec[i] * 1000)
                i++;
        t->ended_in[i]++;
        t->ended_usec += e->took_usec;
}

void tally_event(Tally *t, const Event *e)
{
        switch ((int)e->kind) {
        case EVENT_DECISION:
                count_decision(t, e,
                               e->decision.verdict == VERDICT_ALLOW ? TALLY_ALLOW : TALLY_DENY, 1);
                break;
        case EVENT_DENIAL:
                count_decision(t, e, TALLY_DENY, 1);
                break;
        case EVENT_DENIALS:
                count_decision(t, e, TALLY_DENY, e->n_denials);
                break;
        case EVENT_WOULD_DENY:
                count_decision(t, e, TALLY_WOULD_DENY, 1);
                break;
        case EVENT_EXEMPTION:
                count_decision(t, e, TALLY_EXEMPT, 1);
                break;
        case EVENT_SET_ACCEPTED:
                t->n_sets_accepted++;
                break;
        case EVENT_SET_REFUSED:
                t->n_sets_refused += e->n_denials > 0 ? e->n_denials : 1; /* many, counted */
                break;
        case EVENT_SESSION_START:
                t->n_started++;
                break;
        case EVENT_SESSION_END:
                count_end(t, e);
                break;
        case EVENT_SURVIVOR:
                t->n_survivors += e->n_survivors;
                break;
        case EVENT_LOG_FAILED:
                t->n_log_failures++;
                break;
        default:
                break;
        }
}
