/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void every_service_has_the_class_that_the_design_says(void **state)
{
        static const struct {
                const char *service, *class;
                bool elevation;
        } rows[] = {
                { "sshd", "ssh", false },
                { "sudo", "sudo", true },
                { "sudo-i", "sudo", true },
                { "su", "su", true },
                { "su-l", "su", true },
                { "runuser", "su", true },
                { "runuser-l", "su", true },
                { "polkit-1", "pam:polkit-1", true },
                { "doas", "pam:doas", true },
                { "systemd-run0", "pam:systemd-run0", true },
                { "cron", "cron", false },
                { "crond", "cron", false },
                { "atd", "at", false },
                { "login", "login", false },
                { "gdm-password", "login", false },
                { "lightdm", "login", false },
                { "sddm", "login", false },
                { "gdm-launch-environment", "pam:gdm-launch-environment", false },
                { "nhi-unit", "unit", false },
                { "systemd-user", "systemd-user", false },
                { "postgresql", "pam:postgresql", false },
        };
        char buf[SERVICE_SIZE_MAX + 1];

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                assert_string_equal(service_class(rows[i].service, buf), rows[i].class);
                assert_int_equal(service_is_elevation(rows[i].service), rows[i].elevation);
        }
        assert_false(service_is_elevation(NULL));
}

static void an_unusable_service_name_has_no_class(void **state)
{
        char buf[SERVICE_SIZE_MAX + 1], name[SERVICE_SIZE_MAX + 2];

        assert_null(service_class(NULL, buf));
        assert_null(service_class("", buf));
        assert_null(service_class("a/b", buf));
        assert_null(service_class("a:b", buf));
        assert_null(service_class("a\nb", buf));

        memset(name, 'x', sizeof(name));
        name[SERVICE_SIZE_MAX - 4] = '\0';
        assert_non_null(service_class(name, buf));
        assert_int_equal(strlen(buf), SERVICE_SIZE_MAX);
        name[SERVICE_SIZE_MAX - 4] = 'x';
        name[SERVICE_SIZE_MAX - 3] = '\0';
        assert_null(service_class(name, buf));
}

static void grants_name_known_classes_or_well_formed_pam_services(void **state)
{
        static const char *const good[] = { "ssh",         "sudo",         "su",
                                            "cron",        "at",           "login",
                                            "unit",        "systemd-user", "pam:postgresql",
                                            "pam:polkit-1" };
        static const char *const bad[] = { "",        "sshd",     "SSH",     "*",       "ss?",
                                           "pam:",    "pam:*",    "pam:a/b", "pam:a b", "pam:a,b",
                                           "pam:a:b", "pam:sshd", "pam:[a]", "ssh " };
        char word[SERVICE_SIZE_MAX + 2] = "pam:";

        assert_false(service_class_is_valid(NULL));
        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
                assert_true(service_class_is_valid(good[i]));
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_false(service_class_is_valid(bad[i]));

        memset(word + 4, 'x', SERVICE_SIZE_MAX - 4);
        assert_true(service_class_is_valid(word));
        word[SERVICE_SIZE_MAX] = 'x';
        assert_false(service_class_is_valid(word));
}

/* What a module would ask for can be granted. */
static void every_class_of_a_plain_service_is_valid_in_a_grant(void **state)
{
        static const char *const services[] = { "sshd", "su", "vsftpd", "xrdp-sesman", "doas" };
        char buf[SERVICE_SIZE_MAX + 1];

        for (size_t i = 0; i < sizeof(services) / sizeof(*services); i++)
                assert_true(service_class_is_valid(service_class(services[i], buf)));
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_service_has_the_class_that_the_design_says),
                cmocka_unit_test(an_unusable_service_name_has_no_class),
                cmocka_unit_test(grants_name_known_classes_or_well_formed_pam_services),
                cmocka_unit_test(every_class_of_a_plain_service_is_valid_in_a_grant),
        };

        return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
