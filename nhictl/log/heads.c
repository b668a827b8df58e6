/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/heads.h"

#include "lib/base/sort.h"
#include "lib/log/record.h"

#include <fcntl.h>
#include <stdio.h>

#define FILE_MAX (1024u * 1024)
#define TEXT_MAX 4096u /* of one head, however it is spelled */

void log_heads_done(LogHeads *h)
{
        free(h->items);
        *h = (LogHeads){};
}

void log_heads_trust(LogHeads *h, const Jwk *key)
{
        for (size_t i = 0; i < h->n_keys; i++)
                if (streq(h->keys[i].kid, key->kid))
                        return;
        if (h->n_keys < ELEMENTSOF(h->keys))
                h->keys[h->n_keys++] = *key;
}

/* ---- adding ------------------------------------------------------------------------------------
 */

static int add(LogHeads *h, const LogHead *head, LogHeadTrust trust, const char *from)
{
        if (h->n == h->capacity) {
                const size_t more = h->capacity > 0 ? 2 * h->capacity : 16;
                LogHeadKept *items = reallocarray(h->items, more, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                h->items = items;
                h->capacity = more;
        }
        h->items[h->n++] = (LogHeadKept){ .head = *head, .trust = trust, .from = from };
        h->n_unchecked += trust == LOG_HEAD_UNCHECKED;
        return 0;
}

static int refuse(LogHeads *h, const char *from, const char *why)
{
        if (h->n_bad++ == 0)
                (void)snprintf(h->bad, sizeof(h->bad), "%s: %s", from, why);
        return 0;
}

/* What it says, whoever signed it. */
static int read_payload(const char *jws, size_t size, LogHead *ret)
{
        const char *begin = memchr(jws, '.', size), *end;
        uint8_t text[LOG_HEAD_TEXT_MAX + 1];
        size_t n = 0;

        if (!begin)
                return -EBADMSG;
        begin++;
        end = memchr(begin, '.', size - (size_t)(begin - jws));
        if (!end ||
            base64url_decode_public(begin, (size_t)(end - begin), text, sizeof(text), &n) < 0)
                return -EBADMSG;
        return log_head_parse((const char *)text, n, ret);
}

int log_heads_add(LogHeads *h, const char *jws, size_t size, const char *from)
{
        const Jwk *trusted[ELEMENTSOF(h->keys)];
        _cleanup_free_ char *payload = NULL;
        size_t key, n = 0;
        LogHead head;
        JwsError e;

        for (size_t i = 0; i < h->n_keys; i++)
                trusted[i] = &h->keys[i];
        e = jws_open(jws, size, LOG_HEAD_TYP, trusted, h->n_keys, &key, &payload, &n);
        if (e == JWS_E_MEMORY)
                return -ENOMEM;
        if (e == JWS_E_KEY && read_payload(jws, size, &head) == 0)
                return add(h, &head, LOG_HEAD_UNCHECKED, from);
        if (e != JWS_OK)
                return refuse(h, from, jws_error_text(e));
        if (log_head_parse(payload, n, &head) < 0)
                return refuse(h, from, "what is signed is no head of a log");
        return add(h, &head, LOG_HEAD_SIGNED, from);
}

int log_heads_give(LogHeads *h, const LogHead *head, const char *from)
{
        return add(h, head, LOG_HEAD_GIVEN, from);
}

int log_heads_give_beside(LogHeads *h, const LogHead *head, const char *from)
{
        return add(h, head, LOG_HEAD_BESIDE, from);
}

/* ---- --head ------------------------------------------------------------------------------------
 */

/* SEQ:HASH */
static int parse_pair(const char *text, size_t size, LogHead *ret)
{
        LogHead head = {};
        size_t i = 0;

        for (; i < size && text[i] >= '0' && text[i] <= '9' && i < 16; i++)
                head.chain.seq = 10 * head.chain.seq + (uint64_t)(text[i] - '0');
        if (i == size || text[i] != ':' || head.chain.seq == 0 || head.chain.seq > LOG_SEQ_MAX ||
            log_hash_parse(text + i + 1, size - i - 1, head.chain.hash) < 0)
                return -EBADMSG;
        *ret = head;
        return 0;
}

static bool is_jws(const char *text, size_t size)
{
        size_t n_dots = 0;

        for (size_t i = 0; i < size; i++) {
                const char c = text[i];

                n_dots += c == '.';
                if (c != '.' && c != '-' && c != '_' && !(c >= '0' && c <= '9') &&
                    !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z'))
                        return false;
        }
        return n_dots == 2 && size > 40 && size <= TEXT_MAX;
}

/* 0; -EBADMSG where it is spelled like no head; -ENOMEM. */
static int parse_one(LogHeads *h, const char *text, size_t size)
{
        LogHead head;

        if (parse_pair(text, size, &head) == 0 || log_head_parse(text, size, &head) == 0)
                return log_heads_give(h, &head, "--head");
        return is_jws(text, size) ? log_heads_add(h, text, size, "--head") : -EBADMSG;
}

static int read_file(const char *path, char **ret, size_t *ret_size)
{
        _cleanup_free_ char *text = malloc(FILE_MAX + 1);
        FILE *f = fopen(path, "re");
        size_t size;
        int r = 0;

        if (!f || !text) {
                r = text ? -errno : -ENOMEM;
                if (f)
                        (void)fclose(f);
                return r;
        }
        size = fread(text, 1, FILE_MAX + 1, f);
        if (ferror(f))
                r = -EIO;
        (void)fclose(f);
        if (r == 0 && size > FILE_MAX)
                r = -EFBIG;
        if (r < 0)
                return r;
        text[size] = '\0';
        *ret = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

static int parse_file(LogHeads *h, const char *path, char ret_error[static 256])
{
        _cleanup_free_ char *text = NULL;
        unsigned line = 0, n = 0;
        size_t size = 0;
        int r = read_file(path, &text, &size);

        if (r < 0) {
                (void)snprintf(ret_error, 256,
                               "--head %.128s: neither a head nor a file of heads: %s", path,
                               strerror(-r));
                return r == -ENOMEM ? r : -EINVAL;
        }
        for (const char *p = text, *end = text + size, *stop; p < end; p = stop + 1) {
                stop = memchr(p, '\n', (size_t)(end - p)) ?: end;
                line++;
                if (stop == p || *p == '#')
                        continue;
                r = parse_one(h, p, (size_t)(stop - p));
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        (void)snprintf(ret_error, 256, "--head %.128s: line %u is no head", path,
                                       line);
                        return -EINVAL;
                }
                n++;
        }
        if (n > 0)
                return 0;
        (void)snprintf(ret_error, 256, "--head %.128s: there is no head in it", path);
        return -EINVAL;
}

int log_heads_parse(LogHeads *h, const char *text, char ret_error[static 256])
{
        int r = parse_one(h, text, strlen(text));

        return r == -EBADMSG ? parse_file(h, text, ret_error) : r;
}

/* ---- order -------------------------------------------------------------------------------------
 */

static int by_seq(const void *a, const void *b)
{
        const LogHeadKept *x = a, *y = b;

        if (x->head.chain.seq != y->head.chain.seq)
                return x->head.chain.seq < y->head.chain.seq ? -1 : 1;
        return (int)y->trust - (int)x->trust;
}

void log_heads_sort(LogHeads *h)
{
        size_t n = 0;

        sort_items(h->items, h->n, by_seq);
        h->n_unchecked = 0;
        for (size_t i = 0; i < h->n; i++) {
                const LogHead *last = n > 0 ? &h->items[n - 1].head : NULL, *head;

                head = &h->items[i].head;
                if (last && last->chain.seq == head->chain.seq &&
                    memcmp(last->chain.hash, head->chain.hash, LOG_HASH_SIZE) == 0 &&
                    streq(last->log_id, head->log_id))
                        continue;
                h->items[n] = h->items[i];
                h->n_unchecked += h->items[n++].trust == LOG_HEAD_UNCHECKED;
        }
        h->n = n;
}

/* ---- --key -------------------------------------------------------------------------------------
 */

int log_heads_parse_key(const char *text, Jwk *ret, char ret_error[static 256])
{
        _cleanup_free_ char *file = NULL;
        uint8_t x[JWK_PUBLIC_SIZE];
        size_t size = 0;
        int r;

        if (strlen(text) == JWK_KID_SIZE &&
            base64url_decode(text, strlen(text), x, sizeof(x), &size) == 0 && size == sizeof(x)) {
                jwk_from_public(x, ret);
                return 0;
        }
        r = read_file(text, &file, &size);
        if (r == 0)
                r = jwk_parse(file, size, ret);
        if (r == 0)
                return 0;
        (void)snprintf(ret_error, 256, "--key %.128s: %s", text,
                       r == -EBADMSG ? "no public Ed25519 JWK" : strerror(-r));
        return -EINVAL;
}
