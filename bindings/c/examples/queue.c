// A program with one thread: it takes events and submits responses in batches.

#include <poll.h>
#include <string.h>

#include "serve.h"

enum { HELLO, ECHO, LIMIT = 256 };

// A command for the record's request. The bytes that it sends stay in the batch.
static goaway_command of(const goaway_record *record, uint16_t kind, uint16_t status) {
    return (goaway_command){.kind = kind, .status = status, .request = record->id, .number = record->data_len,
                            .data_offset = record->data_offset, .data_len = record->data_len};
}

static bool is_small(const goaway_record *record, const goaway_batch *batch) {
    const char *length = goaway_record_header(record, batch, "content-length");
    return length != NULL && strlen(length) < 4;
}

// Responds to all waiting requests. False once the server has ended.
static bool turn(goaway_queue *queue) {
    static goaway_command commands[2 * LIMIT]; // two a record, of which no more than LIMIT need any
    goaway_batch batch;
    size_t count = 0;
    must(goaway_queue_take(queue, &batch));
    for (const goaway_record *record = batch.records; record < batch.records + batch.count; record++) {
        bool is_whole = record->flags & GOAWAY_RECORD_FLAG_END;
        if (record->kind == GOAWAY_RECORD_KIND_REQUEST && record->tag == HELLO) {
            const char *name = goaway_record_param(record, &batch, "name"); // in the batch's arena
            commands[count] = of(record, GOAWAY_COMMAND_KIND_RESPOND, 200);
            commands[count].data_offset = (uint32_t)(name - (const char *)batch.arena);
            commands[count++].data_len = (uint32_t)strlen(name);
        } else if (record->kind == GOAWAY_RECORD_KIND_REQUEST && !is_whole && is_small(record, &batch)) {
            commands[count++] = of(record, GOAWAY_COMMAND_KIND_HEAD, 200); // BODY records follow
        } else if (record->kind == GOAWAY_RECORD_KIND_REQUEST) {
            commands[count++] = of(record, GOAWAY_COMMAND_KIND_RESPOND, is_whole ? 200 : 413);
        } else if (record->kind == GOAWAY_RECORD_KIND_BODY) {
            commands[count++] = of(record, GOAWAY_COMMAND_KIND_CONSUME, 0); // the client may send as much more
            commands[count++] = of(record, is_whole ? GOAWAY_COMMAND_KIND_END : GOAWAY_COMMAND_KIND_WRITE, 0);
        } else if (record->kind == GOAWAY_RECORD_KIND_CLOSED) {
            return false;
        }
    }
    goaway_queue_submit(queue, commands, count, batch.arena, batch.arena_len, NULL);
    return true;
}

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    goaway_queue *queue = goaway_queue_new(server);
    must(goaway_queue_set_limit(queue, LIMIT));
    must(goaway_server_register_queue(server, "GET /hello/{name}", queue, HELLO));
    must(goaway_server_register_queue(server, "POST /echo", queue, ECHO));
    start(server, argc, argv); // listens and starts, as hello.c does
    struct pollfd waits[] = {{.fd = goaway_queue_fd(queue), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (poll(waits, 2, -1) > 0 && turn(queue)) {
        if (waits[1].revents != 0) { // standard input, as an example of other events of the loop
            waits[1].fd = -1;
            must(goaway_server_close(server, 5000, NULL, NULL));
        }
    }
    goaway_server_free(server);
    goaway_queue_free(queue);
}
