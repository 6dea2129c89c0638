// HTTP/1.1 requests whose body the client announces with `expect: 100-continue` (RFC
// 9110, section 10.1.1), bodies that nobody reads, and responses before the end of the
// body.

#include "exchange.h"
#include "host.h"
#include "http1.h"

#define EXPECT "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n"
#define EXPECT_CHUNKED "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n"

static struct host host;
static struct client peer;

// Asserts that the next request on the same connection is served.
static void goes_on(void) {
    CHECK(http1_send(&peer, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_respond(request, 200, "next", 4));
    struct response response = http1_read(&peer);
    CHECK(response.status == 200 && strcmp(response.body, "next") == 0);
}

// Asserts that the response announces the end of the connection, and that it ends.
static void is_last(const struct response *response) {
    char text[256];
    CHECK(http1_has(response->head, "\r\nconnection: close\r\n"));
    shutdown(peer.socket, SHUT_WR);
    CHECK_NUMBER(http1_read_out(&peer, text, sizeof text), END_FIN);
    CHECK(text[0] == '\0');
}

// A queue gets the body of a client that does not wait for the 100, whether it arrives
// with the head or after it.
static void a_queue_has_what_came_anyway(void) {
    static const char *const heads[] = {EXPECT, EXPECT_CHUNKED};
    static const char *const bodies[] = {"hello", "5\r\nhello\r\n0\r\n\r\n"};
    events_start(&events);
    for (int round = 0; round < 4; round++) {
        about("round %d", round);
        const char *head = heads[round % 2], *body = bodies[round % 2];
        peer = client_connect(events.port);
        if (round < 2) {
            char all[512];
            snprintf(all, sizeof all, "%s%s", head, body);
            CHECK(http1_send(&peer, all));
        } else {
            CHECK(http1_send(&peer, head));
        }
        const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
        goaway_request request = record->id;
        if (round >= 2) {
            CHECK(http1_send(&peer, body));
        }
        // In the record of the request, or in following ones.
        size_t length = record->data_len;
        bool has_end = (record->flags & GOAWAY_RECORD_FLAG_END) != 0;
        while (!has_end) {
            record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
            CHECK(record->id == request);
            length += record->data_len;
            has_end = (record->flags & GOAWAY_RECORD_FLAG_END) != 0;
        }
        CHECK_NUMBER(length, 5);
        CHECK_OK(respond(&events, request, "fine"));
        struct response response = {0};
        do {
            response = http1_read(&peer);
        } while (response.status == 100);
        CHECK(response.status == 200 && strcmp(response.body, "fine") == 0);
        client_close(&peer);
    }
    events_end(&events);
}

// A client that waits gets its 100 when the host reads the body.
static void a_queue_may_ask(void) {
    events_start(&events);
    peer = client_connect(events.port);
    CHECK(http1_send(&peer, EXPECT));
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_OK(consume(&events, request, 0));
    CHECK_NUMBER(http1_read(&peer).status, 100);
    CHECK(http1_send(&peer, "hello"));
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
    CHECK(record->id == request && record->data_len == 5 && (record->flags & GOAWAY_RECORD_FLAG_END) != 0);
    CHECK_OK(respond(&events, request, "fine"));
    CHECK(strcmp(http1_read(&peer).body, "fine") == 0);
    client_close(&peer);
    events_end(&events);
}

static atomic_int come;
static atomic_bool is_whole;

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)user_data;
    atomic_fetch_add(&come, (int)len);
    if (last) {
        atomic_store(&is_whole, true);
    }
}

static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)user_data;
    atomic_store(&come, (int)len);
    atomic_store(&is_whole, true);
}

// The same with a handler that reads by callback, by call, or collects.
static void a_handler_has_what_came_anyway(void) {
    host_start(&host);
    for (int way = 0; way < 3; way++) {
        for (int is_late = 0; is_late <= 1; is_late++) {
            about("way %d, late %d", way, is_late);
            atomic_store(&come, 0);
            atomic_store(&is_whole, false);
            peer = client_connect(host.port);
            CHECK(http1_send(&peer, is_late ? EXPECT : EXPECT "hello"));
            goaway_request request = host_take(&host);
            if (is_late) {
                CHECK(http1_send(&peer, "hello"));
            }
            if (way == 0) {
                CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
            } else if (way == 1) {
                CHECK_OK(goaway_request_collect(request, on_collected, NULL));
            } else {
                uint8_t bytes[16];
                size_t length = 0;
                goaway_status status;
                CHECK_SOON((status = goaway_request_read(request, bytes, sizeof bytes, &length)) != GOAWAY_ERR_WOULD_BLOCK);
                atomic_store(&come, (int)length);
                atomic_store(&is_whole, status == GOAWAY_OK);
            }
            CHECK_SOON(atomic_load(&is_whole));
            CHECK_NUMBER(atomic_load(&come), 5);
            CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
            struct response response;
            do {
                response = http1_read(&peer);
            } while (response.status == 100);
            CHECK(response.status == 200 && strcmp(response.body, "fine") == 0);
            goes_on();
            client_close(&peer);
        }
    }
    host_end(&host);
}

// Without a handler no 100 is sent.
static void nobody_asks_for_what_nobody_takes(void) {
    static const char *const requests[] = {
        "POST /nowhere HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
        "POST /get HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n",
        "POST /get HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n",
    };
    static const int statuses[] = {404, 405, 405};
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_register_handler(host.server, "GET /get", host_queue, &host));
    host_go(&host);
    for (size_t index = 0; index < COUNT(requests); index++) {
        about("%zu", index);
        peer = client_connect(host.port);
        CHECK(http1_send(&peer, requests[index]));
        struct response response = http1_read(&peer);
        CHECK_NUMBER(response.status, statuses[index]);
        // The body may arrive or not: following bytes would be ambiguous.
        is_last(&response);
        client_close(&peer);
    }
    host_end(&host);
}

// A handler that never reads responds without a 100.
static void a_response_without_the_body_is_the_last(void) {
    host_start(&host);
    for (int way = 0; way < 2; way++) {
        peer = client_connect(host.port);
        CHECK(http1_send(&peer, way == 0 ? EXPECT : EXPECT_CHUNKED));
        CHECK_OK(goaway_request_respond(host_take(&host), 401, "no", 2));
        struct response response = http1_read(&peer);
        CHECK_NUMBER(response.status, 401);
        is_last(&response);
        client_close(&peer);
    }
    host_end(&host);
}

// HTTP/1.0 has no 100 (RFC 9110, section 10.1.1).
static void an_old_client_gets_no_100(void) {
    host_start(&host);
    peer = client_connect(host.port);
    CHECK(http1_send(&peer, "POST / HTTP/1.0\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello"));
    goaway_request request = host_take(&host);
    atomic_store(&is_whole, false);
    CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
    CHECK_SOON(atomic_load(&is_whole));
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK_NUMBER(http1_read(&peer).status, 200);
    client_close(&peer);
    host_end(&host);
}

static void send_zeros(size_t length) {
    static const char zeros[65536];
    while (length > 0) {
        size_t size = length < sizeof zeros ? length : sizeof zeros;
        if (send(peer.socket, zeros, size, MSG_NOSIGNAL) <= 0) {
            return;
        }
        length -= size;
    }
}

static void answer_in_parts(goaway_request request, void *user_data) {
    (void)user_data;
    CHECK_OK(goaway_request_set_header(request, "content-length", "2"));
    CHECK_OK(goaway_request_write_head(request, 401));
    CHECK_OK(goaway_request_write(request, "no", 2, NULL));
    CHECK_OK(goaway_request_end(request));
}

// The response to a long upload that is not read announces the end, and no reset
// overtakes it while the client is still sending (RFC 9112, sections 9.3 and 9.6).
static void the_response_to_an_unread_upload_is_the_last(void) {
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "POST /parts", answer_in_parts, NULL));
    host_go(&host);
    for (int way = 0; way < 2; way++) {
        about("way %d", way);
        peer = client_connect(host.port);
        CHECK(http1_send(&peer, way == 0 ? "POST / HTTP/1.1\r\n" : "POST /parts HTTP/1.1\r\n"));
        CHECK(http1_send(&peer, "host: a\r\ncontent-length: 3000000\r\n\r\n"));
        send_zeros(100000);
        if (way == 0) {
            CHECK_OK(goaway_request_respond(host_take(&host), 401, "no", 2));
        }
        send_zeros(500000);
        struct response response = http1_read(&peer);
        CHECK_NUMBER(response.status, 401);
        CHECK(strcmp(response.body, "no") == 0);
        is_last(&response);
        client_close(&peer);
    }
    host_end(&host);
}

// The rest of a short upload is read and discarded, and the connection continues.
static void a_short_unread_upload_costs_no_connection(void) {
    host_start(&host);
    for (int way = 0; way < 3; way++) {
        about("way %d", way);
        peer = client_connect(host.port);
        // The rest of a chunked body is known only when it has arrived.
        static const char chunks[] = "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n";
        char text[256];
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nhost: a\r\n%s", way == 2 ? chunks : "content-length: 10000\r\n\r\n");
        CHECK(http1_send(&peer, text));
        if (way == 0) {
            send_zeros(10000);
        }
        CHECK_OK(goaway_request_respond(host_take(&host), 401, "no", 2));
        if (way == 1) {
            // It arrives after the response was sent.
            struct response response = http1_read(&peer);
            CHECK(response.status == 401 && !http1_has(response.head, "connection: close"));
            send_zeros(10000);
        } else {
            struct response response = http1_read(&peer);
            CHECK(response.status == 401 && !http1_has(response.head, "connection: close"));
        }
        goes_on();
        client_close(&peer);
    }
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_queue_has_what_came_anyway),
        CASE(a_queue_may_ask),
        CASE(a_handler_has_what_came_anyway),
        CASE(nobody_asks_for_what_nobody_takes),
        CASE(a_response_without_the_body_is_the_last),
        CASE(an_old_client_gets_no_100),
        CASE(the_response_to_an_unread_upload_is_the_last),
        CASE(a_short_unread_upload_costs_no_connection),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
