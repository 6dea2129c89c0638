// What a program does with a server.

#include <string.h>

#include "shim.h"

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
    // What does not fit was cut.
    bool whole = len < sizeof text - 1 && strlen(text) == len;
    return status_value(env, whole ? act(host, text, value) : GOAWAY_ERR_INVALID);
}

static goaway_status act_register(struct host *host, const char *pattern, uint32_t tag) {
    return goaway_server_register_queue(host->server, pattern, host->queue, tag);
}

static goaway_status act_listen(struct host *host, const char *address, uint32_t unused) {
    (void)unused;
    return goaway_server_listen(host->server, address);
}

// register(pattern, tag) -> status
napi_value host_register(napi_env env, napi_callback_info info) {
    return with_text(env, info, act_register);
}

// listen(address) -> status
napi_value host_listen(napi_env env, napi_callback_info info) {
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

static goaway_status act_set_padding(struct host *host, int64_t padding, int64_t unused) {
    (void)unused;
    return goaway_server_set_padding(host->server, (uint32_t)padding);
}

static goaway_status act_set_feature(struct host *host, int64_t feature, int64_t enabled) {
    return goaway_server_set_feature(host->server, (uint32_t)feature, enabled != 0);
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

static goaway_status act_close(struct host *host, int64_t drain_ms, int64_t delay_ms) {
    return goaway_server_close_after(host->server, (uint32_t)delay_ms, (uint32_t)drain_ms, NULL, NULL);
}

// setSettings(pairs: Uint8Array) -> status; pairs as of sendSettings
napi_value host_set_settings(napi_env env, napi_callback_info info) {
    napi_value arg;
    void *pairs;
    size_t len;
    struct host *host = open_call(env, info, 1, &arg);
    if (host == NULL) {
        return NULL;
    }
    if (napi_get_buffer_info(env, arg, &pairs, &len) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, goaway_server_set_settings(host->server, pairs, len / sizeof(goaway_setting)));
}

// Reads texts, of which each may be undefined: then it is NULL. JavaScript has checked
// their length.
static bool optional_texts(napi_env env, const napi_value *args, size_t count, char (*texts)[TEXT_MAX],
                           const char **out) {
    for (size_t at = 0; at < count; at++) {
        napi_valuetype kind = napi_undefined;
        size_t len;
        napi_typeof(env, args[at], &kind);
        out[at] = kind == napi_undefined ? NULL : texts[at];
        if (out[at] != NULL && napi_get_value_string_utf8(env, args[at], texts[at], TEXT_MAX, &len) != napi_ok) {
            return false;
        }
    }
    return true;
}

// setHealthPaths(ready or undefined, live or undefined, stallMs) -> status
napi_value host_set_health_paths(napi_env env, napi_callback_info info) {
    napi_value args[3];
    char texts[2][TEXT_MAX];
    const char *paths[2];
    uint32_t stall_ms = 0;
    struct host *host = open_live(env, info, 3, args);
    if (host == NULL) {
        return NULL;
    }
    if (!optional_texts(env, args, 2, texts, paths)) {
        return throw_napi(env);
    }
    napi_get_value_uint32(env, args[2], &stall_ms);
    return status_value(env, goaway_server_set_health_paths(host->server, paths[0], paths[1], stall_ms));
}

// setForwarded(trusted or undefined, fields or undefined) -> status
napi_value host_set_forwarded(napi_env env, napi_callback_info info) {
    napi_value args[2];
    char texts[2][TEXT_MAX];
    const char *given[2];
    struct host *host = open_live(env, info, 2, args);
    if (host == NULL) {
        return NULL;
    }
    if (!optional_texts(env, args, 2, texts, given)) {
        return throw_napi(env);
    }
    return status_value(env, goaway_server_set_forwarded(host->server, given[0], given[1]));
}

// setLimit(limit, value) -> status
napi_value host_set_limit(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_limit);
}

// setPadding(padding) -> status
napi_value host_set_padding(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_padding);
}

// setFeature(feature, 1 or 0) -> status
napi_value host_set_feature(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_feature);
}

// setQueueLimit(records) -> status
napi_value host_set_queue_limit(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_queue_limit);
}

// watch(bits) -> status
napi_value host_watch(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_watch);
}

// start() -> status
napi_value host_start(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_start);
}

// setReady(0 or 1) -> status
napi_value host_set_ready(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_set_ready);
}

// close(drainMs, shutdownDelayMs) -> status
napi_value host_close(napi_env env, napi_callback_info info) {
    return with_numbers(env, info, act_close);
}

// port(number) -> the port of that listener, 0 if there is none
napi_value host_port(napi_env env, napi_callback_info info) {
    napi_value arg;
    uint32_t at = 0;
    struct host *host = open_call(env, info, 1, &arg);
    if (host == NULL) {
        return NULL;
    }
    napi_get_value_uint32(env, arg, &at);
    return number_value(env, host->server != NULL ? goaway_server_port(host->server, at) : 0);
}

// address(number) -> where that listener listens, undefined if there is none
napi_value host_address(napi_env env, napi_callback_info info) {
    napi_value arg;
    uint32_t at = 0;
    struct host *host = open_call(env, info, 1, &arg);
    if (host == NULL || host->server == NULL) {
        return NULL;
    }
    napi_get_value_uint32(env, arg, &at);
    const char *address = goaway_server_address(host->server, at);
    return address != NULL ? text_value(env, address) : NULL;
}

// handOver(number) -> a duplicate of that listener's descriptor, -1 if it fails
napi_value host_hand_over(napi_env env, napi_callback_info info) {
    napi_value arg;
    uint32_t at = 0;
    struct host *host = open_live(env, info, 1, &arg);
    if (host == NULL) {
        return NULL;
    }
    napi_get_value_uint32(env, arg, &at);
    return number_value(env, goaway_server_dup_fd(host->server, at));
}

// isReady() -> boolean
napi_value host_is_ready(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    napi_value result = NULL;
    if (host != NULL) {
        napi_get_boolean(env, goaway_server_is_ready(host->server), &result);
    }
    return result;
}

// ref(): the loop goes on while the server lives. unref(): it need not.
napi_value host_ref(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    if (host != NULL && host->server != NULL) {
        napi_ref_threadsafe_function(env, host->wake);
    }
    return NULL;
}

napi_value host_unref(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    if (host != NULL && host->server != NULL) {
        napi_unref_threadsafe_function(env, host->wake);
    }
    return NULL;
}

// stop(): ends the server now, forcing what is left. Twice is once.
napi_value host_end(napi_env env, napi_callback_info info) {
    struct host *host = open_call(env, info, 0, NULL);
    if (host != NULL) {
        host_stop(host);
    }
    return NULL;
}
