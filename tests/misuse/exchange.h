// One server whose requests go to a queue, and one client of it.

#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "events.h"

static struct events events;
static struct client client;

// Starts the server that `events_new` has made, and comes to it.
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
