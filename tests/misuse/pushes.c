// Server push through a queue and by calls.

#include "exchange.h"

static const goaway_field FIELDS[] = {{":method", "GET"}, {":path", "/style.css"}, {"\1x-key", "secret"}};

// The stream of the next promise on `parent`.
static uint32_t promised(uint32_t parent) {
    struct frame frame;
    do {
        REQUIRE(client_read(&client, &frame));
    } while (frame.kind != FRAME_PUSH_PROMISE);
    CHECK_NUMBER(frame.stream, parent);
    return get_number(frame.payload, 4);
}

static goaway_request push(goaway_request request) {
    goaway_request pushed = 0;
    CHECK_OK(goaway_request_push(request, FIELDS, COUNT(FIELDS), &pushed));
    CHECK(pushed != 0 && pushed != request);
    return pushed;
}

static void a_pushed_request_is_answered_as_any(void) {
    begin();
    for (uint32_t round = 1; round <= 3; round++) {
        about("round %u", round);
        uint32_t stream = client_get(&client, "/");
        goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        goaway_request pushed = push(request);
        goaway_bytes path, authority, key;
        CHECK_OK(goaway_request_path(pushed, &path));
        CHECK(path.len == 10 && memcmp(path.data, "/style.css", 10) == 0);
        CHECK_OK(goaway_request_authority(pushed, &authority));
        CHECK(authority.len == 9 && memcmp(authority.data, "localhost", 9) == 0);
        CHECK_OK(goaway_request_header(pushed, "x-key", &key));
        CHECK_NUMBER(key.len, 6);
        CHECK_NUMBER(promised(stream), 2 * round);
        uint32_t of_pushed;
        CHECK_OK(goaway_request_stream(pushed, &of_pushed));
        CHECK_NUMBER(of_pushed, 2 * round);
        CHECK_OK(respond(&events, request, "page"));
        struct answer answer = client_answer(&client, stream);
        CHECK(answer.whole && strcmp(answer.start, "page") == 0);
        goaway_command head = {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = pushed};
        CHECK_OK(order(&events, head, ""));
        CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_END, .request = pushed}, "style"));
        answer = client_answer(&client, of_pushed);
        CHECK(answer.whole && answer.status == 200 && strcmp(answer.start, "style") == 0);
        CHECK_STATUS(respond(&events, pushed, ""), GOAWAY_ERR_GONE);
    }
    end();
}

static void what_may_not_be_pushed(void) {
    begin();
    static const char *const bad[][2][2] = {
        {{":method", "POST"}, {":path", "/"}}, {{":method", "GET"}, {":path", "nowhere"}},
        {{":method", "GET"}, {":way", "/"}},   {{":method", "GET"}, {"path", "/"}},
        {{"a", "b"}, {":method", "GET"}},
    };
    client_get(&client, "/");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id, pushed = 55;
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("case %zu", index);
        goaway_field fields[] = {{bad[index][0][0], bad[index][0][1]}, {bad[index][1][0], bad[index][1][1]}};
        CHECK_STATUS(goaway_request_push(request, fields, COUNT(fields), &pushed), GOAWAY_ERR_INVALID);
    }
    about("");
    CHECK_NUMBER(pushed, 55);
    goaway_request child = push(request);
    CHECK_STATUS(goaway_request_push(child, FIELDS, COUNT(FIELDS), &pushed), GOAWAY_ERR_STATE);
    CHECK_OK(respond(&events, request, "page"));
    CHECK_STATUS(goaway_request_push(request, FIELDS, COUNT(FIELDS), &pushed), GOAWAY_ERR_GONE);

    // A peer that has disabled push.
    struct client other = client_connect(events.port);
    client_send_all(&other, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    client_send(&other, FRAME_SETTINGS, 0, 0, "\0\2\0\0\0\0", 6); // SETTINGS_ENABLE_PUSH
    client_get(&other, "/");
    request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_STATUS(goaway_request_push(request, FIELDS, COUNT(FIELDS), &pushed), GOAWAY_ERR_STATE);
    client_close(&other);
    CHECK(events_next(&events, GOAWAY_RECORD_KIND_CANCELLED)->id == request);
    end();
}

static void it_is_cancelled_as_any(void) {
    begin();
    uint32_t stream = client_get(&client, "/");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    goaway_request pushed = push(request);
    client_reset(&client, promised(stream));
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_CANCELLED);
    CHECK(record->id == pushed && record->cause == GOAWAY_CAUSE_PEER_RESET && record->code == 8);
    CHECK_STATUS(respond(&events, pushed, ""), GOAWAY_ERR_GONE);
    // Both end with their session, promised or not.
    goaway_request known = push(request);
    promised(stream);
    goaway_request other = push(request);
    client_break(&client);
    unsigned cancelled = 0;
    for (int index = 0; index < 3; index++) {
        record = events_next(&events, GOAWAY_RECORD_KIND_CANCELLED);
        cancelled += record->id == known || record->id == other || record->id == request;
    }
    CHECK_NUMBER(cancelled, 3);
    // And with its deadline.
    client = client_open(events.port);
    stream = client_get(&client, "/");
    request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    pushed = push(request);
    uint32_t of_pushed = promised(stream);
    CHECK_OK(goaway_server_close(events.server, 0, NULL, NULL));
    struct answer answer = client_answer(&client, of_pushed);
    CHECK(answer.reset && answer.code == 8);
    for (int index = 0; index < 2; index++) {
        do {
            record = events_within(&events, (uint32_t)patience_ms(SOON_MS));
            REQUIRE(record != NULL);
        } while (record->kind == GOAWAY_RECORD_KIND_DRAIN);
        CHECK(record->kind == GOAWAY_RECORD_KIND_CANCELLED && record->cause == GOAWAY_CAUSE_DEADLINE);
        CHECK(record->id == request || record->id == pushed);
    }
    events_next(&events, GOAWAY_RECORD_KIND_CLOSED);
    client_close(&client);
    goaway_server_free(events.server);
    goaway_queue_free(events.queue);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_pushed_request_is_answered_as_any),
        CASE(what_may_not_be_pushed),
        CASE(it_is_cancelled_as_any),
    };
    return check_main(cases, COUNT(cases), 3, argc, argv);
}
