/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What sudo is about to run, as the policy plugin decided it. Names are only believed where they
 * belong to the ids with which sudo will run the command: sudo itself uses the ids. */

#include "lib/base/name.h"
#include "sudo_nhi/invoker.h"

/* X(NAME, "token", "what is the matter"): why a command cannot be put to the agent. */
#define COMMAND_FAULTS(X)                                                                          \
        X(NONE, "", "")                                                                            \
        X(NO_TARGET, "bad-request", "sudo does not say as whom the command will run")              \
        X(SPLIT_IDS, "bad-request", "real and effective ids of the target do not belong together") \
        X(NO_COMMAND, "bad-request", "sudo does not say which command will run")                   \
        X(CHROOT, "chroot", "commands in another root directory (sudo -R) cannot be granted")      \
        X(NO_FILES, "bad-request", "it is not clear which files will be edited")                   \
        X(NO_MEMORY, "no-memory", "there is no memory to ask for a decision")

typedef enum CommandFault {
#define COMMAND_FAULT_ENUM(name, token, sentence) COMMAND_FAULT_##name,
        COMMAND_FAULTS(COMMAND_FAULT_ENUM)
#undef COMMAND_FAULT_ENUM
} CommandFault;

const char *command_fault_token(CommandFault f);
const char *command_fault_sentence(CommandFault f);

typedef struct Command {
        char target[LABEL_SIZE_MAX + 1]; /* a name, or "#UID" where no name belongs to the uid */
        char group[LABEL_SIZE_MAX + 1];  /* "" where it is the target's own, else as target */
        const char *path;                /* sudo's, as are argv and cwd */
        const char *cwd;                 /* NULL: the invoker's */
        char *const *argv;               /* argv[1..], without sudoedit's files */
        size_t n_argv;
        char **edit; /* owned: sudoedit's files, absolute; NULL: no sudoedit */
        size_t n_edit;
} Command;

/* COMMAND_FAULT_NONE and *ret, to be done with; or why not. */
CommandFault command_init(Command *ret, char *const command_info[], char *const run_argv[],
                          const Invoker *invoker);
void command_done(Command *c);
