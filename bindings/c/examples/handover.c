// A restart that refuses no connection: SIGHUP starts this program again, hands over
// the listening socket, waits until the new process serves, and closes.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include "serve.h"

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    char text[32];
    goaway_request_respond(request, 200, text, (size_t)snprintf(text, sizeof text, "served by %d\n", (int)getpid()));
}

// [handover]
extern char **environ;

// Whether a successor serves now. If it ends before that, nothing changes.
static int hand_over(goaway_server *server, char *program) {
    char address[16], ready[16], byte;
    pid_t successor;
    int ends[2], socket = goaway_server_dup_fd(server, 0);
    if (socket < 0 || pipe(ends) != 0) {
        return 0;
    }
    fcntl(socket, F_SETFD, 0); // keep it open in the new program
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    snprintf(address, sizeof address, "fd:%d", socket);
    snprintf(ready, sizeof ready, "%d", ends[1]);
    int failed = posix_spawn(&successor, program, NULL, NULL, (char *[]){program, address, ready, NULL}, environ);
    close(socket), close(ends[1]);
    int serves = !failed && read(ends[0], &byte, 1) == 1; // 0 bytes: it has ended
    close(ends[0]);
    printf(serves ? "handed over to %d\n" : "nobody to hand over to\n", (int)successor);
    return fflush(stdout), serves;
}

int main(int argc, char **argv) {
    sigset_t signals;
    int signal;
    sigemptyset(&signals), sigaddset(&signals, SIGHUP), sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    start(server, argc, argv); // on an address, or on "fd:N" from the previous process
    if (argc > 2 && write(atoi(argv[2]), "", 1) == 1) {
        close(atoi(argv[2])); // tells the previous process that we serve; it then closes
    }
    do {
        sigwait(&signals, &signal);
    } while (signal == SIGHUP && !hand_over(server, argv[0]));
    must(goaway_server_close(server, 5000, NULL, NULL));
    must(goaway_server_wait(server, GOAWAY_FOREVER));
    goaway_server_free(server);
}
// [handover]
