/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/document.h"

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/scan.h"

/* Tell the payload's problem as the set's. */
static int problem(Decode *d, const Payload *p, int r)
{
        if (r <= 0)
                return r;
        if (r == PAYLOAD_E_BASE64)
                return decode_problem(d, "base64", "%s", p->detail);
        return decode_problem(d, r == PAYLOAD_E_SIZE ? "limit" : "json", "line %d: %s",
                              payload_line(p, p->offset), p->detail);
}

static int unexpected(Decode *d, const Payload *p, const char *wanted)
{
        return decode_problem(d, "json", "line %d: %s expected", payload_line(p, p->offset),
                              wanted);
}

static json_t *load_text(const char *text, size_t size, json_error_t *ret_error)
{
        return json_read(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, ret_error);
}

/* Why the text that begins at offset was not loaded. */
static int not_loaded(Decode *d, const Payload *p, size_t offset, const json_error_t *error)
{
        if (errno == ENOMEM)
                return -ENOMEM;
        return decode_problem(d, "json", "line %d: %.160s",
                              payload_line(p, offset) + error->line - 1, error->text);
}

/* Read the value at hand; json_decref() it. */
static int load_value(Decode *d, Payload *p, size_t max, json_t **ret)
{
        const char *text = NULL;
        size_t size = 0;
        json_error_t error;
        json_t *v;
        int r;

        r = payload_value(p, max, &text, &size);
        if (r != 0)
                return problem(d, p, r);
        v = load_text(text, size, &error);
        if (!v)
                return not_loaded(d, p, p->offset - size, &error);
        *ret = v;
        return 0;
}

/* Read over the character at hand, which must be c. */
static int expect(Decode *d, Payload *p, char c, const char *wanted)
{
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (next != c)
                return unexpected(d, p, wanted);
        payload_skip(p);
        return 0;
}

#define LIST_END 2

/* Come to the next item of an array or object: 0, or LIST_END behind its closing bracket. */
static int next_item(Decode *d, Payload *p, bool is_first, char closing)
{
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (next == closing) {
                payload_skip(p);
                return LIST_END;
        }
        if (is_first)
                return 0;
        r = expect(d, p, ',', closing == ']' ? "',' or ']'" : "',' or '}'");
        if (r != 0)
                return r;
        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        return next == closing ? unexpected(d, p, "a value") : 0;
}

/* Read over an array whose entries are read later, if it is one. */
static int outline_list(Decode *d, Payload *p, Span *ret, json_t **ret_shown)
{
        Span s = { .offset = p->offset };
        int r;

        payload_skip(p);
        for (;;) {
                r = next_item(d, p, s.n == 0, ']');
                if (r == 0)
                        r = problem(d, p, payload_skip_value(p));
                if (r != 0)
                        break;
                s.n++;
        }
        if (r != LIST_END)
                return r;
        *ret = s;
        *ret_shown = json_array();
        return *ret_shown ? 0 : -ENOMEM;
}

static Span *find_list(Outline *o, const char *name)
{
        return streq(name, "accounts") ? &o->accounts : streq(name, "grants") ? &o->grants : NULL;
}

static int outline_value(Decode *d, Payload *p, const char *name, Outline *o, json_t **ret)
{
        Span *list = find_list(o, name);
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (list && next == '[')
                return outline_list(d, p, list, ret);
        if (envelope_has(name))
                return load_value(d, p, ENVELOPE_VALUE_MAX, ret);
        *ret = json_null();
        return problem(d, p, payload_skip_value(p));
}

static int outline_member(Decode *d, Payload *p, Outline *o)
{
        _cleanup_(json_decrefp) json_t *name = NULL, *value = NULL;
        int r;

        r = load_value(d, p, ENVELOPE_VALUE_MAX, &name);
        if (r == 0 && !json_is_string(name))
                r = unexpected(d, p, "the name of a member");
        if (r == 0)
                r = expect(d, p, ':', "':'");
        if (r == 0 && json_object_get(o->members, json_string_value(name)))
                r = decode_problem(d, "json", "line %d: duplicate object key",
                                   payload_line(p, p->offset));
        if (r == 0)
                r = outline_value(d, p, json_string_value(name), o, &value);
        if (r != 0)
                return r;
        return json_object_set(o->members, json_string_value(name), value) < 0 ? -ENOMEM : 0;
}

static int outline_members(Decode *d, Payload *p, Outline *o)
{
        int next = PAYLOAD_END, r;

        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        if (next == '[')
                return decode_problem(d, "member-type", "not a JSON object");
        r = expect(d, p, '{', "an object");
        for (bool is_first = true; r == 0; is_first = false) {
                r = next_item(d, p, is_first, '}');
                if (r == 0)
                        r = outline_member(d, p, o);
        }
        if (r != LIST_END)
                return r;
        r = payload_peek(p, &next);
        if (r != 0)
                return problem(d, p, r);
        return next == PAYLOAD_END ? 0 : unexpected(d, p, "the end of the payload");
}

int document_outline(Decode *d, Payload *p, Outline *ret)
{
        Outline o = { .members = json_object() };
        int r;

        r = o.members ? outline_members(d, p, &o) : -ENOMEM;
        if (r != 0) {
                outline_done(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void outline_done(Outline *o)
{
        json_decref(o->members);
        *o = (Outline){ 0 };
}

/* The list at hand, entry by entry. */
typedef struct Reader {
        Payload *payload;
        const char *cut; /* the member to cut out, or NULL */
        char *spliced;   /* an entry without it */
        size_t capacity;
} Reader;

/* An entry with 0 in place of the member; NULL where that is no JSON, or there is no such member.
 */
static json_t *load_spliced(Reader *r, const char *text, size_t size, Entry *e)
{
        size_t at = 0, n = 0, rest;
        json_error_t error;
        json_t *v;

        if (!r->cut || !scan_member(text, size, r->cut, &at, &n))
                return NULL;
        if (size + 1 > r->capacity) {
                free(r->spliced);
                r->capacity = 0;
                r->spliced = malloc(size + 1);
                if (!r->spliced)
                        return NULL;
                r->capacity = size + 1;
        }
        rest = size - at - n;
        memcpy(r->spliced, text, at);
        memcpy(r->spliced + at, "0 ", 2); /* no number goes on behind it */
        memcpy(r->spliced + at + 2, text + at + n, rest);
        v = load_text(r->spliced, at + 2 + rest, &error);
        if (v) {
                e->cut = text + at;
                e->cut_size = n;
        }
        return v;
}

static int read_entry(Decode *d, Reader *r, Entry *e, EntryReader read, void *userdata)
{
        _cleanup_(json_decrefp) json_t *v = NULL;
        Payload *p = r->payload;
        const char *text = NULL;
        size_t size = 0;
        json_error_t error;
        int result;

        result = payload_value(p, ENTRY_SIZE_MAX, &text, &size);
        if (result != 0)
                return problem(d, p, result);
        v = load_spliced(r, text, size, e);
        if (!v)
                v = load_text(text, size, &error); /* whole, or to say what is wrong with it */
        if (!v)
                return not_loaded(d, p, p->offset - size, &error);
        e->value = v;
        e->cut_offset = e->cut ? p->offset - size + (size_t)(e->cut - text) : 0;
        return read(d, e, userdata);
}

int document_load_cut(Decode *d, const Entry *e, json_t **ret)
{
        json_error_t error;
        json_t *v = load_text(e->cut, e->cut_size, &error);

        if (!v)
                return not_loaded(d, e->payload, e->cut_offset, &error);
        *ret = v;
        return 0;
}

int document_read_list(Decode *d, Payload *p, const Span *list, const char *cut, EntryReader read,
                       void *userdata)
{
        Reader reader = { .payload = p, .cut = cut };
        int r;

        r = problem(d, p, payload_seek(p, list->offset));
        if (r == 0)
                r = expect(d, p, '[', "an array");
        for (size_t i = 0; r == 0 && i < list->n; i++) {
                Entry e = { .payload = p, .i = i };

                r = next_item(d, p, i == 0, ']');
                if (r == 0)
                        r = read_entry(d, &reader, &e, read, userdata);
        }
        free(reader.spliced);
        return r == LIST_END ? unexpected(d, p, "a value") : r;
}
