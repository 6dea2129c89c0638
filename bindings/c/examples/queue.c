// A program with one thread: events are taken, and answers given, in batches.

#include <poll.h>
#include <string.h>

#include "serve.h"

enum { HELLO, ECHO, LIMIT = 256, SMALL = 4096 };

static goaway_command commands[LIMIT]; // a batch has no more requests
static uint8_t arena[LIMIT * SMALL];   // the bodies of their answers

static goaway_command respond(goaway_request request, uint16_t status, const void *body, uint32_t len, uint32_t *used) {
    goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = status, .request = request};
    command.data_offset = *used, command.data_len = len;
    memcpy(arena + *used, body, len);
    *used += len;
    return command;
}

// Answers what has gathered. False once the server has ended.
static bool turn(goaway_queue *queue) {
    goaway_batch batch;
    uint32_t count = 0, used = 0;
    must(goaway_queue_take(queue, &batch));
    for (const goaway_record *record = batch.records; record < batch.records + batch.count; record++) {
        if (record->kind == GOAWAY_RECORD_KIND_REQUEST && record->tag == HELLO) {
            commands[count++] = respond(record->id, 200, "hello\n", 6, &used);
        } else if (record->kind == GOAWAY_RECORD_KIND_REQUEST) {
            // A small body that has come is here, whole; of others, BODY records would follow.
            bool is_here = (record->flags & GOAWAY_RECORD_END) != 0 && record->data_len <= SMALL;
            const uint8_t *body = goaway_record_data(&batch, record);
            commands[count++] = respond(record->id, is_here ? 200 : 413, body, is_here ? record->data_len : 0, &used);
        } else if (record->kind == GOAWAY_RECORD_KIND_CLOSED) {
            return false;
        }
    }
    // Of a client that has gone meanwhile the command fails, and no other.
    goaway_queue_submit(queue, commands, count, arena, used, NULL);
    return true;
}

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    goaway_queue *queue = goaway_queue_new(server);
    must(goaway_queue_set_limit(queue, LIMIT));
    must(goaway_server_register_queue(server, "GET /", queue, HELLO));
    must(goaway_server_register_queue(server, "POST /echo", queue, ECHO));
    start(server, argc, argv); // listens and starts, as hello.c does
    struct pollfd waits[] = {{.fd = goaway_queue_fd(queue), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (poll(waits, 2, -1) > 0 && turn(queue)) {
        if (waits[1].revents != 0) { // standard input: whatever else a loop waits for
            waits[1].fd = -1;
            must(goaway_server_close(server, 5000, NULL, NULL));
        }
    }
    goaway_server_free(server);
    goaway_queue_free(queue);
}
