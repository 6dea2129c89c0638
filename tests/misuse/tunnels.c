// CONNECT through a queue: the records and commands of a tunnel.

#include "exchange.h"

static void begin_for_tunnels(void) {
    events_new(&events);
    CHECK_OK(goaway_server_register_queue(events.server, "CONNECT *", events.queue, 8));
    join();
}

// Opens the tunnel and sends a word in each direction; then both ends.
static void speak(uint32_t stream, goaway_request request) {
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request}, ""));
    client_send(&client, FRAME_DATA, 0, stream, "there", 5);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
    CHECK(record->id == request && record->flags == 0);
    CHECK(memcmp(goaway_record_data(record, &events.batch), "there", 5) == 0);
    CHECK_OK(consume(&events, request, 5));
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request}, "back"));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "", 0);
    CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_BODY)->flags, GOAWAY_RECORD_FLAG_END);
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_END, .request = request}, ""));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && answer.heads == 1 && answer.status == 200 && strcmp(answer.start, "back") == 0);
}

static void a_plain_one(void) {
    begin_for_tunnels();
    const char *fields[][2] = {{":method", "CONNECT"}, {":authority", "example.com:443"}, {"x-test", "misuse"}};
    uint32_t stream = client_ask_of(&client, fields, COUNT(fields), false);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK(record->tag == 8 && record->flags == 0 && record->fields == 1 && record->params == 0);
    static const char *const expected[] = {"CONNECT", "", "example.com:443", "", ""};
    for (size_t index = 0; index < COUNT(expected); index++) {
        CHECK(strcmp(events_text(&events, record, index), expected[index]) == 0);
    }
    CHECK(strcmp(events_text(&events, record, 6), "x-test") == 0);
    goaway_bytes protocol;
    CHECK_OK(goaway_request_protocol(record->id, &protocol));
    CHECK_NUMBER(protocol.len, 0);
    speak(stream, record->id);
    end();
}

static void an_extended_one(void) {
    begin_for_tunnels();
    const char *fields[][2] = {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"},
                               {":path", "/chat?a"},   {":authority", "localhost"}, {"x-test", "misuse"}};
    uint32_t stream = client_ask_of(&client, fields, COUNT(fields), false);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK(record->tag == 8 && record->flags == 0 && record->fields == 2 && record->params == 0);
    static const char *const expected[] = {"CONNECT", "http", "localhost", "/chat", "a"};
    for (size_t index = 0; index < COUNT(expected); index++) {
        CHECK(strcmp(events_text(&events, record, index), expected[index]) == 0);
    }
    CHECK(strcmp(events_text(&events, record, 6), ":protocol") == 0);
    CHECK(strcmp(events_text(&events, record, 7), "websocket") == 0);
    CHECK(strcmp(events_text(&events, record, 8), "x-test") == 0);
    goaway_bytes protocol;
    CHECK_OK(goaway_request_protocol(record->id, &protocol));
    CHECK(protocol.len == 9 && memcmp(protocol.data, "websocket", 9) == 0);
    speak(stream, record->id);
    end();
}

// A complete response with 200 has an end, and no contradicting length.
static void an_answer_given_whole(void) {
    begin_for_tunnels();
    const char *fields[][2] = {{":method", "CONNECT"}, {":authority", "example.com:443"}};
    uint32_t stream = client_ask_of(&client, fields, COUNT(fields), false);
    CHECK_OK(respond(&events, events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id, ""));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && answer.status == 200 && answer.length == 0);
    // Other requests of the queue are not CONNECT.
    events_serve(&events, &client);
    end();
}

// Reads until the text ends with this text, or the connection ends.
static void read_until(char *place, size_t room, const char *text) {
    size_t length = 0, wanted = strlen(text);
    while (length + 1 < room && client_read_all(&client, place + length, 1)) {
        place[++length] = '\0';
        if (length >= wanted && strcmp(place + length - wanted, text) == 0) {
            return;
        }
    }
    place[length] = '\0';
}

static void send_text(const char *text) { CHECK(client_send_all(&client, text, strlen(text))); }

// An HTTP/1.1 upgrade may be to any protocol, if upgrades are enabled.
static void an_upgrade(void) {
    static const char asks[] = "GET /up HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    char text[1024] = "";
    events_new(&events);
    CHECK_OK(goaway_server_set_feature(events.server, GOAWAY_FEATURE_UPGRADE, true));
    CHECK_OK(goaway_server_register_queue(events.server, "* /up", events.queue, 8));
    events_go(&events);
    client = client_connect(events.port);
    send_text(asks);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    const uint32_t flags = GOAWAY_RECORD_FLAG_HTTP_1_1 | GOAWAY_RECORD_FLAG_UPGRADE | GOAWAY_RECORD_FLAG_END |
                           GOAWAY_RECORD_FLAG_NO_BODY | GOAWAY_RECORD_FLAG_HOST_ONLY;
    CHECK_NUMBER(record->flags, flags);
    goaway_request request = record->id;
    CHECK_STATUS(goaway_request_write_head(request, 102), GOAWAY_ERR_INVALID);
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 101, .request = request}, ""));
    read_until(text, sizeof text, "\r\n\r\n");
    CHECK(strstr(text, "HTTP/1.1 101 ") == text && strstr(text, "\r\nupgrade: echo\r\n") != NULL);
    send_text("there");
    record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
    CHECK(record->id == request && record->data_len == 5);
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_END, .request = request}, "back"));
    read_until(text, sizeof text, "never");
    CHECK(strcmp(text, "back") == 0);
    client_close(&client);
    // A refused upgrade is an ordinary request, and its response may be the last of the
    // connection.
    client = client_connect(events.port);
    send_text(asks);
    request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_STATUS(goaway_request_set_header(request, "connection", "keep-alive"), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_request_set_header(request, "connection", "close"));
    CHECK_OK(respond(&events, request, "no"));
    read_until(text, sizeof text, "never");
    CHECK(strstr(text, "\r\nconnection: close\r\n") != NULL && strcmp(text + strlen(text) - 2, "no") == 0);
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_plain_one),
        CASE(an_extended_one),
        CASE(an_answer_given_whole),
        CASE(an_upgrade),
    };
    return check_main(cases, COUNT(cases), 3, argc, argv);
}
