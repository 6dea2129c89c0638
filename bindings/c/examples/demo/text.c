#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct text *text, size_t len) {
    if (text->failed) {
        return false;
    }
    size_t capacity = text->capacity > 0 ? text->capacity : 1024;
    while (capacity - text->len < len) {
        capacity *= 2;
    }
    if (capacity != text->capacity) {
        char *data = realloc(text->data, capacity);
        if (data == NULL) {
            text->failed = true;
            return false;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return true;
}

void text_add(struct text *text, const void *bytes, size_t len) {
    if (make_room(text, len)) {
        memcpy(text->data + text->len, bytes, len);
        text->len += len;
    }
}

void text_format(struct text *text, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof line) {
        text->failed = true;
        return;
    }
    text_add(text, line, (size_t)len);
}

void text_free(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}
