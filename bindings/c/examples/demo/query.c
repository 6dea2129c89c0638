#include "query.h"

#include <string.h>

#include "number.h"

// Finds the value of `name`, not decoded. Returns false if there is none.
static bool find(goaway_request request, const char *name, goaway_bytes *out_value) {
    goaway_bytes query;
    if (goaway_request_query(request, &query) != GOAWAY_OK) {
        return false;
    }
    size_t name_len = strlen(name);
    const uint8_t *end = query.data + query.len;
    for (const uint8_t *pair = query.data; pair < end;) {
        const uint8_t *ampersand = memchr(pair, '&', (size_t)(end - pair));
        const uint8_t *pair_end = ampersand != NULL ? ampersand : end;
        size_t len = (size_t)(pair_end - pair);
        if (len > name_len && memcmp(pair, name, name_len) == 0 && pair[name_len] == '=') {
            *out_value = (goaway_bytes){.data = pair + name_len + 1, .len = len - name_len - 1};
            return true;
        }
        pair = ampersand != NULL ? ampersand + 1 : end;
    }
    return false;
}

// The value of a hexadecimal digit, or -1.
static int hex_digit(uint8_t digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit |= 0x20; // lower case
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool query_text(goaway_request request, const char *name, char *out, size_t capacity, size_t *out_len) {
    goaway_bytes value;
    size_t len = 0;
    if (find(request, name, &value)) {
        for (size_t index = 0; index < value.len; index++) {
            int byte = value.data[index];
            if (byte == '%') {
                int high = value.len - index > 2 ? hex_digit(value.data[index + 1]) : -1;
                int low = value.len - index > 2 ? hex_digit(value.data[index + 2]) : -1;
                if (high < 0 || low < 0) {
                    return false;
                }
                byte = high * 16 + low;
                index += 2;
            }
            if (len == capacity) {
                return false;
            }
            out[len++] = (char)byte;
        }
    }
    *out_len = len;
    return true;
}

bool query_number(goaway_request request, const char *name, uint64_t max, uint64_t otherwise, uint64_t *out_number) {
    goaway_bytes value;
    if (!find(request, name, &value)) {
        *out_number = otherwise;
        return true;
    }
    return number_read((const char *)value.data, value.len, max, out_number);
}
