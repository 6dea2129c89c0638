// The end of a service: SIGTERM closes it, and the report counts what happened to
// every session.

#include <inttypes.h>
#include <signal.h>

#include "serve.h"

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_respond(request, 200, "served\n", 7);
}

// [close]
static void on_progress(const goaway_progress *progress, void *user_data) {
    (void)user_data;
    fprintf(stderr, "%" PRIu64 " sessions and %" PRIu64 " streams left, %" PRIu64 " ms\n", progress->sessions,
            progress->streams, progress->left_ms);
}

static void print(const goaway_report *report) {
    printf("graceful %" PRIu64 ", by the peer %" PRIu64 ", forced %" PRIu64 ", in %" PRIu64 " ms\n",
           report->sessions_graceful, report->sessions_by_peer, report->sessions_forced, report->elapsed_ms);
}

int main(int argc, char **argv) {
    sigset_t signals;
    int signal;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    goaway_server *server = goaway_server_new();
    must(goaway_server_set_on_progress(server, on_progress, NULL));
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    start(server, argc, argv); // listens and starts, as hello.c does

    sigwait(&signals, &signal);
    must(goaway_server_close(server, 1000, NULL, NULL));
    must(goaway_server_wait(server, GOAWAY_FOREVER)); // 2 s at most: the deadline and 1 s
    print(goaway_server_report(server));
    goaway_server_free(server);
}
// [close]
