// Callbacks that do not return in time: the close does not wait for them, and reports
// them. The free detaches their threads.

#include "host.h"

// Longer under valgrind, so that the library has the time to call the callback.
static uint64_t drain_ms(void) {
    return patience_ms(200);
}

static struct host host;
// The callback that does not return, once.
enum place { NOWHERE, IN_REQUEST, IN_EVENT, IN_CANCEL, IN_DRAIN, IN_PROGRESS, IN_CLOSE, IN_LOG };
static atomic_int place;
static atomic_bool stuck;
// Set by the test when the callback may return.
static atomic_bool released;
static atomic_bool loose;
static atomic_int closes;

static void enter(enum place here) {
    int expected = (int)here;
    if (atomic_compare_exchange_strong(&place, &expected, NOWHERE)) {
        atomic_store(&stuck, true);
        CHECK_SOON(released);
        atomic_store(&loose, true);
    }
}

static void on_request(goaway_request request, void *user_data) {
    enter(IN_REQUEST);
    host_queue(request, user_data);
}

static void on_event(const goaway_session_event *event, void *user_data) {
    host_watch(event, user_data);
    if (event->kind == GOAWAY_EVENT_PING) {
        enter(IN_EVENT);
    }
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)cause, (void)code, (void)user_data;
    enter(IN_CANCEL);
}

static void on_drain(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)left_ms, (void)user_data;
    enter(IN_DRAIN);
}

static void on_progress(const goaway_progress *progress, void *user_data) {
    (void)progress, (void)user_data;
    enter(IN_PROGRESS);
}

static void on_close(const goaway_report *report, void *user_data) {
    (void)report, (void)user_data;
    atomic_fetch_add(&closes, 1);
    enter(IN_CLOSE);
}

static void on_log(uint32_t level, const char *target, const char *message, void *user_data) {
    (void)level, (void)target, (void)message, (void)user_data;
    char thread[32] = "";
    pthread_getname_np(pthread_self(), thread, sizeof thread);
    if (strncmp(thread, "goaway-", 7) == 0) {
        enter(IN_LOG);
    }
}

static struct client client;
// The last time at which the close was not complete.
static uint64_t unfinished;

static void start(void) {
    memset(&host, 0, sizeof host);
    pthread_mutex_init(&host.lock, NULL);
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 1));
    CHECK_OK(goaway_server_register_handler(host.server, "*", on_request, &host));
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    CHECK_OK(goaway_server_set_on_progress(host.server, on_progress, NULL));
    host_go(&host);
    client = client_open(host.port);
}

// Closes, and returns the report, which is available in time whatever is stuck.
static const goaway_report *close_in_time(void) {
    uint64_t began = clock_ms();
    CHECK_OK(goaway_server_close(host.server, (uint32_t)drain_ms(), on_close, NULL));
    const goaway_report *report = NULL;
    while (report == NULL && clock_ms() - began < patience_ms(SOON_MS)) {
        pause_ms(1);
        unfinished = clock_ms();
        report = goaway_server_report(host.server);
    }
    uint64_t took = clock_ms() - began;
    CHECK(took < drain_ms() + 1000 + patience_ms(1000));
    REQUIRE(report != NULL);
    return report;
}

// Frees while the callback is stuck, within a bound, and lets the callback return
// afterwards, which must be harmless.
static void end(void) {
    CHECK_SOON(stuck);
    uint64_t before = clock_ms();
    goaway_server_free(host.server);
    CHECK(clock_ms() - before < 3000 + patience_ms(1000));
    CHECK(!loose);
    atomic_store(&released, true);
    CHECK_SOON(loose);
    client_close(&client);
    CHECK_SOON(count_threads() == 3);
}

static void in_a_request(void) {
    atomic_store(&place, IN_REQUEST);
    start();
    client_get(&client, "/");
    CHECK_SOON(stuck);
    const goaway_report *report = close_in_time();
    CHECK_NUMBER(report->sessions_stuck, 1);
    CHECK_NUMBER(report->sessions_forced, 1);
    CHECK(!loose);
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK_NUMBER(closes, 1);
    end();
}

static void in_an_event(void) {
    atomic_store(&place, IN_EVENT);
    start();
    client_ping(&client);
    CHECK_SOON(stuck);
    const goaway_report *report = close_in_time();
    CHECK_NUMBER(report->sessions_stuck, 1);
    CHECK_NUMBER(report->sessions_forced, 1);
    end();
}

static void in_on_cancel(void) {
    start();
    uint32_t stream = client_get(&client, "/");
    CHECK_OK(goaway_request_set_on_cancel(host_take(&host), on_cancel, NULL));
    atomic_store(&place, IN_CANCEL);
    client_reset(&client, stream);
    CHECK_SOON(stuck);
    CHECK_NUMBER(close_in_time()->sessions_stuck, 1);
    end();
}

static void in_on_drain(void) {
    start();
    client_get(&client, "/");
    CHECK_OK(goaway_request_set_on_drain(host_take(&host), on_drain, NULL));
    atomic_store(&place, IN_DRAIN);
    CHECK_NUMBER(close_in_time()->sessions_stuck, 1);
    end();
}

// A stuck callback delays only the sessions of its own thread.
static void beside_others(void) {
    memset(&host, 0, sizeof host);
    pthread_mutex_init(&host.lock, NULL);
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 2));
    CHECK_OK(goaway_server_register_handler(host.server, "*", on_request, &host));
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    host_go(&host);
    client = client_open(host.port);
    CHECK_SOON(host.opened == 1);
    struct client neighbour = client_open(host.port);
    CHECK_SOON(host.opened == 2);
    atomic_store(&place, IN_REQUEST);
    client_get(&client, "/");
    CHECK_SOON(stuck);
    host_serves(&host, &neighbour);
    client_close(&neighbour);
    CHECK_SOON(host.closed == 1);
    CHECK_NUMBER(close_in_time()->sessions_stuck, 1);
    end();
}

// The threads of the library without sessions.
static void in_on_progress(void) {
    start();
    client_get(&client, "/");
    host_take(&host);
    atomic_store(&place, IN_PROGRESS);
    const goaway_report *report = close_in_time();
    CHECK_NUMBER(report->sessions_forced, 1);
    CHECK_NUMBER(report->sessions_stuck, 0);
    end();
}

static void in_on_close(void) {
    start();
    host_serves(&host, &client);
    atomic_store(&place, IN_CLOSE);
    const goaway_report *report = close_in_time();
    CHECK_NUMBER(report->sessions_stuck, 0);
    // A wait includes it, but for a second only. On a busy machine that may pass before
    // the wait begins.
    CHECK_SOON(stuck);
    goaway_status waited = goaway_server_wait(host.server, 50);
    if (clock_ms() - unfinished < 1000) {
        CHECK_STATUS(waited, GOAWAY_ERR_TIMEOUT);
    }
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK(!loose);
    CHECK_NUMBER(closes, 1);
    end();
}

static void in_on_log(void) {
    start();
    client_get(&client, "/");
    host_take(&host);
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_DEBUG, on_log, NULL));
    atomic_store(&place, IN_LOG);
    client_ping(&client);
    CHECK_SOON(stuck);
    close_in_time();
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(in_a_request), CASE(in_an_event),  CASE(in_on_cancel), CASE(in_on_drain),
        CASE(beside_others), CASE(in_on_progress), CASE(in_on_close), CASE_WITH_LOG(in_on_log),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
