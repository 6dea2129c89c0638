// An upload that fits in memory: the library collects it.
//
//   curl --http2-prior-knowledge -d 'some text' http://127.0.0.1:8080/

#include "serve.h"

// [collect]
static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    char text[64];
    size_t lines = 0;
    for (size_t index = 0; index < len; index++) {
        lines += data[index] == '\n';
    }
    int text_len = snprintf(text, sizeof text, "%zu bytes, %zu lines\n", len, lines);
    goaway_request_respond(request, 200, text, (size_t)text_len);
}

static void on_request(goaway_request request, void *user_data) {
    // The library responds with 413 to a body above the limit.
    if (goaway_request_collect(request, on_collected, user_data) != GOAWAY_OK) {
        goaway_request_respond(request, 500, NULL, 0);
    }
}

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_set_limit(server, GOAWAY_LIMIT_BODY_BYTES, 64 * 1024));
    must(goaway_server_register_handler(server, "POST /", on_request, NULL));
    serve(server, argc, argv);
}
// [collect]
