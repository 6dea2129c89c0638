// The context of a request is in every later callback and record of it.

#include "events.h"
#include "host.h"

#define FIRST UINT64_MAX
#define SECOND 0x0123456789abcdefull

static struct host host;
static struct client client;

// The last context of each callback.
static struct {
    _Atomic uint64_t body, cancel, drain, readable, writable, collected;
    atomic_int calls;
} got;

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context,
                    void *user_data) {
    (void)request, (void)data, (void)len, (void)last, (void)user_data;
    atomic_store(&got.body, context);
    atomic_fetch_add(&got.calls, 1);
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)request, (void)cause, (void)code, (void)user_data;
    atomic_store(&got.cancel, context);
    atomic_fetch_add(&got.calls, 1);
}

static void on_drain(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)request, (void)left_ms, (void)user_data;
    atomic_store(&got.drain, context);
    atomic_fetch_add(&got.calls, 1);
}

static void on_ready(goaway_request request, uint64_t context, void *user_data) {
    (void)request;
    atomic_store((_Atomic uint64_t *)user_data, context);
    atomic_fetch_add(&got.calls, 1);
}

static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)request, (void)data, (void)len, (void)user_data;
    atomic_store(&got.collected, context);
    atomic_fetch_add(&got.calls, 1);
}

static goaway_request post(const char *path, uint32_t *stream) {
    atomic_store(&got.calls, 0);
    *stream = client_ask(&client, "POST", path, false);
    return host_take(&host);
}

static uint64_t context_of(goaway_request request) {
    uint64_t context = 99;
    CHECK_OK(goaway_request_context(request, &context));
    return context;
}

static void every_callback_gets_it(void) {
    uint32_t stream;
    host_start(&host);
    client = client_open(host.port);
    goaway_request request = post("/", &stream);
    CHECK_NUMBER(context_of(request), 0);
    CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
    CHECK_OK(goaway_request_set_on_drain(request, on_drain, NULL));
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, NULL));
    CHECK_OK(goaway_request_set_on_writable(request, on_ready, &got.writable));
    atomic_store(&got.body, 99);
    client_send(&client, FRAME_DATA, 0, stream, "one", 3);
    CHECK_SOON(atomic_load(&got.calls) == 1);
    CHECK_NUMBER(atomic_load(&got.body), 0);
    // It can be set again, with effect from then on.
    CHECK_OK(goaway_request_set_context(request, FIRST));
    client_send(&client, FRAME_DATA, 0, stream, "two", 3);
    CHECK_SOON(atomic_load(&got.body) == FIRST);
    CHECK_OK(goaway_request_set_context(request, SECOND));
    CHECK_NUMBER(context_of(request), SECOND);
    CHECK_OK(goaway_request_set_high_water_bytes(request, 1));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "three", 5, NULL));
    goaway_request_write(request, "four", 4, NULL);
    CHECK_SOON(atomic_load(&got.writable) == SECOND);
    CHECK_OK(goaway_session_close(atomic_load(&host.session), 60000));
    CHECK_SOON(atomic_load(&got.drain) == SECOND);
    client_reset(&client, stream);
    CHECK_SOON(atomic_load(&got.cancel) == SECOND);
    CHECK_STATUS(goaway_request_set_context(request, 1), GOAWAY_ERR_GONE);
    client_close(&client);
    host_end(&host);
}

static void every_reader_of_a_body_gets_it(void) {
    uint32_t stream;
    char buffer[8];
    size_t length;
    host_start(&host);
    client = client_open(host.port);
    goaway_request request = post("/", &stream);
    CHECK_OK(goaway_request_set_context(request, FIRST));
    CHECK_OK(goaway_request_set_on_readable(request, on_ready, &got.readable));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "body", 4);
    CHECK_SOON(atomic_load(&got.readable) == FIRST);
    CHECK_OK(goaway_request_read(request, buffer, sizeof buffer, &length));
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    CHECK(client_answer(&client, stream).whole);
    // The next request may use the same memory, and has no context.
    request = post("/", &stream);
    CHECK_NUMBER(context_of(request), 0);
    CHECK_OK(goaway_request_collect(request, on_collected, NULL));
    CHECK_OK(goaway_request_set_context(request, SECOND));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "body", 4);
    CHECK_SOON(atomic_load(&got.collected) == SECOND);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    CHECK(client_answer(&client, stream).whole);
    client_close(&client);
    host_end(&host);
}

// The library itself ends a request whose body is too long to be collected.
static void a_refusal_gets_it(void) {
    uint32_t stream;
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_BODY_BYTES, 2));
    host_go(&host);
    client = client_open(host.port);
    goaway_request request = post("/", &stream);
    atomic_store(&got.cancel, 99);
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, NULL));
    CHECK_OK(goaway_request_set_context(request, FIRST));
    CHECK_OK(goaway_request_collect(request, on_collected, NULL));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "long", 4);
    CHECK_SOON(atomic_load(&got.cancel) == FIRST);
    client_close(&client);
    host_end(&host);
}

static goaway_status attach(struct events *events, goaway_request request, uint64_t context) {
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_SET_CONTEXT, .request = request, .number = context};
    return order(events, command, "");
}

static const goaway_record *next_with(struct events *events, uint16_t kind, uint64_t context) {
    const goaway_record *record = events_next(events, kind);
    CHECK_NUMBER(record->context, context);
    return record;
}

static void every_record_has_it(void) {
    struct events events;
    events_start(&events);
    client = client_open(events.port);
    uint32_t stream = client_ask(&client, "POST", "/", false);
    goaway_request request = next_with(&events, GOAWAY_RECORD_KIND_REQUEST, 0)->id;
    client_send(&client, FRAME_DATA, 0, stream, "one", 3);
    next_with(&events, GOAWAY_RECORD_KIND_BODY, 0);
    CHECK_OK(attach(&events, request, FIRST));
    CHECK_NUMBER(context_of(request), FIRST);
    client_send(&client, FRAME_DATA, 0, stream, "two", 3);
    next_with(&events, GOAWAY_RECORD_KIND_BODY, FIRST);
    CHECK_OK(attach(&events, request, SECOND));
    goaway_command head = {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request};
    CHECK_OK(order(&events, head, ""));
    goaway_command write = {.kind = GOAWAY_COMMAND_KIND_WRITE, .request = request, .flags = GOAWAY_COMMAND_FLAG_NOTIFY};
    CHECK_OK(order(&events, write, "three"));
    next_with(&events, GOAWAY_RECORD_KIND_WRITABLE, SECOND);
    goaway_session session = 0;
    CHECK_OK(goaway_request_session(request, &session));
    CHECK_OK(goaway_session_close(session, 60000));
    next_with(&events, GOAWAY_RECORD_KIND_DRAIN, SECOND);
    client_reset(&client, stream);
    next_with(&events, GOAWAY_RECORD_KIND_CANCELLED, SECOND);
    CHECK_STATUS(attach(&events, request, 1), GOAWAY_ERR_GONE);
    client_close(&client);
    events_end(&events);
}

static void it_outlives_the_response(void) {
    struct events events;
    events_start(&events);
    client = client_open(events.port);
    uint32_t stream = client_ask(&client, "POST", "/", false);
    goaway_request request = next_with(&events, GOAWAY_RECORD_KIND_REQUEST, 0)->id;
    CHECK_OK(attach(&events, request, FIRST));
    goaway_command whole = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .request = request,
                            .flags = GOAWAY_COMMAND_FLAG_KEEP_BODY};
    CHECK_OK(order(&events, whole, "early"));
    client_send(&client, FRAME_DATA, 0, stream, "one", 3);
    next_with(&events, GOAWAY_RECORD_KIND_BODY, FIRST);
    CHECK_OK(attach(&events, request, SECOND));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "two", 3);
    const goaway_record *record = next_with(&events, GOAWAY_RECORD_KIND_BODY, SECOND);
    CHECK((record->flags & GOAWAY_RECORD_FLAG_END) != 0);
    CHECK_STATUS(attach(&events, request, 1), GOAWAY_ERR_GONE);
    client_close(&client);
    events_end(&events);
}

// A response continues when the context could not be set, and the other way round: after
// a failed part of a response the context can still be set.
static void it_is_no_part_of_the_response(void) {
    struct events events;
    events_start(&events);
    client = client_open(events.port);
    client_ask(&client, "POST", "/", false);
    goaway_request request = next_with(&events, GOAWAY_RECORD_KIND_REQUEST, 0)->id;
    const goaway_command commands[] = {
        {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 42, .request = request},
        {.kind = GOAWAY_COMMAND_KIND_SET_CONTEXT, .request = request, .number = FIRST},
        {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .request = request},
    };
    uint32_t statuses[COUNT(commands)];
    CHECK_STATUS(goaway_queue_submit(events.queue, commands, COUNT(commands), NULL, 0, statuses), GOAWAY_ERR_INVALID);
    CHECK_NUMBER(statuses[1], GOAWAY_OK);
    CHECK_NUMBER(statuses[2], GOAWAY_ERR_SKIPPED);
    CHECK_NUMBER(context_of(request), FIRST);
    CHECK_OK(respond(&events, request, "fine"));
    client_close(&client);
    events_end(&events);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(every_callback_gets_it),
        CASE(every_reader_of_a_body_gets_it),
        CASE(a_refusal_gets_it),
        CASE(every_record_has_it),
        CASE(it_outlives_the_response),
        CASE(it_is_no_part_of_the_response),
    };
    return check_main(cases, COUNT(cases), 6, argc, argv);
}
