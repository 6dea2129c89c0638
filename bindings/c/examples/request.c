// Reading a request: parameters of the path, the query, header fields.
//
//   curl --http2-prior-knowledge 'http://127.0.0.1:8080/users/42?full=1'

#include "serve.h"

// [request]
static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_bytes id, query, agent;
    char text[256];
    // Views of the request, not NUL-terminated, valid until you respond.
    if (goaway_request_param(request, "id", &id) != GOAWAY_OK ||
        goaway_request_query(request, &query) != GOAWAY_OK) {
        goaway_request_respond(request, 500, NULL, 0);
        return;
    }
    if (goaway_request_header(request, "user-agent", &agent) != GOAWAY_OK) {
        agent = (goaway_bytes){.data = (const uint8_t *)"nobody", .len = 6};
    }
    int len = snprintf(text, sizeof text, "user %.*s, query \"%.*s\", asked by %.*s\n", (int)id.len, id.data,
                       (int)query.len, query.data, (int)agent.len, agent.data);
    if (len < 0 || (size_t)len >= sizeof text) {
        goaway_request_respond(request, 414, NULL, 0);
        return;
    }
    goaway_request_set_header(request, "content-type", "text/plain");
    goaway_request_add_header(request, "set-cookie", "seen=1");
    goaway_request_add_header(request, "set-cookie", "theme=dark");
    goaway_request_respond(request, 200, text, (size_t)len);
}
// [request]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /users/{id}", on_request, NULL));
    serve(server, argc, argv);
}
