// Declarations that all parts of the demo share.

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

// Responds with the `len` bytes at `body` as text/plain.
void answer(goaway_request request, uint16_t status, const void *body, size_t len);

// Responds with a NUL-terminated text.
void answer_text(goaway_request request, uint16_t status, const char *text);

// Responds with a JSON text and frees it.
void answer_json(goaway_request request, struct text *text);

// Responds with 500 and writes the reason to standard error, for a handler that
// cannot continue.
void fail(goaway_request request, const char *why);

// Registers every route. After a failure goaway_last_error() returns the text.
goaway_status routes_register(struct demo *demo);

// The handlers of the routes, by file. All are `goaway_request_cb`.

// pages.c: the response is sent at once.
void get_hello(goaway_request request, void *user_data);
void get_trailers(goaway_request request, void *user_data);
void get_headers(goaway_request request, void *user_data);
void get_early(goaway_request request, void *user_data);
void get_user(goaway_request request, void *user_data);
void get_panic(goaway_request request, void *user_data);

// later.c: the response is sent later, by the timer thread, or never.
void get_slow(goaway_request request, void *user_data);
void get_stream(goaway_request request, void *user_data);
void get_count(goaway_request request, void *user_data);
void get_hang(goaway_request request, void *user_data);
void get_drain(goaway_request request, void *user_data);
void get_stuck(goaway_request request, void *user_data);

// flow.c: the response is streamed as fast as the peer reads it.
void any_echo(goaway_request request, void *user_data);
void get_big(goaway_request request, void *user_data);

// control.c: sessions, events and closing, for tests.
void get_sessions(goaway_request request, void *user_data);
void get_events(goaway_request request, void *user_data);
void get_memory(goaway_request request, void *user_data);
void post_session_close(goaway_request request, void *user_data);
void post_session_abort(goaway_request request, void *user_data);
void post_close(goaway_request request, void *user_data);
void post_exit(goaway_request request, void *user_data);

#endif
