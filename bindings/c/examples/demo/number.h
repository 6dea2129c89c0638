// Numbers as they stand in arguments, paths and queries.

#ifndef DEMO_NUMBER_H
#define DEMO_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Reads the `len` characters at `text` as a decimal number of at most `max`.
// Digits only: no sign, no space, nothing behind it.
bool number_read(const char *text, size_t len, uint64_t max, uint64_t *out_number);

#endif
