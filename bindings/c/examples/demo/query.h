// What stands behind the `?` of a request's path: `name=value&name=value`.

#ifndef DEMO_QUERY_H
#define DEMO_QUERY_H

#include <goaway.h>

// Writes the percent-decoded value of `name` to the `capacity` bytes at `out`
// and its length to `out_len`; 0 if there is none of that name. False if it is
// malformed or too long.
bool query_text(goaway_request request, const char *name, char *out, size_t capacity, size_t *out_len);

// Reads the value of `name` as a number of at most `max`, or takes `otherwise`
// if there is none. False if it is no such number.
bool query_number(goaway_request request, const char *name, uint64_t max, uint64_t otherwise, uint64_t *out_number);

#endif
