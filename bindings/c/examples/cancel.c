// A request that waits for an event: it is notified when the client has gone, and
// when the server begins to close.

#include "serve.h"

// [cancel]
static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)user_data;
    // The last callback of this request: free what it holds here.
    printf("cancelled: %s, code %u\n", goaway_cause_name(cause), code);
    fflush(stdout);
}

static void on_drain(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    char text[64];
    int len = snprintf(text, sizeof text, "the server leaves; %llu ms were left\n", (unsigned long long)left_ms);
    // The response was accepted, so on_cancel will not be called.
    goaway_request_respond(request, 503, text, (size_t)len);
}

static void on_request(goaway_request request, void *user_data) {
    if (goaway_request_set_on_cancel(request, on_cancel, user_data) != GOAWAY_OK ||
        goaway_request_set_on_drain(request, on_drain, user_data) != GOAWAY_OK) {
        goaway_request_respond(request, 500, NULL, 0);
        return;
    }
    puts("a request waits");
    fflush(stdout);
}
// [cancel]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    serve(server, argc, argv);
}
