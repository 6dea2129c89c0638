// goaway's demo: every kind of response, and a graceful close.
//
//   demo [PORT]     listens on 127.0.0.1; the default is 8080, 0 is any free port
//
// GOAWAY_ADDRESS  where to listen instead, such as unix:/run/demo.sock or systemd:
// DRAIN_MS        how long open streams may go on after SIGTERM or SIGINT (5000)
// GOAWAY_WORKERS  number of worker threads (one for each processor)
// GOAWAY_MEMORY_BYTES  the library's memory limit (depends on the machine)
// TLS_CERT        with TLS_KEY, the files of a certificate and its key: turns TLS on
//
// The first signal closes gracefully, a second one forces. A second signal within 100 ms
// is ignored, because GNU timeout sends two. When the last session has ended, the demo
// prints the report on standard output and exits.

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo/demo.h"
#include "demo/number.h"

enum {
    // A signal so soon after the first one is a duplicate of it.
    SAME_SIGNAL_MS = 100,
};

struct options {
    uint16_t port;
    uint32_t drain_ms;
    // 0: the library's default.
    uint64_t workers;
    uint64_t memory_bytes;
};

// Reads an option that must be a number of at most `max`. NULL: the option is not set.
static bool read_option(const char *name, const char *text, uint64_t max, uint64_t *number) {
    if (text == NULL || number_read(text, strlen(text), max, number)) {
        return true;
    }
    fprintf(stderr, "demo: %s is \"%s\", not a number from 0 to %" PRIu64 "\n", name, text, max);
    return false;
}

static bool read_options(int argc, char **argv, struct options *out_options) {
    uint64_t port = 8080;
    uint64_t drain_ms = 5000;
    uint64_t workers = 0;
    uint64_t memory_bytes = 0;
    if (argc > 2) {
        fprintf(stderr, "usage: demo [PORT]\n");
        return false;
    }
    if (!read_option("the port", argc > 1 ? argv[1] : NULL, UINT16_MAX, &port) ||
        !read_option("DRAIN_MS", getenv("DRAIN_MS"), UINT32_MAX, &drain_ms) ||
        !read_option("GOAWAY_WORKERS", getenv("GOAWAY_WORKERS"), 1024, &workers) ||
        !read_option("GOAWAY_MEMORY_BYTES", getenv("GOAWAY_MEMORY_BYTES"), UINT64_MAX, &memory_bytes)) {
        return false;
    }
    *out_options = (struct options){.port = (uint16_t)port,
                                    .drain_ms = (uint32_t)drain_ms,
                                    .workers = workers,
                                    .memory_bytes = memory_bytes};
    return true;
}

// A thread that waits for signals, so that no handler is ever interrupted.
struct watch {
    pthread_t thread;
    sigset_t signals;
    struct demo *demo;
    atomic_bool over;
};

static void *watch_signals(void *data) {
    struct watch *watch = data;
    uint64_t first_ms = 0;
    for (bool again = false;; again = true) {
        int signal;
        sigwait(&watch->signals, &signal);
        if (atomic_load(&watch->over)) {
            return NULL;
        }
        if (!again) {
            first_ms = timer_now_ms();
            goaway_server_close(watch->demo->server, watch->demo->drain_ms, NULL, NULL);
        } else if (timer_now_ms() - first_ms >= SAME_SIGNAL_MS) {
            goaway_server_close(watch->demo->server, 0, NULL, NULL);
        }
    }
}

// Blocks the signals on this thread and on all threads that it starts, so that only
// the thread that waits for signals gets them. Call it before any thread is started.
static void watch_prepare(struct watch *watch, struct demo *demo) {
    watch->demo = demo;
    atomic_init(&watch->over, false);
    sigemptyset(&watch->signals);
    sigaddset(&watch->signals, SIGTERM);
    sigaddset(&watch->signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &watch->signals, NULL);
}

static bool watch_start(struct watch *watch) {
    return pthread_create(&watch->thread, NULL, watch_signals, watch) == 0;
}

static void watch_stop(struct watch *watch) {
    atomic_store(&watch->over, true);
    pthread_kill(watch->thread, SIGTERM);
    pthread_join(watch->thread, NULL);
}

// Shows the progress of the close, on a terminal only.
static void show_progress(const goaway_progress *progress, void *user_data) {
    (void)user_data;
    fprintf(stderr, "\rleaving: sessions %" PRIu64 ", streams %" PRIu64 ", %" PRIu64 ".%" PRIu64 " s left \033[K",
            progress->sessions, progress->streams, progress->left_ms / 1000, progress->left_ms % 1000 / 100);
}

static bool print_report(const goaway_report *report) {
    const struct {
        const char *name;
        uint64_t number;
    } lines[] = {
        {"sessions_graceful", report->sessions_graceful},
        {"sessions_by_peer", report->sessions_by_peer},
        {"sessions_in_handshake", report->sessions_in_handshake},
        {"sessions_forced", report->sessions_forced},
        {"sessions_stuck", report->sessions_stuck},
        {"streams_completed", report->streams_completed},
        {"streams_reset", report->streams_reset},
        {"streams_refused", report->streams_refused},
        {"bytes_unsent", report->bytes_unsent},
        {"elapsed_ms", report->elapsed_ms},
    };
    for (size_t index = 0; index < sizeof lines / sizeof lines[0]; index++) {
        printf("%s\"%s\":%" PRIu64, index == 0 ? "{" : ",", lines[index].name, lines[index].number);
    }
    printf("}\n");
    return fflush(stdout) == 0;
}

// Prints what failed, with the library's text.
static bool report_failure(const char *what) {
    fprintf(stderr, "demo: %s: %s\n", what, goaway_last_error());
    return false;
}

// Listens, with TLS if a certificate is given.
static bool demo_listen(struct demo *demo, const char *address) {
    const char *certificate = getenv("TLS_CERT"), *key = getenv("TLS_KEY");
    if (certificate == NULL || key == NULL) {
        return goaway_server_listen(demo->server, address) == GOAWAY_OK;
    }
    goaway_tls *tls = goaway_tls_new();
    bool listens = goaway_tls_add_certificate(tls, certificate, key, NULL) == GOAWAY_OK &&
                   goaway_server_listen_tls(demo->server, address, tls) == GOAWAY_OK;
    goaway_tls_free(tls);
    return listens;
}

static bool set_up(struct demo *demo, const struct options *options) {
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", options->port);
    const char *instead = getenv("GOAWAY_ADDRESS");
    if (options->workers > 0 &&
        goaway_server_set_limit(demo->server, GOAWAY_LIMIT_WORKERS, options->workers) != GOAWAY_OK) {
        return report_failure("GOAWAY_WORKERS");
    }
    if (options->memory_bytes > 0 &&
        goaway_server_set_limit(demo->server, GOAWAY_LIMIT_MEMORY_BYTES, options->memory_bytes) != GOAWAY_OK) {
        return report_failure("GOAWAY_MEMORY_BYTES");
    }
    if (routes_register(demo) != GOAWAY_OK ||
        goaway_server_set_on_session(demo->server, events_keep, &demo->events) != GOAWAY_OK ||
        (isatty(STDERR_FILENO) && goaway_server_set_on_progress(demo->server, show_progress, NULL) != GOAWAY_OK)) {
        return report_failure("cannot be set up");
    }
    if (!demo_listen(demo, instead != NULL ? instead : address)) {
        fprintf(stderr, "demo: %s\n", goaway_last_error());
        return false;
    }
    return true;
}

// Serves until a signal or `POST /close` closes the server.
static bool serve(struct demo *demo, struct watch *watch) {
    if (goaway_server_start(demo->server) != GOAWAY_OK) {
        return report_failure("cannot start");
    }
    if (!watch_start(watch)) {
        fprintf(stderr, "demo: the system gives no thread\n");
        return false;
    }
    printf("listening on %s\n", goaway_server_address(demo->server, 0));
    fflush(stdout);
    goaway_status waited = goaway_server_wait(demo->server, GOAWAY_FOREVER);
    watch_stop(watch);
    if (waited != GOAWAY_OK) {
        return report_failure("cannot wait");
    }
    if (isatty(STDERR_FILENO)) {
        fprintf(stderr, "\r\033[K");
    }
    return print_report(goaway_server_report(demo->server));
}

int main(int argc, char **argv) {
    // Not on the stack: a handler that does not return may run longer than main.
    static struct demo demo;
    struct watch watch;
    struct options options;
    if (!read_options(argc, argv, &options)) {
        return EXIT_FAILURE;
    }
    watch_prepare(&watch, &demo);
    demo.drain_ms = options.drain_ms;
    demo.server = goaway_server_new();
    if (demo.server == NULL || !events_init(&demo.events) || !timer_start(&demo.timer)) {
        fprintf(stderr, "demo: the system gives no memory or no thread\n");
        return EXIT_FAILURE;
    }
    bool served = set_up(&demo, &options) && serve(&demo, &watch);
    // The server first: its callbacks use the others.
    goaway_server_free(demo.server);
    timer_stop(&demo.timer);
    events_destroy(&demo.events);
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
