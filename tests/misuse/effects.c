// Each limit has its effect: with a small value the peer or the host observes it. So has
// each feature, enabled and disabled.

#include "host.h"

static struct host host;
static struct client client;

// The events of the session.
static atomic_int timeout_cause;
static atomic_int end_cause;

static void on_event(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == GOAWAY_EVENT_TIMEOUT) {
        atomic_store(&timeout_cause, (int)event->cause);
    } else if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_store(&end_cause, (int)event->cause);
    }
}

// A server with this limit; `more` are further limits in pairs.
static void serve_more(uint32_t limit, uint64_t value, const uint64_t *more, size_t pairs) {
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, NULL));
    CHECK_OK(goaway_server_set_limit(host.server, limit, value));
    for (size_t index = 0; index < pairs; index++) {
        CHECK_OK(goaway_server_set_limit(host.server, (uint32_t)more[2 * index], more[2 * index + 1]));
    }
    host_go(&host);
}

static void serve(uint32_t limit, uint64_t value) {
    serve_more(limit, value, NULL, 0);
}

// A server with this feature enabled or disabled.
static void serve_with(uint32_t feature, bool enabled) {
    host_new(&host);
    CHECK_OK(goaway_server_set_feature(host.server, feature, enabled));
    host_go(&host);
}

static void end(void) {
    client_close(&client);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    goaway_server_free(host.server);
}

// The value of this setting in the server's SETTINGS frame (RFC 9113, section 6.5.2), -1
// if it is missing.
static long long announced(uint32_t setting) {
    client = client_connect(host.port);
    client_greet(&client);
    struct frame frame;
    do {
        REQUIRE(client_read(&client, &frame));
    } while (frame.kind != FRAME_SETTINGS);
    for (uint32_t at = 0; at < frame.length; at += 6) {
        if (get_number(frame.payload + at, 2) == setting) {
            return get_number(frame.payload + at + 2, 4);
        }
    }
    return -1;
}

static void is_announced(uint32_t limit, uint64_t value, uint32_t setting) {
    serve(limit, value);
    CHECK_NUMBER(announced(setting), (long long)value);
    end();
}

// Asserts that an idle session ends because of this limit.
static void ends_for(goaway_cause cause) {
    CHECK_SOON(atomic_load(&timeout_cause) == (int)cause);
    client_read_out(&client);
    // The client closes its side.
    shutdown(client.socket, SHUT_WR);
    CHECK_SOON(atomic_load(&end_cause) == (int)cause);
    end();
}

static void workers(void) {
    int threads[2];
    for (int round = 0; round < 2; round++) {
        serve(GOAWAY_LIMIT_WORKERS, round == 0 ? 2 : 5);
        client = client_open(host.port);
        threads[round] = count_threads();
        end();
    }
    CHECK_NUMBER(threads[1] - threads[0], 3);
}

static void concurrent_streams(void) {
    is_announced(GOAWAY_LIMIT_CONCURRENT_STREAMS, 2, 3);
    serve(GOAWAY_LIMIT_CONCURRENT_STREAMS, 2);
    client = client_open(host.port);
    client_get(&client, "/");
    client_get(&client, "/");
    struct answer answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.reset && answer.code == 7); // REFUSED_STREAM
    end();
}

// A head with this many fields of 3 bytes gets 431, which is not in the static table of
// HPACK.
static void is_too_much(size_t count) {
    const char *fields[40][2] = {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
    for (size_t index = 4; index < 4 + count; index++) {
        fields[index][0] = "a";
        fields[index][1] = "bc";
    }
    client = client_open(host.port);
    struct answer answer = client_answer(&client, client_ask_of(&client, fields, 4 + count, true));
    CHECK(answer.whole && answer.status == 0);
    CHECK_OK(goaway_request_respond((client_get(&client, "/"), host_take(&host)), 200, NULL, 0));
    end();
}

static void header_list_bytes(void) {
    is_announced(GOAWAY_LIMIT_HEADER_LIST_BYTES, 500, 6);
    serve(GOAWAY_LIMIT_HEADER_LIST_BYTES, 500);
    is_too_much(20);
}

static void header_fields(void) {
    serve(GOAWAY_LIMIT_HEADER_FIELDS, 5);
    is_too_much(6);
}

static void header_table_bytes(void) {
    is_announced(GOAWAY_LIMIT_HEADER_TABLE_BYTES, 100, 1);
}

static void frame_bytes(void) {
    is_announced(GOAWAY_LIMIT_FRAME_BYTES, 20000, 5);
}

static void stream_window_bytes(void) {
    is_announced(GOAWAY_LIMIT_STREAM_WINDOW_BYTES, 100000, 4);
}

static void session_window_bytes(void) {
    serve(GOAWAY_LIMIT_SESSION_WINDOW_BYTES, 100000);
    client = client_connect(host.port);
    client_greet(&client);
    struct frame frame;
    do {
        REQUIRE(client_read(&client, &frame));
    } while (frame.kind != FRAME_WINDOW_UPDATE);
    CHECK_NUMBER(get_number(frame.payload, 4), 100000 - 65535);
    end();
}

static void connect_protocol(void) {
    for (int on = 0; on <= 1; on++) {
        host_new(&host);
        CHECK_OK(goaway_server_register_handler(host.server, "CONNECT *", host_queue, &host));
        CHECK_OK(goaway_server_set_feature(host.server, GOAWAY_FEATURE_CONNECT_PROTOCOL, on));
        host_go(&host);
        CHECK_NUMBER(announced(8), on ? 1 : -1);
        end();
    }
}

// The output buffer for a slow peer is not observable: with the smallest one a long
// response is complete nevertheless.
static void is_whole_with(uint32_t limit) {
    serve(limit, 16384);
    client = client_open(host.port);
    uint32_t stream = client_get(&client, "/");
    static char body[1 << 20];
    CHECK_OK(goaway_request_respond(host_take(&host), 200, body, sizeof body));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && answer.length == sizeof body);
    end();
}

static void send_buffer_bytes(void) {
    is_whole_with(GOAWAY_LIMIT_SEND_BUFFER_BYTES);
}

static void session_send_bytes(void) {
    is_whole_with(GOAWAY_LIMIT_SESSION_SEND_BYTES);
}

// A client whose streams have a window of 0, so that a response waits.
static goaway_request wait_for_window(uint32_t *out_stream) {
    client = client_connect(host.port);
    client_send_all(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    client_send(&client, FRAME_SETTINGS, 0, 0, "\0\004\0\0\0\0", 6);
    client_settle(&client);
    *out_stream = client_get(&client, "/");
    return host_take(&host);
}

static void high_water_bytes(void) {
    serve(GOAWAY_LIMIT_HIGH_WATER_BYTES, 10);
    uint32_t stream;
    goaway_request request = wait_for_window(&stream);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "0123456789", 10, NULL));
    CHECK_STATUS(goaway_request_write(request, "x", 1, NULL), GOAWAY_ERR_WOULD_BLOCK);
    end();
}

static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)data, (void)user_data;
    CHECK_NUMBER(len, 10);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
}

// The second of two bodies is one byte too long.
static void bounds_bodies(uint32_t limit) {
    serve(limit, 10);
    client = client_open(host.port);
    for (size_t length = 10; length <= 11; length++) {
        uint32_t stream = client_ask(&client, "POST", "/", false);
        CHECK_OK(goaway_request_collect(host_take(&host), on_collected, NULL));
        client_send(&client, FRAME_DATA, 0, stream, "0123456789a", length);
        if (length == 10) {
            client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "", 0);
            CHECK_NUMBER(client_answer(&client, stream).status, 200);
        } else {
            CHECK_NUMBER(client_answer(&client, stream).status, 0); // 413
            CHECK_SOON(atomic_load(&timeout_cause) == GOAWAY_CAUSE_BODY_TOO_LARGE);
        }
    }
    end();
}

static void body_bytes(void) {
    bounds_bodies(GOAWAY_LIMIT_BODY_BYTES);
}

static void session_body_bytes(void) {
    bounds_bodies(GOAWAY_LIMIT_SESSION_BODY_BYTES);
}

// The second connection ends without a frame, because the first one is in use.
static void bounds_sessions(uint32_t limit) {
    serve(limit, 1);
    client = client_open(host.port);
    client_get(&client, "/");
    host_take(&host);
    struct client second = client_connect(host.port);
    struct frame frame;
    CHECK(!client_read(&second, &frame));
    client_close(&second);
    end();
}

static void sessions(void) {
    bounds_sessions(GOAWAY_LIMIT_SESSIONS);
}

static void sessions_per_address(void) {
    bounds_sessions(GOAWAY_LIMIT_SESSIONS_PER_ADDRESS);
}

static void handshake_ms(void) {
    serve(GOAWAY_LIMIT_HANDSHAKE_MS, 30);
    client = client_connect(host.port);
    ends_for(GOAWAY_CAUSE_HANDSHAKE_TIMEOUT);
}

static void header_block_ms(void) {
    serve(GOAWAY_LIMIT_HEADER_BLOCK_MS, 30);
    client = client_open(host.port);
    client_send(&client, FRAME_HEADERS, FLAG_END_STREAM, 1, "\202", 1);
    ends_for(GOAWAY_CAUSE_HEADER_TIMEOUT);
}

static void idle_ms(void) {
    serve(GOAWAY_LIMIT_IDLE_MS, 30);
    client = client_open(host.port);
    ends_for(GOAWAY_CAUSE_IDLE_TIMEOUT);
}

// A silent peer gets a PING, and does not acknowledge it.
static void is_asked_after(void) {
    const uint64_t more[] = {GOAWAY_LIMIT_KEEPALIVE_TIMEOUT_MS, 30};
    serve_more(GOAWAY_LIMIT_KEEPALIVE_MS, 30, more, 1);
    client = client_open(host.port);
    CHECK_SOON(atomic_load(&timeout_cause) == GOAWAY_CAUSE_KEEPALIVE_TIMEOUT);
    CHECK_SOON(atomic_load(&end_cause) == GOAWAY_CAUSE_KEEPALIVE_TIMEOUT);
    end();
}

static void progress(void) {
    const uint64_t more[] = {GOAWAY_LIMIT_PROGRESS_BYTES, 1};
    serve_more(GOAWAY_LIMIT_PROGRESS_MS, 40, more, 1);
    uint32_t stream;
    CHECK_OK(goaway_request_respond(wait_for_window(&stream), 200, "body", 4));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.reset && answer.code == 8);
    CHECK_SOON(atomic_load(&timeout_cause) == GOAWAY_CAUSE_TOO_SLOW);
    end();
}

static void stream_idle_ms(void) {
    serve(GOAWAY_LIMIT_STREAM_IDLE_MS, 40);
    client = client_open(host.port);
    struct answer answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.reset && answer.code == 8);
    CHECK_SOON(atomic_load(&timeout_cause) == GOAWAY_CAUSE_STREAM_IDLE);
    end();
}

static void age_ms(void) {
    const uint64_t more[] = {GOAWAY_LIMIT_AGE_JITTER_MS, 20};
    serve_more(GOAWAY_LIMIT_AGE_MS, 30, more, 1);
    client = client_open(host.port);
    ends_for(GOAWAY_CAUSE_MAX_AGE);
}

static void requests(void) {
    serve(GOAWAY_LIMIT_REQUESTS, 1);
    client = client_open(host.port);
    host_serves(&host, &client);
    ends_for(GOAWAY_CAUSE_MAX_REQUESTS);
}

// A session that a limit drains has this much time.
static void grace_ms(void) {
    const uint64_t more[] = {GOAWAY_LIMIT_REQUESTS, 1};
    serve_more(GOAWAY_LIMIT_GRACE_MS, 30, more, 1);
    client = client_open(host.port);
    struct answer answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.reset && answer.code == 8);
    CHECK_SOON(atomic_load(&timeout_cause) == GOAWAY_CAUSE_DEADLINE);
    end();
}

static void control(void) {
    const uint64_t more[] = {GOAWAY_LIMIT_CONTROL_PER_SECOND, 1};
    serve_more(GOAWAY_LIMIT_CONTROL_BURST, 10, more, 1);
    client = client_open(host.port);
    for (int count = 0; count < 200; count++) {
        client_ping(&client);
    }
    CHECK_NUMBER(client_read_out(&client), 11); // ENHANCE_YOUR_CALM
    ends_for(GOAWAY_CAUSE_FLOOD);
}

static void http1(void) {
    static const char head[] = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    for (int on = 0; on <= 1; on++) {
        serve_with(GOAWAY_FEATURE_HTTP1, on);
        client = client_connect(host.port);
        client_send_all(&client, head, sizeof head - 1);
        if (on) {
            CHECK_OK(goaway_request_respond(host_take(&host), 200, NULL, 0));
            char line[8];
            CHECK(client_read_all(&client, line, sizeof line) && memcmp(line, "HTTP/1.1", 8) == 0);
        } else {
            CHECK_NUMBER(client_read_out(&client), 1); // PROTOCOL_ERROR
        }
        end();
    }
}

static void upgrade(void) {
    static const char head[] = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    for (int on = 0; on <= 1; on++) {
        serve_with(GOAWAY_FEATURE_UPGRADE, on);
        client = client_connect(host.port);
        client_send_all(&client, head, sizeof head - 1);
        goaway_request request = host_take(&host);
        CHECK_NUMBER(goaway_request_write_head(request, 101), on ? GOAWAY_OK : GOAWAY_ERR_INVALID);
        end();
    }
}

// One handshake at a time: the second one waits for one that stalls.
static void tls_handshakes(void) {
    goaway_tls *tls = goaway_tls_new();
    CHECK_OK(goaway_tls_set_certificate_required(tls, false));
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_TLS_HANDSHAKES, 1));
    // With one worker they begin in the order of their arrival.
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 1));
    CHECK_OK(goaway_server_listen_tls(host.server, "127.0.0.1:0", tls));
    REQUIRE_OK(goaway_server_start(host.server));
    uint16_t port = goaway_server_port(host.server, 0);
    client = client_connect(port);
    client_send_all(&client, "\026\003\001\002", 4); // the start of a hello
    struct client second = client_connect(port);
    client_send_all(&second, "this is no hello of TLS", 23);
    char byte;
    // The first one makes room, and the second one gets its alert.
    CHECK(recv(second.socket, &byte, 1, 0) == 1 && byte == 21);
    CHECK(recv(client.socket, &byte, 1, 0) == 0 || errno == ECONNRESET);
    client_close(&second);
    end();
    goaway_tls_free(tls);
}

// Uploads that nobody reads fill the memory limit. A small session is served.
static void memory_bytes(void) {
    static const uint64_t wide[] = {GOAWAY_LIMIT_SESSION_WINDOW_BYTES, 1 << 21};
    serve_more(GOAWAY_LIMIT_MEMORY_BYTES, 1 << 20, wide, 1);
    struct client small = client_open(host.port);
    host_serves(&host, &small);
    client = client_open(host.port);
    static uint8_t piece[16384];
    for (int count = 0; count < 6; count++) {
        uint32_t stream = client_ask(&client, "POST", "/", false);
        for (int index = 0; index < 15; index++) {
            client_send(&client, FRAME_DATA, 0, stream, piece, sizeof piece);
        }
    }
    CHECK_SOON(atomic_load(&timeout_cause) == GOAWAY_CAUSE_MEMORY);
    struct frame frame;
    while (client_read(&client, &frame) && frame.kind != FRAME_GOAWAY) {
    }
    CHECK_NUMBER(frame.kind, FRAME_GOAWAY);
    CHECK_NUMBER(get_number(frame.payload + 4, 4), 11); // ENHANCE_YOUR_CALM
    client_close(&client);
    CHECK_SOON(atomic_load(&end_cause) == GOAWAY_CAUSE_MEMORY);
    while (host.count > 0) {
        host_take(&host);
    }
    host_serves(&host, &small);
    client = small;
    end();
}

// The peer accepts nothing of a response, so its next request waits.
static void session_response_bytes(void) {
    serve(GOAWAY_LIMIT_SESSION_RESPONSE_BYTES, 1);
    uint32_t first;
    goaway_request request = wait_for_window(&first);
    CHECK_OK(goaway_request_respond(request, 200, "ok", 2));
    uint32_t second = client_get(&client, "/");
    CHECK(client_settle(&client));
    CHECK_NUMBER(host.count, 0);
    client_send_code(&client, FRAME_WINDOW_UPDATE, first, 100);
    CHECK(client_answer(&client, first).whole);
    CHECK_OK(goaway_request_respond(host_take(&host), 200, "ok", 2));
    client_send_code(&client, FRAME_WINDOW_UPDATE, second, 100);
    CHECK(client_answer(&client, second).whole);
    end();
}

// By number, as in the header.
static const struct check_case cases[] = {
    [GOAWAY_LIMIT_WORKERS] = CASE(workers),
    [GOAWAY_LIMIT_CONCURRENT_STREAMS] = CASE(concurrent_streams),
    [GOAWAY_LIMIT_HEADER_LIST_BYTES] = CASE(header_list_bytes),
    [GOAWAY_LIMIT_HEADER_FIELDS] = CASE(header_fields),
    [GOAWAY_LIMIT_STREAM_WINDOW_BYTES] = CASE(stream_window_bytes),
    [GOAWAY_LIMIT_SESSION_WINDOW_BYTES] = CASE(session_window_bytes),
    [GOAWAY_LIMIT_SEND_BUFFER_BYTES] = CASE(send_buffer_bytes),
    [GOAWAY_LIMIT_HIGH_WATER_BYTES] = CASE(high_water_bytes),
    [GOAWAY_LIMIT_BODY_BYTES] = CASE(body_bytes),
    [GOAWAY_LIMIT_SESSIONS] = CASE(sessions),
    [GOAWAY_LIMIT_SESSION_SEND_BYTES] = CASE(session_send_bytes),
    [GOAWAY_LIMIT_SESSIONS_PER_ADDRESS] = CASE(sessions_per_address),
    [GOAWAY_LIMIT_HANDSHAKE_MS] = CASE(handshake_ms),
    [GOAWAY_LIMIT_HEADER_BLOCK_MS] = CASE(header_block_ms),
    [GOAWAY_LIMIT_IDLE_MS] = CASE(idle_ms),
    [GOAWAY_LIMIT_KEEPALIVE_MS] = CASE(is_asked_after),
    [GOAWAY_LIMIT_KEEPALIVE_TIMEOUT_MS] = CASE(is_asked_after),
    [GOAWAY_LIMIT_PROGRESS_MS] = CASE(progress),
    [GOAWAY_LIMIT_PROGRESS_BYTES] = CASE(progress),
    [GOAWAY_LIMIT_STREAM_IDLE_MS] = CASE(stream_idle_ms),
    [GOAWAY_LIMIT_AGE_MS] = CASE(age_ms),
    [GOAWAY_LIMIT_AGE_JITTER_MS] = CASE(age_ms),
    [GOAWAY_LIMIT_REQUESTS] = CASE(requests),
    [GOAWAY_LIMIT_GRACE_MS] = CASE(grace_ms),
    [GOAWAY_LIMIT_CONTROL_BURST] = CASE(control),
    [GOAWAY_LIMIT_CONTROL_PER_SECOND] = CASE(control),
    [GOAWAY_LIMIT_SESSION_BODY_BYTES] = CASE(session_body_bytes),
    [GOAWAY_LIMIT_FRAME_BYTES] = CASE(frame_bytes),
    [GOAWAY_LIMIT_HEADER_TABLE_BYTES] = CASE(header_table_bytes),
    [GOAWAY_LIMIT_TLS_HANDSHAKES] = CASE(tls_handshakes),
    [GOAWAY_LIMIT_MEMORY_BYTES] = CASE(memory_bytes),
    [GOAWAY_LIMIT_SESSION_RESPONSE_BYTES] = CASE(session_response_bytes),
    [GOAWAY_LIMIT_SESSION_RESPONSE_BYTES + 1 + GOAWAY_FEATURE_HTTP1] = CASE(http1),
    [GOAWAY_LIMIT_SESSION_RESPONSE_BYTES + 1 + GOAWAY_FEATURE_UPGRADE] = CASE(upgrade),
    [GOAWAY_LIMIT_SESSION_RESPONSE_BYTES + 1 + GOAWAY_FEATURE_CONNECT_PROTOCOL] = CASE(connect_protocol),
};

int main(int argc, char **argv) {
    return check_main(cases, COUNT(cases), 16, argc, argv);
}
