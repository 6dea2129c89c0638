// goaway for Node.js: the public header as a Node-API module, and nothing more.
// What a call means, checks and names is JavaScript's affair (lib/): here a
// status stays a number, an id a double and a batch a copy of its bytes.
//
// Node-API 8 is enough, so one binary serves every Node.js that is alive. No
// state outside of objects, but for the log: each worker thread loads this once more. Before an
// environment ends its servers are ended too, with their threads: Node.js 20
// aborts if another thread calls a threadsafe function that is being torn down.

#include <stdlib.h>

#include "shim/shim.h"

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
#define FEATURE(name) {#name, GOAWAY_FEATURE_##name}

static const struct constant CONSTANTS[] = {
    CONSTANT(COMMAND_FLAG_NOTIFY_SENT),
    CONSTANT(COMMAND_FLAG_NOTIFY),          CONSTANT(COMMAND_FLAG_NO_DATE),         CONSTANT(COMMAND_FLAG_NO_LENGTH),
    CONSTANT(COMMAND_FLAG_KEEP_BODY),
    CONSTANT(RECORD_FLAG_END),              CONSTANT(RECORD_FLAG_HEAD),             CONSTANT(FIELD_SENSITIVE),
    CONSTANT(RECORD_FLAG_DRAINING),         CONSTANT(RECORD_FLAG_NO_BODY),
    CONSTANT(PADDING_NONE),            CONSTANT(PADDING_ALIGNED),         CONSTANT(PADDING_MAX),
    CONSTANT(PSEUDO_FIELD_METHOD),     CONSTANT(PSEUDO_FIELD_SCHEME),     CONSTANT(PSEUDO_FIELD_AUTHORITY),
    CONSTANT(PSEUDO_FIELD_PATH),       CONSTANT(PSEUDO_FIELD_PROTOCOL),    CONSTANT(PSEUDO_FIELD_SENSITIVE),
    CONSTANT(WATCH_SESSIONS),          CONSTANT(WATCH_PROGRESS),
    CONSTANT(RECORD_KIND_REQUEST),     CONSTANT(RECORD_KIND_BODY),        CONSTANT(RECORD_KIND_WRITABLE),
    CONSTANT(RECORD_KIND_CANCELLED),   CONSTANT(RECORD_KIND_DRAIN),       CONSTANT(RECORD_KIND_SESSION),
    CONSTANT(RECORD_KIND_PROGRESS),    CONSTANT(RECORD_KIND_CLOSED),      CONSTANT(COMMAND_KIND_RESPOND),
    CONSTANT(COMMAND_KIND_HEAD),       CONSTANT(COMMAND_KIND_WRITE),      CONSTANT(COMMAND_KIND_END),
    CONSTANT(COMMAND_KIND_RESET),      CONSTANT(COMMAND_KIND_CONSUME),    CONSTANT(COMMAND_KIND_INFORM),
    CONSTANT(COMMAND_KIND_SET_IDLE),   CONSTANT(COMMAND_KIND_SET_HIGH_WATER), CONSTANT(EVENT_OPENED),
    CONSTANT(EVENT_CLOSED),            CONSTANT(EVENT_ERROR),             CONSTANT(OUTCOME_GRACEFUL),
    CONSTANT(RECORD_FLAG_HTTP_1_1),         CONSTANT(RECORD_FLAG_HTTP_1_0),         CONSTANT(RECORD_FLAG_UPGRADE),
    CONSTANT(RECORD_FLAG_COOKIES),         CONSTANT(ERR_SKIPPED), CONSTANT(LAST_TAKEN),                  CONSTANT(RECORD_FLAG_SENSITIVE),
};

static const struct constant LIMITS[] = {
    LIMIT(WORKERS),           LIMIT(CONCURRENT_STREAMS),   LIMIT(HEADER_LIST_BYTES),    LIMIT(HEADER_FIELDS),
    LIMIT(STREAM_WINDOW_BYTES), LIMIT(SESSION_WINDOW_BYTES), LIMIT(SEND_BUFFER_BYTES),  LIMIT(HIGH_WATER_BYTES),
    LIMIT(BODY_BYTES),        LIMIT(SESSIONS),             LIMIT(SESSION_SEND_BYTES),   LIMIT(SESSIONS_PER_ADDRESS),
    LIMIT(HANDSHAKE_MS),      LIMIT(HEADER_BLOCK_MS),      LIMIT(IDLE_MS),              LIMIT(KEEPALIVE_MS),
    LIMIT(KEEPALIVE_TIMEOUT_MS), LIMIT(PROGRESS_MS),       LIMIT(PROGRESS_BYTES),       LIMIT(STREAM_IDLE_MS),
    LIMIT(AGE_MS),            LIMIT(AGE_JITTER_MS),        LIMIT(REQUESTS),             LIMIT(GRACE_MS),
    LIMIT(CONTROL_BURST),     LIMIT(CONTROL_PER_SECOND),   LIMIT(SESSION_BODY_BYTES),    LIMIT(FRAME_BYTES),
    LIMIT(HEADER_TABLE_BYTES), LIMIT(TLS_HANDSHAKES),    LIMIT(MEMORY_BYTES),
    LIMIT(SESSION_RESPONSE_BYTES),
};

static const struct constant FEATURES[] = {
    FEATURE(HTTP1), FEATURE(UPGRADE), FEATURE(CONNECT_PROTOCOL),
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

// lastStatus() -> the status of this thread's last failed call
static napi_value last_status(napi_env env, napi_callback_info info) {
    (void)info;
    return status_value(env, goaway_last_status());
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
    return number_value(env, status == GOAWAY_OK ? stream : 0);
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
    METHOD("setForwarded", host_set_forwarded),
    METHOD("prefix", host_prefix),
    METHOD("setHealthPaths", host_set_health_paths),
    METHOD("setPadding", host_set_padding),
    METHOD("watch", host_watch),           METHOD("start", host_start),
    METHOD("setReady", host_set_ready),    METHOD("isReady", host_is_ready),
    METHOD("port", host_port),             METHOD("close", host_close),
    METHOD("address", host_address),       METHOD("handOver", host_hand_over),
    METHOD("stop", host_end),              METHOD("ref", host_ref),
    METHOD("unref", host_unref),           METHOD("sessions", host_sessions),
    METHOD("session", host_session),       METHOD("closeSession", host_close_session),
    METHOD("abortSession", host_abort_session), METHOD("report", host_report),
    METHOD("counts", host_counts),
    METHOD("ping", host_ping),             METHOD("sendGoaway", host_send_goaway),
    METHOD("setWindow", host_set_window),  METHOD("take", host_take),
    METHOD("sendSettings", host_send_settings), METHOD("setSettings", host_set_settings),
    METHOD("sendAltsvc", host_send_altsvc), METHOD("sendOrigin", host_send_origin),
    METHOD("push", host_push),             METHOD("submit", host_submit),
    METHOD("listenTls", host_listen_tls),  METHOD("setFeature", host_set_feature),
};

static const napi_property_descriptor TLS_METHODS[] = {
    METHOD("addPem", tls_add_pem),         METHOD("addFiles", tls_add_files),
    METHOD("setServerName", tls_set_server_name),
    METHOD("setClients", tls_set_clients), METHOD("setMinVersion", tls_set_min_version),
    METHOD("setCertificateRequired", tls_set_certificate_required),
    METHOD("setResumption", tls_set_resumption), METHOD("setKeyLog", tls_set_key_log),
    METHOD("reload", tls_reload),          METHOD("replace", tls_replace),
};

static void add_function(napi_env env, napi_value exports, const char *name, napi_callback function, void *data) {
    napi_value value;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value) == napi_ok) {
        napi_set_named_property(env, exports, name, value);
    }
}

NAPI_MODULE_INIT() {
    napi_value server, tls;
    struct shim *shim = calloc(1, sizeof *shim);
    if (shim == NULL) {
        return throw_text(env, "no memory");
    }
    shim->env = env;
    if (napi_set_instance_data(env, shim, shim_free, NULL) != napi_ok ||
        napi_define_class(env, "Server", NAPI_AUTO_LENGTH, host_new, shim, COUNT(METHODS), METHODS, &server) !=
            napi_ok ||
        napi_set_named_property(env, exports, "Server", server) != napi_ok ||
        napi_define_class(env, "Tls", NAPI_AUTO_LENGTH, tls_new, NULL, COUNT(TLS_METHODS), TLS_METHODS, &tls) !=
            napi_ok ||
        napi_set_named_property(env, exports, "Tls", tls) != napi_ok) {
        return throw_napi(env);
    }
    add_names(env, exports, "statuses", status_name);
    add_names(env, exports, "events", goaway_event_name);
    add_names(env, exports, "causes", goaway_cause_name);
    add_names(env, exports, "outcomes", goaway_outcome_name);
    add_constants(env, exports, "constants", CONSTANTS, COUNT(CONSTANTS));
    add_constants(env, exports, "limits", LIMITS, COUNT(LIMITS));
    add_constants(env, exports, "features", FEATURES, COUNT(FEATURES));
    add_function(env, exports, "lastError", last_error, NULL);
    add_function(env, exports, "lastStatus", last_status, NULL);
    add_function(env, exports, "stream", request_stream, NULL);
    add_function(env, exports, "memoryUsage", memory_usage, NULL);
    add_function(env, exports, "listenSocket", listen_socket, NULL);
    add_function(env, exports, "tls", session_tls, NULL);
    add_function(env, exports, "proxyTlv", session_proxy_tlv, NULL);
    add_function(env, exports, "stopAll", stop_all, shim);
    add_function(env, exports, "setLog", log_set, shim);
    add_function(env, exports, "takeLog", log_take, shim);
    napi_set_named_property(env, exports, "version", text_value(env, goaway_version()));
    return exports;
}
