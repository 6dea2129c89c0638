// HTTP/1.1 as the host sees it: targets and hosts, the order of fields,
// requests that are sent ahead, and connections that break at any moment.

#include "host.h"
#include "http1.h"

#include <fcntl.h>

static struct host host;
static struct client client;

static void other_targets_are_refused(void) {
    static const char *const targets[] = {"/\x01", "/\x7f", "/\t", "/a#b", "/?a#b", "a", "", "/a b"};
    host_start(&host);
    for (size_t index = 0; index < COUNT(targets); index++) {
        char line[256], rest[256];
        about("%zu", index);
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\nhost: a\r\n\r\n", targets[index]);
        client = client_connect(host.port);
        CHECK(http1_send(&client, line));
        struct response response = http1_read(&client);
        CHECK_NUMBER(response.status, 400);
        CHECK(http1_has(response.head, "\r\nconnection: close\r\n"));
        shutdown(client.socket, SHUT_WR);
        CHECK_NUMBER(http1_read_out(&client, rest, sizeof rest), END_FIN);
        client_close(&client);
    }
    host_end(&host);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    CHECK_OK(goaway_request_respond(request, 200, "Hello, World!", 13));
}

static size_t resident_bytes(void) {
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static atomic_int too_slow;

static void on_event(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == GOAWAY_EVENT_TIMEOUT) {
        atomic_fetch_add(&too_slow, event->cause == GOAWAY_CAUSE_TOO_SLOW);
    }
}

// Who sends requests without end and reads no response: what the server holds
// for it is bounded, and it is ended by GOAWAY_LIMIT_PROGRESS_MS.
static void requests_without_end(void) {
    static char requests[26 * 4096];
    for (size_t at = 0; at < sizeof requests; at += 26) {
        memcpy(requests + at, "GET / HTTP/1.1\r\nhost:a\r\n\r\n", 26);
    }
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_register_handler(host.server, "GET /", on_request, NULL));
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, NULL));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_PROGRESS_MS, 300));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_STREAM_IDLE_MS, 0));
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(host.server));
    client = client_connect(goaway_server_port(host.server, 0));
    fcntl(client.socket, F_SETFL, fcntl(client.socket, F_GETFL) | O_NONBLOCK);
    size_t before = resident_bytes(), most = before, sent = 0;
    bool has_ended = false;
    // It takes requests until it would have to hold more for them than it may.
    for (uint64_t until = clock_ms() + patience_ms(SOON_MS); !has_ended && clock_ms() < until;) {
        size_t at = sent % sizeof requests;
        ssize_t count = sent < 100 << 20 ? send(client.socket, requests + at, sizeof requests - at, MSG_NOSIGNAL) : -1;
        if (count > 0) {
            sent += (size_t)count;
        } else {
            // It is ended by a reset, whose sign is not what could be read.
            struct pollfd descriptor = {.fd = client.socket, .events = 0};
            has_ended = poll(&descriptor, 1, 5) > 0;
        }
        size_t now = resident_bytes();
        most = now > most ? now : most;
    }
    CHECK(has_ended);
    CHECK_SOON(atomic_load(&too_slow) == 1);
    CHECK(most - before < 20 << 20);
    client_close(&client);
    goaway_server_free(host.server);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(other_targets_are_refused),
        CASE(requests_without_end),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
