// An upload of any size that is passed on as it arrives; here, back to the client.
// A slow receiver slows the upload down.
//
//   curl --http2-prior-knowledge -T large.file http://127.0.0.1:8080/echo

#include "serve.h"

// [body]
enum { HIGH_WATER = 64 * 1024 };

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    size_t queued;
    if (goaway_request_write(request, data, len, &queued) != GOAWAY_OK) {
        goaway_request_reset(request, 2); // INTERNAL_ERROR: never end what is not whole
    } else if (last) {
        goaway_request_end(request);
    } else if (queued >= HIGH_WATER) {
        goaway_request_pause(request); // no more of the body, until ...
    }
}

static void on_writable(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    goaway_request_resume(request); // ... half of what waits has left
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    if (goaway_request_set_high_water_bytes(request, HIGH_WATER) != GOAWAY_OK ||
        goaway_request_set_on_writable(request, on_writable, NULL) != GOAWAY_OK ||
        goaway_request_set_on_body(request, on_body, NULL) != GOAWAY_OK ||
        goaway_request_write_head(request, 200) != GOAWAY_OK) {
        goaway_request_reset(request, 2);
    }
}
// [body]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "* /echo", on_request, NULL));
    serve(server, argc, argv);
}
