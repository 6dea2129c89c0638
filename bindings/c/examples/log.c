// The library's log, line by line; without this callback it logs nothing.

#include "serve.h"

// [log]
static void on_log(uint32_t level, const char *target, const char *message, void *user_data) {
    fprintf(user_data, "%u %s: %s\n", level, target, message);
}
// [log]

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_respond(request, 200, "logged\n", 7);
}

// [log]
int main(int argc, char **argv) {
    must(goaway_log_set_on_line(GOAWAY_LOG_DEBUG, on_log, stderr));
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    serve(server, argc, argv);
}
// [log]
