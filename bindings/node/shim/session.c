// The figures of sessions and of the close.

#include <stdlib.h>
#include <string.h>

#include "shim.h"

static napi_value session_value(napi_env env, const goaway_session_snapshot *info) {
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
    napi_set_named_property(env, result, "local", text_value(env, info->local));
    return result;
}

// sessions() -> an array, empty before the start and after the end
napi_value host_sessions(napi_env env, napi_callback_info info) {
    napi_value result;
    struct host *host = open_call(env, info, 0, NULL);
    if (host == NULL || napi_create_array(env, &result) != napi_ok) {
        return NULL;
    }
    goaway_session_list *list = host->server != NULL ? goaway_session_list_new(host->server) : NULL;
    for (size_t at = 0; at < goaway_session_list_len(list); at++) {
        napi_set_element(env, result, (uint32_t)at, session_value(env, goaway_session_list_at(list, at)));
    }
    goaway_session_list_free(list);
    return result;
}

// session(id) -> its figures, or undefined if it has ended
napi_value host_session(napi_env env, napi_callback_info info) {
    napi_value arg;
    int64_t session = 0;
    goaway_session_snapshot figures;
    memset(&figures, 0, sizeof figures);
    if (open_call(env, info, 1, &arg) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, arg, &session);
    if (goaway_session_info((goaway_session)session, &figures, sizeof figures) != GOAWAY_OK) {
        return NULL;
    }
    return session_value(env, &figures);
}

// proxyTlv(session, kind) -> its value; undefined if there is none
napi_value session_proxy_tlv(napi_env env, napi_callback_info info) {
    napi_value args[2], result;
    size_t count = 2, len = 0;
    int64_t session = 0;
    uint32_t kind = 0;
    unsigned char place[4096];
    napi_get_cb_info(env, info, &count, args, NULL, NULL);
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &kind);
    if (goaway_session_proxy_tlv((goaway_session)session, kind, place, sizeof place, &len) != GOAWAY_OK ||
        napi_create_buffer_copy(env, len, place, NULL, &result) != napi_ok) {
        return NULL;
    }
    return result;
}

// closeSession(session, drainMs) -> status
napi_value host_close_session(napi_env env, napi_callback_info info) {
    napi_value args[2];
    int64_t session = 0;
    uint32_t drain_ms = 0;
    if (open_live(env, info, 2, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &drain_ms);
    return status_value(env, goaway_session_close((goaway_session)session, drain_ms));
}

// abortSession(session, code, debug: Uint8Array, lastStream: number | undefined) -> status
napi_value host_abort_session(napi_env env, napi_callback_info info) {
    napi_value args[4];
    int64_t session = 0;
    uint32_t code = 0, last_stream = UINT32_MAX;
    void *debug = NULL;
    size_t len = 0;
    if (open_live(env, info, 4, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &code);
    if (napi_get_buffer_info(env, args[2], &debug, &len) != napi_ok) {
        return throw_napi(env);
    }
    napi_get_value_uint32(env, args[3], &last_stream); // it stays above all if there is none
    return status_value(env, goaway_session_abort_after((goaway_session)session, last_stream, code, debug, len));
}

// ping(session, payload: Uint8Array of 8 bytes) -> status
napi_value host_ping(napi_env env, napi_callback_info info) {
    napi_value args[2];
    int64_t session = 0;
    void *payload = NULL;
    size_t len = 0;
    if (open_live(env, info, 2, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    if (napi_get_buffer_info(env, args[1], &payload, &len) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, len == 8 ? goaway_session_ping((goaway_session)session, payload) : GOAWAY_ERR_INVALID);
}

// sendGoaway(session, code, lastStream, debug: Uint8Array) -> status
napi_value host_send_goaway(napi_env env, napi_callback_info info) {
    napi_value args[4];
    int64_t session = 0;
    uint32_t code = 0, last_stream = 0;
    void *debug = NULL;
    size_t len = 0;
    if (open_live(env, info, 4, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &code);
    napi_get_value_uint32(env, args[2], &last_stream);
    if (napi_get_buffer_info(env, args[3], &debug, &len) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, goaway_session_send_goaway((goaway_session)session, last_stream, code, debug, len));
}

// The texts that stand in `len` bytes, a NUL behind each; to be freed. NULL if
// the last has none, or there is no memory.
static const char **split(const char *data, size_t len, size_t *out_count) {
    const char **texts = calloc(len + 1, sizeof *texts);
    *out_count = 0;
    if (texts == NULL || (len > 0 && data[len - 1] != '\0')) {
        free(texts);
        return NULL;
    }
    for (size_t at = 0; at < len; at += strlen(data + at) + 1) {
        texts[(*out_count)++] = data + at;
    }
    return texts;
}

// sendAltsvc(session, stream, texts: Uint8Array of the origin and the value, a NUL behind each) -> status
napi_value host_send_altsvc(napi_env env, napi_callback_info info) {
    napi_value args[3];
    int64_t session = 0;
    uint32_t stream = 0;
    void *data = NULL;
    size_t len = 0, count = 0;
    if (open_live(env, info, 3, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &stream);
    if (napi_get_buffer_info(env, args[2], &data, &len) != napi_ok) {
        return throw_napi(env);
    }
    const char **texts = split(data, len, &count);
    goaway_status status = GOAWAY_ERR_INVALID;
    if (texts != NULL && count == 2) {
        status = goaway_session_send_altsvc((goaway_session)session, stream, texts[0], texts[1]);
    }
    free(texts);
    return status_value(env, status);
}

// sendOrigin(session, origins: Uint8Array, a NUL behind each) -> status
napi_value host_send_origin(napi_env env, napi_callback_info info) {
    napi_value args[2];
    int64_t session = 0;
    void *data = NULL;
    size_t len = 0, count = 0;
    if (open_live(env, info, 2, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    if (napi_get_buffer_info(env, args[1], &data, &len) != napi_ok) {
        return throw_napi(env);
    }
    const char **texts = split(data, len, &count);
    goaway_status status = GOAWAY_ERR_INVALID;
    if (texts != NULL) {
        status = goaway_session_send_origin((goaway_session)session, texts, count);
    }
    free(texts);
    return status_value(env, status);
}

// setWindow(session, sessionBytes, streamBytes) -> status
napi_value host_set_window(napi_env env, napi_callback_info info) {
    napi_value args[3];
    int64_t session = 0;
    uint32_t session_bytes = 0, stream_bytes = 0;
    if (open_live(env, info, 3, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    napi_get_value_uint32(env, args[1], &session_bytes);
    napi_get_value_uint32(env, args[2], &stream_bytes);
    return status_value(env, goaway_session_set_window((goaway_session)session, session_bytes, stream_bytes));
}

// sendSettings(session, pairs: Uint8Array) -> status; pairs is of a Uint32Array
// with the identifier and the value of each setting
napi_value host_send_settings(napi_env env, napi_callback_info info) {
    napi_value args[2];
    int64_t session = 0;
    void *pairs;
    size_t len;
    if (open_live(env, info, 2, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &session);
    if (napi_get_buffer_info(env, args[1], &pairs, &len) != napi_ok) {
        return throw_napi(env);
    }
    goaway_status status =
        goaway_session_send_settings((goaway_session)session, pairs, len / sizeof(goaway_setting));
    return status_value(env, status);
}

// report() -> the report of the close, or undefined until it is complete
napi_value host_report(napi_env env, napi_callback_info info) {
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

// counts() -> what the server has refused, or undefined if it has been stopped
napi_value host_counts(napi_env env, napi_callback_info info) {
    napi_value result;
    goaway_counts counts = {0};
    struct host *host = open_call(env, info, 0, NULL);
    if (host == NULL || host->server == NULL ||
        goaway_server_counts(host->server, &counts, sizeof counts) != GOAWAY_OK ||
        napi_create_object(env, &result) != napi_ok) {
        return NULL;
    }
    set_number(env, result, "sessionsRefused", (double)counts.sessions_refused);
    set_number(env, result, "handshakesFailed", (double)counts.handshakes_failed);
    set_number(env, result, "proxiesRefused", (double)counts.proxies_refused);
    return result;
}

// memoryUsage() -> what the library holds for the peers of the process
napi_value memory_usage(napi_env env, napi_callback_info info) {
    (void)info;
    napi_value result;
    goaway_memory memory = {0};
    if (goaway_memory_usage(&memory, sizeof memory) != GOAWAY_OK || napi_create_object(env, &result) != napi_ok) {
        return NULL;
    }
    set_number(env, result, "total", (double)memory.total);
    set_number(env, result, "sessions", (double)memory.sessions);
    set_number(env, result, "streams", (double)memory.streams);
    set_number(env, result, "fields", (double)memory.fields);
    set_number(env, result, "compression", (double)memory.compression);
    set_number(env, result, "bodies", (double)memory.bodies);
    set_number(env, result, "responses", (double)memory.responses);
    set_number(env, result, "input", (double)memory.input);
    set_number(env, result, "output", (double)memory.output);
    set_number(env, result, "tls", (double)memory.tls);
    set_number(env, result, "records", (double)memory.records);
    return result;
}
