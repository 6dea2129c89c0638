/*
 * HPACK as libnghttp2 has it: commands come on standard input and results go to
 * standard output. Numbers have 32 bits in the order of the machine.
 *
 *   N                     a new connection
 *   L number              the limit of the decoder's table changes
 *   B length block        decodes a block: a byte that is 1 if it is one, and then
 *                         how many fields it has, and the fields
 *   l number              the limit of the encoder's table changes
 *   F number fields       encodes fields: the length of the block, and the block
 *
 * A field is a byte that is 1 if it is never to be indexed, the length of its name,
 * the name, the length of its value, the value.
 *
 * Declared here is what is used of nghttp2/nghttp2.h, so that only the library is
 * needed, which every client of nghttp2 brings with it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

typedef struct nghttp2_hd_inflater nghttp2_hd_inflater;
typedef struct nghttp2_hd_deflater nghttp2_hd_deflater;
typedef struct {
    uint8_t *name;
    uint8_t *value;
    size_t namelen;
    size_t valuelen;
    uint8_t flags;
} nghttp2_nv;
enum { NV_FLAG_NO_INDEX = 1, INFLATE_FINAL = 1, INFLATE_EMIT = 2 };

int nghttp2_hd_inflate_new(nghttp2_hd_inflater **);
void nghttp2_hd_inflate_del(nghttp2_hd_inflater *);
int nghttp2_hd_inflate_change_table_size(nghttp2_hd_inflater *, size_t);
ssize_t nghttp2_hd_inflate_hd2(nghttp2_hd_inflater *, nghttp2_nv *, int *, const uint8_t *, size_t, int);
int nghttp2_hd_inflate_end_headers(nghttp2_hd_inflater *);
int nghttp2_hd_deflate_new(nghttp2_hd_deflater **, size_t);
void nghttp2_hd_deflate_del(nghttp2_hd_deflater *);
int nghttp2_hd_deflate_change_table_size(nghttp2_hd_deflater *, size_t);
size_t nghttp2_hd_deflate_bound(nghttp2_hd_deflater *, const nghttp2_nv *, size_t);
ssize_t nghttp2_hd_deflate_hd(nghttp2_hd_deflater *, uint8_t *, size_t, const nghttp2_nv *, size_t);

static void fail(const char *what) {
    fprintf(stderr, "by_nghttp2: %s\n", what);
    exit(1);
}

static void *allocate(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) fail("no memory");
    return memory;
}

static void get(void *to, size_t size) {
    if (size && fread(to, size, 1, stdin) != 1) fail("the input is cut short");
}

static uint32_t get_number(void) {
    uint32_t number;
    get(&number, sizeof number);
    return number;
}

static uint8_t *get_text(size_t *length) {
    *length = get_number();
    uint8_t *text = allocate(*length);
    get(text, *length);
    return text;
}

static void put(FILE *out, const void *from, size_t size) {
    if (size && fwrite(from, size, 1, out) != 1) fail("nobody reads");
}

static void put_text(FILE *out, const uint8_t *text, size_t length) {
    uint32_t number = (uint32_t)length;
    put(out, &number, sizeof number);
    put(out, text, length);
}

/* The fields of a block are gathered, since their number stands before them. */
static void decode(nghttp2_hd_inflater *inflater) {
    size_t length;
    uint8_t *block = get_text(&length), *at = block;
    char *gathered = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&gathered, &size);
    uint32_t count = 0;
    uint8_t is_block = 0;
    if (!out) fail("no memory");
    for (;;) {
        nghttp2_nv field;
        int flags = 0;
        ssize_t read = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, length, 1);
        if (read < 0) break;
        at += read;
        length -= (size_t)read;
        if (flags & INFLATE_EMIT) {
            uint8_t is_sensitive = field.flags & NV_FLAG_NO_INDEX;
            put(out, &is_sensitive, 1);
            put_text(out, field.name, field.namelen);
            put_text(out, field.value, field.valuelen);
            count++;
        } else if ((flags & INFLATE_FINAL) || length == 0) {
            is_block = 1;
            break;
        }
    }
    nghttp2_hd_inflate_end_headers(inflater);
    fclose(out);
    put(stdout, &is_block, 1);
    if (is_block) {
        put(stdout, &count, sizeof count);
        put(stdout, gathered, size);
    }
    free(gathered);
    free(block);
}

static void encode(nghttp2_hd_deflater *deflater) {
    uint32_t count = get_number();
    nghttp2_nv *fields = allocate(count * sizeof *fields);
    for (uint32_t i = 0; i < count; i++) {
        get(&fields[i].flags, 1);
        fields[i].name = get_text(&fields[i].namelen);
        fields[i].value = get_text(&fields[i].valuelen);
    }
    size_t bound = nghttp2_hd_deflate_bound(deflater, fields, count);
    uint8_t *block = allocate(bound);
    ssize_t length = nghttp2_hd_deflate_hd(deflater, block, bound, fields, count);
    if (length < 0) fail("fields that cannot be encoded");
    put_text(stdout, block, (size_t)length);
    for (uint32_t i = 0; i < count; i++) {
        free(fields[i].name);
        free(fields[i].value);
    }
    free(fields);
    free(block);
}

int main(void) {
    nghttp2_hd_inflater *inflater = NULL;
    nghttp2_hd_deflater *deflater = NULL;
    for (int command; (command = getchar()) != EOF;) {
        switch (command) {
        case 'N':
            if (inflater) nghttp2_hd_inflate_del(inflater);
            if (deflater) nghttp2_hd_deflate_del(deflater);
            if (nghttp2_hd_inflate_new(&inflater) || nghttp2_hd_deflate_new(&deflater, 4096)) fail("no memory");
            break;
        case 'L':
            if (nghttp2_hd_inflate_change_table_size(inflater, get_number())) fail("no such limit");
            break;
        case 'B': decode(inflater); break;
        case 'l':
            if (nghttp2_hd_deflate_change_table_size(deflater, get_number())) fail("no such limit");
            break;
        case 'F': encode(deflater); break;
        default: fail("an unknown command");
        }
    }
    nghttp2_hd_inflate_del(inflater);
    nghttp2_hd_deflate_del(deflater);
    return 0;
}
