/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Usage and help, printed from the verb table. */

#include "nhictl/verb.h"

#include <stdio.h>

void usage_all(FILE *f);
void usage_verb(const Verb *v, FILE *f);
/* The actions of a noun ("account": add, list, disable). False where there is no such noun. */
bool usage_noun(const char *noun, FILE *f);

/* The verb that argv begins with, the longest name first; NULL where none. */
const Verb *verb_find(int argc, char **argv, int *ret_words);
