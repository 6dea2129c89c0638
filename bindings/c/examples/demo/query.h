// The query of a request's path, after the `?`: `name=value&name=value`.

#ifndef DEMO_QUERY_H
#define DEMO_QUERY_H

#include <goaway.h>

// Writes the percent-decoded value of `name` to the `capacity` bytes at `out`
// and its length to `out_len`, or 0 if there is no such name. Returns false if the
// value is malformed or too long.
bool query_text(goaway_request request, const char *name, char *out, size_t capacity, size_t *out_len);

// Reads the value of `name` as a number of at most `max`, or uses `otherwise` if
// there is none. Returns false if the value is not such a number.
bool query_number(goaway_request request, const char *name, uint64_t max, uint64_t otherwise, uint64_t *out_number);

#endif
