// Every call on a server in every state, mainly the wrong ones.

#include <sys/resource.h>

#include "host.h"

static struct host host;

static void on_progress(const goaway_progress *progress, void *user_data) {
    (void)progress, (void)user_data;
}

// A thread that waits for the end of a close, and its result.
struct waiter {
    atomic_int told;
    goaway_report report;
};

static void on_close(const goaway_report *report, void *user_data) {
    struct waiter *waiter = user_data;
    waiter->report = *report;
    atomic_fetch_add(&waiter->told, 1);
}

// Calls that are allowed before the start only.
static void setters(goaway_server *server, goaway_status expected) {
    static int number;
    char pattern[32];
    snprintf(pattern, sizeof pattern, "GET /%d", number++);
    CHECK_STATUS(goaway_server_set_limit(server, GOAWAY_LIMIT_WORKERS, 1), expected);
    CHECK_STATUS(goaway_server_set_feature(server, GOAWAY_FEATURE_UPGRADE, true), expected);
    CHECK_STATUS(goaway_server_set_settings(server, NULL, 0), expected);
    CHECK_STATUS(goaway_server_register_handler(server, pattern, host_queue, &host), expected);
    CHECK_STATUS(goaway_server_set_on_progress(server, on_progress, NULL), expected);
    CHECK_STATUS(goaway_server_set_on_session(server, host_watch, &host), expected);
    CHECK_STATUS(goaway_server_listen(server, "127.0.0.1:0"), expected);
}

static void no_sessions(goaway_server *server) {
    goaway_session_list *list = goaway_session_list_new(server);
    CHECK(list != NULL && goaway_session_list_len(list) == 0);
    goaway_session_list_free(list);
}

static void before_the_start(void) {
    goaway_server *server = goaway_server_new();
    CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
    CHECK_NUMBER(goaway_server_port(server, 0), 0);
    setters(server, GOAWAY_OK);
    setters(server, GOAWAY_OK);
    CHECK(goaway_server_port(server, 0) != 0 && goaway_server_port(server, 1) != 0);
    CHECK_NUMBER(goaway_server_port(server, 2), 0);
    CHECK_STATUS(goaway_server_wait(server, 0), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_wait(server, GOAWAY_FOREVER), GOAWAY_ERR_STATE);
    CHECK(goaway_server_report(server) == NULL);
    no_sessions(server);
    goaway_server_free(server);
}

static void while_it_runs(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    setters(host.server, GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_start(host.server), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_wait(host.server, 0), GOAWAY_ERR_TIMEOUT);
    CHECK_STATUS(goaway_server_wait(host.server, 30), GOAWAY_ERR_TIMEOUT);
    CHECK(goaway_server_report(host.server) == NULL);
    CHECK_NUMBER(goaway_server_port(host.server, 0), host.port);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void while_it_closes_and_after_the_end(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    client_get(&client, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    setters(host.server, GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_start(host.server), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_wait(host.server, 0), GOAWAY_ERR_TIMEOUT);
    CHECK(goaway_server_report(host.server) == NULL);
    CHECK_OK(goaway_request_respond(request, 200, "late", 4));
    CHECK(client_answer(&client, 1).whole);
    client_close(&client);
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));

    struct waiter late[3] = {0};
    setters(host.server, GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_start(host.server), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_server_wait(host.server, 0));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    no_sessions(host.server);
    const goaway_report *report = goaway_server_report(host.server);
    REQUIRE(report != NULL);
    CHECK(report == goaway_server_report(host.server));
    CHECK_NUMBER(report->sessions_graceful, 1);
    CHECK_NUMBER(report->streams_completed, 1);
    for (size_t index = 0; index < COUNT(late); index++) {
        CHECK_OK(goaway_server_close(host.server, 1000, on_close, &late[index]));
        CHECK_SOON(late[index].told == 1);
        CHECK(memcmp(&late[index].report, report, sizeof *report) == 0);
    }
    goaway_server_free(host.server);
}

static void closed_before_the_start(void) {
    struct waiter waiters[2] = {0};
    const goaway_report nothing = {0};
    goaway_server *server = goaway_server_new();
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    for (size_t index = 0; index < COUNT(waiters); index++) {
        CHECK_OK(goaway_server_close(server, 1000, on_close, &waiters[index]));
        CHECK_NUMBER(waiters[index].told, 1);
        CHECK(memcmp(&waiters[index].report, &nothing, sizeof nothing) == 0);
    }
    CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
    setters(server, GOAWAY_ERR_STATE);
    CHECK(goaway_server_report(server) != NULL);
    no_sessions(server);
    goaway_server_free(server);
}

static void *close_it(void *data) {
    struct waiter *waiter = data;
    CHECK_OK(goaway_server_close(host.server, 400, on_close, waiter));
    return NULL;
}

// on_close of every caller is called once, with the same report.
static void closed_by_many(void) {
    static struct waiter waiters[24];
    pthread_t threads[8];
    for (int round = 0; round < 3; round++) {
        memset(waiters, 0, sizeof waiters);
        host_start(&host);
        struct client client = client_open(host.port);
        client_get(&client, "/");
        host_take(&host);
        for (size_t index = 0; index < COUNT(threads); index++) {
            pthread_create(&threads[index], NULL, close_it, &waiters[index]);
        }
        for (size_t index = 0; index < COUNT(threads); index++) {
            pthread_join(threads[index], NULL);
        }
        client_close(&client);
        for (size_t index = 8; index < 16; index++) {
            close_it(&waiters[index]);
        }
        CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
        for (size_t index = 16; index < 24; index++) {
            close_it(&waiters[index]);
        }
        const goaway_report *report = goaway_server_report(host.server);
        REQUIRE(report != NULL);
        CHECK_NUMBER(report->sessions_graceful + report->sessions_by_peer + report->sessions_forced, 1);
        for (size_t index = 0; index < COUNT(waiters); index++) {
            CHECK_SOON(waiters[index].told == 1);
            CHECK(memcmp(&waiters[index].report, report, sizeof *report) == 0);
        }
        pause_ms(20);
        for (size_t index = 0; index < COUNT(waiters); index++) {
            CHECK_NUMBER(waiters[index].told, 1);
        }
        CHECK_SOON(host.opened == host.closed);
        goaway_server_free(host.server);
    }
}

// A later close shortens; a longer one changes nothing.
static void closing_again_shortens(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    client_get(&client, "/");
    host_take(&host);
    uint64_t began = clock_ms();
    CHECK_OK(goaway_server_close(host.server, GOAWAY_FOREVER, NULL, NULL));
    CHECK_OK(goaway_server_close(host.server, 100, NULL, NULL));
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK(clock_ms() - began >= 100 && clock_ms() - began < 1100 + patience_ms(1000));
    CHECK_NUMBER(goaway_server_report(host.server)->sessions_forced, 1);
    goaway_server_free(host.server);
    client_close(&client);
}

static void bad_addresses(void) {
    static char endless[100000];
    memset(endless, '1', sizeof endless - 1);
    const char *bad[] = {
        "",           ":",         "::",          ":80:",           "127.0.0.1",        "127.0.0.1:",
        "127.0.0.1:x", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:99999999999999999999", "127.0.0.1:0x50", "[::1]",
        "[::1",       "[::1]:",    "[]:80",       " 127.0.0.1:0",   "127.0.0.1:0 ",     "127.0.0.1 :0",
        "http://127.0.0.1:80", "/tmp/socket", "\n:0", "192.0.2.1:0",  "[2001:db8::1]:0",  endless,
    };
    goaway_server *server = goaway_server_new();
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("\"%.40s\"", bad[index]);
        CHECK_STATUS(goaway_server_listen(server, bad[index]), GOAWAY_ERR_ADDRESS);
        CHECK_NUMBER(goaway_server_port(server, 0), 0);
    }
    about("");
    CHECK_STATUS(goaway_server_listen(server, "\xff\xfe:80"), GOAWAY_ERR_UTF8);
    CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
    goaway_server_free(server);
}

static void busy_addresses(void) {
    char address[32];
    host_start(&host);
    snprintf(address, sizeof address, "127.0.0.1:%u", host.port);
    goaway_server *server = goaway_server_new();
    CHECK_STATUS(goaway_server_listen(server, address), GOAWAY_ERR_ADDRESS_IN_USE);
    CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
    // An address that the server listens on itself is in use, too, and stays.
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    snprintf(address, sizeof address, "127.0.0.1:%u", goaway_server_port(server, 0));
    CHECK_STATUS(goaway_server_listen(server, address), GOAWAY_ERR_ADDRESS_IN_USE);
    CHECK_NUMBER(goaway_server_port(server, 1), 0);
    // The address is free again as soon as its server is closed, or freed without a
    // start.
    snprintf(address, sizeof address, "127.0.0.1:%u", host.port);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
    CHECK_OK(goaway_server_listen(server, address));
    goaway_server_free(server);
    server = goaway_server_new();
    CHECK_OK(goaway_server_listen(server, address));
    CHECK_OK(goaway_server_close(server, 0, NULL, NULL));
    goaway_server *next = goaway_server_new();
    CHECK_OK(goaway_server_listen(next, address));
    goaway_server_free(next);
    goaway_server_free(server);
}

static void bad_patterns(void) {
    static char endless[1 << 20];
    memset(endless, 'x', sizeof endless - 1);
    const char *bad[] = {
        "",       " ",      "/",       "GET",     "GET ",    " /",          "GET  /",   "GET a",
        "GET\t/", "G(T /",  "GET, /",  "G\x01T /", "* *",    "**",          "GET *",    "GET /{",
        "GET /{}", "GET /{a", "GET /a}", "GET /{a}{b}", "GET /{*}", "GET /{*a}/b", "GET /{*a}{b}", endless,
    };
    goaway_server *server = goaway_server_new();
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("\"%.40s\"", bad[index]);
        CHECK_STATUS(goaway_server_register_handler(server, bad[index], host_queue, &host), GOAWAY_ERR_INVALID);
    }
    about("");
    CHECK_STATUS(goaway_server_register_handler(server, "GET /\xff", host_queue, &host), GOAWAY_ERR_UTF8);
    const char *good[] = {"*",           "* /",            "GET /",        "POST /",
                          "GET /a/{id}", "GET /b/{*rest}", "* /b/{*rest}", "GET /\xc3\xa4"};
    for (size_t index = 0; index < COUNT(good); index++) {
        about("\"%s\"", good[index]);
        CHECK_OK(goaway_server_register_handler(server, good[index], host_queue, &host));
        CHECK_STATUS(goaway_server_register_handler(server, good[index], host_queue, &host), GOAWAY_ERR_INVALID);
    }
    CHECK_STATUS(goaway_server_register_handler(server, "GET /a/{other}", host_queue, &host), GOAWAY_ERR_INVALID);
    about("many");
    for (int number = 0; number < 5000; number++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "M%d /many/%d/{id}", number % 7, number / 7);
        if (!CHECK_OK(goaway_server_register_handler(server, pattern, host_queue, &host))) {
            break;
        }
    }
    goaway_server_free(server);
}

#define DAYS_30 2592000000

// As in the header.
static const struct {
    uint32_t limit;
    uint64_t least, most;
} ranges[] = {
    {GOAWAY_LIMIT_WORKERS, 1, 1024},
    {GOAWAY_LIMIT_CONCURRENT_STREAMS, 1, 100000},
    {GOAWAY_LIMIT_HEADER_LIST_BYTES, 1, 1048576},
    {GOAWAY_LIMIT_HEADER_FIELDS, 1, 10000},
    {GOAWAY_LIMIT_STREAM_WINDOW_BYTES, 0, 2147483647},
    {GOAWAY_LIMIT_SESSION_WINDOW_BYTES, 65535, 2147483647},
    {GOAWAY_LIMIT_SEND_BUFFER_BYTES, 16384, 1073741824},
    {GOAWAY_LIMIT_HIGH_WATER_BYTES, 1, 1073741824},
    {GOAWAY_LIMIT_BODY_BYTES, 0, 1099511627776},
    {GOAWAY_LIMIT_SESSIONS, 1, 1000000},
    {GOAWAY_LIMIT_SESSION_SEND_BYTES, 16384, 1073741824},
    {GOAWAY_LIMIT_SESSIONS_PER_ADDRESS, 0, 1000000},
    {GOAWAY_LIMIT_HANDSHAKE_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_HEADER_BLOCK_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_IDLE_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_KEEPALIVE_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_KEEPALIVE_TIMEOUT_MS, 1, DAYS_30},
    {GOAWAY_LIMIT_PROGRESS_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_PROGRESS_BYTES, 1, 1073741824},
    {GOAWAY_LIMIT_STREAM_IDLE_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_AGE_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_AGE_JITTER_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_REQUESTS, 0, UINT64_MAX},
    {GOAWAY_LIMIT_GRACE_MS, 0, DAYS_30},
    {GOAWAY_LIMIT_CONTROL_BURST, 10, 1000000},
    {GOAWAY_LIMIT_CONTROL_PER_SECOND, 1, 1000000},
    {GOAWAY_LIMIT_SESSION_BODY_BYTES, 0, 1099511627776},
    {GOAWAY_LIMIT_FRAME_BYTES, 16384, 16777215},
    {GOAWAY_LIMIT_HEADER_TABLE_BYTES, 0, 1048576},
    {GOAWAY_LIMIT_TLS_HANDSHAKES, 1, 1000000},
    {GOAWAY_LIMIT_MEMORY_BYTES, 1 << 20, 1ull << 50},
    {GOAWAY_LIMIT_SESSION_RESPONSE_BYTES, 0, 1ull << 40},
};

static void limits_outside_their_range(void) {
    goaway_server *server = goaway_server_new();
    for (size_t index = 0; index < COUNT(ranges); index++) {
        uint32_t limit = ranges[index].limit;
        about("limit %u", limit);
        CHECK_NUMBER(limit, index);
        if (ranges[index].least > 0) {
            CHECK_STATUS(goaway_server_set_limit(server, limit, ranges[index].least - 1), GOAWAY_ERR_INVALID);
            CHECK_STATUS(goaway_server_set_limit(server, limit, 0), GOAWAY_ERR_INVALID);
        }
        if (ranges[index].most < UINT64_MAX) {
            CHECK_STATUS(goaway_server_set_limit(server, limit, ranges[index].most + 1), GOAWAY_ERR_INVALID);
            CHECK_STATUS(goaway_server_set_limit(server, limit, UINT64_MAX), GOAWAY_ERR_INVALID);
            // Truncated to 32 bits it would fit.
            CHECK_STATUS(goaway_server_set_limit(server, limit, (1ull << 42) + ranges[index].most), GOAWAY_ERR_INVALID);
        }
        CHECK_OK(goaway_server_set_limit(server, limit, ranges[index].least));
        CHECK_OK(goaway_server_set_limit(server, limit, ranges[index].most));
    }
    about("");
    CHECK_STATUS(goaway_server_set_limit(server, COUNT(ranges), 1), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_set_limit(server, 1000, 1), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_set_limit(server, UINT32_MAX, 1), GOAWAY_ERR_INVALID);
    goaway_server_free(server);
}

static void features_that_there_are_not(void) {
    goaway_server *server = goaway_server_new();
    for (uint32_t feature = 0; feature <= GOAWAY_FEATURE_CONNECT_PROTOCOL; feature++) {
        CHECK_OK(goaway_server_set_feature(server, feature, false));
        CHECK_OK(goaway_server_set_feature(server, feature, true));
    }
    static const uint32_t unknown[] = {GOAWAY_FEATURE_CONNECT_PROTOCOL + 1, 1000, UINT32_MAX};
    for (size_t index = 0; index < COUNT(unknown); index++) {
        about("feature %u", unknown[index]);
        CHECK_STATUS(goaway_server_set_feature(server, unknown[index], true), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_server_set_feature(server, unknown[index], false), GOAWAY_ERR_INVALID);
    }
    about("");
    goaway_server_free(server);
}

// A server with every limit at its least, or at its most, serves. A thousand threads are
// not needed here, and with times of 1 ms nothing could be served.
static void limits_at_their_ends(void) {
    for (int most = 0; most < 2; most++) {
        about(most ? "most" : "least");
        host_new(&host);
        for (size_t index = 0; index < COUNT(ranges); index++) {
            uint32_t limit = ranges[index].limit;
            if (limit != GOAWAY_LIMIT_WORKERS && limit != GOAWAY_LIMIT_KEEPALIVE_TIMEOUT_MS) {
                uint64_t end = most ? ranges[index].most : ranges[index].least;
                // With a header list limit that no request meets, the response is 431.
                if (limit == GOAWAY_LIMIT_HEADER_LIST_BYTES && !most) {
                    end = 1024;
                }
                // The client does not announce it (RFC 9113, section 4.3.1).
                if (limit == GOAWAY_LIMIT_HEADER_TABLE_BYTES && !most) {
                    end = 4096;
                }
                CHECK_OK(goaway_server_set_limit(host.server, limit, end));
            }
        }
        host_go(&host);
        struct client client = client_open(host.port);
        host_serves(&host, &client);
        host_serves(&host, &client);
        client_close(&client);
        host_end(&host);
    }
}

// It cannot start now, and reports that. It starts as soon as it can, with its earlier
// configuration.
static void serves_in_the_end(void) {
    if (!CHECK_OK(goaway_server_start(host.server))) {
        return;
    }
    host.port = goaway_server_port(host.server, 0);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void no_descriptors_left(void) {
    static const int left[] = {0, 1, 2, 3, 5};
    for (size_t index = 0; index < COUNT(left); index++) {
        about("%d descriptors left", left[index]);
        host_new(&host);
        CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 2));
        CHECK_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
        int next = dup(0);
        close(next);
        struct rlimit limit;
        getrlimit(RLIMIT_NOFILE, &limit);
        const struct rlimit enough = limit;
        limit.rlim_cur = (rlim_t)(next + left[index]);
        setrlimit(RLIMIT_NOFILE, &limit);
        goaway_status status = goaway_server_start(host.server);
        // A start that does not wait for the resources of its threads would find out now.
        pause_ms(patience_ms(100));
        setrlimit(RLIMIT_NOFILE, &enough);
        if (CHECK_STATUS(status, GOAWAY_ERR_IO)) {
            serves_in_the_end();
            continue;
        }
        // It reports that it runs, so it must be able to close.
        struct waiter waiter = {0};
        CHECK_OK(goaway_server_close(host.server, 0, on_close, &waiter));
        REQUIRE_OK(goaway_server_wait(host.server, (uint32_t)patience_ms(2000)));
        CHECK_SOON(waiter.told == 1);
        goaway_server_free(host.server);
    }
}

#ifndef __SANITIZE_THREAD__
static void no_threads_left(void) {
    // The system does not count those of root.
    if (geteuid() == 0) {
        REQUIRE(setresuid(54321, 54321, 54321) == 0);
    }
    struct rlimit limit;
    getrlimit(RLIMIT_NPROC, &limit);
    const struct rlimit enough = limit;
    for (rlim_t threads = 1; threads <= 4; threads++) {
        about("at most %d threads", (int)threads);
        host_new(&host);
        CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 4));
        CHECK_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
        limit.rlim_cur = threads;
        setrlimit(RLIMIT_NPROC, &limit);
        goaway_status status = goaway_server_start(host.server);
        setrlimit(RLIMIT_NPROC, &enough);
        CHECK_STATUS(status, GOAWAY_ERR_IO);
        CHECK_SOON(count_threads() == 3);
        serves_in_the_end();
    }
}
#endif

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(before_the_start),
        CASE(while_it_runs),
        CASE(while_it_closes_and_after_the_end),
        CASE(closed_before_the_start),
        CASE(closed_by_many),
        CASE(closing_again_shortens),
        CASE(bad_addresses),
        CASE(busy_addresses),
        CASE(bad_patterns),
        CASE(limits_outside_their_range),
        CASE(features_that_there_are_not),
        CASE(limits_at_their_ends),
        CASE(no_descriptors_left),
#ifndef __SANITIZE_THREAD__
        // ThreadSanitizer needs one of its own.
        CASE(no_threads_left),
#endif
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
