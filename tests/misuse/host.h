// A server whose requests wait in a list until the test takes them.

#ifndef HOST_H
#define HOST_H

#include "client.h"

struct host {
    goaway_server *server;
    uint16_t port;
    pthread_mutex_t lock;
    goaway_request queue[256];
    size_t first;
    size_t count;
    atomic_uint opened;
    atomic_uint closed;
    // The session that was opened last.
    _Atomic(goaway_session) session;
};

static inline void host_queue(goaway_request request, void *user_data) {
    struct host *host = user_data;
    pthread_mutex_lock(&host->lock);
    host->queue[(host->first + host->count++) % COUNT(host->queue)] = request;
    pthread_mutex_unlock(&host->lock);
}

static inline void host_watch(const goaway_session_event *event, void *user_data) {
    struct host *host = user_data;
    if (event->kind == GOAWAY_EVENT_OPENED) {
        atomic_store(&host->session, event->session);
        atomic_fetch_add(&host->opened, 1);
    }
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_fetch_add(&host->closed, 1);
    }
}

static inline void host_new(struct host *host) {
    memset(host, 0, sizeof *host);
    pthread_mutex_init(&host->lock, NULL);
    host->server = goaway_server_new();
    REQUIRE(host->server != NULL);
    CHECK_OK(goaway_server_register_handler(host->server, "*", host_queue, host));
    CHECK_OK(goaway_server_set_on_session(host->server, host_watch, host));
}

static inline void host_go(struct host *host) {
    REQUIRE_OK(goaway_server_listen(host->server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(host->server));
    host->port = goaway_server_port(host->server, 0);
    REQUIRE(host->port != 0);
}

static inline void host_start(struct host *host) {
    host_new(host);
    host_go(host);
}

// The next request; 0 if there is none.
static inline goaway_request host_take(struct host *host) {
    goaway_request request = 0;
    uint64_t until = clock_ms() + patience_ms(SOON_MS);
    while (request == 0 && clock_ms() < until) {
        pthread_mutex_lock(&host->lock);
        if (host->count > 0) {
            request = host->queue[host->first++ % COUNT(host->queue)];
            host->count--;
        }
        pthread_mutex_unlock(&host->lock);
        if (request == 0) {
            pause_ms(1);
        }
    }
    CHECK(request != 0);
    return request;
}

// A request with its response.
static inline void host_serves(struct host *host, struct client *client) {
    uint32_t stream = client_get(client, "/");
    CHECK_OK(goaway_request_respond(host_take(host), 200, "fine", 4));
    struct answer answer = client_answer(client, stream);
    CHECK(answer.whole && answer.status == 200 && strcmp(answer.start, "fine") == 0);
}

// Closes at once and frees. Every session that was opened must be closed then.
static inline void host_end(struct host *host) {
    CHECK_OK(goaway_server_close(host->server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host->server, GOAWAY_FOREVER));
    CHECK_SOON(atomic_load(&host->opened) == atomic_load(&host->closed));
    goaway_server_free(host->server);
}

#endif
