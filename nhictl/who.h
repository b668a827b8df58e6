/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#define WHO_SIZE 256

/* Who runs nhictl, "name@host": the user behind sudo where there is one, else the real uid. A label
 * that the issuer asserts, no proof. Returns ret. */
char *who_am_i(char ret[static WHO_SIZE]);
/* This machine's name as the ledger would know it: FQDN where the resolver has one, lower case. */
char *who_is_host(char *ret, size_t size);
