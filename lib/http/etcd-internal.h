/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between etcd.c and etcd-txn.c. */

#include "lib/http/etcd.h"

#include <jansson.h>

/* Values of one answer: of a page of pairs, or of as many events as etcd sends at once, there are a
 * quarter of that. */
#define ETCD_VALUES_MAX 65536u

/* NULL: no JSON, or more values than an answer has. */
json_t *etcd_document(const char *text, size_t size);
/* What is packed, as text; takes the reference. */
char *etcd_request_text(json_t *request);
/* A whole number as a string or as itself; left out is 0. There is always one more: behind a
 * revision the next one is asked for. */
bool etcd_number(const json_t *object, const char *name, int64_t *ret);
/* The error that a document is: its code and its message into ret. */
unsigned etcd_error(const json_t *document, char ret[static ETCD_ERROR_MAX]);
