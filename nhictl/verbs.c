/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each verb in its own file; this table names them, in the order of the usage text. Room for a new
 * verb: declare it and add its line. */

#include "nhictl/verb.h"

const Verb *const verbs[] = {
        NULL,
};
