#include <stdio.h>
#include <string.h>

#include "demo.h"

static const struct {
    const char *pattern;
    goaway_request_cb handler;
} routes[] = {
    {"GET /", get_hello},
    {"GET /slow", get_slow},
    {"GET /hang", get_hang},
    {"* /echo", any_echo},
    {"GET /stream", get_stream},
    {"GET /big", get_big},
    {"GET /trailers", get_trailers},
    {"GET /headers", get_headers},
    {"GET /early", get_early},
    {"GET /users/{id}", get_user},
    {"GET /sessions", get_sessions},
    {"GET /panic", get_panic},
    {"GET /count/{n}", get_count},
    {"GET /drain", get_drain},
    {"GET /stuck", get_stuck},
    {"GET /events", get_events},
    {"GET /memory", get_memory},
    {"POST /sessions/{id}/close", post_session_close},
    {"POST /sessions/{id}/abort", post_session_abort},
    {"POST /close", post_close},
    {"POST /exit", post_exit},
};

goaway_status routes_register(struct demo *demo) {
    goaway_status status = GOAWAY_OK;
    for (size_t index = 0; index < sizeof routes / sizeof routes[0] && status == GOAWAY_OK; index++) {
        status = goaway_server_register_handler(demo->server, routes[index].pattern, routes[index].handler, demo);
    }
    return status;
}

static void answer_as(goaway_request request, uint16_t status, const char *type, const void *body, size_t len) {
    const goaway_field fields[] = {{.name = "content-type", .value = type}};
    // The call fails if the request is cancelled; then there is nothing left to do.
    goaway_request_respond_with(request, status, fields, 1, body, len, 0);
}

void answer(goaway_request request, uint16_t status, const void *body, size_t len) {
    answer_as(request, status, "text/plain", body, len);
}

void answer_json(goaway_request request, struct text *text) {
    if (text->failed) {
        fail(request, "no memory");
    } else {
        answer_as(request, 200, "application/json", text->data, text->len);
    }
    text_free(text);
}

void answer_text(goaway_request request, uint16_t status, const char *text) {
    answer(request, status, text, strlen(text));
}

void fail(goaway_request request, const char *why) {
    fprintf(stderr, "demo: a handler failed: %s\n", why);
    answer_text(request, 500, why);
}
