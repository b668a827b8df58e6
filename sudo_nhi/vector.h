/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sudo's vectors of "name=value" strings (sudo_plugin(5)), and the numbers in them. */

#include <stdbool.h>
#include <stdint.h>

/* The value of the first entry of that name, or NULL. A vector of NULL is empty. */
const char *vector_value(char *const vector[], const char *name);
/* An id in decimal digits and nothing else; 2^32-1 is no id. */
bool vector_id(char *const vector[], const char *name, uint32_t *ret);
/* True where the value is "true". */
bool vector_is_true(char *const vector[], const char *name);
