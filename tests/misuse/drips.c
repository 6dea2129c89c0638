// A slow HTTP/1.1 client, which sends single bytes of a block that must be complete
// within GOAWAY_LIMIT_HEADER_BLOCK_MS, in every position where such bytes are allowed.
// Each byte is progress, so only this limit can end it.

#include "host.h"
#include "http1.h"

// Without the limit, the client would send for much longer.
#define BLOCK_MS 100
#define DRIP_MS 12
#define DRIPS 250

// The bytes at the beginning, the bytes that are repeated slowly, and whether the host
// has begun a response by then.
struct drip {
    const char *name;
    const char *start;
    const char *drips;
    bool has_handler;
    bool has_head;
};

#define CHUNKED "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

static const struct drip heads[] = {
    {"the method", "", "G", false, false},
    {"the target", "GET /", "a", false, false},
    {"a field's name", "GET / HTTP/1.1\r\n", "x", false, false},
    {"a field's value", "GET / HTTP/1.1\r\nhost: ", "a", false, false},
    {"fields", "GET / HTTP/1.1\r\nhost: a\r\n", "x: y\r\n", false, false},
    {"empty lines before a request", "", "\r\n", false, false},
};

static const struct drip chunks[] = {
    {"a chunk's size", CHUNKED, "0", true, false},
    {"a chunk's extension", CHUNKED "5;", "a", true, false},
    {"extensions of a chunk", CHUNKED "5", ";a=b", true, false},
    {"an extension behind others", CHUNKED "1;a\r\nx\r\n2;a\r\nxy\r\n3;", "a", true, false},
    {"an extension, with a response begun", CHUNKED "5\r\nhello\r\n5;", "a", true, true},
    {"the last chunk's extension", CHUNKED "5\r\nhello\r\n0;", "a", true, false},
};

static const struct drip trailers[] = {
    {"a trailer's name", CHUNKED "5\r\nhello\r\n0\r\n", "x", true, false},
    {"a trailer's value", CHUNKED "5\r\nhello\r\n0\r\nx: ", "y", true, false},
    {"trailers", CHUNKED "5\r\nhello\r\n0\r\n", "x: y\r\n", true, false},
    {"trailers, with a response begun", CHUNKED "5\r\nhello\r\n0\r\n", "x: y\r\n", true, true},
};

static struct host host;

static atomic_int cancelled_for;
static atomic_int timeouts;
static atomic_int others;

static void on_event(const goaway_session_event *event, void *user_data) {
    if (event->kind == GOAWAY_EVENT_TIMEOUT) {
        atomic_fetch_add(event->cause == GOAWAY_CAUSE_HEADER_TIMEOUT ? &timeouts : &others, 1);
    }
    host_watch(event, user_data);
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)code, (void)user_data;
    atomic_store(&cancelled_for, (int)cause);
}

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)len, (void)user_data;
    CHECK(!last);
}

// Whether the limit applies after another request on the same connection.
static void ends_in_time(const struct drip *drip, bool is_second) {
    about("%s%s", drip->name, is_second ? ", of a second request" : "");
    atomic_store(&cancelled_for, 0);
    atomic_store(&timeouts, 0);
    atomic_store(&others, 0);
    struct client client = client_connect(host.port);
    if (is_second) {
        CHECK(http1_send(&client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
        CHECK_OK(goaway_request_respond(host_take(&host), 200, "fine", 4));
        CHECK(strcmp(http1_read(&client).body, "fine") == 0);
    }
    CHECK(http1_send(&client, drip->start));
    struct response response;
    if (drip->has_handler) {
        goaway_request request = host_take(&host);
        CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, NULL));
        CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
        if (drip->has_head) {
            CHECK_OK(goaway_request_write_head(request, 200));
            CHECK_OK(goaway_request_write(request, "part", 4, NULL));
            CHECK(http1_read_head(&client, &response));
        }
    }
    if (drip->has_head) {
        char part[16];
        CHECK(client_read_all(&client, part, strlen("4\r\npart\r\n")));
    }
    // Reads to a response, or to the end.
    size_t length = strlen(drip->drips);
    for (size_t sent = 0; sent < DRIPS && !http1_is_readable(&client, (int)patience_ms(DRIP_MS)); sent++) {
        client_send_all(&client, drip->drips + sent % length, 1);
    }
    if (CHECK(http1_is_readable(&client, 0))) {
        if (!drip->has_head && CHECK(http1_read_head(&client, &response))) {
            CHECK_NUMBER(response.status, 408);
            CHECK(http1_has(response.head, "\r\nconnection: close\r\n"));
        }
        char text[256];
        CHECK_NUMBER(http1_read_out(&client, text, sizeof text), END_FIN);
        // A cut response does not look complete.
        CHECK(text[0] == '\0');
        CHECK_SOON(atomic_load(&timeouts) == 1);
        CHECK_NUMBER(atomic_load(&others), 0);
        CHECK(!drip->has_handler || atomic_load(&cancelled_for) == GOAWAY_CAUSE_HEADER_TIMEOUT);
    }
    client_close(&client);
}

static void start(void) {
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_HEADER_BLOCK_MS, patience_ms(BLOCK_MS)));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_HANDSHAKE_MS, 0));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_IDLE_MS, 0));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_PROGRESS_MS, 0));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_STREAM_IDLE_MS, 0));
    host_go(&host);
}

static void are_ended_in_time(const struct drip *drips, size_t count, bool is_second) {
    start();
    for (size_t index = 0; index < count; index++) {
        ends_in_time(&drips[index], is_second);
    }
    host_end(&host);
}

static void in_a_head(void) { are_ended_in_time(heads, COUNT(heads), false); }
static void in_a_later_head(void) { are_ended_in_time(heads, COUNT(heads), true); }
static void in_a_chunk(void) { are_ended_in_time(chunks, COUNT(chunks), false); }
static void in_a_later_chunk(void) { are_ended_in_time(chunks, COUNT(chunks), true); }
static void in_trailers(void) { are_ended_in_time(trailers, COUNT(trailers), false); }
static void in_later_trailers(void) { are_ended_in_time(trailers, COUNT(trailers), true); }

// The host limits the time of a body: it may take longer than a head.
static void a_body_may_drip(void) {
    start();
    struct client client = client_connect(host.port);
    CHECK(http1_send(&client, CHUNKED));
    CHECK_OK(goaway_request_set_on_body(host_take(&host), on_body, NULL));
    for (uint64_t until = clock_ms() + patience_ms(4 * BLOCK_MS); clock_ms() < until;) {
        CHECK(http1_send(&client, "2\r\n"));
        CHECK(http1_send(&client, "a"));
        CHECK(!http1_is_readable(&client, (int)patience_ms(DRIP_MS)));
        CHECK(http1_send(&client, "b\r\n"));
    }
    client_close(&client);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(in_a_head),   CASE(in_a_later_head),   CASE(in_a_chunk),      CASE(in_a_later_chunk),
        CASE(in_trailers), CASE(in_later_trailers), CASE(a_body_may_drip),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
