// The last session events, for `GET /events`.

#ifndef DEMO_EVENTS_H
#define DEMO_EVENTS_H

#include <goaway.h>
#include <pthread.h>

#include "text.h"

enum { EVENTS_KEPT = 1000 };

struct event {
    goaway_event kind;
    goaway_outcome outcome;
    goaway_session session;
};

// A ring buffer: event number n is at index n % EVENTS_KEPT.
struct events {
    pthread_mutex_t lock;
    struct event kept[EVENTS_KEPT];
    uint64_t count;
};

// Returns false if the lock cannot be created.
bool events_init(struct events *events);

// Stores an event. A `goaway_session_cb`; `user_data` is the `events`.
void events_keep(const goaway_session_event *event, void *user_data);

// Adds the events as a JSON array of texts: "opened 17", "closed 17 graceful".
void events_list(struct events *events, struct text *text);

void events_destroy(struct events *events);

#endif
