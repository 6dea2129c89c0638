// A text that grows, for answers whose length is not known beforehand.

#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// Begins as {0}.
struct text {
    char *data;
    size_t len;
    size_t capacity;
    // There was no memory: the text is not whole. Looked at once, at the end.
    bool failed;
};

void text_add(struct text *text, const void *bytes, size_t len);

// As printf, for at most 511 characters at a time.
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);

void text_free(struct text *text);

#endif
