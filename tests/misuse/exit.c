// Every way in which a process can end while a server runs, a request waits and a
// callback does not return: the process ends soon, with the exit code that was requested.
//
//   exit              every way, several times
//   exit NUMBER       this one only, in this process

#include "host.h"

enum { ASKED = 37 };

static struct host host;
static struct client client;
static struct client busy;
static atomic_bool sleeping;

static void on_sleep(goaway_request request, void *user_data) {
    (void)request, (void)user_data;
    atomic_store(&sleeping, true);
    pause_ms(60000);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_request_respond(request, 200, "fine", 4);
}

static void on_exit_request(goaway_request request, void *user_data) {
    (void)request, (void)user_data;
    exit(ASKED);
}

static void on_exit_close(const goaway_report *report, void *user_data) {
    (void)report, (void)user_data;
    exit(ASKED);
}

static void *load(void *data) {
    (void)data;
    struct frame frame;
    struct client loading = client_connect(host.port);
    client_greet(&loading);
    do {
        client_get(&loading, "/load");
    } while (client_read(&loading, &frame));
    client_close(&loading);
    return NULL;
}

static void serve(void) {
    check_errors();
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 3));
    CHECK_OK(goaway_server_register_handler(host.server, "GET /sleep", on_sleep, NULL));
    CHECK_OK(goaway_server_register_handler(host.server, "GET /load", on_request, NULL));
    CHECK_OK(goaway_server_register_handler(host.server, "GET /exit", on_exit_request, NULL));
    host_go(&host);
    client = client_open(host.port);
    client_get(&client, "/");
    host_take(&host);
}

// The full load: a request that waits, a callback that sleeps, and traffic.
static void serve_and_more(void) {
    serve();
    busy = client_open(host.port);
    client_get(&busy, "/sleep");
    CHECK_SOON(sleeping);
    pthread_t thread;
    pthread_create(&thread, NULL, load, NULL);
    pthread_detach(thread);
    pause_ms(20);
}

static int by_return(void) {
    serve_and_more();
    return ASKED;
}

static int by_exit(void) {
    serve_and_more();
    exit(ASKED);
}

static int by__exit(void) {
    serve_and_more();
    _exit(ASKED);
}

static int by_quick_exit(void) {
    serve_and_more();
    quick_exit(ASKED);
}

static void *exit_soon(void *data) {
    (void)data;
    pause_ms(30);
    exit(ASKED);
}

static int by_exit_of_another_thread(void) {
    serve_and_more();
    pthread_t thread;
    pthread_create(&thread, NULL, exit_soon, NULL);
    pthread_exit(NULL);
}

#ifndef __SANITIZE_THREAD__
static void *end_soon(void *data) {
    (void)data;
    pause_ms(30);
    client_close(&client);
    host_end(&host);
    return NULL;
}

// The process ends with its last thread, which must not be one of the library's.
static int by_the_end_of_the_last_thread(void) {
    serve();
    pthread_t thread;
    pthread_create(&thread, NULL, end_soon, NULL);
    pthread_exit(NULL);
}
#endif

static int by_exit_inside_a_callback(void) {
    serve_and_more();
    client_get(&client, "/exit");
    pause_ms(60000);
    return 1;
}

static int by_exit_inside_on_close(void) {
    serve();
    CHECK_OK(goaway_server_close(host.server, 0, on_exit_close, NULL));
    pause_ms(60000);
    return 1;
}

static int while_it_closes(void) {
    serve_and_more();
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    pause_ms(5);
    exit(ASKED);
}

static void *free_it(void *data) {
    (void)data;
    goaway_server_free(host.server);
    return NULL;
}

static int while_it_is_freed(void) {
    serve_and_more();
    pthread_t thread;
    pthread_create(&thread, NULL, free_it, NULL);
    pause_ms(5);
    exit(ASKED);
}

static void close_and_free(void) {
    CHECK_OK(goaway_server_close(host.server, 100, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, 2000));
    goaway_server_free(host.server);
}

static int with_a_handler_that_frees(void) {
    atexit(close_and_free);
    serve_and_more();
    exit(ASKED);
}

// The same on a thread of the library: waiting is refused, and freeing continues on
// another thread.
static void close_and_free_in_vain(void) {
    CHECK_OK(goaway_server_close(host.server, 100, NULL, NULL));
    CHECK_STATUS(goaway_server_wait(host.server, 2000), GOAWAY_ERR_DEADLOCK);
    goaway_server_free(host.server);
}

static int with_a_handler_that_frees_inside_a_callback(void) {
    atexit(close_and_free_in_vain);
    return by_exit_inside_a_callback();
}

static int after_a_callback_was_left_behind(void) {
    serve_and_more();
    goaway_server_free(host.server);
    return ASKED;
}

static int by_a_signal(void) {
    serve_and_more();
    kill(getpid(), SIGTERM);
    pause_ms(60000);
    return 1;
}

static const struct {
    const char *name;
    int (*leave)(void);
    int code;
    int signal;
    // How long the exit itself may take.
    uint64_t takes_ms;
} ways[] = {
    {"return from main", by_return, ASKED, 0, 0},
    {"exit", by_exit, ASKED, 0, 0},
    {"_exit", by__exit, ASKED, 0, 0},
    {"quick_exit", by_quick_exit, ASKED, 0, 0},
    {"exit of another thread, main has gone", by_exit_of_another_thread, ASKED, 0, 0},
#ifndef __SANITIZE_THREAD__
    // ThreadSanitizer's own thread would be the last.
    {"the end of the last thread", by_the_end_of_the_last_thread, 0, 0, 0},
#endif
    {"exit inside a callback", by_exit_inside_a_callback, ASKED, 0, 0},
    {"exit inside on_close", by_exit_inside_on_close, ASKED, 0, 0},
    {"exit while it closes", while_it_closes, ASKED, 0, 0},
    {"exit while it is freed", while_it_is_freed, ASKED, 0, 0},
    {"exit with a handler that frees", with_a_handler_that_frees, ASKED, 0, 5000},
    {"exit with a handler that frees, inside a callback", with_a_handler_that_frees_inside_a_callback, ASKED, 0, 0},
    {"return after a callback was left behind", after_a_callback_was_left_behind, ASKED, 0, 3000},
    {"SIGTERM", by_a_signal, 0, SIGTERM, 0},
};

int main(int argc, char **argv) {
    if (argc > 1) {
        return ways[strtoul(argv[1], NULL, 10) % COUNT(ways)].leave();
    }
    // Once is enough on a slow machine.
    int rounds = check_patience() == 1 ? 5 : 1;
    for (size_t way = 0; way < COUNT(ways); way++) {
        for (int round = 0; round < (ways[way].takes_ms > 0 ? 1 : rounds); round++) {
            about("%s, round %d", ways[way].name, round);
            pid_t child = fork();
            if (child == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                int code = ways[way].leave();
                return atomic_load(&check_failures) == 0 ? code : 1;
            }
            int code = 0;
            const char *wrong = check_outcome(child, 2000 + ways[way].takes_ms, &code);
            char expected[32];
            snprintf(expected, sizeof expected, "killed by signal %d ", ways[way].signal);
            if (wrong != NULL && strncmp(wrong, expected, strlen(expected)) != 0) {
                check_failed(__FILE__, __LINE__, "%s", wrong);
            } else {
                CHECK_NUMBER(code, ways[way].code);
            }
        }
    }
    return atomic_load(&check_failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
