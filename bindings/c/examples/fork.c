// fork(): the server belongs to the process that started it.

#include <sys/wait.h>
#include <unistd.h>

#include "serve.h"

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_respond(request, 200, "served\n", 7);
}

// [fork]
static int child(goaway_server *server_of_parent) {
    goaway_status status = goaway_server_close(server_of_parent, 0, NULL, NULL);
    printf("the parent's server in the child: %s\n", goaway_status_name(status));
    goaway_server_free(server_of_parent); // only frees the memory

    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    must(goaway_server_listen(server, "127.0.0.1:0"));
    must(goaway_server_start(server));
    printf("a server of the child's own: %s\n", goaway_status_name(GOAWAY_OK));
    goaway_server_free(server);
    return fflush(stdout);
}

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    start(server, argc, argv);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(child(server));
    }
    waitpid(pid, NULL, 0);
    getchar(); // the parent continues to serve
    goaway_server_free(server);
}
// [fork]
