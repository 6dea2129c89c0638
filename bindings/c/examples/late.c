// A response that is sent later, from another thread.

#include <pthread.h>
#include <unistd.h>

#include "serve.h"

// [late]
static void *work(void *job) {
    goaway_request request = *(goaway_request *)job;
    free(job);
    sleep(1); // a database, say
    goaway_status status = goaway_request_respond(request, 200, "late\n", 5);
    if (status != GOAWAY_OK) {
        // The client has disconnected, and there is nothing to undo.
        fprintf(stderr, "no response was sent: %s\n", goaway_status_name(status));
    }
    return NULL;
}

// Keeps the request's number for another thread, and returns at once.
static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    pthread_t thread;
    goaway_request *job = malloc(sizeof *job);
    if (job != NULL) {
        *job = request;
        if (pthread_create(&thread, NULL, work, job) == 0) {
            pthread_detach(thread);
            return;
        }
    }
    free(job);
    goaway_request_respond(request, 503, NULL, 0);
}
// [late]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    serve(server, argc, argv);
}
