/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/value.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/base/service.h"

#include <arpa/inet.h>
#include <limits.h>

#define UNIT_SIZE_MAX 255u

bool text_is_clean(const char *text)
{
        if (!text)
                return false;
        for (; *text; text++)
                if (text_is_hidden_at(text))
                        return false;
        return true;
}

bool path_is_plain(const char *path)
{
        if (!text_is_clean(path) || path[0] != '/' || strlen(path) >= PATH_MAX || strchr(path, ':'))
                return false;
        for (const char *p = path; p;) {
                const char *name = p + 1, *slash = strchr(name, '/');
                size_t size = slash ? (size_t)(slash - name) : strlen(name);

                if (size == 0 || (size == 1 && name[0] == '.') ||
                    (size == 2 && name[0] == '.' && name[1] == '.'))
                        return false;
                p = slash;
        }
        return true;
}

bool gecos_is_valid(const char *text)
{
        return text_is_clean(text) && !strchr(text, ':');
}

bool unit_is_valid(const char *name)
{
        static const char suffix[] = ".service";
        static const char lawful[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789:-_.\\@";
        size_t size = name ? strlen(name) : 0;

        if (size < sizeof(suffix) || size > UNIT_SIZE_MAX || strspn(name, lawful) != size)
                return false;
        return streq(name + size - (sizeof(suffix) - 1), suffix);
}

bool target_is_valid(const char *name)
{
        return name && (streq(name, "*") || name_is_strict(name));
}

static bool class_is_elevation(const char *word)
{
        return streq(word, "sudo") || streq(word, "su");
}

bool login_class_is_valid(const char *word)
{
        return service_class_is_valid(word) && !class_is_elevation(word) &&
               !streq(word, "systemd-user");
}

bool elevation_class_is_valid(const char *word)
{
        return service_class_is_valid(word) &&
               (class_is_elevation(word) || strncmp(word, "pam:", 4) == 0);
}

bool group_is_root_equivalent(const char *name)
{
        static const char *const groups[] = {
                "root",      "adm",
                "admin",     "backup",
                "bin",       "daemon",
                "disk",      "docker",
                "incus",     "incus-admin",
                "kmem",      "kvm",
                "libvirt",   "libvirt-qemu",
                "lpadmin",   "lxd",
                "mem",       "microk8s",
                "netdev",    "nhi-admin",
                "nhi-keys",  "nhi-fetch",
                "operator",  "podman",
                "shadow",    "ssl-cert",
                "staff",     "sudo",
                "sys",       "systemd-journal",
                "tape",      "tty",
                "utmp",      "wheel",
                "wireshark", "input",
                "ssh_keys",  "systemd-network",
        };

        for (size_t i = 0; i < ELEMENTSOF(groups); i++)
                if (streq(groups[i], name))
                        return true;
        return false;
}

bool address_parse(const char *text, uint8_t ret[static 16])
{
        struct in6_addr v6;
        struct in_addr v4;

        if (!text)
                return false;
        if (inet_pton(AF_INET6, text, &v6) == 1) {
                memcpy(ret, &v6, 16);
                return true;
        }
        if (inet_pton(AF_INET, text, &v4) != 1)
                return false;
        memset(ret, 0, 10);
        ret[10] = ret[11] = 0xff;
        memcpy(ret + 12, &v4, 4);
        return true;
}

/* 0..max in decimal, no sign, no leading zero. */
static bool parse_prefix(const char *text, unsigned max, unsigned *ret)
{
        unsigned value = 0;

        if (text[0] == '\0' || strlen(text) > 3 || (text[0] == '0' && text[1] != '\0'))
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                value = value * 10 + (unsigned)(*text - '0');
        }
        if (value > max)
                return false;
        *ret = value;
        return true;
}

bool cidr_parse(const char *text, Cidr *ret)
{
        const char *slash = text ? strchr(text, '/') : NULL;
        size_t size = !text ? 0 : slash ? (size_t)(slash - text) : strlen(text);
        unsigned prefix = 128;
        char address[INET6_ADDRSTRLEN];
        Cidr c = { 0 };
        bool is_v4;

        if (size == 0 || size >= sizeof(address))
                return false;
        memcpy(address, text, size);
        address[size] = '\0';
        is_v4 = !strchr(address, ':');
        if (!address_parse(address, c.addr))
                return false;
        if (slash && !parse_prefix(slash + 1, is_v4 ? 32 : 128, &prefix))
                return false;
        if (slash && is_v4)
                prefix += 96;
        for (unsigned bit = prefix; bit < 128; bit++)
                if (c.addr[bit / 8] & 0x80 >> bit % 8)
                        return false;
        c.prefix = (uint8_t)prefix;
        *ret = c;
        return true;
}
