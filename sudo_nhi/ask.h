/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One command, put to the agent. */

#include "sudo_nhi/command.h"

#define ASK_DEADLINE_USEC 2000000u

typedef enum Answer {
        ANSWER_FAULT = 0, /* nobody answered, or not lawfully */
        ANSWER_DENIED,
        ANSWER_ALLOWED,
} Answer;

#define ASK_MESSAGE_SIZE 1280u

/* Ask and wait until the deadline. message receives one line for the person, or "". */
Answer ask_command(const Invoker *invoker, const Command *command,
                   char message[static ASK_MESSAGE_SIZE]);
/* Tell, without waiting, that this command would have been asked about. */
void tell_command(const Invoker *invoker, const Command *command);
