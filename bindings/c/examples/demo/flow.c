// Responses that are sent as fast as the peer reads them: bytes that it has not
// read yet do not accumulate in memory.

#include <stdlib.h>
#include <string.h>

#include "demo.h"

enum {
    INTERNAL_ERROR = 2, // RFC 9113, section 7
    BIG_LEN = 8 * 1024 * 1024,
    BLOCK_LEN = 16 * 1024,
    // When this many bytes wait for the peer, no more of its body is read.
    ECHO_HIGH_WATER = 64 * 1024,
};

// Each piece of the body is written back at once. When too many bytes wait for the
// peer, reading its body is paused, so that no write is refused.
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

// An echo keeps no state. Setting this callback means that a cancelled request is
// released at once.
static void echo_cancelled(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request;
    (void)cause;
    (void)code;
    (void)user_data;
}

void any_echo(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_set_header(request, "content-type", "text/plain");
    // Reading starts first, so that a peer that waits for 100 (Continue) receives it
    // before the response head.
    if (goaway_request_set_high_water_bytes(request, ECHO_HIGH_WATER) != GOAWAY_OK ||
        goaway_request_set_on_writable(request, echo_go_on, NULL) != GOAWAY_OK ||
        goaway_request_set_on_cancel(request, echo_cancelled, NULL) != GOAWAY_OK ||
        goaway_request_set_on_body(request, echo_piece, NULL) != GOAWAY_OK ||
        goaway_request_write_head(request, 200) != GOAWAY_OK) {
        fail(request, goaway_last_error());
    }
}

// The state of a `/big` response. Only the thread of its session uses it, so it
// needs no lock. It is freed when the response ends or is cancelled.
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
            return; // If full, on_writable follows; otherwise on_cancel follows.
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
    // on_cancel is set last: if a call before it fails, this function frees the state.
    if (goaway_request_write_head(request, 200) != GOAWAY_OK ||
        goaway_request_set_on_writable(request, big_go_on, big) != GOAWAY_OK ||
        goaway_request_set_on_cancel(request, big_cancelled, big) != GOAWAY_OK) {
        goaway_request_reset(request, INTERNAL_ERROR);
        free(big);
        return;
    }
    big_go_on(request, 0, big);
}
