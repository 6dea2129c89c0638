// A server whose requests go to an event queue, and an iterator over its records.

#ifndef EVENTS_H
#define EVENTS_H

#include "client.h"

struct events {
    goaway_server *server;
    goaway_queue *queue;
    uint16_t port;
    goaway_batch batch;
    // How many of its records were examined.
    size_t seen;
};

static inline void events_new(struct events *events) {
    memset(events, 0, sizeof *events);
    events->server = goaway_server_new();
    REQUIRE(events->server != NULL);
    events->queue = goaway_queue_new(events->server);
    REQUIRE(events->queue != NULL);
    CHECK_OK(goaway_server_register_queue(events->server, "*", events->queue, 7));
}

static inline void events_go(struct events *events) {
    REQUIRE_OK(goaway_server_listen(events->server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(events->server));
    events->port = goaway_server_port(events->server, 0);
}

static inline void events_start(struct events *events) {
    events_new(events);
    events_go(events);
}

// The next record, valid until the batch after it is taken; NULL if there is none for
// `ms`.
static inline const goaway_record *events_within(struct events *events, uint32_t ms) {
    while (events->seen == events->batch.count) {
        if (goaway_queue_wait(events->queue, ms) != GOAWAY_OK) {
            return NULL;
        }
        CHECK_OK(goaway_queue_take(events->queue, &events->batch));
        events->seen = 0;
    }
    return &events->batch.records[events->seen++];
}

// The next record, which must be of this kind.
static inline const goaway_record *events_next(struct events *events, uint16_t kind) {
    const goaway_record *record = events_within(events, (uint32_t)patience_ms(SOON_MS));
    REQUIRE(record != NULL);
    if (!CHECK_NUMBER(record->kind, kind)) {
        exit(EXIT_FAILURE);
    }
    return record;
}

static inline bool events_silent(struct events *events) {
    return events_within(events, 50) == NULL;
}

static inline const char *events_text(const struct events *events, const goaway_record *record, size_t number) {
    const char *piece = goaway_record_text_at(record, &events->batch, number);
    return piece == NULL ? "none" : piece;
}

// Submits one command with `text` as its data.
static inline goaway_status order(struct events *events, goaway_command command, const char *text) {
    command.data_len = (uint32_t)strlen(text);
    return goaway_queue_submit(events->queue, &command, 1, text, strlen(text), NULL);
}

static inline goaway_status respond(struct events *events, goaway_request request, const char *text) {
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200, .request = request};
    return order(events, command, text);
}

static inline goaway_status consume(struct events *events, goaway_request request, uint64_t bytes) {
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_CONSUME, .request = request, .number = bytes};
    return order(events, command, "");
}

// A request with its response.
static inline void events_serve(struct events *events, struct client *client) {
    uint32_t stream = client_get(client, "/");
    CHECK_OK(respond(events, events_next(events, GOAWAY_RECORD_KIND_REQUEST)->id, "fine"));
    struct answer answer = client_answer(client, stream);
    CHECK(answer.whole && answer.status == 200 && strcmp(answer.start, "fine") == 0);
}

// Closes at once. CLOSED is the last record; earlier ones are dropped.
static inline void events_end(struct events *events) {
    CHECK_OK(goaway_server_close(events->server, 0, NULL, NULL));
    const goaway_record *record;
    while ((record = events_within(events, (uint32_t)patience_ms(SOON_MS))) != NULL &&
           record->kind != GOAWAY_RECORD_KIND_CLOSED) {
    }
    CHECK(record != NULL);
    CHECK_NUMBER(events->seen, events->batch.count);
    CHECK_STATUS(goaway_queue_wait(events->queue, GOAWAY_FOREVER), GOAWAY_ERR_GONE);
    goaway_server_free(events->server);
    goaway_queue_free(events->queue);
}

#endif
