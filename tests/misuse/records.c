// Functions that read a record: inline in C, and exported for other languages. Both
// return the same for any record.

#include <dlfcn.h>

#include "events.h"

// The two forms of one function. The exported one is found by its name.
#define BOTH(name, ...)                                                              \
    do {                                                                             \
        __typeof__(&name) exported = (__typeof__(&name))(uintptr_t)dlsym(RTLD_DEFAULT, #name); \
        REQUIRE(exported != NULL);                                                   \
        if (name(__VA_ARGS__) != exported(__VA_ARGS__)) {                            \
            check_failed(__FILE__, __LINE__, "%s reads two things", #name);          \
        }                                                                            \
    } while (0)

// The same for functions with an output argument.
#define BOTH_AT(name, record, batch, index)                                                     \
    do {                                                                                        \
        const char *found[4] = {NULL, NULL, NULL, NULL};                                        \
        __typeof__(&name) exported = (__typeof__(&name))(uintptr_t)dlsym(RTLD_DEFAULT, #name);  \
        REQUIRE(exported != NULL);                                                              \
        CHECK(name(record, batch, index, &found[0], &found[1]) ==                               \
              exported(record, batch, index, &found[2], &found[3]));                            \
        CHECK(found[0] == found[2] && found[1] == found[3]);                                    \
        CHECK(name(record, batch, index, NULL, NULL) == exported(record, batch, index, NULL, NULL)); \
    } while (0)

#define BOTH_LEN(name, record, batch)                                                          \
    do {                                                                                       \
        size_t len[2] = {7, 7};                                                                \
        __typeof__(&name) exported = (__typeof__(&name))(uintptr_t)dlsym(RTLD_DEFAULT, #name); \
        REQUIRE(exported != NULL);                                                             \
        CHECK(name(record, batch, &len[0]) == exported(record, batch, &len[1]));               \
        CHECK_NUMBER(len[0], len[1]);                                                          \
        CHECK(name(record, batch, NULL) == exported(record, batch, NULL));                     \
    } while (0)

static void both_read_the_same(const goaway_record *record, const goaway_batch *batch) {
    static const char *const names[] = {"a", "A", "b", "ab", "", "cookie", ":protocol", NULL};
    BOTH(goaway_record_text, record, batch);
    BOTH(goaway_record_data, record, batch);
    BOTH(goaway_record_method, record, batch);
    BOTH(goaway_record_scheme, record, batch);
    BOTH(goaway_record_authority, record, batch);
    BOTH(goaway_record_path, record, batch);
    BOTH(goaway_record_query, record, batch);
    BOTH(goaway_record_peer, record, batch);
    BOTH(goaway_record_protocol, record, batch);
    BOTH(goaway_record_report, record, batch);
    BOTH(goaway_record_stream, record);
    BOTH(goaway_record_last_stream, record);
    BOTH(goaway_record_cause, record);
    BOTH(goaway_record_code, record);
    BOTH(goaway_record_pseudo_order, record);
    BOTH(goaway_record_left_ms, record);
    BOTH(goaway_record_queued, record);
    BOTH(goaway_record_high_water, record);
    BOTH(goaway_record_sessions, record);
    BOTH(goaway_record_streams, record);
    BOTH(goaway_record_event, record);
    BOTH(goaway_record_outcome, record);
    BOTH_LEN(goaway_record_body, record, batch);
    BOTH_LEN(goaway_record_event_text, record, batch);
    const char *piece = NULL;
    for (size_t index = 0; index < 12; index++) {
        BOTH(goaway_record_text_at, record, batch, index);
        BOTH(goaway_record_cookie_at, record, batch, index);
        BOTH(goaway_record_field_flags, record, batch, index);
        BOTH_AT(goaway_record_param_at, record, batch, index);
        BOTH_AT(goaway_record_header_at, record, batch, index);
        BOTH_AT(goaway_record_trailer_at, record, batch, index);
        BOTH(goaway_record_text_next, record, batch, piece);
        piece = goaway_record_text_next(record, batch, piece);
    }
    for (size_t index = 0; index < COUNT(names); index++) {
        BOTH(goaway_record_param, record, batch, names[index]);
        BOTH(goaway_record_header, record, batch, names[index]);
        BOTH(goaway_record_trailer, record, batch, names[index]);
    }
}

static uint32_t state = 1;

// A number below `limit`, the same sequence each time.
static uint32_t chance(uint32_t limit) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % limit;
}

// Records that the library would write, and others: offsets outside the arena, more
// fields than pieces, texts without a NUL.
static void both_forms(void) {
    static const char letters[] = "\0\0\0\0aAbBab\1:";
    _Alignas(8) char arena[160];
    goaway_batch batch = {.arena = (const uint8_t *)arena};
    for (int round = 0; round < times(1000); round++) {
        batch.arena_len = chance(3) == 0 ? chance(sizeof arena) : sizeof arena;
        for (size_t at = 0; at < sizeof arena; at++) {
            arena[at] = letters[chance(sizeof letters - 1)];
        }
        if (chance(2) == 0) {
            memcpy(arena + 8 + chance(100), "\0:protocol\0websocket", 21);
        }
        goaway_record record = {
            .kind = (uint16_t)chance(10),
            .flags = (uint16_t)(chance(4) == 0 ? chance(1024) : 0),
            .text_offset = chance(20) == 0 ? UINT32_MAX - chance(4) : chance(32),
            .text_len = chance(20) == 0 ? UINT32_MAX - chance(4) : chance(128),
            .data_offset = chance(170),
            .data_len = chance(100),
            .code = chance(9),
            .cause = chance(9),
            .number = chance(9),
            .fields = chance(12),
            .params = chance(4),
        };
        batch.records = &record;
        batch.count = 1;
        both_read_the_same(&record, &batch);
    }
}

static void nothing_to_read(void) {
    goaway_record record = {.kind = GOAWAY_RECORD_KIND_REQUEST, .fields = 2, .params = 1, .text_len = 9};
    goaway_batch batch = {.records = &record, .count = 1, .arena = NULL, .arena_len = 0};
    both_read_the_same(NULL, NULL);
    both_read_the_same(&record, NULL);
    both_read_the_same(NULL, &batch);
    both_read_the_same(&record, &batch);
    CHECK(goaway_record_text(&record, NULL) == NULL && goaway_record_text(NULL, &batch) == NULL);
    // A record of another batch with a shorter arena.
    CHECK(goaway_record_text(&record, &batch) == NULL && goaway_record_header(&record, &batch, "a") == NULL);
}

static void check_text(const char *text, const char *expected) {
    if (text == NULL || strcmp(text, expected) != 0) {
        check_failed(__FILE__, __LINE__, "%s, not %s", text == NULL ? "NULL" : text, expected);
    }
}

static void a_request_is_read_by_name(void) {
    struct events events;
    events_new(&events);
    CHECK_OK(goaway_server_register_queue(events.server, "POST /users/{id}/{*rest}", events.queue, 8));
    events_go(&events);
    struct client client = client_open(events.port);
    const char *fields[][2] = {{":method", "POST"},    {":scheme", "http"}, {":path", "/users/J%C3%BC/x%2Fy?q=%20"},
                               {":authority", "host"}, {"x-one", "1"},      {"cookie", "a=1"},
                               {"x-empty", ""},        {"cookie", "b=2"},   {"x-one", "2"}};
    uint32_t stream = client_ask_of(&client, fields, COUNT(fields), true);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    const goaway_batch *batch = &events.batch;
    both_read_the_same(record, batch);
    check_text(goaway_record_method(record, batch), "POST");
    check_text(goaway_record_scheme(record, batch), "http");
    check_text(goaway_record_authority(record, batch), "host");
    check_text(goaway_record_path(record, batch), "/users/J%C3%BC/x%2Fy");
    check_text(goaway_record_query(record, batch), "q=%20");
    CHECK(strncmp(goaway_record_peer(record, batch), "127.0.0.1:", 10) == 0);
    CHECK(goaway_record_protocol(record, batch) == NULL);
    CHECK_NUMBER(goaway_record_stream(record), stream);
    check_text(goaway_record_param(record, batch, "id"), "J\xC3\xBC");
    check_text(goaway_record_param(record, batch, "rest"), "x/y");
    // The name of a parameter is case-sensitive, that of a field is not.
    CHECK(goaway_record_param(record, batch, "ID") == NULL && goaway_record_param(record, batch, "x-one") == NULL);
    check_text(goaway_record_header(record, batch, "X-One"), "1");
    check_text(goaway_record_header(record, batch, "x-empty"), "");
    check_text(goaway_record_header(record, batch, "cookie"), "a=1; b=2");
    CHECK(goaway_record_header(record, batch, "x-on") == NULL && goaway_record_header(record, batch, "id") == NULL);
    CHECK(goaway_record_header(record, batch, NULL) == NULL && goaway_record_header(record, batch, "") == NULL);
    check_text(goaway_record_cookie_at(record, batch, 0), "a=1");
    check_text(goaway_record_cookie_at(record, batch, 1), "b=2");
    CHECK(goaway_record_cookie_at(record, batch, 2) == NULL);
    const char *name = NULL, *value = NULL;
    CHECK(goaway_record_param_at(record, batch, 1, &name, &value));
    check_text(name, "rest"), check_text(value, "x/y");
    CHECK(!goaway_record_param_at(record, batch, 2, &name, &value));
    check_text(name, "rest");
    static const char *const listed[][2] = {{"x-one", "1"}, {"cookie", "a=1; b=2"}, {"x-empty", ""}, {"x-one", "2"}};
    for (size_t index = 0; index < COUNT(listed); index++) {
        CHECK(goaway_record_header_at(record, batch, index, &name, &value));
        check_text(name, listed[index][0]), check_text(value, listed[index][1]);
    }
    CHECK(!goaway_record_header_at(record, batch, COUNT(listed), &name, &value));
    CHECK(goaway_record_trailer(record, batch, "x-one") == NULL);
    size_t length = 9;
    CHECK(goaway_record_body(record, batch, &length) != NULL && length == 0);
    length = 9;
    CHECK(goaway_record_event_text(record, batch, &length) == NULL && length == 9);
    CHECK(goaway_record_event(record) == UINT32_MAX && goaway_event_name(goaway_record_event(record)) == NULL);
    CHECK_OK(respond(&events, record->id, ""));
    CHECK(client_answer(&client, stream).whole);
    client_close(&client);
    events_end(&events);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(both_forms),
        CASE(nothing_to_read),
        CASE(a_request_is_read_by_name),
    };
    return check_main(cases, COUNT(cases), 4, argc, argv);
}
