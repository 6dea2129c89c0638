// An upload that the program reads at any time, into its own buffer.

#include "serve.h"

// [read]
struct sum {
    uint64_t bytes;
    uint32_t sum;
};

// Called when there is something to read, and again after each GOAWAY_ERR_WOULD_BLOCK.
static void on_readable(goaway_request request, uint64_t context, void *user_data) {
    (void)context;
    struct sum *sum = user_data;
    uint8_t buffer[4096];
    size_t len;
    goaway_status status;
    while ((status = goaway_request_read(request, buffer, sizeof buffer, &len)) == GOAWAY_OK && len > 0) {
        for (size_t index = 0; index < len; index++) {
            sum->sum += buffer[index];
        }
        sum->bytes += len;
    }
    if (status == GOAWAY_OK) { // and a length of 0: the end of the body
        char text[64];
        int text_len = snprintf(text, sizeof text, "%llu bytes, sum %u\n", (unsigned long long)sum->bytes, sum->sum);
        if (goaway_request_respond(request, 200, text, (size_t)text_len) == GOAWAY_OK) {
            free(sum);
        }
    }
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)cause, (void)code;
    free(user_data);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    struct sum *sum = calloc(1, sizeof *sum);
    if (sum == NULL || goaway_request_set_on_readable(request, on_readable, sum) != GOAWAY_OK ||
        goaway_request_set_on_cancel(request, on_cancel, sum) != GOAWAY_OK) {
        goaway_request_respond(request, 500, NULL, 0);
        free(sum);
    }
}
// [read]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "POST /", on_request, NULL));
    serve(server, argc, argv);
}
