#include <goaway.h>
#include <stdio.h>

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_set_header(request, "content-type", "text/plain");
    goaway_request_respond(request, 200, "hello\n", 6);
}

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    if (goaway_server_register_handler(server, "GET /", on_request, NULL) != GOAWAY_OK ||
        goaway_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8080") != GOAWAY_OK ||
        goaway_server_start(server) != GOAWAY_OK) {
        return fprintf(stderr, "hello: %s\n", goaway_last_error()), goaway_server_free(server), 1;
    }
    fprintf(stderr, "listening on %s; Enter closes\n", goaway_server_address(server, 0));
    getchar();
    goaway_server_close(server, 5000, NULL, NULL);
    goaway_server_wait(server, GOAWAY_FOREVER);
    goaway_server_free(server);
}
