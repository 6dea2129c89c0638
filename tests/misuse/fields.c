// The header fields of a request by name, by index, and in the record of a queue.

#include "exchange.h"
#include "host.h"

#define PSEUDO {":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "localhost"}

static bool is_text(goaway_bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static void check_value(goaway_request request, const char *name, const char *expected) {
    about("%s", name);
    goaway_bytes value = {0};
    CHECK_OK(goaway_request_header(request, name, &value));
    CHECK(is_text(value, expected));
    // A view does not change.
    goaway_bytes again = {0};
    CHECK_OK(goaway_request_header(request, name, &again));
    CHECK(again.data == value.data && again.len == value.len);
}

// The list has each field as received.
static void check_list(goaway_request request, const char *expected[][2], size_t count) {
    goaway_bytes name = {0}, value = {0};
    for (size_t index = 0; index < count; index++) {
        about("field %zu", index);
        CHECK_OK(goaway_request_header_at(request, index, &name, &value, NULL));
        CHECK(is_text(name, expected[index][0]) && is_text(value, expected[index][1]));
    }
    CHECK_STATUS(goaway_request_header_at(request, count, &name, &value, NULL), GOAWAY_ERR_NOT_FOUND);
}

static const char *crumbs[][2] = {PSEUDO, {"x-a", "1"}, {"cookie", "a=1; b=2"}, {"x-b", "2"}, {"cookie", "c=3"},
                                  {"x-a", "3"}, {"cookie", ""}};
static const char *listed[][2] = {{"x-a", "1"}, {"cookie", "a=1; b=2"}, {"x-b", "2"}, {"cookie", "c=3"},
                                  {"x-a", "3"}, {"cookie", ""}};

static void cookies_are_joined_for_who_asks_by_name(void) {
    struct host host;
    host_start(&host);
    client = client_open(host.port);
    uint32_t stream = client_ask_of(&client, crumbs, COUNT(crumbs), true);
    goaway_request request = host_take(&host);
    check_value(request, "cookie", "a=1; b=2; c=3; ");
    check_value(request, "Cookie", "a=1; b=2; c=3; ");
    check_value(request, "x-a", "1"); // the first
    check_list(request, listed, COUNT(listed));
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    CHECK(client_answer(&client, stream).whole);

    const char *alone[][2] = {PSEUDO, {"cookie", "a=1"}};
    stream = client_ask_of(&client, alone, COUNT(alone), true);
    request = host_take(&host);
    check_value(request, "cookie", "a=1");
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    CHECK(client_answer(&client, stream).whole);
    stream = client_get(&client, "/");
    request = host_take(&host);
    goaway_bytes value;
    CHECK_STATUS(goaway_request_header(request, "cookie", &value), GOAWAY_ERR_NOT_FOUND);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    client_close(&client);

    struct client old = client_connect(host.port);
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n";
    client_send_all(&old, head, sizeof head - 1);
    request = host_take(&host);
    check_value(request, "cookie", "a=1; b=2");
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    client_close(&old);
    host_end(&host);
}

// In the record they are one field. After its text follows each field as received.
static void cookies_are_joined_in_a_record(void) {
    begin();
    uint32_t stream = client_ask_of(&client, crumbs, COUNT(crumbs), true);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK((record->flags & GOAWAY_RECORD_FLAG_COOKIES) != 0);
    CHECK_NUMBER(record->fields, 4);
    static const char *const expected[] = {"x-a", "1", "cookie", "a=1; b=2; c=3; ", "x-b", "2", "x-a", "3"};
    for (size_t index = 0; index < COUNT(expected); index++) {
        CHECK(strcmp(events_text(&events, record, 6 + index), expected[index]) == 0);
    }
    CHECK(goaway_record_text_at(record, &events.batch, 6 + COUNT(expected)) == NULL);
    const char *cookies = (const char *)events.batch.arena + record->text_offset + record->text_len;
    static const char behind[] = "a=1; b=2\0c=3\0";
    CHECK_NUMBER(events.batch.arena + record->data_offset - (const uint8_t *)cookies, sizeof behind);
    CHECK(memcmp(cookies, behind, sizeof behind) == 0);
    check_value(record->id, "cookie", "a=1; b=2; c=3; ");
    check_list(record->id, listed, COUNT(listed));
    CHECK_OK(respond(&events, record->id, ""));
    CHECK(client_answer(&client, stream).whole);

    const char *alone[][2] = {PSEUDO, {"cookie", "a=1"}};
    client_ask_of(&client, alone, COUNT(alone), true);
    record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    CHECK((record->flags & GOAWAY_RECORD_FLAG_COOKIES) == 0 && record->fields == 1);
    CHECK_NUMBER(record->text_offset + record->text_len, record->data_offset);
    CHECK_OK(respond(&events, record->id, ""));
    end();
}

// The order of the pseudo-header fields is available by call and in the record.
static void pseudo_fields_are_told_in_order(void) {
    static const char *orders[][4][2] = {
        {{":path", "/"}, {":method", "GET"}, {":authority", "localhost"}, {":scheme", "http"}},
        {{":authority", "localhost"}, {":scheme", "http"}, {":path", "/"}, {":method", "GET"}},
    };
    static const uint32_t expected[] = {
        GOAWAY_PSEUDO_FIELD_PATH | GOAWAY_PSEUDO_FIELD_METHOD << 4 | GOAWAY_PSEUDO_FIELD_AUTHORITY << 8 |
            GOAWAY_PSEUDO_FIELD_SCHEME << 12,
        GOAWAY_PSEUDO_FIELD_AUTHORITY | GOAWAY_PSEUDO_FIELD_SCHEME << 4 | GOAWAY_PSEUDO_FIELD_PATH << 8 |
            GOAWAY_PSEUDO_FIELD_METHOD << 12,
    };
    begin();
    for (size_t index = 0; index < COUNT(orders); index++) {
        client_ask_of(&client, orders[index], COUNT(orders[index]), true);
        const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
        CHECK_NUMBER(record->cause, expected[index]);
        uint32_t order = 0;
        CHECK_OK(goaway_request_pseudo_order(record->id, &order));
        CHECK_NUMBER(order, expected[index]);
        CHECK_OK(respond(&events, record->id, ""));
    }
    end();
}

// Padding hides a part of a response's length.
static void padding(void) {
    static const size_t lengths[] = {0, 7, 256};
    for (uint32_t kind = GOAWAY_PADDING_NONE; kind <= GOAWAY_PADDING_MAX; kind++) {
        struct host host;
        host_new(&host);
        CHECK_STATUS(goaway_server_set_padding(host.server, 3), GOAWAY_ERR_INVALID);
        CHECK_OK(goaway_server_set_padding(host.server, kind));
        host_go(&host);
        CHECK_STATUS(goaway_server_set_padding(host.server, kind), GOAWAY_ERR_STATE);
        client = client_open(host.port);
        client_get(&client, "/");
        goaway_request request = host_take(&host);
        CHECK_OK(goaway_request_respond(request, 200, "16 bytes of data", 16));
        struct frame frame;
        do {
            REQUIRE(client_read(&client, &frame));
        } while (frame.kind != FRAME_DATA);
        CHECK_NUMBER(frame.length, 16 + lengths[kind]);
        CHECK((frame.flags & 8) == (kind == GOAWAY_PADDING_NONE ? 0 : 8));
        CHECK(memcmp(frame.payload + (kind == GOAWAY_PADDING_NONE ? 0 : 1), "16 bytes of data", 16) == 0);
        client_close(&client);
        host_end(&host);
    }
}

// Cookie fields count as one, with all their bytes.
static void many_cookies_are_one_field(void) {
    struct host host;
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_HEADER_FIELDS, 5));
    host_go(&host);
    client = client_open(host.port);
    const char *fields[64][2] = {PSEUDO, {"x-1", ""}, {"x-2", ""}, {"x-3", ""}, {"x-4", ""}};
    for (size_t index = 8; index < COUNT(fields); index++) {
        fields[index][0] = "cookie";
        fields[index][1] = "c=1";
    }
    uint32_t stream = client_ask_of(&client, fields, COUNT(fields), true);
    CHECK_OK(goaway_request_respond(host_take(&host), 200, NULL, 0));
    CHECK_NUMBER(client_answer(&client, stream).status, 200);
    fields[8][0] = "x-5";
    stream = client_ask_of(&client, fields, COUNT(fields), true);
    CHECK(client_answer(&client, stream).whole); // 431, of which HPACK has no number
    pthread_mutex_lock(&host.lock);
    CHECK_NUMBER(host.count, 0);
    pthread_mutex_unlock(&host.lock);
    client_close(&client);
    host_end(&host);
}

// The flags of all fields of the request, or of its trailers if `trailers`.
static void check_flags(goaway_request request, bool trailers, const uint8_t *expected, size_t count) {
    for (size_t index = 0; index < count; index++) {
        about("field %zu", index);
        goaway_bytes name, value;
        uint32_t flags = 77;
        goaway_status status = trailers ? goaway_request_trailer_at(request, index, &name, &value, &flags)
                                        : goaway_request_header_at(request, index, &name, &value, &flags);
        CHECK_OK(status);
        CHECK_NUMBER(flags, expected[index]);
        CHECK(name.len > 0 && name.data[0] != GOAWAY_FIELD_SENSITIVE);
    }
}

static const char *secrets[][2] = {{":scheme", "http"}, {"\x01:path", "/"}, {":method", "POST"}, {":authority", "a"},
                                   {"cookie", "a=1"}, {"\x01" "authorization", "secret"}, {"x-a", "1"},
                                   {"\x01" "cookie", "b=2"}, {"\x01" "x-a", "1"}};
static const uint8_t secret_flags[] = {0, 1, 0, 1, 1};
static const char *secret_trailers[][2] = {{"x-open", "1"}, {"\x01" "x-secret", "2"}};
static const uint8_t secret_trailer_flags[] = {0, 1};

static void send_trailers(uint32_t stream, const char *fields[][2], size_t count) {
    uint8_t block[256];
    size_t length = put_block(block, fields, count);
    client_send(&client, FRAME_HEADERS, FLAG_END_HEADERS | FLAG_END_STREAM, stream, block, length);
}

// Until the trailers have arrived.
static void await_trailers(goaway_request request) {
    goaway_bytes name, value;
    long long until = patience_ms(SOON_MS);
    while (goaway_request_trailer_at(request, 0, &name, &value, NULL) != GOAWAY_OK && until-- > 0) {
        usleep(1000);
    }
}

// A program that forwards fields must know which are never indexed.
static void fields_that_are_never_indexed_say_so(void) {
    struct host host;
    host_start(&host);
    client = client_open(host.port);
    uint32_t stream = client_ask_of(&client, secrets, COUNT(secrets), false);
    goaway_request request = host_take(&host);
    check_flags(request, false, secret_flags, COUNT(secret_flags));
    // A value by name has no mark.
    check_value(request, "authorization", "secret");
    uint32_t order = 0;
    CHECK_OK(goaway_request_pseudo_order(request, &order));
    CHECK_NUMBER(order, 0x31c2);
    send_trailers(stream, secret_trailers, COUNT(secret_trailers));
    await_trailers(request);
    check_flags(request, true, secret_trailer_flags, COUNT(secret_trailer_flags));
    uint32_t untouched = 77;
    goaway_bytes name, value;
    CHECK_STATUS(goaway_request_header_at(request, COUNT(secret_flags), &name, &value, &untouched),
                 GOAWAY_ERR_NOT_FOUND);
    CHECK_NUMBER(untouched, 77);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    CHECK(client_answer(&client, stream).whole);
    client_close(&client);

    // HTTP/1.1 has neither.
    struct client old = client_connect(host.port);
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n";
    client_send_all(&old, head, sizeof head - 1);
    request = host_take(&host);
    static const uint8_t none[] = {0, 0};
    check_flags(request, false, none, COUNT(none));
    CHECK_OK(goaway_request_pseudo_order(request, &order));
    CHECK_NUMBER(order, 0);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    client_close(&old);
    host_end(&host);
}

// A record has a byte for each field of its text.
static void check_record_flags(const goaway_record *record, const uint8_t *expected, size_t count) {
    CHECK((record->flags & GOAWAY_RECORD_FLAG_SENSITIVE) != 0);
    CHECK_NUMBER(record->fields, count);
    CHECK(memcmp(events.batch.arena + record->text_offset - count, expected, count) == 0);
    for (size_t index = 0; index <= count; index++) {
        CHECK_NUMBER(goaway_record_field_flags(record, &events.batch, index), index < count ? expected[index] : 0);
    }
}

static void records_say_which_fields_are_never_indexed(void) {
    begin();
    uint32_t stream = client_ask_of(&client, secrets, COUNT(secrets), false);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    goaway_request request = record->id;
    static const uint8_t joined[] = {1, 1, 0, 1}; // one of the cookies is
    check_record_flags(record, joined, COUNT(joined));
    CHECK_NUMBER(goaway_record_pseudo_order(record), 0x31c2);
    static const char *const text[] = {"cookie", "a=1; b=2", "authorization", "secret", "x-a", "1", "x-a", "1"};
    for (size_t index = 0; index < COUNT(text); index++) {
        CHECK(strcmp(events_text(&events, record, 6 + index), text[index]) == 0);
    }
    CHECK(strcmp(goaway_record_cookie_at(record, &events.batch, 1), "b=2") == 0);
    send_trailers(stream, secret_trailers, COUNT(secret_trailers));
    record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
    CHECK((record->flags & GOAWAY_RECORD_FLAG_END) != 0);
    check_record_flags(record, secret_trailer_flags, COUNT(secret_trailer_flags));
    CHECK(strcmp(events_text(&events, record, 2), "x-secret") == 0);
    CHECK_OK(respond(&events, request, ""));
    CHECK(client_answer(&client, stream).whole);

    // Only the path.
    const char *target[][2] = {{":method", "GET"}, {":scheme", "http"}, {"\x01:path", "/"}, {":authority", "a"},
                               {"x-a", "1"}};
    static const uint8_t zero[] = {0};
    stream = client_ask_of(&client, target, COUNT(target), true);
    record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    check_record_flags(record, zero, COUNT(zero));
    CHECK_NUMBER(goaway_record_pseudo_order(record), 0x3c21);
    CHECK_OK(respond(&events, record->id, ""));
    CHECK(client_answer(&client, stream).whole);

    // Without a mark there are no bytes.
    const char *open[][2] = {PSEUDO, {"x-a", "1"}};
    stream = client_ask_of(&client, open, COUNT(open), false);
    record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    request = record->id;
    CHECK((record->flags & GOAWAY_RECORD_FLAG_SENSITIVE) == 0);
    CHECK_NUMBER(goaway_record_field_flags(record, &events.batch, 0), 0);
    CHECK_NUMBER(record->text_offset + record->text_len, record->data_offset);
    CHECK_NUMBER(goaway_record_pseudo_order(record), 0x3421);
    send_trailers(stream, secret_trailers, 1);
    record = events_next(&events, GOAWAY_RECORD_KIND_BODY);
    CHECK(record->fields == 1 && (record->flags & GOAWAY_RECORD_FLAG_SENSITIVE) == 0);
    CHECK_OK(respond(&events, request, ""));
    CHECK(client_answer(&client, stream).whole);
    end();
}

// `:protocol` is the first field in the text of a record, and has a byte.
static void the_protocol_of_a_tunnel_has_its_flag(void) {
    events_new(&events);
    CHECK_OK(goaway_server_register_queue(events.server, "CONNECT *", events.queue, 7));
    join();
    const char *fields[][2] = {{":method", "CONNECT"}, {"\x01:protocol", "websocket"}, {":scheme", "http"},
                               {":path", "/"}, {":authority", "a"}, {"x-a", "1"}, {"\x01x-b", "2"}};
    for (int index = 0; index < 2; index++) {
        client_ask_of(&client, fields, COUNT(fields), false);
        const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
        const uint8_t expected[] = {index == 0, 0, 1};
        check_record_flags(record, expected, COUNT(expected));
        CHECK_NUMBER(goaway_record_pseudo_order(record), index == 0 ? 0x342d1 : 0x34251);
        CHECK_OK(respond(&events, record->id, ""));
        fields[1][0] = ":protocol";
    }
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(cookies_are_joined_for_who_asks_by_name),
        CASE(cookies_are_joined_in_a_record),
        CASE(pseudo_fields_are_told_in_order),
        CASE(padding),
        CASE(many_cookies_are_one_field),
        CASE(fields_that_are_never_indexed_say_so),
        CASE(records_say_which_fields_are_never_indexed),
        CASE(the_protocol_of_a_tunnel_has_its_flag),
    };
    return check_main(cases, COUNT(cases), 3, argc, argv);
}
