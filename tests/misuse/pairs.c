// Two commands for one request, of which the first one fails: every way to fail, followed
// by every kind, in one batch and in two.

#include "exchange.h"

// The state of the response before the two.
enum setup { OPEN, STREAMING, ANNOUNCED, FULL, BODYLESS };

// The arena of every batch.
static const char arena[] = "x-a\0001\0"                 // 0: a field
                            "connection\0close\0"        // 6: one that HTTP/2 does not allow
                            "content-length\0003\0"      // 23: three bytes are announced
                            "content-length\0004\0"      // 40: and another length
                            "half\0"                     // 57: a name without a value
                            "abcdefgh";                  // 62: data

enum { GOOD = 0, BAD = 6, LENGTHS = 23, HALF = 57, DATA = 62 };

#define KIND(name) .kind = GOAWAY_COMMAND_KIND_##name
#define FIELDS(offset, len) .fields_offset = offset, .fields_len = len
#define BYTES(len) .data_offset = DATA, .data_len = len
#define OUTSIDE .data_offset = sizeof arena, .data_len = 1

struct failing {
    const char *name;
    enum setup setup;
    goaway_command command;
    goaway_status status;
    // It is no part of a response, so nothing after it is skipped.
    bool is_apart;
};

#define FAILS(setup, status, ...) {#__VA_ARGS__, setup, {__VA_ARGS__}, GOAWAY_ERR_##status, false}
#define FAILS_APART(setup, status, ...) {#__VA_ARGS__, setup, {__VA_ARGS__}, GOAWAY_ERR_##status, true}

static const struct failing failing[] = {
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 99),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 103),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 1000),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 204, BYTES(1)),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 200, .flags = GOAWAY_COMMAND_FLAG_NOTIFY),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 200, FIELDS(BAD, 17)),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 200, FIELDS(HALF, 5)),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 200, FIELDS(HALF, 4)),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 200, FIELDS(LENGTHS, 34), BYTES(3)),
    FAILS(OPEN, INVALID, KIND(RESPOND), .status = 200, OUTSIDE),
    FAILS(OPEN, LENGTH, KIND(RESPOND), .status = 200, FIELDS(LENGTHS, 17), BYTES(4)),
    FAILS(STREAMING, STATE, KIND(RESPOND), .status = 200),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 0),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 100),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 1000),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 200, .flags = GOAWAY_COMMAND_FLAG_KEEP_BODY),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 200, FIELDS(BAD, 17)),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 200, FIELDS(GOOD, 23)),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 200, FIELDS(LENGTHS, 34)),
    FAILS(OPEN, INVALID, KIND(HEAD), .status = 200, FIELDS(sizeof arena, 1)),
    FAILS(STREAMING, STATE, KIND(HEAD), .status = 200),
    FAILS(OPEN, STATE, KIND(WRITE), BYTES(1)),
    FAILS(OPEN, INVALID, KIND(WRITE), OUTSIDE),
    FAILS(STREAMING, INVALID, KIND(WRITE), BYTES(1), .flags = 8),
    FAILS(STREAMING, INVALID, KIND(WRITE), OUTSIDE),
    FAILS(ANNOUNCED, LENGTH, KIND(WRITE), BYTES(4)),
    FAILS(FULL, WOULD_BLOCK, KIND(WRITE), BYTES(1)),
    FAILS(FULL, WOULD_BLOCK, KIND(WRITE), BYTES(1), .flags = GOAWAY_COMMAND_FLAG_NOTIFY),
    FAILS(BODYLESS, STATE, KIND(WRITE), BYTES(1)),
    FAILS(OPEN, STATE, KIND(END)),
    FAILS(STREAMING, INVALID, KIND(END), .flags = GOAWAY_COMMAND_FLAG_NO_DATE),
    FAILS(STREAMING, INVALID, KIND(END), FIELDS(BAD, 17)),
    FAILS(STREAMING, INVALID, KIND(END), FIELDS(LENGTHS, 17)),
    FAILS(STREAMING, INVALID, KIND(END), OUTSIDE),
    FAILS(ANNOUNCED, LENGTH, KIND(END)),
    FAILS(ANNOUNCED, LENGTH, KIND(END), BYTES(4)),
    FAILS(BODYLESS, STATE, KIND(END), BYTES(1)),
    FAILS(OPEN, INVALID, KIND(RESET), .number = 1ull << 32),
    FAILS(STREAMING, INVALID, KIND(RESET), .number = 1ull << 32),
    FAILS(OPEN, INVALID, KIND(INFORM), .status = 200),
    FAILS(OPEN, INVALID, KIND(INFORM), .status = 101),
    FAILS(OPEN, INVALID, KIND(INFORM), .status = 103, FIELDS(BAD, 17)),
    FAILS(STREAMING, STATE, KIND(INFORM), .status = 103),
    FAILS(OPEN, INVALID, .kind = 0),
    FAILS(STREAMING, INVALID, .kind = 999),
    FAILS_APART(OPEN, INVALID, KIND(CONSUME), .number = 1),
    FAILS_APART(STREAMING, INVALID, KIND(CONSUME), .number = 1),
    FAILS_APART(OPEN, INVALID, KIND(SET_IDLE), .number = 1ull << 32),
    FAILS_APART(STREAMING, INVALID, KIND(SET_IDLE), .number = 1ull << 32),
    FAILS_APART(OPEN, INVALID, KIND(SET_HIGH_WATER), .number = 0),
    FAILS_APART(STREAMING, INVALID, KIND(SET_HIGH_WATER), .number = 0),
};

// The second command, valid by itself, and its status for each state of the response.
static const struct {
    const char *name;
    goaway_command command;
    goaway_status alone[BODYLESS + 1];
} following[] = {
#define OK GOAWAY_OK
#define STATE GOAWAY_ERR_STATE
    {"RESPOND", {KIND(RESPOND), .status = 200, FIELDS(GOOD, 6)}, {OK, STATE, STATE, STATE, STATE}},
    {"HEAD", {KIND(HEAD), .status = 200, FIELDS(GOOD, 6)}, {OK, STATE, STATE, STATE, STATE}},
    {"WRITE", {KIND(WRITE), BYTES(1)}, {STATE, OK, OK, GOAWAY_ERR_WOULD_BLOCK, STATE}},
    {"END", {KIND(END), FIELDS(GOOD, 6)}, {STATE, OK, GOAWAY_ERR_LENGTH, OK, OK}},
    {"RESET", {KIND(RESET), .number = 2}, {OK, OK, OK, OK, OK}},
    {"CONSUME", {KIND(CONSUME)}, {OK, OK, OK, OK, OK}},
    {"INFORM", {KIND(INFORM), .status = 103, FIELDS(GOOD, 6)}, {OK, STATE, STATE, STATE, STATE}},
    {"SET_IDLE", {KIND(SET_IDLE), .number = 1000}, {OK, OK, OK, OK, OK}},
    {"HIGH_WATER", {KIND(SET_HIGH_WATER), .number = 1000}, {OK, OK, OK, OK, OK}},
};

static bool is_skipped(uint16_t kind) {
    return kind <= GOAWAY_COMMAND_KIND_END || kind == GOAWAY_COMMAND_KIND_INFORM;
}

static goaway_status submit(goaway_request request, const goaway_command *commands, size_t count, uint32_t *statuses) {
    goaway_command ours[3];
    for (size_t index = 0; index < count; index++) {
        ours[index] = commands[index];
        ours[index].request = request;
    }
    return goaway_queue_submit(events.queue, ours, count, arena, sizeof arena, statuses);
}

// The client's streams have a window of 0, so a body waits.
static uint32_t prepare(enum setup setup, goaway_request *out_request) {
    uint32_t stream = client_get(&client, "/");
    *out_request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    goaway_command head = {KIND(HEAD), .status = setup == BODYLESS ? 204 : 200};
    if (setup == ANNOUNCED) {
        head.fields_offset = LENGTHS;
        head.fields_len = 17;
    }
    if (setup != OPEN) {
        CHECK_OK(submit(*out_request, &head, 1, NULL));
    }
    if (setup == FULL) {
        const goaway_command fill[] = {{KIND(SET_HIGH_WATER), .number = 1}, {KIND(WRITE), BYTES(1)}};
        CHECK_OK(submit(*out_request, fill, 2, NULL));
    }
    return stream;
}

// The final state of the response: its peer sees it complete or reset, never both.
static void come_to_end(uint32_t stream, goaway_request request, bool is_whole) {
    if (!is_whole) {
        goaway_status status = goaway_request_reset(request, 2);
        CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_GONE);
    }
    client_send_code(&client, FRAME_WINDOW_UPDATE, stream, 100);
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole == is_whole && answer.reset == !is_whole);
}

static bool makes_whole(uint16_t kind, goaway_status status) {
    return status == GOAWAY_OK && (kind == GOAWAY_COMMAND_KIND_RESPOND || kind == GOAWAY_COMMAND_KIND_END);
}

static void try_pair(const struct failing *first, size_t second) {
    const goaway_command pair[] = {first->command, following[second].command};
    goaway_status alone = following[second].alone[first->setup];
    bool skips = !first->is_apart && is_skipped(pair[1].kind);
    for (int batches = 1; batches <= 2; batches++) {
        about("%s in state %d, then %s, in %d", first->name, first->setup, following[second].name, batches);
        goaway_request request = 0;
        uint32_t stream = prepare(first->setup, &request);
        uint32_t statuses[2] = {77, 77};
        if (batches == 1) {
            CHECK_STATUS(submit(request, pair, 2, statuses), first->status);
        } else {
            CHECK_STATUS(submit(request, pair, 1, statuses), first->status);
            CHECK_STATUS(submit(request, pair + 1, 1, statuses + 1), alone);
        }
        goaway_status expected = skips && batches == 1 ? GOAWAY_ERR_SKIPPED : alone;
        CHECK_NUMBER(statuses[0], first->status);
        CHECK_NUMBER(statuses[1], expected);
        // A response without content is complete with its head, if that was sent.
        if (first->setup != BODYLESS || pair[1].kind != GOAWAY_COMMAND_KIND_RESET) {
            come_to_end(stream, request, first->setup == BODYLESS || makes_whole(pair[1].kind, expected));
        }
    }
}

static void try_from(size_t begin_at, size_t end_at) {
    events_start(&events);
    client = client_connect(events.port);
    REQUIRE(client.socket >= 0);
    client_send_all(&client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    client_send(&client, FRAME_SETTINGS, 0, 0, "\0\004\0\0\0\0", 6); // no window
    for (size_t first = begin_at; first < end_at; first++) {
        for (size_t second = 0; second < COUNT(following); second++) {
            try_pair(&failing[first], second);
        }
    }
    end();
}

static void nothing_follows_a_part_that_failed(void) {
    try_from(0, COUNT(failing) / 2);
}

static void nothing_follows_any_other_part_that_failed(void) {
    try_from(COUNT(failing) / 2, COUNT(failing));
}

// Skipped commands have changed nothing: the next batch works as if it were the first.
static void a_later_batch_begins_anew(void) {
    begin();
    const goaway_command commands[] = {{KIND(INFORM), .status = 200}, {KIND(HEAD), .status = 200, FIELDS(LENGTHS, 17)},
                                       {KIND(END), BYTES(4)}};
    uint32_t statuses[3];
    for (int round = 0; round < 2; round++) {
        goaway_request request = 0;
        uint32_t stream = prepare(OPEN, &request);
        CHECK_STATUS(submit(request, commands, 3, statuses), GOAWAY_ERR_INVALID);
        CHECK(strstr(goaway_last_error(), "informational") != NULL);
        CHECK(statuses[1] == GOAWAY_ERR_SKIPPED && statuses[2] == GOAWAY_ERR_SKIPPED);
        const goaway_command whole = {KIND(RESPOND), .status = 200, BYTES(8)};
        const goaway_command streamed[] = {{KIND(HEAD), .status = 200}, {KIND(WRITE), BYTES(4)}, {KIND(END), BYTES(4)}};
        CHECK_OK(round == 0 ? submit(request, &whole, 1, NULL) : submit(request, streamed, 3, NULL));
        struct answer answer = client_answer(&client, stream);
        CHECK(answer.whole && answer.heads == 1 && answer.status == 200 && answer.length == 8);
    }
    end();
}

// All commands for an ended request fail.
static void what_has_ended_is_gone(void) {
    begin();
    goaway_request request = 0;
    uint32_t stream = prepare(OPEN, &request);
    CHECK_OK(respond(&events, request, ""));
    CHECK(client_answer(&client, stream).whole);
    for (size_t first = 0; first < COUNT(following); first++) {
        for (size_t second = 0; second < COUNT(following); second++) {
            about("%s, then %s", following[first].name, following[second].name);
            const goaway_command pair[] = {following[first].command, following[second].command};
            uint32_t statuses[2];
            CHECK_STATUS(submit(request, pair, 2, statuses), GOAWAY_ERR_GONE);
            CHECK(statuses[0] == GOAWAY_ERR_GONE && statuses[1] == GOAWAY_ERR_GONE);
        }
    }
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(nothing_follows_a_part_that_failed),
        CASE(nothing_follows_any_other_part_that_failed),
        CASE(a_later_batch_begins_anew),
        CASE(what_has_ended_is_gone),
    };
    return check_main(cases, COUNT(cases), 4, argc, argv);
}
