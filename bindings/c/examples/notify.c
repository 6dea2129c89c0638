// A service of systemd with Type=notify: it reports when it serves, and how long
// it will take to close.

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "serve.h"

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_respond(request, 200, "served\n", 7);
}

// [notify]
enum { DRAIN_MS = 1000 };

// As sd_notify(3). Without NOTIFY_SOCKET it does nothing.
static void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path != NULL ? strlen(path) : 0;
    if (len == 0 || len >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = 0; // a name without a file
    }
    int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (sender < 0 || sendto(sender, state, strlen(state), 0, (struct sockaddr *)&address, size) < 0) {
        perror("notify");
    }
    close(sender);
}

int main(int argc, char **argv) {
    sigset_t signals;
    int signal;
    sigemptyset(&signals), sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    start(server, argc, argv); // "systemd:" takes the sockets of the .socket unit
    notify("READY=1");
    sigwait(&signals, &signal);
    char state[64];
    // A close takes at most its drain time and one second.
    snprintf(state, sizeof state, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%d", (DRAIN_MS + 1000) * 1000);
    notify(state);
    must(goaway_server_close(server, DRAIN_MS, NULL, NULL));
    must(goaway_server_wait(server, GOAWAY_FOREVER));
    goaway_server_free(server);
}
// [notify]
