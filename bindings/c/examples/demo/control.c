// Routes for tests: list the sessions, list the events, close.

#include <inttypes.h>
#include <stdlib.h>

#include "demo.h"
#include "number.h"
#include "query.h"

void get_sessions(goaway_request request, void *user_data) {
    struct demo *demo = user_data;
    goaway_session_list *list = goaway_session_list_new(demo->server);
    if (list == NULL) {
        fail(request, goaway_last_error());
        return;
    }
    struct text text = {0};
    text_format(&text, "[");
    for (size_t index = 0; index < goaway_session_list_len(list); index++) {
        const goaway_session_snapshot *info = goaway_session_list_at(list, index);
        const char *stage = goaway_stage_name(info->stage);
        text_format(&text, "%s{\"id\":%" PRIu64 ",\"peer\":\"%s\",\"state\":\"%s\",\"age_ms\":%" PRIu64,
                    index > 0 ? "," : "", info->session, info->peer, stage != NULL ? stage : "unknown", info->age_ms);
        text_format(&text, ",\"open_streams\":%" PRIu32 ",\"bytes_in\":%" PRIu64 ",\"bytes_out\":%" PRIu64,
                    info->open_streams, info->bytes_in, info->bytes_out);
        text_format(&text, ",\"requests\":%" PRIu64 ",\"protocol\":\"%s\"}", info->requests, info->protocol);
    }
    text_format(&text, "]");
    goaway_session_list_free(list);
    answer_json(request, &text);
}

void get_events(goaway_request request, void *user_data) {
    struct demo *demo = user_data;
    struct text text = {0};
    events_list(&demo->events, &text);
    answer_json(request, &text);
}

void get_memory(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_memory memory;
    if (goaway_memory_usage(&memory, sizeof memory) != GOAWAY_OK) {
        fail(request, goaway_last_error());
        return;
    }
    struct text text = {0};
    text_format(&text, "{\"total\":%" PRIu64 ",\"sessions\":%" PRIu64 ",\"streams\":%" PRIu64, memory.total,
                memory.sessions, memory.streams);
    text_format(&text, ",\"fields\":%" PRIu64 ",\"compression\":%" PRIu64 ",\"bodies\":%" PRIu64, memory.fields,
                memory.compression, memory.bodies);
    text_format(&text, ",\"responses\":%" PRIu64 ",\"input\":%" PRIu64 ",\"output\":%" PRIu64, memory.responses,
                memory.input, memory.output);
    text_format(&text, ",\"tls\":%" PRIu64 ",\"records\":%" PRIu64 "}", memory.tls, memory.records);
    answer_json(request, &text);
}

// Reads the path parameter `id`. Returns false if it is not a number.
static bool read_session(goaway_request request, goaway_session *out_session) {
    goaway_bytes id;
    return goaway_request_param(request, "id", &id) == GOAWAY_OK &&
           number_read((const char *)id.data, id.len, UINT64_MAX, out_session);
}

// Responds with the result of a call on a session.
static void answer_status(goaway_request request, goaway_status status) {
    switch (status) {
    case GOAWAY_OK:
        goaway_request_respond(request, 204, NULL, 0);
        break;
    case GOAWAY_ERR_GONE:
        answer_text(request, 404, "no such session\n");
        break;
    default:
        fail(request, goaway_last_error());
    }
}

void post_session_close(goaway_request request, void *user_data) {
    struct demo *demo = user_data;
    goaway_session session;
    uint64_t drain_ms;
    if (!read_session(request, &session) ||
        !query_number(request, "drain_ms", UINT32_MAX, demo->drain_ms, &drain_ms)) {
        answer_text(request, 400, "POST /sessions/{id}/close?drain_ms=N\n");
        return;
    }
    answer_status(request, goaway_session_close(session, (uint32_t)drain_ms));
}

void post_session_abort(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_session session;
    uint64_t code;
    char debug[1024];
    size_t debug_len;
    if (!read_session(request, &session) || !query_number(request, "code", UINT32_MAX, 0, &code) ||
        !query_text(request, "debug", debug, sizeof debug, &debug_len)) {
        answer_text(request, 400, "POST /sessions/{id}/abort?code=N&debug=text\n");
        return;
    }
    answer_status(request, goaway_session_abort(session, (uint32_t)code, debug, debug_len));
}

void post_close(goaway_request request, void *user_data) {
    struct demo *demo = user_data;
    uint64_t drain_ms;
    if (!query_number(request, "drain_ms", UINT32_MAX, demo->drain_ms, &drain_ms)) {
        answer_text(request, 400, "POST /close?drain_ms=N\n");
        return;
    }
    if (goaway_server_close(demo->server, (uint32_t)drain_ms, NULL, NULL) != GOAWAY_OK) {
        fail(request, goaway_last_error());
        return;
    }
    answer_text(request, 202, "closing\n");
}

// Exits without a close, from inside a callback. A real host should not do this.
void post_exit(goaway_request request, void *user_data) {
    (void)request, (void)user_data;
    exit(EXIT_SUCCESS);
}
