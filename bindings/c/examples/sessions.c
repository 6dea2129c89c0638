// Sessions: their events, their list, closing one.
//
//   curl --http2-prior-knowledge http://127.0.0.1:8080/sessions

#include <inttypes.h>

#include "serve.h"

// [sessions]
static void on_session(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    const char *kind = goaway_event_name(event->kind);
    const char *outcome = event->kind == GOAWAY_EVENT_CLOSED ? goaway_outcome_name(event->outcome) : "";
    printf("%s %s %s\n", event->peer, kind != NULL ? kind : "?", outcome != NULL ? outcome : "?");
    fflush(stdout);
}

static void list(goaway_request request, void *user_data) {
    goaway_session_list *sessions = goaway_session_list_new(user_data);
    goaway_request_write_head(request, 200);
    for (size_t index = 0; index < goaway_session_list_len(sessions); index++) {
        const goaway_session_snapshot *info = goaway_session_list_at(sessions, index);
        char line[160];
        int len = snprintf(line, sizeof line, "%" PRIu64 " %s %s\n", info->session, info->peer,
                           goaway_stage_name(info->stage));
        if (goaway_request_write(request, line, (size_t)len, NULL) != GOAWAY_OK) {
            break; // the peer reads slowly: this example then stops
        }
    }
    goaway_request_end(request);
    goaway_session_list_free(sessions);
}

// Other sessions go on; the closed one serves its open streams for up to 10 s.
static void close_one(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_bytes id;
    char text[32];
    if (goaway_request_param(request, "id", &id) != GOAWAY_OK || id.len >= sizeof text) {
        goaway_request_respond(request, 400, NULL, 0);
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)id.len, id.data);
    goaway_status status = goaway_session_close(strtoull(text, NULL, 10), 10000);
    goaway_request_respond(request, status == GOAWAY_OK ? 204 : 404, NULL, 0);
}
// [sessions]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_set_on_session(server, on_session, NULL));
    must(goaway_server_register_handler(server, "GET /sessions", list, server));
    must(goaway_server_register_handler(server, "DELETE /sessions/{id}", close_one, NULL));
    serve(server, argc, argv);
}
