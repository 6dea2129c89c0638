// A long response that never fills the memory: written as fast as the peer reads.

#include "serve.h"

// [stream]
struct countdown {
    int left;
};

// Writes until too much waits for the peer; called again when less is waiting.
static void go_on(goaway_request request, uint64_t context, void *user_data) {
    (void)context;
    struct countdown *countdown = user_data;
    while (countdown->left > 0) {
        char line[32];
        int len = snprintf(line, sizeof line, "%d\n", countdown->left);
        if (goaway_request_write(request, line, (size_t)len, NULL) != GOAWAY_OK) {
            return; // GOAWAY_ERR_WOULD_BLOCK: go_on is called again. Any other error: on_cancel is called.
        }
        countdown->left--;
    }
    if (goaway_request_end(request) == GOAWAY_OK) {
        free(countdown);
    }
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)cause, (void)code;
    free(user_data);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    struct countdown *countdown = malloc(sizeof *countdown);
    // on_cancel last: if an earlier call fails, the memory is still ours.
    if (countdown == NULL || goaway_request_write_head(request, 200) != GOAWAY_OK ||
        goaway_request_set_on_writable(request, go_on, countdown) != GOAWAY_OK ||
        goaway_request_set_on_cancel(request, on_cancel, countdown) != GOAWAY_OK) {
        goaway_request_reset(request, 2); // INTERNAL_ERROR
        free(countdown);
        return;
    }
    countdown->left = 1000000;
    go_on(request, 0, countdown);
}
// [stream]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    serve(server, argc, argv);
}
