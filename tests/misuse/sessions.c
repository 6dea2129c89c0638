// Calls for a session: PING, GOAWAY, windows, settings.

#include "exchange.h"

static goaway_session session;

static void begin_with_session(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_watch(events.queue, GOAWAY_WATCH_SESSIONS));
    join();
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    CHECK_NUMBER(record->fields, GOAWAY_EVENT_OPENED);
    session = record->session;
}

// The next event of this kind. Other events of the session are skipped. Returns its text,
// which has `length` bytes.
static const char *event_text(uint32_t kind, size_t length) {
    const goaway_record *record;
    do {
        record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    } while (record->fields != kind);
    size_t peer = strlen(events_text(&events, record, 0)) + 1;
    CHECK_NUMBER(record->text_len, peer + length);
    return goaway_record_text(record, &events.batch) + peer;
}

// The next frame of this kind that is not an acknowledgement.
static void next_frame(struct frame *frame, uint8_t kind) {
    do {
        REQUIRE(client_read(&client, frame));
    } while (frame->kind != kind || (frame->flags & FLAG_ACK) != 0);
}

static void a_ping_is_answered(void) {
    begin_with_session();
    static struct frame frame;
    const uint8_t payload[] = "8 bytes!";
    CHECK_OK(goaway_session_ping(session, payload));
    next_frame(&frame, FRAME_PING); // and the client has answered
    CHECK(frame.length == 8 && memcmp(frame.payload, payload, 8) == 0);
    CHECK(memcmp(event_text(GOAWAY_EVENT_PONG, 8), payload, 8) == 0);
    CHECK_OK(goaway_session_ping(session, NULL));
    next_frame(&frame, FRAME_PING);
    CHECK(memcmp(event_text(GOAWAY_EVENT_PONG, 8), frame.payload, 8) == 0);
    for (int index = 0; index < 16; index++) {
        CHECK_OK(goaway_session_ping(session, NULL));
    }
    CHECK_STATUS(goaway_session_ping(session, NULL), GOAWAY_ERR_WOULD_BLOCK);
    for (int index = 0; index < 16; index++) {
        next_frame(&frame, FRAME_PING);
        event_text(GOAWAY_EVENT_PONG, 8);
    }
    CHECK_OK(goaway_session_ping(session, NULL));
    next_frame(&frame, FRAME_PING);
    end();
}

// The peer acknowledges frames that were not sent: the host gets an event, and the
// session continues.
static void an_acknowledgement_of_nothing_is_told(void) {
    begin_with_session();
    static const uint8_t ping[] = {0, 0, 8, FRAME_PING, FLAG_ACK, 0, 0, 0, 0, 'n', 'o', 't', 'h', 'i', 'n', 'g', '!'};
    static const uint8_t settings[] = {0, 0, 0, FRAME_SETTINGS, FLAG_ACK, 0, 0, 0, 0};
    client_send_all(&client, ping, sizeof ping);
    CHECK(memcmp(event_text(GOAWAY_EVENT_UNSOLICITED_ACK, 8), "nothing!", 8) == 0);
    client_send_all(&client, settings, sizeof settings);
    event_text(GOAWAY_EVENT_UNSOLICITED_ACK, 0);
    static struct frame frame;
    CHECK_OK(goaway_session_ping(session, NULL));
    next_frame(&frame, FRAME_PING);
    event_text(GOAWAY_EVENT_PONG, 8);
    end();
}

// Calls for a session whose peer has sent nothing wait until it has.
static void a_ping_before_the_preface(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_watch(events.queue, GOAWAY_WATCH_SESSIONS));
    events_go(&events);
    client = client_connect(events.port);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    CHECK_NUMBER(record->fields, GOAWAY_EVENT_OPENED);
    CHECK_OK(goaway_session_ping(record->session, (const uint8_t *)"too soon"));
    CHECK(events_silent(&events));
    client_greet(&client);
    static struct frame frame;
    REQUIRE(client_read(&client, &frame));
    CHECK_NUMBER(frame.kind, FRAME_SETTINGS);
    next_frame(&frame, FRAME_PING);
    CHECK(memcmp(event_text(GOAWAY_EVENT_PONG, 8), "too soon", 8) == 0);
    end();
}

static void a_goaway_ends_nothing(void) {
    begin_with_session();
    static struct frame frame;
    static const char debug[1025];
    CHECK_STATUS(goaway_session_send_goaway(session, 0, 0, debug, 1025), GOAWAY_ERR_TOO_LARGE);
    CHECK_STATUS(goaway_session_send_goaway(session, 0x80000000, 0, NULL, 0), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_goaway(session, GOAWAY_LAST_TAKEN - 1, 0, NULL, 0), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_session_send_goaway(session, 0x7fffffff, 11, debug, 1024));
    next_frame(&frame, FRAME_GOAWAY);
    CHECK(frame.length == 8 + 1024 && get_number(frame.payload, 4) == 0x7fffffff);
    CHECK_NUMBER(get_number(frame.payload + 4, 4), 11);
    uint32_t stream = client_get(&client, "/");
    const goaway_record *record;
    do {
        record = events_within(&events, (uint32_t)patience_ms(SOON_MS));
        REQUIRE(record != NULL);
    } while (record->kind != GOAWAY_RECORD_KIND_REQUEST);
    CHECK_OK(respond(&events, record->id, "fine"));
    CHECK(client_answer(&client, stream).whole);
    CHECK_OK(goaway_session_send_goaway(session, GOAWAY_LAST_TAKEN, 0, "bye", 3));
    next_frame(&frame, FRAME_GOAWAY);
    CHECK(frame.length == 8 + 3 && get_number(frame.payload, 4) == stream);
    CHECK(memcmp(frame.payload + 8, "bye", 3) == 0);
    // 0 is no stream, as in goaway_session_abort_after.
    CHECK_OK(goaway_session_send_goaway(session, 0, 0, NULL, 0));
    next_frame(&frame, FRAME_GOAWAY);
    CHECK_NUMBER(get_number(frame.payload, 4), 0);
    // The close repeats it, with no higher stream.
    CHECK_OK(goaway_session_close(session, 5000));
    next_frame(&frame, FRAME_GOAWAY);
    CHECK_NUMBER(get_number(frame.payload, 4), 0);
    client_read_out(&client);
    client_close(&client);
    do {
        record = events_next(&events, GOAWAY_RECORD_KIND_SESSION);
    } while (record->fields != GOAWAY_EVENT_CLOSED);
    CHECK(record->cause == GOAWAY_CAUSE_DRAINED && record->params == GOAWAY_OUTCOME_GRACEFUL);
    end();
}

static const char origin[] = "https://example.com";

// An extension frame with this stream and payload.
static void expect_extension(uint8_t kind, uint32_t stream, const char *payload, size_t length) {
    static struct frame frame;
    next_frame(&frame, kind);
    CHECK_NUMBER(frame.stream, stream);
    CHECK(frame.flags == 0 && frame.length == length && memcmp(frame.payload, payload, length) == 0);
}

static void other_services_are_told(void) {
    begin_with_session();
    CHECK_OK(goaway_session_send_altsvc(session, 0, origin, "h2=\":8000\""));
    expect_extension(FRAME_ALTSVC, 0, "\0\x13https://example.comh2=\":8000\"", 2 + 19 + 10);
    uint32_t stream = client_get(&client, "/");
    const goaway_record *record;
    do {
        record = events_within(&events, (uint32_t)patience_ms(SOON_MS));
        REQUIRE(record != NULL);
    } while (record->kind != GOAWAY_RECORD_KIND_REQUEST);
    CHECK_OK(goaway_session_send_altsvc(session, stream, "", "clear"));
    CHECK_OK(respond(&events, record->id, "fine"));
    expect_extension(FRAME_ALTSVC, stream, "\0\0clear", 7);
    CHECK(client_answer(&client, stream).whole);
    // Nothing is sent for a stream that does not exist.
    CHECK_OK(goaway_session_send_altsvc(session, stream, NULL, "clear"));
    CHECK_OK(goaway_session_send_altsvc(session, 77, NULL, "clear"));
    CHECK_OK(goaway_session_send_altsvc(session, 0, origin, "last"));
    expect_extension(FRAME_ALTSVC, 0, "\0\x13https://example.comlast", 2 + 19 + 4);
    end();
}

static void other_origins_are_told(void) {
    begin_with_session();
    const char *const origins[] = {origin, "http://a.b:81"};
    CHECK_OK(goaway_session_send_origin(session, origins, 2));
    expect_extension(FRAME_ORIGIN, 0, "\0\x13https://example.com\0\x0dhttp://a.b:81", 2 + 19 + 2 + 13);
    CHECK_OK(goaway_session_send_origin(session, NULL, 0));
    expect_extension(FRAME_ORIGIN, 0, "", 0);
    end();
}

static void what_cannot_be_such_a_frame(void) {
    begin_with_session();
    static char most[16384 + 1];
    memset(most, 'v', sizeof most - 1);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, "", "clear"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_altsvc(session, 1, origin, "clear"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0x80000000, NULL, "clear"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, "example.com", "clear"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, origin, ""), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, origin, "a\r\nb"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, origin, "\xff"), GOAWAY_ERR_UTF8);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, origin, most), GOAWAY_ERR_TOO_LARGE);
    const char *origins[] = {origin, "https://example.com/path"};
    CHECK_STATUS(goaway_session_send_origin(session, origins, 2), GOAWAY_ERR_INVALID);
    memcpy(most, "https://", 8);
    origins[1] = most;
    CHECK_STATUS(goaway_session_send_origin(session, origins, 2), GOAWAY_ERR_TOO_LARGE);
    // As much as fits.
    most[16384 - 2 - 19 - 2] = '\0';
    CHECK_OK(goaway_session_send_origin(session, origins, 2));
    static struct frame frame;
    next_frame(&frame, FRAME_ORIGIN);
    CHECK_NUMBER(frame.length, 16384);
    end();
}

static void http1_has_no_such_frames(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_watch(events.queue, GOAWAY_WATCH_SESSIONS));
    events_go(&events);
    client = client_connect(events.port);
    static const char head[] = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    CHECK(client_send_all(&client, head, sizeof head - 1));
    const goaway_record *record;
    do {
        record = events_within(&events, (uint32_t)patience_ms(SOON_MS));
        REQUIRE(record != NULL);
    } while (record->kind != GOAWAY_RECORD_KIND_REQUEST);
    const char *const origins[] = {origin};
    CHECK_STATUS(goaway_session_send_altsvc(record->session, 0, origin, "clear"), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_session_send_origin(record->session, origins, 1), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_session_send_settings(record->session, NULL, 0), GOAWAY_ERR_STATE);
    CHECK_OK(respond(&events, record->id, "fine"));
    end();
}

// For a peer that never reads, the library refuses frames and does not buffer without
// limit.
static void too_many_for_a_peer_that_does_not_read(void) {
    begin_with_session();
    static char most[16000 + 1];
    memset(most, 'v', sizeof most - 1);
    goaway_status status = GOAWAY_OK;
    for (int index = 0; index < 10000 && status == GOAWAY_OK; index++) {
        status = goaway_session_send_altsvc(session, 0, origin, most);
    }
    CHECK_STATUS(status, GOAWAY_ERR_WOULD_BLOCK);
    end();
}

static void windows_can_be_changed(void) {
    begin_with_session();
    static struct frame frame;
    CHECK_STATUS(goaway_session_set_window(session, 0x80000000, 0), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_set_window(session, 0, 0x80000000), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_session_set_window(session, 0, 0));
    event_text(GOAWAY_EVENT_SETTINGS_ACK, 4 * 6);
    CHECK_OK(goaway_session_set_window(session, 4 << 20, 100000));
    next_frame(&frame, FRAME_SETTINGS);
    CHECK(frame.length == 6 && get_number(frame.payload, 2) == 4 && get_number(frame.payload + 2, 4) == 100000);
    CHECK(memcmp(event_text(GOAWAY_EVENT_SETTINGS_ACK, 6), frame.payload, 6) == 0);
    end();
}

static const goaway_setting changed[] = {{3, 1}, {4, 70000}, {0xabcd, 0xffffffff}};
static const uint8_t changed_payload[] = {0, 3, 0, 0, 0, 1, 0, 4, 0, 1, 0x11, 0x70, 0xab, 0xcd, 0xff, 0xff, 0xff, 0xff};

static void settings_can_be_changed(void) {
    begin_with_session();
    static struct frame frame;
    // The settings of the first frame: 3, 4, 6, 9.
    const char *first = event_text(GOAWAY_EVENT_SETTINGS_ACK, 4 * 6);
    CHECK_NUMBER(get_number((const uint8_t *)first, 2), 3);
    CHECK_OK(goaway_session_send_settings(session, changed, COUNT(changed)));
    next_frame(&frame, FRAME_SETTINGS); // and the client has acknowledged it
    CHECK(frame.length == sizeof changed_payload && memcmp(frame.payload, changed_payload, frame.length) == 0);
    const char *acknowledged = event_text(GOAWAY_EVENT_SETTINGS_ACK, sizeof changed_payload);
    CHECK(memcmp(acknowledged, changed_payload, sizeof changed_payload) == 0);
    // One stream at a time from now on.
    uint32_t stream = client_get(&client, "/");
    uint32_t refused = client_get(&client, "/");
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    next_frame(&frame, FRAME_RST_STREAM);
    CHECK(frame.stream == refused && get_number(frame.payload, 4) == 7);
    CHECK_OK(respond(&events, record->id, "fine"));
    CHECK(client_answer(&client, stream).whole);
    // An empty frame.
    CHECK_OK(goaway_session_send_settings(session, NULL, 0));
    next_frame(&frame, FRAME_SETTINGS);
    CHECK_NUMBER(frame.length, 0);
    event_text(GOAWAY_EVENT_SETTINGS_ACK, 0);
    end();
}

static void settings_that_no_server_may_send(void) {
    begin_with_session();
    static const goaway_setting bad[] = {{1, 0x100001}, {2, 1}, {3, 100001}, {4, 0x80000000}, {5, 16383}, {5, 1 << 24},
                                         {6, 0}, {8, 2}, {9, 0}, {0x10000, 0}, {0xffffffff, 0}};
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("%u = %u", bad[index].id, bad[index].value);
        CHECK_STATUS(goaway_session_send_settings(session, &bad[index], 1), GOAWAY_ERR_INVALID);
    }
    static const goaway_setting twice[] = {{100, 1}, {4, 1}, {100, 1}};
    CHECK_STATUS(goaway_session_send_settings(session, twice, COUNT(twice)), GOAWAY_ERR_INVALID);
    static goaway_setting many[33];
    for (uint32_t index = 0; index < COUNT(many); index++) {
        many[index].id = 100 + index;
    }
    CHECK_STATUS(goaway_session_send_settings(session, many, COUNT(many)), GOAWAY_ERR_TOO_LARGE);
    CHECK_STATUS(goaway_session_send_settings(session, many, SIZE_MAX), GOAWAY_ERR_TOO_LARGE);
    // None of them was sent: the next frame is the first valid one.
    CHECK_OK(goaway_session_send_settings(session, many, COUNT(many) - 1));
    static struct frame frame;
    do {
        next_frame(&frame, FRAME_SETTINGS);
    } while (frame.length < 32 * 6);
    CHECK_NUMBER(frame.length, 32 * 6);
    // A feature that was not announced can be denied, and an announced one cannot be
    // withdrawn.
    static const goaway_setting connect[] = {{8, 0}, {8, 1}};
    CHECK_OK(goaway_session_send_settings(session, &connect[0], 1));
    CHECK_OK(goaway_session_send_settings(session, &connect[1], 1));
    CHECK_STATUS(goaway_session_send_settings(session, &connect[0], 1), GOAWAY_ERR_INVALID);
    end();
}

// The client may not know the earlier settings yet: a few at a time.
static void settings_for_a_peer_that_does_not_acknowledge(void) {
    begin_with_session();
    for (uint32_t index = 0; index < 16; index++) {
        const goaway_setting setting = {3, 100 + index};
        CHECK_OK(goaway_session_send_settings(session, &setting, 1));
    }
    CHECK_STATUS(goaway_session_send_settings(session, changed, COUNT(changed)), GOAWAY_ERR_WOULD_BLOCK);
    // A window waits instead.
    CHECK_OK(goaway_session_set_window(session, 0, 12345));
    static struct frame frame;
    for (uint32_t index = 0; index < 16; index++) {
        do {
            next_frame(&frame, FRAME_SETTINGS);
        } while (frame.length != 6);
        CHECK_NUMBER(get_number(frame.payload + 2, 4), 100 + index);
        event_text(GOAWAY_EVENT_SETTINGS_ACK, index == 0 ? 4 * 6 : 6);
    }
    next_frame(&frame, FRAME_SETTINGS);
    CHECK(get_number(frame.payload, 2) == 4 && get_number(frame.payload + 2, 4) == 12345);
    CHECK_OK(goaway_session_send_settings(session, changed, COUNT(changed)));
    next_frame(&frame, FRAME_SETTINGS);
    end();
}

static void the_server_begins_with_settings_of_the_program(void) {
    events_new(&events);
    static const goaway_setting other[] = {{0xabcd, 7}, {0, 1}};
    goaway_setting own = {3, 1};
    CHECK_STATUS(goaway_server_set_settings(events.server, &own, 1), GOAWAY_ERR_INVALID);
    own.id = 0x10000;
    CHECK_STATUS(goaway_server_set_settings(events.server, &own, 1), GOAWAY_ERR_INVALID);
    static goaway_setting many[17];
    for (uint32_t index = 0; index < COUNT(many); index++) {
        many[index].id = 100 + index;
    }
    CHECK_STATUS(goaway_server_set_settings(events.server, many, COUNT(many)), GOAWAY_ERR_TOO_LARGE);
    CHECK_OK(goaway_server_set_settings(events.server, many, COUNT(many) - 1));
    CHECK_OK(goaway_server_set_settings(events.server, NULL, 0)); // the last call counts
    CHECK_OK(goaway_server_set_settings(events.server, other, COUNT(other)));
    events_go(&events);
    CHECK_STATUS(goaway_server_set_settings(events.server, NULL, 0), GOAWAY_ERR_STATE);
    client = client_connect(events.port);
    client_greet(&client);
    static struct frame frame;
    REQUIRE(client_read(&client, &frame));
    static const uint8_t last[] = {0xab, 0xcd, 0, 0, 0, 7, 0, 0, 0, 0, 0, 1};
    CHECK(frame.kind == FRAME_SETTINGS && frame.length == 4 * 6 + sizeof last);
    CHECK(memcmp(frame.payload + 4 * 6, last, sizeof last) == 0);
    end();
}

static void its_own_address_is_known(void) {
    begin_with_session();
    goaway_session_snapshot info;
    CHECK_OK(goaway_session_info(session, &info, sizeof info));
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%u", events.port);
    CHECK(strcmp(info.local, expected) == 0);
    // A program with an older structure.
    memset(&info, 0x55, sizeof info);
    CHECK_OK(goaway_session_info(session, &info, offsetof(goaway_session_snapshot, local)));
    CHECK_NUMBER(info.local[0], 0x55);
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_ping_is_answered),
        CASE(an_acknowledgement_of_nothing_is_told),
        CASE(a_ping_before_the_preface),
        CASE(a_goaway_ends_nothing),
        CASE(other_services_are_told),
        CASE(other_origins_are_told),
        CASE(what_cannot_be_such_a_frame),
        CASE(http1_has_no_such_frames),
        CASE(too_many_for_a_peer_that_does_not_read),
        CASE(windows_can_be_changed),
        CASE(settings_can_be_changed),
        CASE(settings_that_no_server_may_send),
        CASE(settings_for_a_peer_that_does_not_acknowledge),
        CASE(the_server_begins_with_settings_of_the_program),
        CASE(its_own_address_is_known),
    };
    return check_main(cases, COUNT(cases), 4, argc, argv);
}
