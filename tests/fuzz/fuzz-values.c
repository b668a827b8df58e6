/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grammars of single values in sets, configuration and requests; one text for all. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/base/service.h"
#include "nhi-agentd/set/value.h"
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <limits.h>

static bool is_printable(const char *text)
{
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 || *text == 0x7f)
                        return false;
        return true;
}

static void name_check(const char *text)
{
        char escaped[64];

        if (name_is_strict(text)) {
                FUZZ_HOLDS(strlen(text) >= 1 && strlen(text) <= NAME_MAX_SIZE, "a short name");
                FUZZ_HOLDS(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text) &&
                                   !strchr("0123456789-", text[0]),
                           "of lawful characters");
                FUZZ_HOLDS(name_is_sane(text) && target_is_valid(text), "a strict name is sane");
        }
        if (name_is_sane(text))
                FUZZ_HOLDS(label_is_sane(text) && !strpbrk(text, "/:"), "a sane name is a label");
        if (label_is_sane(text))
                FUZZ_HOLDS(*text && strlen(text) <= LABEL_SIZE_MAX && is_printable(text),
                           "a label is printable");
        if (jti_is_valid(text))
                FUZZ_HOLDS(*text && strlen(text) <= 64 && !strpbrk(text, "/ ") && *text != '.',
                           "a jti is a file name");
        (void)text_escape(escaped, sizeof(escaped), text);
        FUZZ_HOLDS(memchr(escaped, 0, sizeof(escaped)) && is_printable(escaped) &&
                           !strchr(escaped, '"'),
                   "an escaped text breaks no line and no quote");
}

static void service_check(const char *text)
{
        char buf[SERVICE_SIZE_MAX + 1];
        const char *class = service_class(text, buf);

        if (class)
                FUZZ_HOLDS(*class && strlen(class) <= SERVICE_SIZE_MAX && is_printable(class),
                           "a class of a service is a word");
        if (service_class_is_valid(text))
                FUZZ_HOLDS(!strpbrk(text, "*?[, \n") && is_printable(text), "a class is one word");
        FUZZ_HOLDS(!(login_class_is_valid(text) && elevation_class_is_valid(text)) ||
                           strncmp(text, "pam:", 4) == 0,
                   "a class logs in or elevates");
}

static void path_check(const char *text)
{
        if (path_is_plain(text))
                FUZZ_HOLDS(text[0] == '/' && text[1] && !strstr(text, "//") &&
                                   !strstr(text, "/../") && !strstr(text, "/./") &&
                                   !strpbrk(text, ":\n") && strlen(text) < PATH_MAX,
                           "a plain path goes one way");
        if (gecos_is_valid(text))
                FUZZ_HOLDS(!strpbrk(text, ":\n"), "a comment stays in its field");
        if (unit_is_valid(text))
                FUZZ_HOLDS(!strpbrk(text, "/ \n") && strlen(text) <= 255, "a unit is a name");
}

static void address_check(const char *text)
{
        char written[INET6_ADDRSTRLEN];
        uint8_t address[16], again[16];
        Cidr c;

        if (address_parse(text, address)) {
                FUZZ_HOLDS(inet_ntop(AF_INET6, address, written, sizeof(written)) &&
                                   address_parse(written, again) && !memcmp(address, again, 16),
                           "an address is one address");
                FUZZ_HOLDS(cidr_parse(text, &c) && c.prefix == 128 && !memcmp(c.addr, address, 16),
                           "and a network of one");
        }
        if (cidr_parse(text, &c)) {
                FUZZ_HOLDS(c.prefix <= 128, "a prefix in range");
                for (unsigned bit = c.prefix; bit < 128; bit++)
                        FUZZ_HOLDS(!(c.addr[bit / 8] & 0x80 >> bit % 8),
                                   "no bit behind the prefix");
        }
}

static void ssh_key_check(const char *text)
{
        SshKeyView k;

        if (!ssh_key_parse(text, &k))
                return;
        FUZZ_HOLDS(k.algorithm == text && k.blob == text + k.algorithm_size + 1 &&
                           k.blob + k.blob_size <= text + strlen(text),
                   "a key's parts lie in its line");
        FUZZ_HOLDS(is_printable(text), "a key is one line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Input in = { data, size };
        char *text = input_text(&in);

        name_check(text);
        service_check(text);
        path_check(text);
        address_check(text);
        ssh_key_check(text);
        free(text);
        return 0;
}
