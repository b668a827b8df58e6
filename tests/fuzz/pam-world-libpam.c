/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/pam-world-internal.h"

#include <stdarg.h>

WRAP(int, pam_get_item, const pam_handle_t *pamh, int item, const void **ret)
{
        (void)pamh;
        *ret = item == PAM_SERVICE ? world.service : item == PAM_USER ? world.user : world.label;
        return PAM_SUCCESS;
}

WRAP(int, pam_get_user, pam_handle_t *pamh, const char **ret, const char *prompt)
{
        (void)pamh;
        (void)prompt;
        world.user = input_u8(&world.in) > 128 ? "svc-deploy" : NULL;
        *ret = world.user;
        return world.user ? PAM_SUCCESS : PAM_CONV_ERR;
}

WRAP(int, pam_get_data, const pam_handle_t *pamh, const char *name, const void **ret)
{
        (void)pamh;
        (void)name;
        *ret = world.data;
        return world.data ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

WRAP(int, pam_set_data, pam_handle_t *pamh, const char *name, void *data,
     void (*done)(pam_handle_t *pamh, void *data, int status))
{
        (void)pamh;
        (void)name;
        FUZZ_HOLDS(!world.data, "a login is bound once");
        if (world.data_fails)
                return PAM_BUF_ERR;
        world.data = data;
        world.data_done = done;
        return PAM_SUCCESS;
}

WRAP(const char *, pam_getenv, pam_handle_t *pamh, const char *name)
{
        (void)pamh;
        (void)name;
        return world.label;
}

/* One line, whatever stood in a name or an answer (O13). */
static _printf_(1, 0) void line_check(const char *format, va_list args)
{
        char line[4096];
        int n = vsnprintf(line, sizeof(line), format, args);

        FUZZ_HOLDS(n > 0 && (size_t)n < sizeof(line), "a line of some length");
        for (const char *p = line; *p; p++)
                FUZZ_HOLDS((unsigned char)*p >= 0x20 && *p != 0x7f, "a line is one line");
}

_printf_(3, 4) void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format,
                                      ...);
void __wrap_pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
        va_list args;

        (void)pamh;
        (void)priority;
        va_start(args, format);
        line_check(format, args);
        va_end(args);
}

_printf_(4, 5) int __wrap_pam_prompt(pam_handle_t *pamh, int style, char **response,
                                     const char *format, ...);
int __wrap_pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
        va_list args;

        (void)pamh;
        FUZZ_HOLDS((style == PAM_ERROR_MSG || style == PAM_TEXT_INFO) && !response,
                   "nobody is asked for anything");
        va_start(args, format);
        line_check(format, args);
        va_end(args);
        world.n_prompts++;
        return input_u8(&world.in) > 128 ? PAM_CONV_ERR : PAM_SUCCESS;
}
