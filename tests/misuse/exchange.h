// A server whose requests go to a queue, and a client.

#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "events.h"

static struct events events;
static struct client client;

// Starts the server of `events_new`, and connects the client.
static inline void join(void) {
    events_go(&events);
    client = client_open(events.port);
}

static inline void begin(void) {
    events_new(&events);
    join();
}

static inline void end(void) {
    client_close(&client);
    events_end(&events);
}

#endif
