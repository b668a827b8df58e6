/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/config/dump.h"

#include "nhi-agentd/config/internal.h"

#include <stdint.h>

static void print_quoted(FILE *out, const char *text)
{
        fputc('"', out);
        for (; *text; text++)
                fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
        fputc('"', out);
}

static void print_text(FILE *out, const void *at)
{
        print_quoted(out, *(char *const *)at);
}

static void print_bool(FILE *out, const void *at)
{
        fputs(*(const bool *)at ? "true" : "false", out);
}

static void print_count(FILE *out, const void *at)
{
        fprintf(out, "%u", *(const uint32_t *)at);
}

static void print_sec(FILE *out, const void *at)
{
        const long long sec = *(const int64_t *)at;

        if (sec % 3600 == 0)
                fprintf(out, "\"%lldh\"", sec / 3600);
        else
                fprintf(out, "\"%llds\"", sec);
}

static void print_usec(FILE *out, const void *at)
{
        const unsigned long long usec = *(const uint64_t *)at;

        if (usec % 1000000 == 0)
                fprintf(out, "\"%llus\"", usec / 1000000);
        else
                fprintf(out, "\"%llums\"", usec / 1000);
}

static void print_list(FILE *out, const void *at)
{
        const StrList *l = at;

        fputs("[ ", out);
        for (size_t i = 0; i < l->n; i++) {
                print_quoted(out, l->items[i]);
                fputs(i + 1 < l->n ? ", " : " ", out);
        }
        fputc(']', out);
}

static void print_mode(FILE *out, const void *at)
{
        print_quoted(out, *(const GateMode *)at == GATE_OBSERVE ? "observe" : "enforce");
}

static void (*const printers[])(FILE *out, const void *at) = {
        [CONFIG_STRING] = print_text, [CONFIG_PATH] = print_text,   [CONFIG_WORD] = print_text,
        [CONFIG_BOOL] = print_bool,   [CONFIG_COUNT] = print_count, [CONFIG_SEC] = print_sec,
        [CONFIG_USEC] = print_usec,   [CONFIG_LIST] = print_list,   [CONFIG_MODE] = print_mode,
        [CONFIG_URLS] = print_list,   [CONFIG_PINS] = print_list,
};

/* Print the keys of a scope, groups opened and closed as paths change. object NULL: the defaults;
 * a key without one is shown as a comment. mark stands before each line. */
static void dump_scope(FILE *out, ConfigScope scope, const void *object, const char *mark,
                       bool with_help)
{
        char group[64] = "";

        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                const char *dot = strchr(key->path, '.');
                const size_t n = dot ? (size_t)(dot - key->path) : 0;
                const char *pad = n > 0 ? "        " : "";

                if (key->scope != scope)
                        continue;
                if (strlen(group) != n || strncmp(group, key->path, n) != 0) {
                        if (*group)
                                fprintf(out, "%s};\n", mark);
                        (void)snprintf(group, sizeof(group), "%.*s", (int)n, key->path);
                        if (*group)
                                fprintf(out, "%s%s%s: {\n", with_help && !*mark ? "\n" : "", mark,
                                        group);
                }
                if (with_help)
                        fprintf(out, "%s%s# %s\n", mark, pad, key->help);
                fprintf(out, "%s%s%s%s = ", mark, pad, !object && !key->fallback ? "# " : "",
                        dot ? dot + 1 : key->path);
                if (object)
                        printers[key->type](out, (const uint8_t *)object + key->offset);
                else
                        fputs(key->fallback ? key->fallback : "\"...\"", out);
                fputs(";\n", out);
        }
        if (*group)
                fprintf(out, "%s};\n", mark);
}

static const char *const sign_words[] = { "accounts", "ssh_keys", "grants", "revocations",
                                          "freshness" };

static void dump_issuer(FILE *out, const Issuer *i)
{
        IssuerEntry e = { .issuer = *i };

        fputs("  {\n", out);
        dump_scope(out, CONFIG_ISSUER, &e, "    ", false);
        fputs("    keys = (\n", out);
        for (size_t k = 0; k < i->policy.n_keys; k++) {
                const TrustedKey *t = &i->policy.keys[k];
                const bool may[] = { t->reach.sign_accounts, t->reach.sign_ssh_keys,
                                     t->reach.sign_grants, t->reach.sign_revocations,
                                     t->reach.sign_freshness };
                const char *words[ELEMENTSOF(may)];
                KeyEntry entry = { .key = *t };

                entry.file = (char *)(uintptr_t)i->key_files[k];
                entry.sign.items = words;
                for (size_t w = 0; w < ELEMENTSOF(may); w++)
                        if (may[w])
                                words[entry.sign.n++] = sign_words[w];
                fputs("      {\n", out);
                dump_scope(out, CONFIG_KEY, &entry, "        ", false);
                fprintf(out, "      }%s\n", k + 1 < i->policy.n_keys ? "," : "");
        }
        fputs("    );\n  }", out);
}

static void dump_lists(const Config *c, FILE *out)
{
        fputs("\nissuers = (\n", out);
        for (size_t i = 0; i < c->n_issuers; i++) {
                dump_issuer(out, &c->issuers[i]);
                fputs(i + 1 < c->n_issuers ? ",\n" : "\n", out);
        }
        fputs(");\n\ngates = (\n", out);
        for (size_t i = 0; i < c->n_gates; i++) {
                GateEntry e = { .gate = c->gates[i] };

                fputs("  {\n", out);
                dump_scope(out, CONFIG_GATE, &e, "    ", false);
                fprintf(out, "  }%s\n", i + 1 < c->n_gates ? "," : "");
        }
        fputs(");\n", out);
}

static const char head[] =
        "# /etc/nhi/agentd.conf: the configuration of nhi-agentd, agentd.conf(5).\n"
        "# Files in agentd.conf.d/*.conf are read afterwards, in order; the later one wins. "
        "nhictl\n"
        "# init writes agentd.conf.d/10-local.conf, nhictl observe|enforce 50-modes.conf.\n"
        "# /usr/libexec/nhi/nhi-agentd --check-config says what is wrong, --dump-config what is in "
        "force.\n";

static void dump_examples(FILE *out)
{
        fputs("\n# Who may say what is granted here. At least one issuer with one key is "
              "required.\n"
              "#issuers = ( {\n",
              out);
        dump_scope(out, CONFIG_ISSUER, NULL, "#    ", true);
        fputs("#    keys = ( {\n", out);
        dump_scope(out, CONFIG_KEY, NULL, "#        ", true);
        fputs("#    } );\n#} );\n"
              "\n# Who needs a grant for what. Accounts that a grant set has ever defined here "
              "are\n"
              "# always gated and enforced.\n"
              "#gates = ( {\n",
              out);
        dump_scope(out, CONFIG_GATE, NULL, "#    ", true);
        fputs("#} );\n"
              "\n# The mode of a gate by its name, over what the gate says itself.\n"
              "#modes: { ops = \"enforce\"; };\n",
              out);
}

void config_dump(const Config *c, FILE *out)
{
        if (!c)
                fputs(head, out);
        dump_scope(out, CONFIG_HOST, c, "", !c);
        if (c)
                dump_lists(c, out);
        else
                dump_examples(out);
}
