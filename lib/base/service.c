/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/service.h"

#include "lib/base/macro.h"

#include <stdio.h>

#define CLASS_PREFIX "pam:"

typedef struct Service {
        const char *name;
        const char *class; /* NULL: "pam:NAME" */
        bool elevation;
} Service;

/* The one alias table. Greeters (gdm-launch-environment, lightdm-greeter, sddm-greeter) are not
 * logins of a person and stay "pam:NAME"; screen lockers likewise. */
static const Service services[] = {
        { "sshd", "ssh", false },
        { "ssh", "ssh", false },

        { "sudo", "sudo", true },
        { "sudo-i", "sudo", true },
        { "su", "su", true },
        { "su-l", "su", true },
        { "runuser", "su", true },
        { "runuser-l", "su", true },
        { "polkit-1", NULL, true },
        { "doas", NULL, true },
        { "please", NULL, true },
        { "systemd-run0", NULL, true },

        { "cron", "cron", false },
        { "crond", "cron", false },
        { "atd", "at", false },

        { "login", "login", false },
        { "remote", "login", false }, /* login(1) -h */
        { "gdm", "login", false },
        { "gdm-password", "login", false },
        { "gdm-autologin", "login", false },
        { "gdm-fingerprint", "login", false },
        { "gdm-pin", "login", false },
        { "gdm-smartcard", "login", false },
        { "gdm-smartcard-pkcs11-exclusive", "login", false },
        { "gdm-smartcard-sssd-exclusive", "login", false },
        { "gdm-smartcard-sssd-or-password", "login", false },
        { "lightdm", "login", false },
        { "lightdm-autologin", "login", false },
        { "sddm", "login", false },
        { "sddm-autologin", "login", false },
        { "plasmalogin", "login", false },
        { "plasmalogin-autologin", "login", false },
        { "greetd", "login", false },
        { "kdm", "login", false },
        { "kdm-np", "login", false },
        { "lxdm", "login", false },
        { "ly", "login", false },
        { "nodm", "login", false },
        { "slim", "login", false },
        { "wdm", "login", false },
        { "xdm", "login", false },
        { "xdm-np", "login", false },

        { "nhi-unit", "unit", false }, /* ours, for PAMName= in units */
        { "systemd-user", "systemd-user", false },
};

static const Service *service_find(const char *name)
{
        for (size_t i = 0; name && i < ELEMENTSOF(services); i++)
                if (streq(services[i].name, name))
                        return &services[i];
        return NULL;
}

const char *service_class(const char *pam_service, char buf[static SERVICE_SIZE_MAX + 1])
{
        const Service *s = service_find(pam_service);

        if (s && s->class)
                return s->class;
        if (!name_is_sane(pam_service))
                return NULL;
        if (strlen(pam_service) > SERVICE_SIZE_MAX - strlen(CLASS_PREFIX))
                return NULL;
        (void)snprintf(buf, SERVICE_SIZE_MAX + 1, CLASS_PREFIX "%s", pam_service);
        return buf;
}

bool service_is_elevation(const char *pam_service)
{
        const Service *s = service_find(pam_service);

        return s && s->elevation;
}

bool service_class_is_valid(const char *word)
{
        const char *name;

        if (!word)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(services); i++)
                if (streq_ptr(services[i].class, word))
                        return true;
        if (strncmp(word, CLASS_PREFIX, strlen(CLASS_PREFIX)) != 0 ||
            strlen(word) > SERVICE_SIZE_MAX)
                return false;
        name = word + strlen(CLASS_PREFIX);
        /* "pam:sshd" would never be asked for: sshd's class is "ssh". */
        if (service_find(name) && service_find(name)->class)
                return false;
        return name_is_sane(name) && !strpbrk(name, "*?[]\\, ");
}
