// The event queue as a program with one thread uses it: the contents of its records, and
// the effects of its commands.

#include <poll.h>
#include <sys/epoll.h>

#include "exchange.h"

static void a_request_is_one_record(void) {
    events_new(&events);
    CHECK_OK(goaway_server_register_queue(events.server, "POST /users/{id}/{*rest}", events.queue, 77));
    join();
    client_ask(&client, "HEAD", "/a%20b?c=%20d", true);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK(record->id != 0 && record->session != 0 && record->tag == 7);
    CHECK_NUMBER(record->flags, GOAWAY_RECORD_FLAG_END | GOAWAY_RECORD_FLAG_HEAD | GOAWAY_RECORD_FLAG_NO_BODY);
    CHECK(record->fields == 1 && record->params == 0 && record->data_len == 0);
    CHECK_NUMBER(record->code, 1); // its stream
    static const char *const expected[] = {"HEAD", "http", "localhost", "/a%20b", "c=%20d"};
    for (size_t index = 0; index < COUNT(expected); index++) {
        CHECK(strcmp(events_text(&events, record, index), expected[index]) == 0);
    }
    CHECK(strncmp(events_text(&events, record, 5), "127.0.0.1:", 10) == 0);
    CHECK(strcmp(events_text(&events, record, 6), "x-test") == 0);
    CHECK(strcmp(events_text(&events, record, 7), "misuse") == 0);
    CHECK(goaway_record_text_at(record, &events.batch, 8) == NULL);
    CHECK_OK(respond(&events, record->id, ""));

    // The body is complete when the head arrives, so both are in one record.
    uint32_t stream = client_ask(&client, "POST", "/users/J%C3%BCrgen/x%2Fy/z", false);
    client_send(&client, FRAME_DATA, 0, stream, "bo", 2);
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "dy", 2);
    record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK(record->tag == 77 && record->params == 2 && record->code == stream);
    CHECK(strcmp(events_text(&events, record, 6), "id") == 0);
    CHECK(strcmp(events_text(&events, record, 7), "J\xC3\xBCrgen") == 0);
    CHECK(strcmp(events_text(&events, record, 8), "rest") == 0);
    CHECK(strcmp(events_text(&events, record, 9), "x/y/z") == 0);
    goaway_request request = record->id;
    char body[5] = "";
    bool is_whole = record->flags & GOAWAY_RECORD_FLAG_END;
    memcpy(body, goaway_record_data(record, &events.batch), record->data_len);
    // Usually. The kernel may have split the segment between the two.
    for (size_t length = record->data_len; !is_whole; length += record->data_len) {
        record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
        memcpy(body + length, goaway_record_data(record, &events.batch), record->data_len);
        is_whole = record->flags & GOAWAY_RECORD_FLAG_END;
    }
    CHECK(strcmp(body, "body") == 0);
    CHECK_OK(respond(&events, request, "fine"));
    CHECK(client_answer(&client, stream).whole);
    // A NUL would end a text.
    stream = client_ask(&client, "POST", "/users/a%00b/c", true);
    CHECK_NUMBER(client_answer(&client, stream).status, 400);
    CHECK(events_silent(&events));
    end();
}

// Sends this many bytes in frames of 16 KiB.
static void send_body(uint32_t stream, size_t length, uint8_t last_flags) {
    static const char zeros[16384];
    while (length > 0) {
        size_t part = length < sizeof zeros ? length : sizeof zeros;
        length -= part;
        client_send(&client, FRAME_DATA, length == 0 ? last_flags : 0, stream, zeros, part);
    }
}

static void a_large_body_comes_in_pieces(void) {
    begin();
    uint32_t stream = client_ask(&client, "POST", "/", false);
    send_body(stream, 200000, FLAG_END_STREAM);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK(record->flags == 0 && record->data_len == 0);
    goaway_request request = record->id;
    size_t length = 0;
    do {
        record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
        CHECK(record->id == request && record->text_len == 0);
        length += record->data_len;
        CHECK_OK(consume(&events, request, record->data_len));
    } while ((record->flags & GOAWAY_RECORD_FLAG_END) == 0);
    CHECK_NUMBER(length, 200000);
    CHECK_STATUS(consume(&events, request, 1), GOAWAY_ERR_INVALID);
    CHECK_OK(respond(&events, request, "fine"));
    CHECK(client_answer(&client, stream).whole);
    end();
}

// By how many bytes the server has opened the window of the stream so far.
static uint32_t window_opened(uint32_t stream) {
    struct frame frame;
    uint32_t bytes = 0;
    for (int pings = 0; pings < 2; pings++) {
        client_ping(&client);
        do {
            REQUIRE(client_read(&client, &frame));
            bool counts = frame.kind == FRAME_WINDOW_UPDATE && frame.stream == stream;
            bytes += counts ? get_number(frame.payload, 4) : 0;
        } while (frame.kind != FRAME_PING || (frame.flags & FLAG_ACK) == 0);
    }
    return bytes;
}

static void the_window_opens_by_what_is_consumed(void) {
    begin();
    uint32_t stream = client_ask(&client, "POST", "/", false);
    send_body(stream, 262144, 0);
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    for (size_t length = 0; length < 262144;) {
        length += events_next(&events, GOAWAY_RECORD_KIND_BODY)->data_len;
    }
    CHECK_NUMBER(window_opened(stream), 0);
    CHECK_OK(consume(&events, request, 200000));
    CHECK_NUMBER(window_opened(stream), 200000);
    CHECK_OK(consume(&events, request, 62144));
    CHECK_STATUS(consume(&events, request, 1), GOAWAY_ERR_INVALID);
    // Bytes that were never consumed return to the window of the session.
    for (int round = 0; round < 8; round++) {
        about("round %d", round);
        CHECK_OK(respond(&events, request, "enough"));
        CHECK(client_answer(&client, stream).whole);
        stream = client_ask(&client, "POST", "/", false);
        send_body(stream, 262144, FLAG_END_STREAM);
        request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        while ((events_next(&events, GOAWAY_RECORD_KIND_BODY)->flags & GOAWAY_RECORD_FLAG_END) == 0) {
        }
    }
    end();
}

static void trailers_come_with_the_last_of_the_body(void) {
    begin();
    uint32_t stream = client_ask(&client, "POST", "/", false);
    client_send(&client, FRAME_DATA, 0, stream, "body", 4);
    client_send(&client, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, stream, "\0\005x-sum\00242", 10);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK_NUMBER(record->flags, 0);
    goaway_request request = record->id;
    do {
        record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
    } while ((record->flags & GOAWAY_RECORD_FLAG_END) == 0);
    CHECK_NUMBER(record->fields, 1);
    const char *name = NULL, *value = goaway_record_trailer(record, &events.batch, "X-Sum");
    CHECK(value != NULL && strcmp(value, "42") == 0);
    CHECK(goaway_record_trailer_at(record, &events.batch, 0, &name, &value));
    CHECK(strcmp(name, "x-sum") == 0 && strcmp(value, "42") == 0);
    CHECK(!goaway_record_trailer_at(record, &events.batch, 1, &name, &value));
    CHECK_OK(consume(&events, request, 4));

    static const char arena[] = "content-type\0text/plain\0x-sum\00043\0last";
    goaway_command commands[] = {
        {.kind = GOAWAY_COMMAND_KIND_INFORM, .status = 103, .request = request, .fields_offset = 0, .fields_len = 24},
        {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request, .fields_len = 24},
        {.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request, .data_offset = 33, .data_len = 4},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request, .fields_offset = 24, .fields_len = 9, .data_offset = 33,
         .data_len = 4},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request},
    };
    uint32_t statuses[COUNT(commands)];
    memset(statuses, 0x55, sizeof statuses);
    CHECK_STATUS(goaway_queue_submit(events.queue, commands, COUNT(commands), arena, sizeof arena, statuses),
                 GOAWAY_ERR_GONE);
    CHECK(statuses[0] == GOAWAY_OK && statuses[1] == GOAWAY_OK && statuses[2] == GOAWAY_OK);
    CHECK(statuses[3] == GOAWAY_OK && statuses[4] == GOAWAY_ERR_GONE);
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && answer.heads == 3 && strcmp(answer.start, "lastlast") == 0);
    end();
}

// The response is complete at once, and the body continues to its end.
static void a_body_is_kept_behind_the_answer(void) {
    begin();
    for (uint32_t kind = GOAWAY_COMMAND_KIND_RESPOND; kind <= GOAWAY_COMMAND_KIND_END; kind += 3) {
        uint32_t stream = client_ask(&client, "POST", "/", false);
        goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        if (kind == GOAWAY_COMMAND_KIND_END) {
            CHECK_OK(goaway_request_write_head(request, 200));
        }
        goaway_command command = {.kind = (uint16_t)kind, .status = 200, .request = request,
                                  .flags = GOAWAY_COMMAND_FLAG_KEEP_BODY};
        CHECK_OK(order(&events, command, "fine"));
        CHECK(client_answer(&client, stream).whole);
        CHECK_STATUS(respond(&events, request, "again"), GOAWAY_ERR_STATE);
        client_send(&client, FRAME_DATA, 0, stream, "bo", 2);
        CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_BODY)->data_len, 2);
        CHECK_OK(consume(&events, request, 2));
        client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "dy", 2);
        const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
        CHECK(record->data_len == 2 && record->flags == GOAWAY_RECORD_FLAG_END);
        CHECK(client_settle(&client));
        CHECK_STATUS(consume(&events, request, 2), GOAWAY_ERR_GONE);
    }
    // A request that its peer does not end is reported; one that was cancelled is not.
    for (int is_reset = 0; is_reset <= 1; is_reset++) {
        uint32_t stream = client_ask(&client, "POST", "/", false);
        goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        CHECK_OK(goaway_request_keep_body(request));
        CHECK_OK(respond(&events, request, "fine"));
        CHECK(client_answer(&client, stream).whole);
        if (is_reset) {
            client_reset(&client, stream);
            CHECK(events_next(&events, GOAWAY_RECORD_KIND_CANCELLED)->id == request);
        } else {
            CHECK_OK(goaway_request_reset(request, 0));
            CHECK_STATUS(goaway_request_reset(request, 0), GOAWAY_ERR_GONE);
            CHECK(events_silent(&events));
        }
    }
    events_serve(&events, &client);
    end();
}

// The same as client_ask, with `expect: 100-continue`.
static uint32_t ask_first(void) {
    static const char block[] = "\203\206\204\001\001a\000\006expect\014100-continue";
    uint32_t stream = client.next_stream;
    client.next_stream += 2;
    client_send(&client, FRAME_HEADERS, FLAG_END_HEADERS, stream, block, sizeof block - 1);
    return stream;
}

static void a_body_is_asked_for_by_the_first_consume(void) {
    begin();
    uint32_t stream = ask_first();
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_OK(consume(&events, request, 0));
    CHECK_OK(consume(&events, request, 0));
    struct frame frame;
    do {
        REQUIRE(client_read(&client, &frame));
    } while (frame.kind != FRAME_HEADERS);
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "body", 4);
    CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_BODY)->data_len, 4);
    CHECK_OK(respond(&events, request, "fine"));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && answer.heads == 1 && answer.status == 200);
    end();
}

static goaway_status write_text(goaway_request request, uint32_t flags, const char *text) {
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_WRITE, .flags = flags, .request = request};
    return order(&events, command, text);
}

static void a_full_answer_says_when_it_has_room(void) {
    events_start(&events);
    client = client_connect(events.port);
    REQUIRE(client.socket >= 0);
    client_send_all(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    client_send(&client, FRAME_SETTINGS, 0, 0, "\0\004\0\0\0\0", 6); // no window
    uint32_t stream = client_get(&client, "/");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    goaway_command high_water = {.kind = GOAWAY_COMMAND_KIND_SET_HIGH_WATER, .request = request, .number = 10};
    goaway_command head = {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request};
    CHECK_OK(order(&events, high_water, ""));
    CHECK_OK(order(&events, head, ""));
    CHECK_OK(write_text(request, GOAWAY_COMMAND_FLAG_NOTIFY, "abc"));
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_WRITABLE);
    CHECK(record->id == request && goaway_record_queued(record) == 3 && goaway_record_high_water(record) == 10);
    CHECK_OK(write_text(request, 0, "defg"));
    CHECK(events_silent(&events)); // it was not asked for
    CHECK_OK(write_text(request, GOAWAY_COMMAND_FLAG_NOTIFY, "hijklmnop"));
    CHECK_STATUS(write_text(request, 0, "q"), GOAWAY_ERR_WOULD_BLOCK);
    CHECK(events_silent(&events));
    client_send_code(&client, FRAME_WINDOW_UPDATE, stream, 10);
    CHECK(events_silent(&events)); // 6 of 10 wait
    client_send_code(&client, FRAME_WINDOW_UPDATE, stream, 1);
    record = events_next(&events, GOAWAY_RECORD_KIND_WRITABLE);
    CHECK(record->id == request && record->number == 5);
    CHECK_OK(write_text(request, 0, "q"));
    CHECK_STATUS(write_text(request, 2, "q"), GOAWAY_ERR_INVALID);
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_END, .request = request}, "rst"));
    client_send_code(&client, FRAME_WINDOW_UPDATE, stream, 1000);
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && strcmp(answer.start, "abcdefghijklmnopqrst") == 0);
    end();
}

static void a_full_queue_holds_back(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_set_limit(events.queue, 2));
    join();
    uint32_t last = 0;
    for (int index = 0; index < 20; index++) {
        last = client_get(&client, "/");
    }
    client_settle(&client);
    unsigned all = 0;
    while (all < 20) {
        CHECK_OK(goaway_queue_wait(events.queue, GOAWAY_FOREVER));
        CHECK_OK(goaway_queue_take(events.queue, &events.batch));
        CHECK(events.batch.count <= 2);
        for (size_t index = 0; index < events.batch.count; index++, all++) {
            CHECK_OK(respond(&events, events.batch.records[index].id, "fine"));
        }
    }
    events.seen = events.batch.count;
    CHECK(client_answer(&client, last).whole);
    events_serve(&events, &client);
    end();
}

// Whether the threads had the time to end every session before the close cut them, 0.9 s
// after its deadline. On a busy machine they may not run.
static bool threads_ended_all(uint64_t drain_ms) {
    return goaway_server_report(events.server)->elapsed_ms < drain_ms + 900;
}

static void nobody_takes(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_set_limit(events.queue, 3));
    CHECK_OK(goaway_queue_watch(events.queue, GOAWAY_WATCH_SESSIONS | GOAWAY_WATCH_PROGRESS));
    events_go(&events);
    struct client clients[8];
    for (size_t index = 0; index < COUNT(clients); index++) {
        clients[index] = client_connect(events.port);
        client_greet(&clients[index]);
        client_get(&clients[index], "/");
    }
    pause_ms(100);
    uint64_t start = clock_ms();
    CHECK_OK(goaway_server_close(events.server, 300, NULL, NULL));
    CHECK_OK(goaway_server_wait(events.server, GOAWAY_FOREVER));
    CHECK(clock_ms() - start < 1300 + patience_ms(1000));
    // Each session is reported once, each request ends, and CLOSED is the last record.
    unsigned opened = 0, closed = 0, requests = 0, ended = 0, last = 0;
    CHECK_OK(goaway_queue_take(events.queue, &events.batch));
    for (size_t index = 0; index < events.batch.count; index++) {
        const goaway_record *record = &events.batch.records[index];
        opened += record->kind == GOAWAY_RECORD_KIND_SESSION && record->fields == GOAWAY_EVENT_OPENED;
        closed += record->kind == GOAWAY_RECORD_KIND_SESSION && record->fields == GOAWAY_EVENT_CLOSED;
        requests += record->kind == GOAWAY_RECORD_KIND_REQUEST;
        ended += record->kind == GOAWAY_RECORD_KIND_CANCELLED;
        last = record->kind;
    }
    CHECK(opened > 0 && requests <= 3);
    if (threads_ended_all(300)) {
        CHECK_NUMBER(closed, opened);
        CHECK_NUMBER(ended, requests);
    }
    CHECK_NUMBER(last, GOAWAY_RECORD_KIND_CLOSED);
    for (size_t index = 0; index < COUNT(clients); index++) {
        client_close(&clients[index]);
    }
    goaway_queue_free(events.queue);
    goaway_server_free(events.server);
}

static void a_cancelled_request_ends(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_set_limit(events.queue, 1));
    join();
    uint32_t stream = client_get(&client, "/");
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    goaway_request request = record->id;
    goaway_session session = record->session;
    client_reset(&client, stream);
    record = events_next(&events, GOAWAY_RECORD_KIND_CANCELLED);
    CHECK(record->id == request && record->session == session);
    CHECK(goaway_record_cause(record) == GOAWAY_CAUSE_PEER_RESET && goaway_record_code(record) == 8);
    CHECK_STATUS(respond(&events, request, "too late"), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_reset(request, 0), GOAWAY_ERR_GONE);
    // The second one has no record, because the first one keeps it from being reported.
    client_get(&client, "/");
    client_settle(&client);
    uint32_t untold = client_get(&client, "/");
    client_settle(&client);
    client_reset(&client, untold);
    client_settle(&client);
    request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK(events_silent(&events));
    client_break(&client);
    record = events_next(&events, GOAWAY_RECORD_KIND_CANCELLED);
    CHECK(record->id == request);
    end();
}

static void a_draining_session_says_so(void) {
    begin();
    uint32_t before = client_get(&client, "/");
    goaway_request first = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    const uint64_t drain_ms = patience_ms(5000);
    CHECK_OK(goaway_server_close(events.server, (uint32_t)drain_ms, NULL, NULL));
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_DRAIN);
    uint64_t left_ms = goaway_record_left_ms(record);
    CHECK(record->id == first && left_ms > drain_ms * 3 / 5 && left_ms <= drain_ms);
    // New streams are served until the second GOAWAY.
    uint32_t after = client_get(&client, "/");
    record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK((record->flags & GOAWAY_RECORD_FLAG_DRAINING) != 0);
    left_ms = goaway_record_left_ms(record);
    CHECK(left_ms > drain_ms * 3 / 5 && left_ms <= drain_ms);
    CHECK_OK(respond(&events, record->id, "second"));
    CHECK(client_answer(&client, after).whole);
    CHECK_OK(respond(&events, first, "first"));
    CHECK(client_answer(&client, before).whole);
    client_read_out(&client);
    client_close(&client);
    record = events_next(&events, GOAWAY_RECORD_KIND_CLOSED);
    CHECK_NUMBER(record->data_len, sizeof(goaway_report));
    CHECK_NUMBER((uintptr_t)goaway_record_data(record, &events.batch) % 8, 0);
    const goaway_report *report = goaway_record_report(record, &events.batch);
    REQUIRE(report != NULL);
    CHECK(report->sessions_graceful == 1 && report->streams_completed == 2 && report->streams_reset == 0);
    CHECK(memcmp(report, goaway_server_report(events.server), sizeof *report) == 0);
    goaway_server_free(events.server);
    goaway_queue_free(events.queue);
}

static void sessions_are_watched(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_watch(events.queue, GOAWAY_WATCH_SESSIONS));
    CHECK_OK(goaway_queue_watch(events.queue, GOAWAY_WATCH_PROGRESS));
    join();
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    CHECK(goaway_record_event(record) == GOAWAY_EVENT_OPENED && record->session != 0 && record->id == 0);
    CHECK(strncmp(goaway_record_peer(record, &events.batch), "127.0.0.1:", 10) == 0);
    goaway_session session = record->session;
    record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    CHECK_NUMBER(goaway_record_event(record), GOAWAY_EVENT_SETTINGS);
    size_t length = 0;
    const uint8_t *text = goaway_record_event_text(record, &events.batch, &length);
    CHECK(length == 6 && memcmp(text, "\0\4\177\377\377\377", 6) == 0); // SETTINGS_INITIAL_WINDOW_SIZE
    record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    CHECK_NUMBER(goaway_record_event(record), GOAWAY_EVENT_SETTINGS_ACK);
    CHECK_NUMBER(goaway_record_outcome(record), UINT32_MAX);
    uint8_t goaway[11] = {0, 0, 0, 0, 0, 0, 0, 11, 'b', 'y', 'e'};
    client_send(&client, FRAME_GOAWAY, 0, 0, goaway, sizeof goaway);
    record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    CHECK(goaway_record_event(record) == GOAWAY_EVENT_GOAWAY && goaway_record_code(record) == 11 && record->session == session);
    CHECK(goaway_record_last_stream(record) == 0 && goaway_record_stream(record) == 0);
    text = goaway_record_event_text(record, &events.batch, &length);
    CHECK(length == 3 && memcmp(text, "bye", 3) == 0);
    client_close(&client);
    do {
        record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
        CHECK_NUMBER(record->session, session);
    } while (goaway_record_event(record) != GOAWAY_EVENT_CLOSED);
    CHECK_NUMBER(goaway_record_outcome(record), GOAWAY_OUTCOME_BY_PEER);
    CHECK_NUMBER(goaway_record_cause(record), GOAWAY_CAUSE_PEER_GOAWAY);
    CHECK(events_silent(&events));

    client = client_open(events.port);
    client_get(&client, "/");
    // Long enough for the thread that reports it to run.
    uint32_t drain_ms = (uint32_t)patience_ms(250);
    CHECK_OK(goaway_server_close(events.server, drain_ms, NULL, NULL));
    unsigned progress = 0, closed = 0;
    do {
        record = events_within(&events, (uint32_t)patience_ms(SOON_MS));
        REQUIRE(record != NULL);
        progress += goaway_record_sessions(record) == 1 && goaway_record_streams(record) <= 1 &&
                    goaway_record_left_ms(record) <= drain_ms;
        closed += goaway_record_event(record) == GOAWAY_EVENT_CLOSED;
    } while (record->kind != GOAWAY_RECORD_KIND_CLOSED);
    CHECK(progress > 0);
    CHECK(closed == 1 || (closed == 0 && !threads_ended_all(drain_ms)));
    CHECK_NUMBER(goaway_server_report(events.server)->sessions_stuck, 0);
    client_close(&client);
    goaway_server_free(events.server);
    goaway_queue_free(events.queue);
}

static void on_request(goaway_request request, void *user_data) {
    CHECK_OK(goaway_request_respond(request, 200, user_data, strlen(user_data)));
}

static void queues_and_callbacks_go_together(void) {
    events_new(&events);
    goaway_queue *other = goaway_queue_new(events.server);
    char called[] = "called";
    CHECK_OK(goaway_server_register_queue(events.server, "GET /other", other, 8));
    CHECK_OK(goaway_server_register_handler(events.server, "GET /called", on_request, called));
    CHECK_STATUS(goaway_server_register_queue(events.server, "GET /called", other, 8), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_register_handler(events.server, "*", on_request, called), GOAWAY_ERR_INVALID);
    join();
    uint32_t to_other = client_get(&client, "/other"), to_called = client_get(&client, "/called");
    struct answer answer = client_answer(&client, to_called);
    CHECK(answer.whole && strcmp(answer.start, "called") == 0);
    CHECK_OK(goaway_queue_wait(other, GOAWAY_FOREVER));
    goaway_batch batch;
    CHECK_OK(goaway_queue_take(other, &batch));
    CHECK(batch.count == 1 && batch.records[0].tag == 8);
    // Commands can be submitted to any queue, or without one.
    CHECK_OK(respond(&events, batch.records[0].id, "other"));
    CHECK(client_answer(&client, to_other).whole);
    CHECK_STATUS(goaway_queue_wait(other, 0), GOAWAY_ERR_TIMEOUT);
    uint32_t by_hand = client_get(&client, "/");
    CHECK_OK(goaway_request_respond(events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id, 200, "hand", 4));
    CHECK(client_answer(&client, by_hand).whole);
    end();
    CHECK_OK(goaway_queue_take(other, &batch));
    CHECK(batch.count == 1 && batch.records[0].kind == GOAWAY_RECORD_KIND_CLOSED);
    goaway_queue_free(other);
}

static bool is_readable(int fd) {
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    return poll(&polled, 1, 0) == 1;
}

static void on_ready(void *user_data) {
    atomic_fetch_add((atomic_int *)user_data, 1);
}

static void each_batch_is_announced_once(void) {
    static atomic_int calls;
    events_new(&events);
    CHECK_OK(goaway_queue_set_on_ready(events.queue, on_ready, &calls));
    int fd = goaway_queue_fd(events.queue);
    CHECK(fd >= 0 && goaway_queue_fd(events.queue) == fd && !is_readable(fd));
    join();
    client_get(&client, "/");
    CHECK_SOON(atomic_load(&calls) == 1);
    CHECK(is_readable(fd));
    CHECK_OK(goaway_queue_wait(events.queue, 0));
    client_get(&client, "/");
    client_settle(&client);
    CHECK_NUMBER(atomic_load(&calls), 1);
    goaway_batch batch;
    CHECK_OK(goaway_queue_take(events.queue, &batch));
    CHECK(batch.count == 2 && !is_readable(fd));
    CHECK_STATUS(goaway_queue_wait(events.queue, 0), GOAWAY_ERR_TIMEOUT);
    CHECK_OK(goaway_queue_take(events.queue, &batch));
    CHECK(batch.count == 0 && batch.records != NULL && batch.arena != NULL);
    client_get(&client, "/");
    CHECK_SOON(atomic_load(&calls) == 2);
    CHECK(is_readable(fd));
    end();
}

// A descriptor that is requested late is readable if records wait.
static void a_late_descriptor(void) {
    begin();
    client_get(&client, "/");
    CHECK_OK(goaway_queue_wait(events.queue, GOAWAY_FOREVER));
    int descriptors = count_descriptors();
    CHECK(is_readable(goaway_queue_fd(events.queue)));
    CHECK_NUMBER(count_descriptors(), descriptors + 1);
    end();
}

// One take per event is enough: no record is left behind without a new edge.
static void an_edge_for_each_batch(void) {
    begin();
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    client_get(&client, "/");
    CHECK_OK(goaway_queue_wait(events.queue, GOAWAY_FOREVER));
    REQUIRE(epoll_ctl(poller, EPOLL_CTL_ADD, goaway_queue_fd(events.queue), &event) == 0);
    for (int round = 0; round < 3; round++) {
        CHECK_NUMBER(epoll_wait(poller, &event, 1, (int)patience_ms(SOON_MS)), 1);
        CHECK_NUMBER(epoll_wait(poller, &event, 1, 0), 0);
        CHECK_OK(goaway_queue_take(events.queue, &events.batch));
        CHECK_NUMBER(events.batch.count, 1);
        CHECK_OK(respond(&events, events.batch.records->id, ""));
        CHECK_NUMBER(epoll_wait(poller, &event, 1, 20), 0);
        client_get(&client, "/");
    }
    close(poller);
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_request_is_one_record),
        CASE(a_large_body_comes_in_pieces),
        CASE(the_window_opens_by_what_is_consumed),
        CASE(trailers_come_with_the_last_of_the_body),
        CASE(a_body_is_kept_behind_the_answer),
        CASE(a_body_is_asked_for_by_the_first_consume),
        CASE(a_full_answer_says_when_it_has_room),
        CASE(a_full_queue_holds_back),
        CASE(nobody_takes),
        CASE(a_cancelled_request_ends),
        CASE(a_draining_session_says_so),
        CASE(sessions_are_watched),
        CASE(queues_and_callbacks_go_together),
        CASE(each_batch_is_announced_once),
        CASE(a_late_descriptor),
        CASE(an_edge_for_each_batch),
    };
    return check_main(cases, COUNT(cases), 4, argc, argv);
}
