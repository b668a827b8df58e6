/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each verb in its own file; this table names them, in the order of the usage text. Room for a new
 * verb: declare it and add its line. */

#include "nhictl/verb.h"

/* The central side. */
extern const Verb verb_init, verb_key_new, verb_key_show, verb_key_rotate, verb_key_sign;
extern const Verb verb_key_passphrase;
extern const Verb verb_host_add, verb_host_list, verb_host_remove, verb_host_key;
extern const Verb verb_owner_add, verb_owner_list, verb_owner_disable;
extern const Verb verb_account_add, verb_account_list, verb_account_disable;
extern const Verb verb_grant, verb_extend, verb_revoke, verb_ledger, verb_ledger_check;
extern const Verb verb_ledger_history, verb_ledger_adopt;
extern const Verb verb_publish, verb_fleet;

/* This host. */
extern const Verb verb_status, verb_list, verb_mine, verb_why, verb_sessions, verb_end, verb_done;
extern const Verb verb_log_show, verb_log_export, verb_log_verify;
extern const Verb verb_check, verb_log, verb_log_resume, verb_observe, verb_enforce, verb_lock,
        verb_unlock;
extern const Verb verb_feed, verb_sudo_enable, verb_sudo_disable, verb_sudo_status;
extern const Verb verb_pam_diff, verb_pam_enable, verb_pam_disable;
extern const Verb verb_doctor, verb_prove, verb_leftovers;

/* One a line. */
/* clang-format off */
const Verb *const verbs[] = {
        &verb_init,
        &verb_key_new,
        &verb_key_show,
        &verb_key_passphrase,
        &verb_key_rotate,
        &verb_key_sign,
        &verb_host_add,
        &verb_host_list,
        &verb_host_remove,
        &verb_host_key,
        &verb_owner_add,
        &verb_owner_list,
        &verb_owner_disable,
        &verb_account_add,
        &verb_account_list,
        &verb_account_disable,
        &verb_grant,
        &verb_extend,
        &verb_revoke,
        &verb_ledger,
        &verb_ledger_check,
        &verb_ledger_history,
        &verb_ledger_adopt,
        &verb_publish,
        &verb_fleet,
        &verb_status,
        &verb_list,
        &verb_mine,
        &verb_why,
        &verb_sessions,
        &verb_end,
        &verb_done,
        &verb_check,
        &verb_log,
        &verb_log_show,
        &verb_log_export,
        &verb_log_verify,
        &verb_log_resume,
        &verb_observe,
        &verb_enforce,
        &verb_lock,
        &verb_unlock,
        &verb_feed,
        &verb_pam_diff,
        &verb_pam_enable,
        &verb_pam_disable,
        &verb_sudo_enable,
        &verb_sudo_disable,
        &verb_sudo_status,
        &verb_prove,
        &verb_leftovers,
        &verb_doctor,
        NULL,
};
