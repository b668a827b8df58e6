/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a source of the network needs in order to ask: whom to trust and how to make itself known,
 * from the spec and the credentials. Loaded anew for each question, so that renewed credentials
 * are used. */

#include "nhi-agentd/fetch/http.h"
#include "nhi-agentd/fetch/source.h"

#define ACCESS_ERROR_MAX 256

typedef struct Access {
        HttpTrust trust;
        char *certificate_file, *key_file;
        char *token, *user, *password; /* NULL: none */
} Access;

/* 0; -ENOMEM; -ENOENT, -EBADMSG or another negative errno and a sentence: a credential is missing
 * or unfit. *ret is for access_done() in each case. */
int access_load(const SourceSpec *spec, Access *ret, char ret_error[static ACCESS_ERROR_MAX]);
void access_done(Access *a);
/* Limits of one question that may take wait_usec on top of its time. */
HttpLimits access_limits(const SourceSpec *spec, uint64_t wait_usec);
/* A sentence about a URL, which is shown without its query. */
void access_sentence(char *ret, size_t size, const char *url, const char *token, const char *text);
