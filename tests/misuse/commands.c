// The flags of commands and of the calls with the same names, and batches of commands.

#include "exchange.h"
#include "http1.h"

// Reads to the head of a response, and returns its length.
static uint32_t head_length(uint32_t stream) {
    struct frame frame;
    do {
        REQUIRE(client_read(&client, &frame));
    } while (frame.kind != FRAME_HEADERS || frame.stream != stream);
    return frame.length;
}

static void what_the_library_adds_can_be_left_out(void) {
    begin();
    static const uint32_t flags[] = {0, GOAWAY_COMMAND_FLAG_NO_DATE, GOAWAY_COMMAND_FLAG_NO_DATE | GOAWAY_COMMAND_FLAG_NO_LENGTH};
    uint32_t lengths[COUNT(flags)];
    for (size_t index = 0; index < COUNT(flags); index++) {
        uint32_t stream = client_get(&client, "/");
        goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .flags = flags[index]};
        command.request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        CHECK_OK(order(&events, command, "fine"));
        lengths[index] = head_length(stream);
    }
    CHECK(lengths[0] > lengths[1] && lengths[1] > lengths[2]);
    CHECK_NUMBER(lengths[2], 1); // the status alone
    client_get(&client, "/");
    goaway_command head = {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .flags = GOAWAY_COMMAND_FLAG_NOTIFY};
    head.request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_STATUS(order(&events, head, ""), GOAWAY_ERR_INVALID);
    head.flags = GOAWAY_COMMAND_FLAG_NO_DATE;
    CHECK_OK(order(&events, head, ""));
    end();
}

// Calls take the flags of the commands with the same names.
static void calls_have_the_flags_of_commands(void) {
    begin();
    static const uint32_t no_date = GOAWAY_COMMAND_FLAG_NO_DATE, no_length = GOAWAY_COMMAND_FLAG_NO_LENGTH;
    const uint32_t flags[] = {0, no_date, no_date | no_length};
    uint32_t lengths[COUNT(flags)];
    for (size_t index = 0; index < COUNT(flags); index++) {
        uint32_t stream = client_get(&client, "/");
        goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        for (uint32_t flag = 1; flag != 0; flag <<= 1) {
            if ((flag & (no_date | no_length | GOAWAY_COMMAND_FLAG_KEEP_BODY)) == 0) {
                CHECK_STATUS(goaway_request_respond_with(request, 200, NULL, 0, "fine", 4, flag), GOAWAY_ERR_INVALID);
            }
        }
        CHECK_OK(goaway_request_respond_with(request, 200, NULL, 0, "fine", 4, flags[index]));
        lengths[index] = head_length(stream);
    }
    CHECK(lengths[0] > lengths[1] && lengths[1] > lengths[2]);
    CHECK_NUMBER(lengths[2], 1); // the status alone

    // The body continues after a response that keeps it.
    for (int streamed = 0; streamed < 2; streamed++) {
        uint32_t stream = client_ask(&client, "POST", "/", false);
        goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        if (streamed) {
            CHECK_OK(goaway_request_write_head_with(request, 200, NULL, 0, 0));
            CHECK_STATUS(goaway_request_end_with(request, "fine", 4, NULL, 0, no_date), GOAWAY_ERR_INVALID);
            CHECK_OK(goaway_request_end_with(request, "fine", 4, NULL, 0, GOAWAY_COMMAND_FLAG_KEEP_BODY));
        } else {
            CHECK_OK(goaway_request_respond_with(request, 200, NULL, 0, "fine", 4, GOAWAY_COMMAND_FLAG_KEEP_BODY));
        }
        CHECK(client_answer(&client, stream).whole);
        client_send(&client, FRAME_DATA, 0, stream, "more", 4);
        CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_BODY)->data_len, 4);
        CHECK_STATUS(goaway_request_consume(request, 5), GOAWAY_ERR_INVALID);
        CHECK_OK(goaway_request_consume(request, 4));
        CHECK_STATUS(goaway_request_consume(request, 1), GOAWAY_ERR_INVALID);
        client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "rest", 4);
        const goaway_record *body = events_next(&events, GOAWAY_RECORD_KIND_BODY);
        CHECK(body->id == request && body->data_len == 4 && (body->flags & GOAWAY_RECORD_FLAG_END) != 0);
    }
    end();
}

static bool has_date(struct client *connection) {
    struct response response = http1_read(connection);
    CHECK(response.status == 200);
    return strstr(response.head, "\r\ndate: ") != NULL;
}

// Over HTTP/1.1, by command and by call.
static void a_date_can_be_left_out_of_text(void) {
    events_new(&events);
    REQUIRE_OK(goaway_server_set_feature(events.server, GOAWAY_FEATURE_HTTP1, true));
    events_go(&events);
    client = client_connect(events.port);
    for (int by_call = 0; by_call < 2; by_call++) {
        for (int without = 0; without < 2; without++) {
            CHECK(http1_send(&client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
            goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
            uint32_t flags = without ? GOAWAY_COMMAND_FLAG_NO_DATE : 0;
            if (by_call) {
                CHECK_OK(goaway_request_respond_with(request, 200, NULL, 0, "fine", 4, flags));
            } else {
                goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .flags = flags};
                command.request = request;
                CHECK_OK(order(&events, command, "fine"));
            }
            CHECK(has_date(&client) == !without);
        }
    }
    end();
}

// A WRITABLE record can be asked for by a call, too.
static void a_call_asks_for_a_writable_record(void) {
    events_new(&events);
    events_go(&events);
    client = client_connect(events.port);
    client_send_all(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    client_send(&client, FRAME_SETTINGS, 0, 0, "\0\004\0\0\0\0", 6); // no window
    uint32_t stream = client_get(&client, "/");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_STATUS(goaway_request_notify(request, 0), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_request_notify(request, GOAWAY_COMMAND_FLAG_NO_DATE), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "four", 4, NULL));
    // There is room for more, at once.
    CHECK_OK(goaway_request_notify(request, GOAWAY_COMMAND_FLAG_NOTIFY));
    CHECK(events_next(&events, GOAWAY_RECORD_KIND_WRITABLE)->id == request);
    // The bytes are sent only when the window opens.
    CHECK_OK(goaway_request_notify(request, GOAWAY_COMMAND_FLAG_NOTIFY_SENT));
    CHECK(events_silent(&events));
    client_send_code(&client, FRAME_WINDOW_UPDATE, stream, 1000);
    CHECK(events_next(&events, GOAWAY_RECORD_KIND_WRITABLE)->id == request);
    CHECK_OK(goaway_request_end(request));
    CHECK(client_answer(&client, stream).whole);
    end();
}

static void a_sensitive_field_is_never_indexed(void) {
    begin();
    static const char arena[] = "\1x-key\0secret\0y-key\0public";
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .fields_len = sizeof arena};
    command.flags = GOAWAY_COMMAND_FLAG_NO_DATE | GOAWAY_COMMAND_FLAG_NO_LENGTH;
    bool is_indexed = false;
    for (int response = 0; response < 3; response++) {
        client_get(&client, "/");
        command.request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        CHECK_OK(goaway_queue_submit(events.queue, &command, 1, arena, sizeof arena, NULL));
        struct frame frame;
        do {
            REQUIRE(client_read(&client, &frame));
        } while (frame.kind != FRAME_HEADERS);
        // The status, then a literal of a new name that is never indexed (RFC 7541, section 6.2.3).
        CHECK(frame.payload[0] == 0x88 && frame.payload[1] == 0x10);
        // The second field is sent again and is in the table then: it is the last one of
        // the section.
        is_indexed = (frame.payload[frame.length - 1] & 0x80) != 0;
    }
    CHECK(is_indexed);
    end();
}

// An end after a refused piece would make the response look complete.
static void a_refused_write_spoils_what_stands_behind_it(void) {
    events_start(&events);
    client = client_connect(events.port);
    REQUIRE(client.socket >= 0);
    client_send_all(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    client_send(&client, FRAME_SETTINGS, 0, 0, "\0\004\0\0\0\0", 6); // no window
    uint32_t stream = client_get(&client, "/"), neighbour = client_ask(&client, "POST", "/", false);
    client_send(&client, FRAME_DATA, 0, neighbour, "abcd", 4);
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    goaway_request other = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_BODY)->data_len, 4);
    goaway_command commands[] = {
        {.kind = GOAWAY_COMMAND_KIND_SET_HIGH_WATER, .request = request, .number = 4},
        {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request},
        {.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request, .data_len = 4},
        {.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request, .data_len = 4, .data_offset = 4},
        {.kind = GOAWAY_COMMAND_KIND_SET_HIGH_WATER, .request = request, .number = 100},
        {.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request, .data_len = 4, .data_offset = 8},
        {.kind = GOAWAY_COMMAND_KIND_CONSUME, .request = other, .number = 4},
        {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = other},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = other},
    };
    uint32_t statuses[COUNT(commands)];
    CHECK_STATUS(goaway_queue_submit(events.queue, commands, COUNT(commands), "abcdefghijkl", 12, statuses),
                 GOAWAY_ERR_WOULD_BLOCK);
    for (size_t index = 0; index < COUNT(commands); index++) {
        about("command %zu", index);
        bool is_behind = index == 5 || index == 8;
        goaway_status expected = index == 3 ? GOAWAY_ERR_WOULD_BLOCK : is_behind ? GOAWAY_ERR_SKIPPED : GOAWAY_OK;
        CHECK_NUMBER(statuses[index], expected);
    }
    // The next batch may continue where this one has stopped.
    commands[5].data_offset = 4;
    commands[5].data_len = 8;
    commands[6] = commands[8];
    CHECK_OK(goaway_queue_submit(events.queue, commands + 5, 2, "abcdefghijkl", 12, NULL));
    client_send_code(&client, FRAME_WINDOW_UPDATE, stream, 1000);
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && strcmp(answer.start, "abcdefghijkl") == 0);

    // A reset is executed nevertheless.
    stream = client_get(&client, "/");
    request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    for (size_t index = 0; index < COUNT(commands); index++) {
        commands[index].request = request;
    }
    commands[4] = (goaway_command){.kind = GOAWAY_COMMAND_KIND_RESET, .request = request, .number = 2};
    CHECK_STATUS(goaway_queue_submit(events.queue, commands, 5, "abcdefghijkl", 12, statuses), GOAWAY_ERR_WOULD_BLOCK);
    CHECK_NUMBER(statuses[4], GOAWAY_OK);
    answer = client_answer(&client, stream);
    CHECK(answer.reset && !answer.whole && answer.code == 2);
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(what_the_library_adds_can_be_left_out),
        CASE(calls_have_the_flags_of_commands),
        CASE(a_date_can_be_left_out_of_text),
        CASE(a_call_asks_for_a_writable_record),
        CASE(a_sensitive_field_is_never_indexed),
        CASE(a_refused_write_spoils_what_stands_behind_it),
    };
    return check_main(cases, COUNT(cases), 3, argc, argv);
}
