/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between key-rotate.c, which says what the next key list is to say, and key-sign.c, with which
 * each root signs it: LEDGER/keys.json and LEDGER/keys.jws. */

#include "nhictl/central.h"
#include "nhictl/ledger/publish-keys.h"

/* DIR/NAME, malloc'ed; NULL: memory. */
char *key_list_path(const CentralOptions *o, const char *name);
/* A document that is there: VERB_OK and an owned *ret. */
int key_list_load(const char *path, json_t **ret);
/* The key of a list that has this kid, borrowed, and where it stands; NULL: none has. */
json_t *key_list_find(const json_t *list, const char *kid, size_t *ret_at);
/* Say a list of its reach, on as many lines as it takes. */
void key_list_say_words(const char *what, const StrList *words);
/* Say which key it is, from when until when it signs, and all that it may. */
void key_list_say_key(const TrustedKey *key);
/* Say all that a list says, as hosts read it, to the one who is to sign it. */
void key_list_say(const KeyList *l);
/* What each root signs: the same bytes wherever it is done. malloc'ed; NULL: memory. */
char *key_list_payload(const json_t *doc);
/* A public key: what stands in doc under its kid, or a JWK file. VERB_OK and an owned *ret with
 * kty, crv, x and kid, and `reach`, where the file has one. */
int key_list_jwk(const char *file_or_kid, const json_t *doc, json_t **ret);
