/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets that the service manager hands to nhi-fetchd (LoadCredential=, systemd.exec(5)): files in
 * $CREDENTIALS_DIRECTORY, named in agentd.conf and never configured in it. */

#include <stddef.h>

#define CREDENTIAL_SIZE_MAX 4096u /* of one that is read as text */

/* Where the credential lies: 0 and a malloc'ed *ret; -ENOENT: the service was given none of this
 * name. */
int credential_path(const char *name, char **ret);
/* Its text without the newline at its end: 0 and *ret for credential_free(); -ENOENT; -EBADMSG
 * where it is empty, too long, or holds what no header may; another negative errno. */
int credential_read(const char *name, char **ret);
/* The same; -EBADMSG also where it is no token (http_token_is_valid()). */
int credential_read_token(const char *name, char **ret);
/* NULL does nothing. */
void credential_free(char *text);
