// A failure has a status, its name, and a text for people.

#include <goaway.h>
#include <stdio.h>

static void on_request(goaway_request request, void *user_data) {
    (void)request, (void)user_data;
}

// [errors]
static void say(goaway_status status) {
    printf("%s: %s\n", goaway_status_name(status), status == GOAWAY_OK ? "" : goaway_last_error());
}

int main(void) {
    goaway_server *server = goaway_server_new();
    say(goaway_server_register_handler(server, "GET users", on_request, NULL));
    say(goaway_server_set_limit(server, GOAWAY_LIMIT_WORKERS, 0));
    say(goaway_server_listen(server, "127.0.0.1:http"));
    say(goaway_server_start(server));
    say(goaway_server_start(NULL));
    say(goaway_request_respond(12345, 200, "nobody", 6));
    goaway_server_free(server);
}
// [errors]
