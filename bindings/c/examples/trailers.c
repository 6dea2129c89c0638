// Fields before and after the body: trailers in both directions.
//
//   nghttp -v --trailer 'x-sum: 7' -d file http://127.0.0.1:8080/

#include "serve.h"

// [trailers]
static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)data, (void)user_data;
    goaway_bytes name, value;
    // The request's trailers are available once its body has ended.
    for (size_t index = 0; goaway_request_trailer_at(request, index, &name, &value, NULL) == GOAWAY_OK; index++) {
        printf("trailer %.*s: %.*s\n", (int)name.len, name.data, (int)value.len, value.data);
        fflush(stdout);
    }
    goaway_request_write_head(request, 200);
    goaway_request_write(request, "ok\n", 3, NULL);
    goaway_request_add_trailer(request, "x-status", len > 0 ? "full" : "empty");
    goaway_request_end(request);
}
// [trailers]

static void on_request(goaway_request request, void *user_data) {
    if (goaway_request_collect(request, on_collected, user_data) != GOAWAY_OK) {
        goaway_request_respond(request, 500, NULL, 0);
    }
}

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "* /", on_request, NULL));
    serve(server, argc, argv);
}
