// What each example does around its handlers, as hello.c shows it: listen on
// the first argument, start, wait for Enter, close, wait, free.

#ifndef SERVE_H
#define SERVE_H

#include <goaway.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

// Ends the program, and says why, if a call that cannot be done without failed.
static inline void must(goaway_status status) {
    if (status != GOAWAY_OK) {
        fprintf(stderr, "%s: %s\n", goaway_status_name(status), goaway_last_error());
        exit(1);
    }
}

static inline void start(goaway_server *server, int argc, char **argv) {
    must(goaway_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8080"));
    must(goaway_server_start(server));
    fprintf(stderr, "listening on %s\n", goaway_server_address(server, 0));
}

static inline void serve(goaway_server *server, int argc, char **argv) {
    start(server, argc, argv);
    getchar();
    must(goaway_server_close(server, 5000, NULL, NULL));
    must(goaway_server_wait(server, GOAWAY_FOREVER));
    goaway_server_free(server);
}

// The same for a program that takes its events from a queue, as queue.c shows it.
static inline void serve_queue(goaway_server *server, goaway_queue *queue, bool (*turn)(goaway_queue *), int argc,
                               char **argv) {
    start(server, argc, argv);
    struct pollfd waits[] = {{.fd = goaway_queue_fd(queue), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (poll(waits, 2, -1) > 0 && turn(queue)) {
        if (waits[1].revents != 0) {
            waits[1].fd = -1;
            must(goaway_server_close(server, 5000, NULL, NULL));
        }
    }
    goaway_server_free(server);
    goaway_queue_free(queue);
}

#endif
