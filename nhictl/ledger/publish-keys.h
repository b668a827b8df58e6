/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The issuer's key list beside the sets of its hosts (publish.h): LEDGER/keys.jws, as `nhictl key
 * sign` made it. Nothing here signs it: its keys are offline. */

#include "nhictl/ledger/plan.h"

#define KEYS_DOCUMENT "keys.json" /* in the ledger: what is to be signed */
#define KEYS_SIGNED   "keys.jws"  /* and what was, by enough roots */
#define KEYS_PART     ".part"     /* behind it: what too few of them have signed yet */

/* What it says, whoever signed it and whenever. 0 and an owned *ret; -EBADMSG and *ret_error;
 * -ENOMEM. */
int keylist_read(const char *bytes, size_t size, const char *issuer, KeyList **ret,
                 SetError *ret_error);
/* Do both begin with signatures of the same payload? */
bool keylist_same(const char *a, const char *b);
/* A file of signatures, malloc'ed, without a last line feed. Errors of document_read(). */
int keys_read_lines(const char *path, char **ret);
/* Is KEYS_DOCUMENT (NULL: none) a later list than these lines (NULL: none) are of? */
bool keys_is_newer(const json_t *doc, const char *lines);

/* Would a host believe it, that knows the roots that it names? 0 and an owned *ret; -EBADMSG and
 * *ret_error; -ENOMEM. */
int keylist_check(const char *bytes, size_t size, const char *issuer, int64_t now_sec,
                  KeyList **ret, SetError *ret_error);
/* As hosts hold it that took it once: 0 and an owned *ret, NULL where none would have; -ENOMEM. */
int keylist_former(const char *bytes, const char *issuer, KeyList **ret);
/* K1 of keylist.h: would hosts that hold former take it, by their roots? 0; -EBADMSG and
 * *ret_error; -ENOMEM. */
int keylist_succeeds(const KeyList *former, const char *bytes, int64_t now_sec,
                     SetError *ret_error);
/* "KID, KID": into ret, where KEYLIST_ROOTS_TEXT bytes have room for all. */
#define KEYLIST_ROOTS_TEXT (KEYLIST_ROOTS_MAX * (JWK_KID_SIZE + 2) + 1)
void keylist_name_roots(const KeyList *l, char *ret, size_t size);

/* The signed key list of the ledger, where it has one: an owned text and an owned list; else both
 * stay as they are. 0; -EBADMSG and a sentence: hosts would refuse it, or the sets by this key;
 * another negative errno, likewise. */
int ledger_keys_read(const Ledger *l, const SigningKey *key, int64_t now_sec, char **ret_bytes,
                     KeyList **ret, char ret_error[static LEDGER_ERROR_MAX]);
/* p->keys and p->others by that; a list that still waits for its roots is noted. */
int publish_keys_read(Publication *p);
/* K1 of keylist.h: would hosts take it in place of the list that stands there? 0: yes, or nobody
 * took that one; -EPERM, noted: it has to wait, and the sets need not; -EKEYREJECTED and a sentence
 * in p->error: hosts would refuse the sets, too, which are by a key that only the new list names;
 * -ENOMEM. */
int publish_keys_succeed(Publication *p, Target *t);
int publish_keys_content(const Publication *p, char ret[static LEDGER_HASH_SIZE]);
/* 0 and *ret, or -ENOMEM. */
int publish_keys_make(const Publication *p, StoreSet *ret);
