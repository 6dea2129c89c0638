// A growing text, for responses whose length is not known beforehand.

#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// Initialize with {0}.
struct text {
    char *data;
    size_t len;
    size_t capacity;
    // Memory ran out, so the text is incomplete. Checked once, at the end.
    bool failed;
};

void text_add(struct text *text, const void *bytes, size_t len);

// Appends like printf, at most 511 characters per call.
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);

void text_free(struct text *text);

#endif
