#include "events.h"

#include <inttypes.h>

bool events_init(struct events *events) {
    events->count = 0;
    return pthread_mutex_init(&events->lock, NULL) == 0;
}

void events_keep(const goaway_session_event *event, void *user_data) {
    struct events *events = user_data;
    pthread_mutex_lock(&events->lock);
    events->kept[events->count++ % EVENTS_KEPT] =
        (struct event){.kind = event->kind, .outcome = event->outcome, .session = event->session};
    pthread_mutex_unlock(&events->lock);
}

void events_list(struct events *events, struct text *text) {
    text_format(text, "[");
    pthread_mutex_lock(&events->lock);
    uint64_t first = events->count > EVENTS_KEPT ? events->count - EVENTS_KEPT : 0;
    for (uint64_t number = first; number < events->count; number++) {
        const struct event *event = &events->kept[number % EVENTS_KEPT];
        // A newer library may report events that have no name here.
        const char *kind = goaway_event_name(event->kind);
        text_format(text, "%s\"%s %" PRIu64, number > first ? "," : "", kind != NULL ? kind : "unknown",
                    event->session);
        if (event->kind == GOAWAY_EVENT_CLOSED) {
            const char *outcome = goaway_outcome_name(event->outcome);
            text_format(text, " %s", outcome != NULL ? outcome : "unknown");
        }
        text_format(text, "\"");
    }
    pthread_mutex_unlock(&events->lock);
    text_format(text, "]");
}

void events_destroy(struct events *events) {
    pthread_mutex_destroy(&events->lock);
}
