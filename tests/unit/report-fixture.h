/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reports as hosts make them. */

#include "lib/jose/jose.h"
#include "lib/wire/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define REPORT_LOG_ID "0123456789abcdef0123456789abcdef"

/* What a report says; the rest is as it mostly is. */
typedef struct ReportSpec {
        const char *host, *issuer;
        int64_t iat_sec, seq, ver, log_seq;
        const char *log_id; /* NULL: REPORT_LOG_ID */
        char log_digit;     /* its head is so many of these; 0: 'a' */
        const char *used;   /* a jti, or NULL */
        int64_t used_sec;
} ReportSpec;

static inline const char *report_hash_of(char digit, char ret[static 65])
{
        memset(ret, digit, 64);
        ret[64] = '\0';
        return ret;
}

static inline json_t *report_payload(const ReportSpec *s)
{
        char set[65], head[65];
        json_t *used = json_array();

        if (s->used)
                json_array_append_new(used, json_pack("{s:s, s:I}", "jti", s->used, "at",
                                                      (json_int_t)s->used_sec));
        return json_pack(
                "{s:i, s:s, s:s, s:I, s:I, s:s, s:s, s:{s:I, s:s, s:I, s:I, s:I}, s:n, "
                "s:[], s:i, s:[{s:s, s:s}], s:o, s:I, s:i, s:{s:s, s:I, s:s, s:b}}",
                "format", 1, "iss", s->host, "aud", s->issuer, "iat", (json_int_t)s->iat_sec, "seq",
                (json_int_t)s->seq, "boot", "b", "agent", "1", "set", "ver", (json_int_t)s->ver,
                "hash", report_hash_of('5', set), "iat", (json_int_t)s->iat_sec, "exp",
                (json_int_t)s->iat_sec + 3600, "accepted", (json_int_t)s->iat_sec, "refused",
                "quarantine", "quarantined", 0, "gates", "name", "ops", "mode", "enforce", "used",
                used, "used_since", (json_int_t)1, "sessions", 2, "log", "id",
                s->log_id ? s->log_id : REPORT_LOG_ID, "seq", (json_int_t)s->log_seq, "head",
                report_hash_of(s->log_digit ? s->log_digit : 'a', head), "error", 0);
}

/* Sign and drop a payload: malloc'ed. */
static inline char *report_sign(const SigningKey *key, const char *typ, json_t *payload)
{
        char *text = json_dumps(payload, JSON_COMPACT), *jws = NULL;

        assert_non_null(text);
        assert_int_equal(jws_sign(key, typ, text, strlen(text), &jws), 0);
        free(text);
        json_decref(payload);
        return jws;
}

static inline char *report_jws(const SigningKey *key, const ReportSpec *s)
{
        return report_sign(key, REPORT_TYP, report_payload(s));
}
