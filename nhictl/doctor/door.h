/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How an account can prove who it is: its password, and what sshd would take from it. */

#include "nhictl/doctor/people.h"

typedef enum DoorAnswer {
        DOOR_NO = 0,
        DOOR_YES,
        DOOR_UNKNOWN, /* it could not be looked at */
} DoorAnswer;

/* A password that opens: a hash that is not locked, or an empty one. */
DoorAnswer account_has_password(const DoctorHost *h, const char *name);
/* Its shell takes commands. */
bool account_has_shell(const Person *who);

#define SSH_PATTERNS_SIZE 1024u

/* sshd's settings for one account (sshd -T -C). */
typedef struct SshDoor {
        bool is_absent; /* there is no sshd */
        bool is_known;
        bool takes_keys, takes_passwords,
                admits; /* admits: AllowUsers and its kin, PermitRootLogin */
        bool root_needs_key;
        char patterns[SSH_PATTERNS_SIZE]; /* AuthorizedKeysFile */
} SshDoor;

void ssh_door_ask(const People *p, const Person *who, SshDoor *ret);

/* YES, and its path in ret, where a file that AuthorizedKeysFile names holds a key; UNKNOWN where
 * one cannot be read (a home that root may not enter). */
DoorAnswer account_key_file(const DoctorHost *h, const Person *who, const char *patterns, char *ret,
                            size_t size);

/* Could it log in by ssh, as far as sshd is concerned? */
DoorAnswer account_opens_ssh(const People *p, const Person *who);
