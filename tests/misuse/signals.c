// Signals belong to the host: its dispositions are unchanged, its handlers run on its own
// threads, and a peer that disappears does not end it with SIGPIPE.

#include <sys/syscall.h>

#include "host.h"

static struct host host;
static atomic_bool over;

static void on_big(goaway_request request, void *user_data) {
    (void)user_data;
    static const char big[1 << 20];
    goaway_request_respond(request, 200, big, sizeof big);
}

static void *break_off(void *data) {
    for (uintptr_t round = (uintptr_t)data; !atomic_load(&over); round++) {
        struct client client = client_connect(host.port);
        if (client.socket < 0) {
            continue;
        }
        client_greet(&client);
        for (uintptr_t number = 0; number <= round % 5; number++) {
            client_get(&client, "/big");
        }
        if (round % 3 == 0) {
            char bytes[100];
            recv(client.socket, bytes, sizeof bytes, 0);
        }
        if (round % 4 == 0) {
            client_close(&client);
        } else {
            client_break(&client);
        }
    }
    return NULL;
}

static void peers_that_vanish(void) {
    struct sigaction pipe;
    signal(SIGPIPE, SIG_DFL);
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "GET /big", on_big, NULL));
    host_go(&host);
    pthread_t threads[4];
    for (uintptr_t index = 0; index < COUNT(threads); index++) {
        pthread_create(&threads[index], NULL, break_off, (void *)index);
    }
    pause_ms(3000);
    atomic_store(&over, true);
    for (size_t index = 0; index < COUNT(threads); index++) {
        pthread_join(threads[index], NULL);
    }
    CHECK(sigaction(SIGPIPE, NULL, &pipe) == 0 && pipe.sa_handler == SIG_DFL);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static const int asynchronous[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGQUIT, SIGALRM, SIGCHLD, SIGPIPE,
                                   SIGIO,   SIGURG, SIGWINCH, SIGTTIN, SIGVTALRM};

// Threads of the host that may handle signals; 0 if there is none.
static atomic_long hosts_threads[2];
static atomic_int handled;
static atomic_int handled_elsewhere;

static void on_signal(int signal) {
    (void)signal;
    long thread = syscall(SYS_gettid);
    atomic_fetch_add(&handled, 1);
    if (thread != atomic_load(&hosts_threads[0]) && thread != atomic_load(&hosts_threads[1])) {
        atomic_fetch_add(&handled_elsewhere, 1);
    }
}

static void handle(int number) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(number, &action, NULL);
}

// The threads of the library start while the host handles every signal. Then the host
// blocks signals: a signal must wait for it.
static void handlers_run_on_the_hosts_threads(void) {
    sigset_t all, before, pending;
    sigemptyset(&all);
    for (size_t index = 0; index < COUNT(asynchronous); index++) {
        handle(asynchronous[index]);
        sigaddset(&all, asynchronous[index]);
    }
    atomic_store(&hosts_threads[0], syscall(SYS_gettid));
    host_start(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    for (size_t index = 0; index < COUNT(asynchronous); index++) {
        kill(getpid(), asynchronous[index]);
    }
    pause_ms(50);
    host_serves(&host, &client);
    CHECK_NUMBER(handled, 0);
    sigpending(&pending);
    for (size_t index = 0; index < COUNT(asynchronous); index++) {
        about("signal %d", asynchronous[index]);
        CHECK(sigismember(&pending, asynchronous[index]) == 1);
    }
    about("");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK_NUMBER(handled, COUNT(asynchronous));
    CHECK_NUMBER(handled_elsewhere, 0);
    client_close(&client);
    host_end(&host);
}

static atomic_int starts;

static void *start_and_end(void *data) {
    (void)data;
    atomic_store(&hosts_threads[1], syscall(SYS_gettid));
    while (!atomic_load(&over)) {
        host_new(&host);
        CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 16));
        host_go(&host);
        host_end(&host);
        atomic_fetch_add(&starts, 1);
    }
    return NULL;
}

// Nor while a thread of the library starts.
static void also_while_threads_start(void) {
    sigset_t set;
    handle(SIGUSR1);
    pthread_t thread;
    pthread_create(&thread, NULL, start_and_end, NULL);
    while (atomic_load(&hosts_threads[1]) == 0) {
        pause_ms(1);
    }
    // Only the thread that starts the server can handle it.
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    uint64_t until = clock_ms() + 3000;
    while (clock_ms() < until && atomic_load(&handled_elsewhere) == 0) {
        kill(getpid(), SIGUSR1);
        struct timespec moment = {.tv_nsec = 20000};
        nanosleep(&moment, NULL);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    CHECK(handled > 0 && starts > 0);
    CHECK_NUMBER(handled_elsewhere, 0);
}

// The dispositions of the host are unchanged, for every signal and on its own thread.
static void dispositions_and_mask_stay(void) {
    struct sigaction before[65], after;
    sigset_t mask_before, mask_after;
    for (int number = 1; number < 65; number++) {
        sigaction(number, NULL, &before[number]);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &mask_before);
    host_start(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
    pthread_sigmask(SIG_BLOCK, NULL, &mask_after);
    for (int number = 1; number < 65; number++) {
        about("signal %d", number);
        if (sigaction(number, NULL, &after) == 0) {
            CHECK(after.sa_handler == before[number].sa_handler && after.sa_flags == before[number].sa_flags);
        }
        CHECK_NUMBER(sigismember(&mask_after, number), sigismember(&mask_before, number));
    }
}

static void *disturb(void *data) {
    pthread_t *main_thread = data;
    while (!atomic_load(&over)) {
        pthread_kill(*main_thread, SIGUSR1);
        pause_ms(1);
    }
    return NULL;
}

// A handler that interrupts system calls interrupts none of the library's.
static void calls_are_not_interrupted(void) {
    pthread_t self = pthread_self(), thread;
    handle(SIGUSR1);
    pthread_create(&thread, NULL, disturb, &self);
    for (int round = 0; round < 5; round++) {
        host_new(&host);
        CHECK_OK(goaway_server_listen(host.server, "localhost:0"));
        CHECK_OK(goaway_server_start(host.server));
        uint64_t began = clock_ms();
        CHECK_STATUS(goaway_server_wait(host.server, 200), GOAWAY_ERR_TIMEOUT);
        CHECK(clock_ms() - began >= 200);
        CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
        CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
        goaway_server_free(host.server);
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    CHECK(handled > 0);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(peers_that_vanish),
        CASE(handlers_run_on_the_hosts_threads),
        CASE(also_while_threads_start),
        CASE(dispositions_and_mask_stay),
        CASE(calls_are_not_interrupted),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
