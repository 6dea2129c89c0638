// goaway for Node.js: the public header as a Node-API module, and nothing more.
// What a call means, checks and names is JavaScript's affair (lib/): here a
// status stays a number, an id a double and a batch a copy of its bytes.
//
// Node-API 8 is enough, so one binary serves every Node.js that is alive. No
// state outside of objects: each worker thread loads this once more. Before an
// environment ends its servers are ended too, with their threads: Node.js 20
// aborts if another thread calls a threadsafe function that is being torn down.

#define NAPI_VERSION 8
#include <goaway.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// What lib/pump.js reads and writes by these offsets.
_Static_assert(sizeof(goaway_record) == 64 && offsetof(goaway_record, id) == 8, "a record");
_Static_assert(offsetof(goaway_record, text_offset) == 24 && offsetof(goaway_record, code) == 40, "a record");
_Static_assert(offsetof(goaway_record, number) == 48 && offsetof(goaway_record, params) == 60, "a record");
_Static_assert(sizeof(goaway_command) == 40 && offsetof(goaway_command, request) == 8, "a command");
_Static_assert(offsetof(goaway_command, fields_offset) == 16 && offsetof(goaway_command, number) == 32, "a command");

// A server with its queue, behind a JavaScript object.
struct host {
    goaway_server *server; // NULL once it has been ended
    goaway_queue *queue;
    napi_threadsafe_function wake;
    goaway_batch batch; // taken, but for want of room not copied yet
    struct shim *shim;
    struct host *next;
};

// What an environment has: its living servers, so that they end with it.
struct shim {
    napi_env env;
    struct host *hosts;
};

static const napi_type_tag HOST_TAG = {0x676f617761790001, 0x9d1c5e40b7f24a63};

// ---- values ----

static napi_value throw_text(napi_env env, const char *text) {
    napi_throw_error(env, NULL, text);
    return NULL;
}

// Passes on what Node-API complains about, unless JavaScript throws already.
static napi_value throw_napi(napi_env env) {
    bool pending = true;
    const napi_extended_error_info *info = NULL;
    napi_get_last_error_info(env, &info);
    const char *text = info != NULL && info->error_message != NULL ? info->error_message : "Node-API failed";
    if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) {
        napi_throw_type_error(env, NULL, text);
    }
    return NULL;
}

static napi_value number(napi_env env, double value) {
    napi_value result = NULL;
    napi_create_double(env, value, &result);
    return result;
}

static napi_value status_value(napi_env env, goaway_status status) {
    napi_value result = NULL;
    napi_create_uint32(env, (uint32_t)status, &result);
    return result;
}

static napi_value text_value(napi_env env, const char *text) {
    napi_value result = NULL;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
    return result;
}

static void set_number(napi_env env, napi_value object, const char *name, double value) {
    napi_set_named_property(env, object, name, number(env, value));
}

// ---- hosts ----

static void host_hook(void *data);

// Ends the server, its threads and the queue: no callback comes after it.
static void host_stop(struct host *host) {
    if (host->server == NULL) {
        return;
    }
    goaway_server_close(host->server, 0, NULL, NULL);
    goaway_server_free(host->server);
    goaway_queue_free(host->queue);
    host->server = NULL;
    host->queue = NULL;
    host->batch.count = 0;
    napi_release_threadsafe_function(host->wake, napi_tsfn_abort);
    napi_remove_env_cleanup_hook(host->shim->env, host_hook, host);
    for (struct host **at = &host->shim->hosts; *at != NULL; at = &(*at)->next) {
        if (*at == host) {
            *at = host->next;
            break;
        }
    }
}

// Before the environment ends.
static void host_hook(void *data) {
    host_stop(data);
}

static void shim_stop(struct shim *shim) {
    while (shim->hosts != NULL) {
        host_stop(shim->hosts);
    }
}

static void shim_free(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    free(data);
}

static void host_collect(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    struct host *host = data;
    host_stop(host);
    free(host);
}

// On a thread of the library: a batch waits.
static void on_ready(void *data) {
    struct host *host = data;
    napi_call_threadsafe_function(host->wake, NULL, napi_tsfn_nonblocking);
}

// On the thread of the loop; without an environment Node.js is leaving.
static void call_wake(napi_env env, napi_value wake, void *context, void *data) {
    (void)context;
    (void)data;
    napi_value receiver, error;
    if (env == NULL || wake == NULL || napi_get_undefined(env, &receiver) != napi_ok) {
        return;
    }
    if (napi_call_function(env, receiver, wake, 0, NULL, NULL) == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok) {
        napi_fatal_exception(env, error);
    }
}

// The host behind `this` and up to `count` arguments; NULL if an exception waits.
static struct host *open_call(napi_env env, napi_callback_info info, size_t count, napi_value *args) {
    napi_value self;
    struct host *host = NULL;
    bool ours = false;
    size_t given = count;
    if (napi_get_cb_info(env, info, &given, args, &self, NULL) != napi_ok ||
        napi_check_object_type_tag(env, self, &HOST_TAG, &ours) != napi_ok || !ours ||
        napi_unwrap(env, self, (void **)&host) != napi_ok) {
        napi_throw_type_error(env, NULL, "not a server of goaway");
        return NULL;
    }
    return host;
}

// The same, of a host that has not been stopped.
static struct host *open_live(napi_env env, napi_callback_info info, size_t count, napi_value *args) {
    struct host *host = open_call(env, info, count, args);
    if (host != NULL && host->server == NULL) {
        throw_text(env, "the server has ended");
        return NULL;
    }
    return host;
}

static bool host_open(napi_env env, struct host *host, napi_value wake) {
    napi_value name = text_value(env, "goaway");
    host->server = goaway_server_new();
    host->queue = goaway_queue_new(host->server);
    if (host->queue == NULL || goaway_queue_on_ready(host->queue, on_ready, host) != GOAWAY_OK) {
        throw_text(env, goaway_last_error());
        return false;
    }
    if (napi_create_threadsafe_function(env, wake, NULL, name, 0, 1, NULL, NULL, NULL, call_wake, &host->wake) !=
        napi_ok) {
        throw_napi(env);
        return false;
    }
    napi_unref_threadsafe_function(env, host->wake); // nothing runs yet
    // Hooks run in the reverse order: this one before that of the function.
    napi_add_env_cleanup_hook(env, host_hook, host);
    return true;
}

// new Server(wake): a server that is not started; `wake()` when a batch waits.
static napi_value host_new(napi_env env, napi_callback_info info) {
    napi_value self, wake;
    size_t count = 1;
    struct shim *shim = NULL;
    if (napi_get_cb_info(env, info, &count, &wake, &self, (void **)&shim) != napi_ok || shim == NULL) {
        return throw_napi(env);
    }
    struct host *host = calloc(1, sizeof *host);
    if (host == NULL) {
        return throw_text(env, "no memory");
    }
    host->shim = shim;
    if (!host_open(env, host, wake)) {
        goaway_queue_free(host->queue);
        goaway_server_free(host->server);
        free(host);
        return NULL;
    }
    host->next = shim->hosts;
    shim->hosts = host;
    if (napi_wrap(env, self, host, host_collect, NULL, NULL) != napi_ok ||
        napi_type_tag_object(env, self, &HOST_TAG) != napi_ok) {
        return throw_napi(env);
    }
    return self;
}

// ---- server ----

enum { TEXT_MAX = 4096 };

// Calls `act` with the text that is the first argument.
static napi_value with_text(napi_env env, napi_callback_info info,
                            goaway_status (*act)(struct host *, const char *, uint32_t)) {
    napi_value args[2];
    char text[TEXT_MAX];
    size_t len;
    uint32_t value = 0;
    struct host *host = open_live(env, info, 2, args);
    if (host == NULL) {
        return NULL;
    }
    if (napi_get_value_string_utf8(env, args[0], text, sizeof text, &len) != napi_ok) {
        return throw_napi(env);
    }
    napi_get_value_uint32(env, args[1], &value);
    return status_value(env, strlen(text) == len ? act(host, text, value) : GOAWAY_ERR_INVALID);
}

static goaway_status act_register(struct host *host, const char *pattern, uint32_t tag) {
    return goaway_server_register_queue(host->server, pattern, host->queue, tag);
}

static goaway_status act_listen(struct host *host, const char *address, uint32_t unused) {
    (void)unused;
    return goaway_server_listen(host->server, address);
}

// register(pattern, tag) -> status
static napi_value host_register(napi_env env, napi_callback_info info) {
    return with_text(env, info, act_register);
}

// listen(address) -> status
static napi_value host_listen(napi_env env, napi_callback_info info) {
    return with_text(env, info, act_listen);
}

// Calls `act` with up to two numbers.
static napi_value with_numbers(napi_env env, napi_callback_info info,
                               goaway_status (*act)(struct host *, int64_t, int64_t)) {
    napi_value args[2];
    int64_t one = 0, two = 0;
    struct host *host = open_live(env, info, 2, args);
    if (host == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &one);
    napi_get_value_int64(env, args[1], &two);
    return status_value(env, act(host, one, two));
}

static goaway_status act_set_limit(struct host *host, int64_t limit, int64_t value) {
    return goaway_server_set_limit(host->server, (uint32_t)limit, (uint64_t)value);
}

static goaway_status act_set_queue_limit(struct host *host, int64_t records, int64_t unused) {
    (void)unused;
    return goaway_queue_set_limit(host->queue, (uint32_t)records);
}

static goaway_status act_watch(struct host *host, int64_t what, int64_t unused) {
    (void)unused;
    return goaway_queue_watch(host->queue, (uint32_t)what);
}

static goaway_status act_start(struct host *host, int64_t unused, int64_t unused_too) {
    (void)unused;
    (void)unused_too;
    return goaway_server_start(host->server);
}

static goaway_status act_set_ready(struct host *host, int64_t ready, int64_t unused) {
    (void)unused;
    return goaway_server_set_ready(host->server, ready != 0);
}

static goaway_status act_close(struct host *host, int64_t drain_ms, int64_t unused) {
    (void)unused;
    return goaway_server_close(host->server, (uint32_t)drain_ms, NULL, NULL);
}

static goaway_status act_session_close(struct host *host, int64_t session, int64_t drain_ms) {
    (void)host;
    return goaway_session_close((goaway_session)session, (uint32_t)drain_ms);
}

// setLimit(limit, value) -> status
static napi_value host_set_limit(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_limit);
}

// setQueueLimit(records) -> status
static napi_value host_set_queue_limit(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_queue_limit);
}

// watch(bits) -> status
static napi_value host_watch(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_watch);
}

// start() -> status
static napi_value host_start(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_start);
}

// setReady(0 or 1) -> status
static napi_value host_set_ready(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_ready);
}

// close(drainMs) -> status
static napi_value host_close(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_close);
}

// closeSession(session, drainMs) -> status
static napi_value host_close_session(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_session_close);
}

// abortSession(session, code, debug: Uint8Array) -> status
static napi_value host_abort_session(napi_env env, napi_callback_info info) {
    napi_value args[3];
    int64_t session = 0;
    uint32_t code = 0;
    void *debug = NULL;
    size_t len = 0;
    if (open_live(env, info, 3, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &code);
    if (napi_get_buffer_info(env, args[2], &debug, &len) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, goaway_session_abort((goaway_session)session, code, debug, len));
}

// port(number) -> the port of that listener, 0 if there is none
static napi_value host_port(napi_env env, napi_callback_info info) {
    napi_value arg;
    uint32_t at = 0;
    struct host *host = open_call(env, info, 1, &arg);
    if (host == NULL) {
        return NULL;
    }
    napi_get_value_uint32(env, arg, &at);
    return number(env, host->server != NULL ? goaway_server_port(host->server, at) : 0);
}

// isReady() -> boolean
static napi_value host_is_ready(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    napi_value result = NULL;
    if (host != NULL) {
        napi_get_boolean(env, goaway_server_is_ready(host->server), &result);
    }
    return result;
}

// ref(): the loop goes on while the server lives. unref(): it need not.
static napi_value host_ref(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    if (host != NULL && host->server != NULL) {
        napi_ref_threadsafe_function(env, host->wake);
    }
    return NULL;
}

static napi_value host_unref(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    if (host != NULL && host->server != NULL) {
        napi_unref_threadsafe_function(env, host->wake);
    }
    return NULL;
}

// stop(): ends the server now, forcing what is left. Twice is once.
static napi_value host_end(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    if (host != NULL) {
        host_stop(host);
    }
    return NULL;
}

// ---- sessions and the report ----

static napi_value session_value(napi_env env, const goaway_session_info *info) {
    napi_value result;
    if (napi_create_object(env, &result) != napi_ok) {
        return throw_napi(env);
    }
    const char *stage = goaway_stage_name(info->stage);
    set_number(env, result, "id", (double)info->session);
    napi_set_named_property(env, result, "peer", text_value(env, info->peer));
    napi_set_named_property(env, result, "state", text_value(env, stage != NULL ? stage : "unknown"));
    set_number(env, result, "ageMs", (double)info->age_ms);
    set_number(env, result, "openStreams", info->open_streams);
    set_number(env, result, "bytesIn", (double)info->bytes_in);
    set_number(env, result, "bytesOut", (double)info->bytes_out);
    set_number(env, result, "requests", (double)info->requests);
    napi_set_named_property(env, result, "protocol", text_value(env, info->protocol));
    return result;
}

// sessions() -> an array, empty before the start and after the end
static napi_value host_sessions(napi_env env, napi_callback_info info) {
    napi_value result;
    struct host *host = open_call(env, info, 0, NULL);
    if (host == NULL || napi_create_array(env, &result) != napi_ok) {
        return NULL;
    }
    goaway_session_list *list = host->server != NULL ? goaway_server_sessions(host->server) : NULL;
    for (size_t at = 0; at < goaway_session_list_len(list); at++) {
        napi_set_element(env, result, (uint32_t)at, session_value(env, goaway_session_list_at(list, at)));
    }
    goaway_session_list_free(list);
    return result;
}

// session(id) -> its figures, or undefined if it has ended
static napi_value host_session(napi_env env, napi_callback_info info) {
    napi_value arg;
    int64_t session = 0;
    goaway_session_info figures;
    memset(&figures, 0, sizeof figures);
    if (open_call(env, info, 1, &arg) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, arg, &session);
    if (goaway_session_get_info((goaway_session)session, &figures, sizeof figures) != GOAWAY_OK) {
        return NULL;
    }
    return session_value(env, &figures);
}

// report() -> the report of the close, or undefined until it is complete
static napi_value host_report(napi_env env, napi_callback_info info) {
    napi_value result;
    struct host *host = open_call(env, info, 0, NULL);
    const goaway_report *report = host != NULL && host->server != NULL ? goaway_server_report(host->server) : NULL;
    if (report == NULL || napi_create_object(env, &result) != napi_ok) {
        return NULL;
    }
    set_number(env, result, "sessionsGraceful", (double)report->sessions_graceful);
    set_number(env, result, "sessionsByPeer", (double)report->sessions_by_peer);
    set_number(env, result, "sessionsInHandshake", (double)report->sessions_in_handshake);
    set_number(env, result, "sessionsForced", (double)report->sessions_forced);
    set_number(env, result, "sessionsStuck", (double)report->sessions_stuck);
    set_number(env, result, "streamsCompleted", (double)report->streams_completed);
    set_number(env, result, "streamsReset", (double)report->streams_reset);
    set_number(env, result, "streamsRefused", (double)report->streams_refused);
    set_number(env, result, "bytesUnsent", (double)report->bytes_unsent);
    set_number(env, result, "elapsedMs", (double)report->elapsed_ms);
    return result;
}

// ---- batches ----

// Copies the batch if both arrays have room for it, and says whether.
static bool copy_batch(const goaway_batch *batch, void *records, size_t records_len, void *arena, size_t arena_len) {
    size_t len = batch->count * sizeof(goaway_record);
    if (len > records_len || batch->arena_len > arena_len) {
        return false;
    }
    memcpy(records, batch->records, len);
    memcpy(arena, batch->arena, batch->arena_len);
    return true;
}

// take(records: Uint8Array, arena: Uint8Array, sizes: Uint32Array) -> how many
// records were copied, or -1 if there is no room: sizes then says how many
// records and how many bytes of arena there are, and the next call has them.
static napi_value host_take(napi_env env, napi_callback_info info) {
    napi_value args[3], result = NULL;
    void *records, *arena, *sizes;
    size_t records_len, arena_len, sizes_len;
    struct host *host = open_call(env, info, 3, args);
    if (host == NULL) {
        return NULL;
    }
    if (napi_get_buffer_info(env, args[0], &records, &records_len) != napi_ok ||
        napi_get_buffer_info(env, args[1], &arena, &arena_len) != napi_ok ||
        napi_get_buffer_info(env, args[2], &sizes, &sizes_len) != napi_ok || sizes_len < 2 * sizeof(uint32_t)) {
        return throw_napi(env);
    }
    int32_t count = 0;
    if (host->queue != NULL && host->batch.count == 0 && goaway_queue_take(host->queue, &host->batch) != GOAWAY_OK) {
        return throw_text(env, goaway_last_error());
    }
    if (host->batch.count > 0) {
        uint32_t *out = sizes;
        out[0] = (uint32_t)host->batch.count;
        out[1] = (uint32_t)host->batch.arena_len;
        bool copied = copy_batch(&host->batch, records, records_len, arena, arena_len);
        count = copied ? (int32_t)host->batch.count : -1;
        host->batch.count = copied ? 0 : host->batch.count;
    }
    napi_create_int32(env, count, &result);
    return result;
}

// submit(commands: Uint8Array, count, arena: Uint8Array, arenaLen, statuses:
// Uint8Array) -> OK or the first failure's status; statuses has each one's.
static napi_value host_submit(napi_env env, napi_callback_info info) {
    napi_value args[5];
    void *commands, *arena, *statuses;
    size_t commands_len, arena_len, statuses_len;
    uint32_t count = 0, used = 0;
    struct host *host = open_call(env, info, 5, args);
    if (host == NULL) {
        return NULL;
    }
    if (napi_get_buffer_info(env, args[0], &commands, &commands_len) != napi_ok ||
        napi_get_value_uint32(env, args[1], &count) != napi_ok ||
        napi_get_buffer_info(env, args[2], &arena, &arena_len) != napi_ok ||
        napi_get_value_uint32(env, args[3], &used) != napi_ok ||
        napi_get_buffer_info(env, args[4], &statuses, &statuses_len) != napi_ok) {
        return throw_napi(env);
    }
    if (count > commands_len / sizeof(goaway_command) || count > statuses_len / sizeof(uint32_t) || used > arena_len) {
        return throw_text(env, "more commands than there is memory");
    }
    if (host->queue == NULL) {
        return status_value(env, GOAWAY_OK); // ended: nobody waits for an answer
    }
    return status_value(env, goaway_queue_submit(host->queue, commands, count, arena, used, statuses));
}

// ---- names ----

static const char *status_name(uint32_t code) {
    return goaway_status_name((int32_t)code);
}

// The words of an enumeration from 0 on, up to the first that has none.
static void add_names(napi_env env, napi_value exports, const char *name, const char *(*word)(uint32_t)) {
    napi_value list;
    napi_create_array(env, &list);
    for (uint32_t code = 0; word(code) != NULL; code++) {
        napi_set_element(env, list, code, text_value(env, word(code)));
    }
    napi_set_named_property(env, exports, name, list);
}

struct constant {
    const char *name;
    uint32_t value;
};

#define CONSTANT(name) {#name, GOAWAY_##name}
#define LIMIT(name) {#name, GOAWAY_LIMIT_##name}

static const struct constant CONSTANTS[] = {
    CONSTANT(COMMAND_NOTIFY),          CONSTANT(RECORD_END),              CONSTANT(RECORD_HEAD),
    CONSTANT(RECORD_DRAINING),         CONSTANT(WATCH_SESSIONS),          CONSTANT(WATCH_PROGRESS),
    CONSTANT(RECORD_KIND_REQUEST),     CONSTANT(RECORD_KIND_BODY),        CONSTANT(RECORD_KIND_WRITABLE),
    CONSTANT(RECORD_KIND_CANCELLED),   CONSTANT(RECORD_KIND_DRAIN),       CONSTANT(RECORD_KIND_SESSION),
    CONSTANT(RECORD_KIND_PROGRESS),    CONSTANT(RECORD_KIND_CLOSED),      CONSTANT(COMMAND_KIND_RESPOND),
    CONSTANT(COMMAND_KIND_HEAD),       CONSTANT(COMMAND_KIND_WRITE),      CONSTANT(COMMAND_KIND_END),
    CONSTANT(COMMAND_KIND_RESET),      CONSTANT(COMMAND_KIND_CONSUME),    CONSTANT(COMMAND_KIND_INFORM),
    CONSTANT(COMMAND_KIND_SET_IDLE),   CONSTANT(COMMAND_KIND_HIGH_WATER), CONSTANT(EVENT_OPENED),
    CONSTANT(EVENT_CLOSED),            CONSTANT(EVENT_ERROR),             CONSTANT(OUTCOME_GRACEFUL),
};

static const struct constant LIMITS[] = {
    LIMIT(WORKERS),           LIMIT(CONCURRENT_STREAMS),   LIMIT(HEADER_LIST_BYTES),    LIMIT(HEADER_FIELDS),
    LIMIT(STREAM_WINDOW_BYTES), LIMIT(SESSION_WINDOW_BYTES), LIMIT(SEND_BUFFER_BYTES),  LIMIT(HIGH_WATER_BYTES),
    LIMIT(BODY_BYTES),        LIMIT(SESSIONS),             LIMIT(SESSION_SEND_BYTES),   LIMIT(SESSIONS_PER_ADDRESS),
    LIMIT(HANDSHAKE_MS),      LIMIT(HEADER_BLOCK_MS),      LIMIT(IDLE_MS),              LIMIT(KEEPALIVE_MS),
    LIMIT(KEEPALIVE_TIMEOUT_MS), LIMIT(PROGRESS_MS),       LIMIT(PROGRESS_BYTES),       LIMIT(STREAM_IDLE_MS),
    LIMIT(AGE_MS),            LIMIT(AGE_JITTER_MS),        LIMIT(REQUESTS),             LIMIT(GRACE_MS),
    LIMIT(CONTROL_BURST),     LIMIT(CONTROL_PER_SECOND),
};

static void add_constants(napi_env env, napi_value exports, const char *name, const struct constant *list,
                          size_t count) {
    napi_value object;
    napi_create_object(env, &object);
    for (size_t at = 0; at < count; at++) {
        set_number(env, object, list[at].name, list[at].value);
    }
    napi_set_named_property(env, exports, name, object);
}

// ---- the module ----

// lastError() -> the text of this thread's last failed call
static napi_value last_error(napi_env env, napi_callback_info info) {
    (void)info;
    return text_value(env, goaway_last_error());
}

// stream(request) -> the number of its stream, 0 if it has ended
static napi_value request_stream(napi_env env, napi_callback_info info) {
    napi_value arg;
    size_t count = 1;
    int64_t request = 0;
    uint32_t stream = 0;
    napi_get_cb_info(env, info, &count, &arg, NULL, NULL);
    napi_get_value_int64(env, arg, &request);
    goaway_status status = goaway_request_stream((goaway_request)request, &stream);
    return number(env, status == GOAWAY_OK ? stream : 0);
}

// stopAll(): ends every server of this environment, for the end of a process
static napi_value stop_all(napi_env env, napi_callback_info info) {
    void *shim = NULL;
    if (napi_get_cb_info(env, info, NULL, NULL, NULL, &shim) == napi_ok && shim != NULL) {
        shim_stop(shim);
    }
    return NULL;
}

#define METHOD(name, function) {name, NULL, function, NULL, NULL, NULL, napi_default_method, NULL}

static const napi_property_descriptor METHODS[] = {
    METHOD("register", host_register),     METHOD("listen", host_listen),
    METHOD("setLimit", host_set_limit),    METHOD("setQueueLimit", host_set_queue_limit),
    METHOD("watch", host_watch),           METHOD("start", host_start),
    METHOD("setReady", host_set_ready),    METHOD("isReady", host_is_ready),
    METHOD("port", host_port),             METHOD("close", host_close),
    METHOD("stop", host_end),              METHOD("ref", host_ref),
    METHOD("unref", host_unref),           METHOD("sessions", host_sessions),
    METHOD("session", host_session),       METHOD("closeSession", host_close_session),
    METHOD("abortSession", host_abort_session), METHOD("report", host_report),
    METHOD("take", host_take),             METHOD("submit", host_submit),
};

static void add_function(napi_env env, napi_value exports, const char *name, napi_callback function, void *data) {
    napi_value value;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value) == napi_ok) {
        napi_set_named_property(env, exports, name, value);
    }
}

NAPI_MODULE_INIT() {
    napi_value server;
    struct shim *shim = calloc(1, sizeof *shim);
    if (shim == NULL) {
        return throw_text(env, "no memory");
    }
    shim->env = env;
    if (napi_set_instance_data(env, shim, shim_free, NULL) != napi_ok ||
        napi_define_class(env, "Server", NAPI_AUTO_LENGTH, host_new, shim, COUNT(METHODS), METHODS, &server) !=
            napi_ok ||
        napi_set_named_property(env, exports, "Server", server) != napi_ok) {
        return throw_napi(env);
    }
    add_names(env, exports, "statuses", status_name);
    add_names(env, exports, "events", goaway_event_name);
    add_names(env, exports, "causes", goaway_cause_name);
    add_names(env, exports, "outcomes", goaway_outcome_name);
    add_constants(env, exports, "constants", CONSTANTS, COUNT(CONSTANTS));
    add_constants(env, exports, "limits", LIMITS, COUNT(LIMITS));
    add_function(env, exports, "lastError", last_error, NULL);
    add_function(env, exports, "stream", request_stream, NULL);
    add_function(env, exports, "stopAll", stop_all, shim);
    napi_set_named_property(env, exports, "version", text_value(env, goaway_version()));
    return exports;
}
