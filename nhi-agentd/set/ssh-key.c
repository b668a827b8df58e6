/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/value.h"

#include "lib/base/macro.h"

#include <sodium.h>

static bool algorithm_is_known(const char *name, size_t size)
{
        static const char *const known[] = {
                "ssh-ed25519",
                "ecdsa-sha2-nistp256",
                "ecdsa-sha2-nistp384",
                "ecdsa-sha2-nistp521",
                "ssh-rsa",
                "sk-ssh-ed25519@openssh.com",
                "sk-ecdsa-sha2-nistp256@openssh.com",
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strlen(known[i]) == size && memcmp(known[i], name, size) == 0)
                        return true;
        return false;
}

/* libsodium's decoder takes bytes over 0x7f for letters: see lib/jose/base64url.c. */
static bool is_base64(const char *text, size_t size)
{
        static const char lawful[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789+/=";

        return size > 0 && size % 4 == 0 && strspn(text, lawful) >= size;
}

/* The blob's first string is the algorithm's name (RFC 4251 section 5, RFC 4253 section 6.6). */
static bool blob_names_algorithm(const SshKeyView *k)
{
        uint8_t blob[SSH_KEY_SIZE_MAX];
        size_t size = 0;
        uint32_t name_size;

        if (!is_base64(k->blob, k->blob_size) ||
            sodium_base642bin(blob, sizeof(blob), k->blob, k->blob_size, NULL, &size, NULL,
                              sodium_base64_VARIANT_ORIGINAL) < 0 ||
            size < 4)
                return false;
        name_size = (uint32_t)blob[0] << 24 | (uint32_t)blob[1] << 16 | (uint32_t)blob[2] << 8 |
                    blob[3];
        return name_size == k->algorithm_size && size - 4 > name_size &&
               memcmp(blob + 4, k->algorithm, name_size) == 0;
}

bool ssh_key_parse(const char *line, SshKeyView *ret)
{
        SshKeyView k = { .algorithm = line };

        if (!text_is_clean(line) || strlen(line) > SSH_KEY_SIZE_MAX)
                return false;
        k.algorithm_size = strcspn(line, " ");
        if (line[k.algorithm_size] != ' ' || !algorithm_is_known(line, k.algorithm_size))
                return false;
        k.blob = line + k.algorithm_size + 1;
        k.blob_size = strcspn(k.blob, " ");
        if (!blob_names_algorithm(&k))
                return false;
        *ret = k;
        return true;
}
