// The library's log. It is the process's, and several threads may have loaded
// this module: each environment has a reader, whose lines wait here until its
// loop is woken and takes them. So the readers, and nothing else, are static.

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shim.h"

enum { LINES_MAX = 1024 };

struct line {
    struct line *next;
    uint32_t level;
    uint64_t left_out; // before this one, for want of room
    char *message;     // behind the target, in one piece
    char target[];
};

// What an environment is told.
struct reader {
    struct reader *next;
    struct shim *shim;
    napi_threadsafe_function wake;
    pthread_t thread;
    uint32_t level;
    bool is_asked; // by the program; otherwise a line goes to one of those that are not
    bool is_woken;
    struct line *first, **end;
    size_t count;
    uint64_t left_out;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
// The oldest first.
static struct reader *readers;

static struct line *line_new(uint32_t level, const char *target, const char *message) {
    size_t target_len = strlen(target) + 1, message_len = strlen(message) + 1;
    struct line *line = malloc(sizeof *line + target_len + message_len);
    if (line != NULL) {
        line->next = NULL;
        line->level = level;
        line->message = line->target + target_len;
        memcpy(line->target, target, target_len);
        memcpy(line->message, message, message_len);
    }
    return line;
}

static void reader_add(struct reader *reader, uint32_t level, const char *target, const char *message) {
    struct line *line = reader->count < LINES_MAX ? line_new(level, target, message) : NULL;
    if (line == NULL) {
        reader->left_out++;
        return;
    }
    line->left_out = reader->left_out;
    reader->left_out = 0;
    *reader->end = line;
    reader->end = &line->next;
    reader->count++;
    if (!reader->is_woken) {
        reader->is_woken = napi_call_threadsafe_function(reader->wake, NULL, napi_tsfn_nonblocking) == napi_ok;
    }
}

// On any thread: a line. Of the readers that nobody asked for, the oldest gets
// it, since a warning need not be said several times; but what a thread of
// JavaScript has caused is that thread's.
static void on_log(uint32_t level, const char *target, const char *message, void *user_data) {
    (void)user_data;
    struct reader *unasked = NULL, *own = NULL;
    pthread_mutex_lock(&lock);
    for (struct reader *reader = readers; reader != NULL; reader = reader->next) {
        own = pthread_equal(reader->thread, pthread_self()) ? reader : own;
        if (reader->is_asked && level <= reader->level) {
            reader_add(reader, level, target, message);
        } else if (!reader->is_asked && unasked == NULL) {
            unasked = reader;
        }
    }
    if (own != NULL) {
        unasked = own->is_asked ? NULL : own;
    }
    if (unasked != NULL && level <= unasked->level) {
        reader_add(unasked, level, target, message);
    }
    pthread_mutex_unlock(&lock);
}

// Has the library say as much as the most curious reader wants.
static goaway_status set_level(void) {
    uint32_t level = GOAWAY_LOG_OFF;
    pthread_mutex_lock(&lock);
    for (struct reader *reader = readers; reader != NULL; reader = reader->next) {
        level = reader->level > level ? reader->level : level;
    }
    pthread_mutex_unlock(&lock);
    return goaway_log_set_on_line(level, on_log, NULL);
}

static struct line *take_lines(struct reader *reader) {
    pthread_mutex_lock(&lock);
    struct line *first = reader->first;
    reader->first = NULL;
    reader->end = &reader->first;
    reader->count = 0;
    reader->is_woken = false;
    pthread_mutex_unlock(&lock);
    return first;
}

// Before the environment ends.
static void log_hook(void *data) {
    struct reader *reader = data;
    pthread_mutex_lock(&lock);
    for (struct reader **at = &readers; *at != NULL; at = &(*at)->next) {
        if (*at == reader) {
            *at = reader->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    set_level();
    napi_release_threadsafe_function(reader->wake, napi_tsfn_abort);
    for (struct line *line = take_lines(reader), *next; line != NULL; line = next) {
        next = line->next;
        free(line);
    }
    reader->shim->reader = NULL;
    free(reader);
}

static struct reader *reader_new(napi_env env, struct shim *shim, napi_value wake) {
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL || napi_create_threadsafe_function(env, wake, NULL, text_value(env, "goaway log"), 0, 1, NULL,
                                                          NULL, NULL, call_wake, &reader->wake) != napi_ok) {
        free(reader);
        throw_napi(env);
        return NULL;
    }
    napi_unref_threadsafe_function(env, reader->wake); // a log is no reason to go on
    // Hooks run in the reverse order: this one before that of the function.
    napi_add_env_cleanup_hook(env, log_hook, reader);
    reader->shim = shim;
    reader->thread = pthread_self();
    reader->end = &reader->first;
    pthread_mutex_lock(&lock);
    struct reader **at = &readers;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = reader;
    pthread_mutex_unlock(&lock);
    return reader;
}

// setLog(level, isAsked, wake) -> status: `wake()` when lines wait for takeLog
napi_value log_set(napi_env env, napi_callback_info info) {
    napi_value args[3];
    size_t count = COUNT(args);
    uint32_t level = 0;
    bool is_asked = false;
    struct shim *shim = NULL;
    if (napi_get_cb_info(env, info, &count, args, NULL, (void **)&shim) != napi_ok || shim == NULL ||
        napi_get_value_uint32(env, args[0], &level) != napi_ok ||
        napi_get_value_bool(env, args[1], &is_asked) != napi_ok) {
        return throw_napi(env);
    }
    if (shim->reader == NULL && (shim->reader = reader_new(env, shim, args[2])) == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&lock);
    shim->reader->level = level;
    shim->reader->is_asked = is_asked;
    pthread_mutex_unlock(&lock);
    return status_value(env, set_level());
}

// takeLog() -> [level, target, message, left out before it, ...] of the lines that wait
napi_value log_take(napi_env env, napi_callback_info info) {
    napi_value result;
    uint32_t at = 0;
    struct shim *shim = NULL;
    if (napi_get_cb_info(env, info, NULL, NULL, NULL, (void **)&shim) != napi_ok ||
        napi_create_array(env, &result) != napi_ok) {
        return throw_napi(env);
    }
    struct line *line = shim != NULL && shim->reader != NULL ? take_lines(shim->reader) : NULL;
    for (struct line *next; line != NULL; line = next) {
        next = line->next;
        napi_set_element(env, result, at++, number_value(env, line->level));
        napi_set_element(env, result, at++, text_value(env, line->target));
        napi_set_element(env, result, at++, text_value(env, line->message));
        napi_set_element(env, result, at++, number_value(env, (double)line->left_out));
        free(line);
    }
    return result;
}
