// What every part of the demo knows.

#ifndef DEMO_DEMO_H
#define DEMO_DEMO_H

#include <goaway.h>

#include "events.h"
#include "text.h"
#include "timer.h"

// The `user_data` of every handler.
struct demo {
    goaway_server *server;
    uint32_t drain_ms;
    struct timer timer;
    struct events events;
};

// Answers with the `len` bytes at `body` as text/plain.
void answer(goaway_request request, uint16_t status, const void *body, size_t len);

// The same with a NUL-terminated text.
void answer_text(goaway_request request, uint16_t status, const char *text);

// Answers with a JSON text and frees it.
void answer_json(goaway_request request, struct text *text);

// Answers 500: for a handler that cannot go on, and says why on standard error.
void fail(goaway_request request, const char *why);

// Registers every route. Of a failure goaway_last_error() has the text.
goaway_status routes_register(struct demo *demo);

// The routes' handlers, by file. All are `goaway_request_cb`.

// pages.c: answered at once.
void get_hello(goaway_request request, void *user_data);
void get_trailers(goaway_request request, void *user_data);
void get_headers(goaway_request request, void *user_data);
void get_early(goaway_request request, void *user_data);
void get_user(goaway_request request, void *user_data);
void get_panic(goaway_request request, void *user_data);

// later.c: answered later, by the timer's thread, or never.
void get_slow(goaway_request request, void *user_data);
void get_stream(goaway_request request, void *user_data);
void get_count(goaway_request request, void *user_data);
void get_hang(goaway_request request, void *user_data);
void get_drain(goaway_request request, void *user_data);
void get_stuck(goaway_request request, void *user_data);

// flow.c: streamed as fast as the peer takes it.
void any_echo(goaway_request request, void *user_data);
void get_big(goaway_request request, void *user_data);

// control.c: what a test wants to see and do.
void get_sessions(goaway_request request, void *user_data);
void get_events(goaway_request request, void *user_data);
void get_memory(goaway_request request, void *user_data);
void post_session_close(goaway_request request, void *user_data);
void post_session_abort(goaway_request request, void *user_data);
void post_close(goaway_request request, void *user_data);
void post_exit(goaway_request request, void *user_data);

#endif
