/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/prove/words.h"

#define WITNESS_NAME(name, text, meaning)       text,
#define WITNESS_MEANING(name, text, meaning)    meaning,
#define FINDING_NAME(name, text, leak, meaning) text,
#define FINDING_TEXT(name, text, leak, meaning) meaning,

const char *const witness_names[WITNESS_N] = { PROVE_WITNESSES(WITNESS_NAME) };
const char *const witness_meanings[WITNESS_N] = { PROVE_WITNESSES(WITNESS_MEANING) };
const char *const gap_names[GAP_N] = { PROVE_GAPS(WITNESS_NAME) };
const char *const gap_meanings[GAP_N] = { PROVE_GAPS(WITNESS_MEANING) };
const char *const finding_names[FINDING_N] = { PROVE_FINDINGS(FINDING_NAME) };
const char *const finding_meanings[FINDING_N] = { PROVE_FINDINGS(FINDING_TEXT) };
