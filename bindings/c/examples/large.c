// A large response through the queue: each piece is written when the previous one has left room.

#include "serve.h"

// [large]
enum { LIMIT = 64, DOWNLOADS = 8, PIECE = 65536, PIECES = 160 };

// How many pieces are left of each response. A slot is free if its request is 0.
static struct download {
    goaway_request request;
    int left;
} downloads[DOWNLOADS];

static struct download *find(goaway_request request) {
    int at = 0;
    while (at < DOWNLOADS && downloads[at].request != request) at++;
    return at < DOWNLOADS ? &downloads[at] : NULL;
}

// With NOTIFY a WRITABLE record asks for the next piece: few bytes wait, however slowly the client reads.
static goaway_command next(struct download *download) {
    goaway_command write = {.kind = GOAWAY_COMMAND_KIND_WRITE, .flags = GOAWAY_COMMAND_FLAG_NOTIFY,
                            .request = download->request, .data_len = PIECE};
    if (--download->left == 0) {
        write.kind = GOAWAY_COMMAND_KIND_END, write.flags = 0, download->request = 0;
    }
    return write;
}

// Takes the waiting records and submits the next pieces. False once the server has ended.
static bool turn(goaway_queue *queue) {
    static goaway_command commands[2 * LIMIT];
    static char piece[PIECE]; // what every WRITE sends
    goaway_batch batch;
    size_t count = 0;
    must(goaway_queue_take(queue, &batch));
    for (const goaway_record *record = batch.records; record < batch.records + batch.count; record++) {
        struct download *download = find(record->kind == GOAWAY_RECORD_KIND_REQUEST ? 0 : record->id);
        if (record->kind == GOAWAY_RECORD_KIND_CLOSED) {
            return false;
        } else if (record->kind == GOAWAY_RECORD_KIND_REQUEST && download == NULL) {
            commands[count++] =
                (goaway_command){.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 503, .request = record->id};
        } else if (record->kind == GOAWAY_RECORD_KIND_REQUEST) {
            *download = (struct download){record->id, PIECES};
            commands[count++] = (goaway_command){.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = record->id};
            commands[count++] = next(download);
        } else if (record->kind == GOAWAY_RECORD_KIND_WRITABLE && download != NULL) {
            commands[count++] = next(download);
        } else if (record->kind == GOAWAY_RECORD_KIND_CANCELLED && download != NULL) {
            download->request = 0;
        }
    }
    goaway_queue_submit(queue, commands, count, piece, PIECE, NULL);
    return true;
}
// [large]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    goaway_queue *queue = goaway_queue_new(server);
    must(goaway_queue_set_limit(queue, LIMIT));
    must(goaway_server_register_queue(server, "GET /", queue, 0));
    serve_queue(server, queue, turn, argc, argv);
}
