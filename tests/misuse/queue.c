// Misuse of an event queue: invalid commands, stale ids, calls at the wrong time, from
// several threads and in callbacks.

#include "exchange.h"

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    CHECK_OK(goaway_request_respond(request, 200, "called", 6));
}

static void on_ready(void *user_data) {
    (void)user_data;
}

// A request that was reported, with an outstanding body.
static goaway_request begin_with_request(void) {
    begin();
    client_ask(&client, "POST", "/", false);
    return events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
}

static void end_with_answer(goaway_request request) {
    CHECK_OK(respond(&events, request, "whole"));
    struct answer answer = client_answer(&client, 1);
    CHECK(answer.whole && answer.status == 200 && strcmp(answer.start, "whole") == 0);
    CHECK_NUMBER(answer.heads, 1);
    end();
}

static goaway_status submit(goaway_command command) {
    static const char arena[] = "name\0value\0name\0value";
    uint32_t status = 99;
    goaway_status result = goaway_queue_submit(events.queue, &command, 1, arena, sizeof arena - 1, &status);
    CHECK_NUMBER(status, result);
    return result;
}

static void senseless_commands(void) {
    goaway_request request = begin_with_request();
    static const uint16_t kinds[] = {0, 11, 255, 65535};
    for (size_t index = 0; index < COUNT(kinds); index++) {
        CHECK_STATUS(submit((goaway_command){.kind = kinds[index], .request = request}), GOAWAY_ERR_INVALID);
    }
    static const uint32_t places[][2] = {{0, 22},         {21, 1},         {22, 1},
                                         {UINT32_MAX, 1}, {1, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
    for (size_t index = 0; index < COUNT(places); index++) {
        about("%u bytes at %u", (unsigned)places[index][1], (unsigned)places[index][0]);
        goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .request = request};
        command.data_offset = places[index][0];
        command.data_len = places[index][1];
        CHECK_STATUS(submit(command), GOAWAY_ERR_INVALID);
        command = (goaway_command){.kind = GOAWAY_COMMAND_KIND_INFORM, .status = 103, .request = request};
        command.fields_offset = places[index][0];
        command.fields_len = places[index][1];
        CHECK_STATUS(submit(command), GOAWAY_ERR_INVALID);
    }
    // Without a value, without the last NUL, without a name, with an invalid name.
    static const uint32_t fields[][2] = {{0, 5}, {0, 16}, {0, 10}, {11, 10}, {4, 1}, {4, 7}, {15, 6}};
    for (size_t index = 0; index < COUNT(fields); index++) {
        about("fields of %u bytes at %u", (unsigned)fields[index][1], (unsigned)fields[index][0]);
        goaway_command command = {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request};
        command.fields_offset = fields[index][0];
        command.fields_len = fields[index][1];
        CHECK_STATUS(submit(command), GOAWAY_ERR_INVALID);
    }
    about("");
    static const goaway_command wrong[] = {
        {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 99},
        {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 204, .data_len = 1},
        {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 65535},
        {.kind = GOAWAY_COMMAND_KIND_INFORM, .status = 200},
        {.kind = GOAWAY_COMMAND_KIND_RESET, .number = UINT64_MAX},
        {.kind = GOAWAY_COMMAND_KIND_CONSUME, .number = 1},
        {.kind = GOAWAY_COMMAND_KIND_CONSUME, .number = UINT64_MAX},
        {.kind = GOAWAY_COMMAND_KIND_SET_IDLE, .number = UINT64_MAX},
        {.kind = GOAWAY_COMMAND_KIND_SET_HIGH_WATER, .number = 0},
        {.kind = GOAWAY_COMMAND_KIND_WRITE, .flags = 2},
    };
    for (size_t index = 0; index < COUNT(wrong); index++) {
        about("command %zu", index);
        goaway_command command = wrong[index];
        command.request = request;
        CHECK_STATUS(submit(command), GOAWAY_ERR_INVALID);
    }
    about("");
    CHECK_STATUS(submit((goaway_command){.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request}), GOAWAY_ERR_STATE);
    CHECK_STATUS(submit((goaway_command){.kind = GOAWAY_COMMAND_KIND_END, .request = request}), GOAWAY_ERR_STATE);
    end_with_answer(request);
}

// A failed command sends nothing, and a later batch continues after it.
static void half_commands(void) {
    goaway_request request = begin_with_request();
    static const char arena[] = "content-length\0003\0x-bad\0\001\0abcd";
    goaway_command commands[] = {
        {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 99, .request = request, .fields_len = 17},
        {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request, .fields_len = 17},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request, .data_offset = 25, .data_len = 4},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request, .data_offset = 25, .data_len = 2},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request, .data_offset = 25, .data_len = 3, .fields_offset = 17,
         .fields_len = 8},
        {.kind = GOAWAY_COMMAND_KIND_END, .request = request, .data_offset = 25, .data_len = 3},
    };
    static const uint32_t expected[] = {GOAWAY_ERR_INVALID, GOAWAY_OK,          GOAWAY_ERR_LENGTH,
                                        GOAWAY_ERR_LENGTH,  GOAWAY_ERR_INVALID, GOAWAY_OK};
    for (size_t index = 0; index < COUNT(commands); index++) {
        about("command %zu", index);
        CHECK_STATUS(goaway_queue_submit(events.queue, &commands[index], 1, arena, sizeof arena, NULL), expected[index]);
    }
    about("");
    struct answer answer = client_answer(&client, 1);
    CHECK(answer.whole && answer.heads == 1 && strcmp(answer.start, "abc") == 0);
    end();
}

// The commands of a program need not be aligned.
static void unaligned(void) {
    goaway_request request = begin_with_request();
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_CONSUME, .request = request};
    char bytes[2 * sizeof command + 1], statuses[2 * sizeof(uint32_t) + 1];
    memcpy(bytes + 1, &command, sizeof command);
    memcpy(bytes + 1 + sizeof command, &command, sizeof command);
    memset(statuses, 0x55, sizeof statuses);
    // Through void, because C has no such pointer. The library reads bytes.
    void *commands_at = bytes + 1, *statuses_at = statuses + 1;
    CHECK_OK(goaway_queue_submit(events.queue, commands_at, 2, NULL, 0, statuses_at));
    static const char zeros[2 * sizeof(uint32_t)];
    CHECK(memcmp(statuses + 1, zeros, sizeof zeros) == 0);
    end_with_answer(request);
}

static void absurd_numbers(void) {
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 7, (size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX / 40 + 1};
    goaway_request request = begin_with_request();
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .request = request};
    for (size_t index = 0; index < COUNT(absurd); index++) {
        about("%zu", absurd[index]);
        CHECK_STATUS(goaway_queue_submit(events.queue, &command, absurd[index], NULL, 0, NULL), GOAWAY_ERR_INVALID);
    }
    CHECK_STATUS(goaway_queue_submit(events.queue, &command, 1, "x", SIZE_MAX, NULL), GOAWAY_ERR_INVALID);
    about("");
    static const uint32_t limits[] = {0, (1 << 20) + 1, UINT32_MAX};
    for (size_t index = 0; index < COUNT(limits); index++) {
        CHECK_STATUS(goaway_queue_set_limit(events.queue, limits[index]), GOAWAY_ERR_INVALID);
    }
    CHECK_OK(goaway_queue_set_limit(events.queue, 1 << 20));
    end_with_answer(request);
}

static void wrong_requests(void) {
    events_new(&events);
    CHECK_OK(goaway_server_register_handler(events.server, "GET /called", on_request, NULL));
    join();
    client_get(&client, "/");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    const goaway_request wrong[] = {0, 1, request + 1, UINT64_MAX, (uint64_t)1 << 53};
    for (size_t index = 0; index < COUNT(wrong); index++) {
        for (uint16_t kind = 1; kind <= 9; kind++) {
            about("command %d for %llu", kind, (unsigned long long)wrong[index]);
            CHECK_STATUS(submit((goaway_command){.kind = kind, .status = 200, .request = wrong[index], .number = 1}),
                         GOAWAY_ERR_GONE);
        }
    }
    about("");
    // There is no body to consume.
    size_t length;
    char buffer[8];
    CHECK_OK(consume(&events, request, 0));
    CHECK_STATUS(consume(&events, request, 1), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_request_pause(request));
    CHECK(events_silent(&events));
    CHECK_OK(respond(&events, request, "fine"));
    CHECK_STATUS(respond(&events, request, "twice"), GOAWAY_ERR_GONE);
    CHECK_STATUS(consume(&events, request, 0), GOAWAY_ERR_GONE);
    // A body arrives in records, and in no other way.
    client_ask(&client, "POST", "/", false);
    request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_STATUS(goaway_request_read(request, buffer, sizeof buffer, &length), GOAWAY_ERR_STATE);
    CHECK_OK(submit((goaway_command){.kind = GOAWAY_COMMAND_KIND_RESET, .request = request, .number = 8}));
    end();
}

static goaway_request taken;

static void keep(goaway_request request, void *user_data) {
    (void)user_data;
    taken = request;
}

// Requests of handlers accept commands, except those for records.
static void a_handlers_request(void) {
    events_new(&events);
    CHECK_OK(goaway_server_register_handler(events.server, "GET /kept", keep, NULL));
    join();
    uint32_t stream = client_get(&client, "/kept");
    client_settle(&client);
    CHECK_STATUS(consume(&events, taken, 0), GOAWAY_ERR_STATE);
    goaway_command write = {.kind = GOAWAY_COMMAND_KIND_WRITE, .flags = GOAWAY_COMMAND_FLAG_NOTIFY, .request = taken};
    CHECK_STATUS(submit(write), GOAWAY_ERR_STATE);
    CHECK_OK(respond(&events, taken, "fine"));
    CHECK(client_answer(&client, stream).whole);
    end();
}

static void too_late(void) {
    events_start(&events);
    CHECK(goaway_queue_new(events.server) == NULL);
    CHECK(strstr(goaway_last_error(), "started") != NULL);
    CHECK_STATUS(goaway_server_register_queue(events.server, "GET /x", events.queue, 0), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_queue_watch(events.queue, GOAWAY_WATCH_SESSIONS), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_queue_watch(events.queue, 0), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_queue_watch(events.queue, 4), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_queue_set_on_ready(events.queue, on_ready, NULL), GOAWAY_ERR_STATE);
    events_end(&events);
}

static void another_servers(void) {
    static struct events other;
    events_new(&events);
    events_new(&other);
    CHECK_STATUS(goaway_server_register_queue(events.server, "GET /x", other.queue, 0), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_register_queue(events.server, "no pattern", events.queue, 0), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_server_register_queue(events.server, "GET /x", events.queue, 0));
    events_go(&events);
    events_end(&events);
    goaway_server_free(other.server);
    goaway_queue_free(other.queue);
}

// A server that was never started has an end, too.
static void never_started(void) {
    events_new(&events);
    int fd = goaway_queue_fd(events.queue);
    CHECK(fd >= 0);
    CHECK_OK(goaway_server_close(events.server, 0, NULL, NULL));
    events_next(&events, GOAWAY_RECORD_KIND_CLOSED);
    CHECK_STATUS(goaway_queue_wait(events.queue, GOAWAY_FOREVER), GOAWAY_ERR_GONE);
    goaway_server_free(events.server);
    goaway_queue_free(events.queue);

    events_new(&events);
    goaway_server_free(events.server);
    events_next(&events, GOAWAY_RECORD_KIND_CLOSED);
    goaway_queue_free(events.queue);

    events_new(&events);
    goaway_queue_free(events.queue);
    goaway_server_free(events.server);
}

static void the_server_goes_first(void) {
    begin();
    client_get(&client, "/");
    CHECK_OK(goaway_queue_wait(events.queue, GOAWAY_FOREVER));
    goaway_server_free(events.server);
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_DRAIN)->number, 0);
    CHECK_NUMBER(events_next(&events, GOAWAY_RECORD_KIND_CANCELLED)->id, request);
    events_next(&events, GOAWAY_RECORD_KIND_CLOSED);
    CHECK_STATUS(respond(&events, request, "too late"), GOAWAY_ERR_GONE);
    CHECK_OK(goaway_queue_submit(events.queue, NULL, 0, NULL, 0, NULL));
    goaway_batch batch;
    CHECK_OK(goaway_queue_take(events.queue, &batch));
    CHECK_NUMBER(batch.count, 0);
    CHECK_STATUS(goaway_queue_wait(events.queue, 0), GOAWAY_ERR_GONE);
    CHECK_OK(goaway_queue_set_limit(events.queue, 1));
    client_close(&client);
    goaway_queue_free(events.queue);
}

static void freed_before_the_start(void) {
    events_new(&events);
    goaway_queue_free(events.queue);
    join();
    struct answer answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.whole && answer.length == 0);
    client_close(&client);
    goaway_server_free(events.server);
}

// Reported requests without a response are reset, new ones are refused, and the
// descriptor is closed.
static void freed_while_it_runs(void) {
    events_new(&events);
    int descriptors = count_descriptors();
    CHECK(goaway_queue_fd(events.queue) >= 0);
    CHECK_NUMBER(count_descriptors(), descriptors + 1);
    join();
    uint32_t half = client_get(&client, "/half");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request}, ""));
    CHECK_OK(order(&events, (goaway_command){.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request}, "half"));
    goaway_queue_free(events.queue);
    struct answer answer = client_answer(&client, half);
    CHECK(!answer.whole && answer.reset && answer.code == 2);
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_GONE);
    answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.whole && answer.status == 0 && answer.length == 0); // 503
    client_close(&client);
    goaway_server_free(events.server);
    CHECK_SOON(count_descriptors() <= descriptors);
}

// The third one is held back, and was never reported.
static void what_a_freed_queue_answers(void) {
    events_new(&events);
    CHECK_OK(goaway_queue_set_limit(events.queue, 1));
    join();
    uint32_t told = client_get(&client, "/");
    events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    uint32_t waits = client_get(&client, "/");
    CHECK_OK(goaway_queue_wait(events.queue, GOAWAY_FOREVER));
    client_get(&client, "/");
    goaway_queue_free(events.queue);
    bool reset[3] = {false}, whole[3] = {false};
    struct frame frame;
    for (int ended = 0; ended < 3;) {
        REQUIRE(client_read(&client, &frame));
        size_t index = frame.stream == told ? 0 : frame.stream == waits ? 1 : 2;
        if (frame.kind == FRAME_RST_STREAM) {
            CHECK_NUMBER(get_number(frame.payload, 4), 2); // INTERNAL_ERROR
            reset[index] = true;
            ended++;
        } else if (frame.kind == FRAME_HEADERS && (frame.flags & FLAG_END_STREAM) != 0) {
            whole[index] = true;
            ended++;
        }
    }
    CHECK(reset[0] && reset[1] && whole[2]);
    client_close(&client);
    goaway_server_free(events.server);
}

static void *take_on(void *rounds) {
    goaway_batch batch;
    for (int round = 0; round < *(int *)rounds; round++) {
        goaway_status status = goaway_queue_take(events.queue, &batch);
        CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_STATE);
    }
    return NULL;
}

// Not allowed, and harmless as long as nobody reads the records.
static void two_take(void) {
    begin();
    int rounds = times(100000);
    pthread_t takers[2];
    for (size_t index = 0; index < COUNT(takers); index++) {
        REQUIRE(pthread_create(&takers[index], NULL, take_on, &rounds) == 0);
    }
    for (int index = 0; index < 50; index++) {
        client_reset(&client, client_get(&client, "/"));
        client_settle(&client);
    }
    for (size_t index = 0; index < COUNT(takers); index++) {
        pthread_join(takers[index], NULL);
    }
    while (events_within(&events, 50) != NULL) {
    }
    events_serve(&events, &client);
    end();
}

static goaway_request many[64];

static void *answer_all(void *user_data) {
    (void)user_data;
    goaway_command commands[COUNT(many)];
    for (size_t index = 0; index < COUNT(many); index++) {
        commands[index] = (goaway_command){
            .kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .request = many[index], .data_len = 4};
    }
    uint32_t statuses[COUNT(many)];
    goaway_queue_submit(events.queue, commands, COUNT(many), "fine", 4, statuses);
    uintptr_t good = 0;
    for (size_t index = 0; index < COUNT(many); index++) {
        CHECK(statuses[index] == GOAWAY_OK || statuses[index] == GOAWAY_ERR_GONE);
        good += statuses[index] == GOAWAY_OK;
    }
    return (void *)good;
}

static void several_submit(void) {
    begin();
    for (int round = 0; round < times(20); round++) {
        for (size_t index = 0; index < COUNT(many); index++) {
            client_get(&client, "/");
        }
        for (size_t index = 0; index < COUNT(many); index++) {
            many[index] = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
        }
        pthread_t threads[3];
        uintptr_t all = 0;
        for (size_t index = 0; index < COUNT(threads); index++) {
            REQUIRE(pthread_create(&threads[index], NULL, answer_all, NULL) == 0);
        }
        for (size_t index = 0; index < COUNT(threads); index++) {
            void *good;
            pthread_join(threads[index], &good);
            all += (uintptr_t)good;
        }
        CHECK_NUMBER(all, COUNT(many)); // each by one of them
        client_settle(&client);
    }
    events_serve(&events, &client);
    end();
}

static goaway_request last;

static goaway_status with_field(uint16_t kind, uint16_t status) {
    goaway_command command = {.kind = kind, .status = status, .request = last, .fields_len = 4};
    return goaway_queue_submit(events.queue, &command, 1, "a\0b", 4, NULL);
}

static void answer_last(void *user_data) {
    (void)user_data;
    CHECK_OK(with_field(GOAWAY_COMMAND_KIND_RESPOND, 200));
}

static void *answer_and_end(void *key) {
    CHECK_OK(with_field(GOAWAY_COMMAND_KIND_INFORM, 103));
    pthread_setspecific(*(pthread_key_t *)key, key);
    return NULL;
}

// The library's thread-local storage may be gone before the last calls of the thread.
static void a_thread_that_ends(void) {
    begin();
    uint32_t stream = client_get(&client, "/");
    last = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    pthread_key_t key;
    pthread_t thread;
    REQUIRE(pthread_key_create(&key, answer_last) == 0);
    REQUIRE(pthread_create(&thread, NULL, answer_and_end, &key) == 0);
    pthread_join(thread, NULL);
    CHECK(client_answer(&client, stream).whole);
    end();
}

// Everything at once, in the callback that reports a record.
static void in_on_ready(void *user_data) {
    CHECK_STATUS(goaway_queue_wait(events.queue, 0), GOAWAY_ERR_DEADLOCK);
    CHECK_STATUS(goaway_queue_wait(events.queue, GOAWAY_FOREVER), GOAWAY_ERR_DEADLOCK);
    goaway_batch batch;
    CHECK_OK(goaway_queue_take(events.queue, &batch));
    for (size_t index = 0; index < batch.count; index++) {
        if (batch.records[index].kind == GOAWAY_RECORD_KIND_REQUEST) {
            CHECK_OK(respond(&events, batch.records[index].id, "fine"));
        }
        atomic_fetch_add((atomic_int *)user_data, batch.records[index].kind == GOAWAY_RECORD_KIND_CLOSED);
    }
}

static void everything_in_the_callback(void) {
    static atomic_int closed;
    events_new(&events);
    CHECK_OK(goaway_queue_set_on_ready(events.queue, in_on_ready, &closed));
    join();
    for (int index = 0; index < 50; index++) {
        struct answer answer = client_answer(&client, client_get(&client, "/"));
        CHECK(answer.whole && strcmp(answer.start, "fine") == 0);
    }
    client_close(&client);
    goaway_server_free(events.server);
    CHECK_NUMBER(closed, 1);
    goaway_queue_free(events.queue);
}

static void free_it(void *user_data) {
    goaway_queue_free(events.queue);
    atomic_store((atomic_int *)user_data, 1);
}

static void freed_in_its_callback(void) {
    static atomic_int freed;
    events_new(&events);
    CHECK_OK(goaway_queue_set_on_ready(events.queue, free_it, &freed));
    join();
    struct answer answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.reset && answer.code == 2);
    CHECK_NUMBER(freed, 1);
    client_close(&client);
    goaway_server_free(events.server);

    // The same on a thread of the host, because there is none of the library's.
    atomic_store(&freed, 0);
    events_new(&events);
    CHECK_OK(goaway_queue_set_on_ready(events.queue, free_it, &freed));
    CHECK_OK(goaway_server_close(events.server, 0, NULL, NULL));
    CHECK_NUMBER(freed, 1);
    goaway_server_free(events.server);
}

// The layout that programs in other languages rely on.
static void the_layout(void) {
    _Static_assert(sizeof(goaway_record) == 64, "a record");
    _Static_assert(offsetof(goaway_record, flags) == 2 && offsetof(goaway_record, tag) == 4, "");
    _Static_assert(offsetof(goaway_record, id) == 8 && offsetof(goaway_record, session) == 16, "");
    _Static_assert(offsetof(goaway_record, text_offset) == 32 && offsetof(goaway_record, text_len) == 36, "");
    _Static_assert(offsetof(goaway_record, data_offset) == 40 && offsetof(goaway_record, data_len) == 44, "");
    _Static_assert(offsetof(goaway_record, code) == 48 && offsetof(goaway_record, cause) == 52, "");
    _Static_assert(offsetof(goaway_record, number) == 56 && offsetof(goaway_record, context) == 24, "");
    _Static_assert(offsetof(goaway_record, fields) == 60 && offsetof(goaway_record, params) == 62, "");
    _Static_assert(sizeof(goaway_command) == 40, "a command");
    _Static_assert(offsetof(goaway_command, status) == 2 && offsetof(goaway_command, flags) == 4, "");
    _Static_assert(offsetof(goaway_command, request) == 8, "");
    _Static_assert(offsetof(goaway_command, fields_offset) == 16 && offsetof(goaway_command, fields_len) == 20, "");
    _Static_assert(offsetof(goaway_command, data_offset) == 24 && offsetof(goaway_command, data_len) == 28, "");
    _Static_assert(offsetof(goaway_command, number) == 32, "");
    _Static_assert(sizeof(goaway_batch) == 2 * (sizeof(void *) + sizeof(size_t)), "a batch");
    _Static_assert(GOAWAY_RECORD_KIND_REQUEST == 1 && GOAWAY_RECORD_KIND_CLOSED == 8, "");
    _Static_assert(GOAWAY_COMMAND_KIND_RESPOND == 1 && GOAWAY_COMMAND_KIND_SET_HIGH_WATER == 9, "");
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(senseless_commands),
        CASE(half_commands),
        CASE(unaligned),
        CASE(absurd_numbers),
        CASE(wrong_requests),
        CASE(a_handlers_request),
        CASE(too_late),
        CASE(another_servers),
        CASE(never_started),
        CASE(the_server_goes_first),
        CASE(freed_before_the_start),
        CASE(freed_while_it_runs),
        CASE(what_a_freed_queue_answers),
        CASE(two_take),
        CASE(several_submit),
        CASE(a_thread_that_ends),
        CASE(everything_in_the_callback),
        CASE(freed_in_its_callback),
        CASE(the_layout),
    };
    return check_main(cases, COUNT(cases), 4, argc, argv);
}
