// Batches of records and commands, each in one call.

#include <string.h>

#include "shim.h"

// Fields of a pushed request.
enum { PUSH_FIELDS = 256 };

// What lib/records.js and lib/commands.js read and write by these offsets.
_Static_assert(sizeof(goaway_record) == 64 && offsetof(goaway_record, id) == 8, "a record");
_Static_assert(offsetof(goaway_record, text_offset) == 32 && offsetof(goaway_record, code) == 48, "a record");
_Static_assert(offsetof(goaway_record, number) == 56 && offsetof(goaway_record, params) == 62, "a record");
_Static_assert(sizeof(goaway_command) == 40 && offsetof(goaway_command, request) == 8, "a command");
_Static_assert(offsetof(goaway_command, fields_offset) == 16 && offsetof(goaway_command, number) == 32, "a command");

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
napi_value host_take(napi_env env, napi_callback_info info) {
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
        return throw_last(env);
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

// The fields that lie in `text`, names and values with a NUL behind each; how
// many there are, or -1 if they are no pairs or more than there is room for.
static int32_t split_fields(const char *text, size_t len, goaway_field *fields, size_t room) {
    size_t count = 0;
    const char *end = text + len;
    if (len == 0 || text[len - 1] != 0) {
        return -1;
    }
    while (text < end) {
        const char *value = text + strlen(text) + 1;
        if (value == end || count == room) {
            return -1;
        }
        fields[count++] = (goaway_field){.name = text, .value = value};
        text = value + strlen(value) + 1;
    }
    return (int32_t)count;
}

// push(request, fields: Uint8Array, out: Uint32Array(3)) -> status; out has the
// halves of the pushed request's id, low first, and its stream or 0.
napi_value host_push(napi_env env, napi_callback_info info) {
    napi_value args[3];
    int64_t request = 0;
    void *text, *out;
    size_t len, out_len;
    goaway_field fields[PUSH_FIELDS];
    goaway_request pushed = 0;
    if (open_live(env, info, 3, args) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, args[0], &request);
    if (napi_get_buffer_info(env, args[1], &text, &len) != napi_ok ||
        napi_get_buffer_info(env, args[2], &out, &out_len) != napi_ok || out_len < 3 * sizeof(uint32_t)) {
        return throw_napi(env);
    }
    int32_t count = split_fields(text, len, fields, COUNT(fields));
    if (count < 0) {
        return status_value(env, GOAWAY_ERR_INVALID);
    }
    goaway_status status = goaway_request_push((goaway_request)request, fields, (size_t)count, &pushed);
    if (status == GOAWAY_OK) {
        uint32_t *numbers = out;
        numbers[0] = (uint32_t)pushed;
        numbers[1] = (uint32_t)(pushed >> 32);
        numbers[2] = 0;
        goaway_request_stream(pushed, &numbers[2]);
    }
    return status_value(env, status);
}

// prefix(request) -> the path at which a trusted proxy mounts the server, '' if none is known
napi_value host_prefix(napi_env env, napi_callback_info info) {
    napi_value arg, result = NULL;
    int64_t request = 0;
    goaway_bytes prefix = {0};
    if (open_call(env, info, 1, &arg) == NULL) {
        return NULL;
    }
    napi_get_value_int64(env, arg, &request);
    if (goaway_request_prefix((goaway_request)request, &prefix) != GOAWAY_OK) {
        prefix.len = 0;
    }
    napi_create_string_latin1(env, prefix.len > 0 ? (const char *)prefix.data : "", prefix.len, &result);
    return result;
}

// submit(commands: Uint8Array, count, arena: Uint8Array, arenaLen, statuses:
// Uint8Array) -> OK or the first failure's status; statuses has each one's.
napi_value host_submit(napi_env env, napi_callback_info info) {
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
        return status_value(env, GOAWAY_OK); // ended: the command has no effect
    }
    return status_value(env, goaway_queue_submit(host->queue, commands, count, arena, used, statuses));
}
