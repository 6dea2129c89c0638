// Responses that are sent later, or never.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "demo.h"
#include "number.h"
#include "query.h"

enum { CHUNK_LEN = 1024 };

static bool answer_slow(struct task *task) {
    answer_text(task->request, 200, "slow");
    return false;
}

void get_slow(goaway_request request, void *user_data) {
    struct demo *demo = user_data;
    if (!timer_add(&demo->timer, (struct task){.work = answer_slow, .request = request}, 1000)) {
        fail(request, "no memory");
    }
}

// Writes the next chunk of `/stream` or `/count`; the last one ends the response.
static bool write_chunk(struct task *task) {
    char chunk[CHUNK_LEN];
    memset(chunk, 'x', sizeof chunk);
    if (task->left > 0) {
        goaway_status status = goaway_request_write(task->request, chunk, sizeof chunk, NULL);
        if (status == GOAWAY_ERR_WOULD_BLOCK) {
            return true; // The peer does not read: try again at the next step.
        }
        if (status != GOAWAY_OK) {
            return false; // The request is cancelled, and there is nothing to free.
        }
        task->left--;
    }
    if (task->left > 0) {
        return true;
    }
    goaway_request_end(task->request);
    return false;
}

static void send_chunks(struct demo *demo, goaway_request request, uint32_t count, uint32_t every_ms) {
    struct task task = {.work = write_chunk, .request = request, .every_ms = every_ms, .left = count};
    goaway_request_set_header(request, "content-type", "text/plain");
    if (goaway_request_write_head(request, 200) != GOAWAY_OK || !timer_add(&demo->timer, task, 0)) {
        goaway_request_reset(request, 2); // INTERNAL_ERROR (RFC 9113, section 7)
    }
}

void get_stream(goaway_request request, void *user_data) {
    send_chunks(user_data, request, 20, 100);
}

void get_count(goaway_request request, void *user_data) {
    goaway_bytes param;
    uint64_t count;
    if (goaway_request_param(request, "n", &param) != GOAWAY_OK ||
        !number_read((const char *)param.data, param.len, UINT32_MAX, &count)) {
        answer_text(request, 400, "not a number\n");
        return;
    }
    send_chunks(user_data, request, (uint32_t)count, 50);
}

// There is nothing to free. Without this callback the library would keep the
// request until a response that is never sent.
static void forget(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request;
    (void)cause;
    (void)code;
    (void)user_data;
}

void get_hang(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_set_on_cancel(request, forget, NULL);
}

static void answer_left_ms(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, left_ms);
    answer_text(request, 200, text);
}

void get_drain(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_set_on_cancel(request, forget, NULL);
    if (goaway_request_set_on_drain(request, answer_left_ms, NULL) != GOAWAY_OK) {
        fail(request, goaway_last_error());
    }
}

// Blocks a thread of the library. A real handler must not do this.
void get_stuck(goaway_request request, void *user_data) {
    (void)user_data;
    uint64_t ms;
    if (!query_number(request, "ms", 60000, 1000, &ms)) {
        answer_text(request, 400, "ms is no number up to 60000\n");
        return;
    }
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
        // A signal interrupted the sleep: sleep for the remaining time.
    }
    answer_text(request, 200, "stuck");
}
