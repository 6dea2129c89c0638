// Answers as fast as the peer takes them, and no faster: bytes that it does
// not take yet never gather in memory.

#include <stdlib.h>
#include <string.h>

#include "demo.h"

enum {
    INTERNAL_ERROR = 2, // RFC 9113, section 7
    BIG_LEN = 8 * 1024 * 1024,
    BLOCK_LEN = 16 * 1024,
    // As many bytes may wait for the peer before its body is held back.
    ECHO_HIGH_WATER = 64 * 1024,
};

// The body comes in pieces and each goes back at once. When too much waits for
// the peer it is asked for no more, so that no write is ever refused.
static void echo_piece(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    size_t queued;
    if (goaway_request_write(request, data, len, &queued) != GOAWAY_OK) {
        goaway_request_reset(request, INTERNAL_ERROR);
    } else if (last) {
        goaway_request_end(request);
    } else if (queued >= ECHO_HIGH_WATER) {
        goaway_request_pause(request);
    }
}

static void echo_go_on(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    goaway_request_resume(request);
}

// Nothing is kept for an echo: with this set, one whose peer has gone is over.
static void echo_cancelled(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request;
    (void)cause;
    (void)code;
    (void)user_data;
}

void any_echo(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_set_header(request, "content-type", "text/plain");
    // The body first: a peer that waits for 100 (Continue) gets it before the head.
    if (goaway_request_set_high_water_bytes(request, ECHO_HIGH_WATER) != GOAWAY_OK ||
        goaway_request_set_on_writable(request, echo_go_on, NULL) != GOAWAY_OK ||
        goaway_request_set_on_cancel(request, echo_cancelled, NULL) != GOAWAY_OK ||
        goaway_request_set_on_body(request, echo_piece, NULL) != GOAWAY_OK ||
        goaway_request_write_head(request, 200) != GOAWAY_OK) {
        fail(request, goaway_last_error());
    }
}

// What is kept of a `/big` answer. Only its session's thread looks at it, so
// it needs no lock; it is freed at the answer's end or at its cancellation.
struct big {
    size_t left;
};

static void big_cancelled(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request;
    (void)cause;
    (void)code;
    free(user_data);
}

static void big_go_on(goaway_request request, uint64_t context, void *user_data) {
    (void)context;
    struct big *big = user_data;
    char block[BLOCK_LEN];
    memset(block, 'x', sizeof block);
    while (big->left > 0) {
        size_t len = big->left < sizeof block ? big->left : sizeof block;
        if (goaway_request_write(request, block, len, NULL) != GOAWAY_OK) {
            return; // Full: on_writable comes. Anything else: on_cancel comes.
        }
        big->left -= len;
    }
    if (goaway_request_end(request) == GOAWAY_OK) {
        free(big);
    }
}

void get_big(goaway_request request, void *user_data) {
    (void)user_data;
    struct big *big = malloc(sizeof *big);
    if (big == NULL) {
        fail(request, "no memory");
        return;
    }
    big->left = BIG_LEN;
    goaway_request_set_header(request, "content-type", "text/plain");
    // on_cancel last: if anything fails before it, the memory is still ours.
    if (goaway_request_write_head(request, 200) != GOAWAY_OK ||
        goaway_request_set_on_writable(request, big_go_on, big) != GOAWAY_OK ||
        goaway_request_set_on_cancel(request, big_cancelled, big) != GOAWAY_OK) {
        goaway_request_reset(request, INTERNAL_ERROR);
        free(big);
        return;
    }
    big_go_on(request, 0, big);
}
