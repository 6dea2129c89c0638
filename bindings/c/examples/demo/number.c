#include "number.h"

bool number_read(const char *text, size_t len, uint64_t max, uint64_t *out_number) {
    uint64_t number = 0;
    for (size_t index = 0; index < len; index++) {
        if (text[index] < '0' || text[index] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[index] - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    if (len == 0 || number > max) {
        return false;
    }
    *out_number = number;
    return true;
}
