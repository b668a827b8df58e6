/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What nhictl prove says. */

#include "nhictl/output.h"
#include "nhictl/prove/prove.h"

/* "proved", "leak", "no-evidence" */
const char *proof_answer_text(ProveAnswer a);
/* As --json has it; NULL: memory. */
json_t *proof_json(const Proof *p);
/* As people read it, on stdout: 0 or a negative errno. */
int proof_print(const Output *o, const Proof *p);
/* The share in percent with two digits, never rounded up to what it is not. Returns ret. */
char *proof_percent(double covered, char ret[static 16]);
