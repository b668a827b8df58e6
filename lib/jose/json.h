/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <jansson.h>

/* json_loadb(3), for every text that decides something. NULL also where memory ran out on the way:
 * jansson then goes on and leaves out the characters it had no room for, so that a name, a path or
 * a number would be another one. errno says which: ENOMEM, or EBADMSG for what is no JSON. */
json_t *json_read(const char *text, size_t size, size_t flags, json_error_t *ret_error);

/* json_dumps(3), for every text that is read again. NULL also where memory ran out on the way:
 * jansson goes on behind the name of a member that it had no room for. */
char *json_write(const json_t *v, size_t flags);
