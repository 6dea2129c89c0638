// Decimal numbers in arguments, paths and queries.

#ifndef DEMO_NUMBER_H
#define DEMO_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads the `len` characters at `text` as a decimal number of at most `max`.
// Only digits are accepted: no sign, no space, no suffix.
bool number_read(const char *text, size_t len, uint64_t max, uint64_t *out_number);

#endif
