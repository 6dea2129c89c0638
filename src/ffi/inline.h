
#ifndef GOAWAY_INLINE
#define GOAWAY_INLINE

#ifndef GOAWAY_NO_INLINE

// What the functions that are declared above with GOAWAY_READER do.

#ifdef __cplusplus
#define GOAWAY_CAST(type, value) reinterpret_cast<type>(value)
#define GOAWAY_STATIC_CAST(type, value) static_cast<type>(value)
#else
#define GOAWAY_CAST(type, value) ((type)(value))
#define GOAWAY_STATIC_CAST(type, value) ((type)(value))
#endif

// `len` bytes at `offset` of the batch's arena; NULL if they are not all in it.
static inline const uint8_t *goaway_inline_bytes(const goaway_batch *batch, uint32_t offset, uint32_t len) {
    if (offset > batch->arena_len || len > batch->arena_len - offset) return NULL;
    return batch->arena + offset;
}

static inline bool goaway_inline_is(const goaway_record *record, uint32_t kind) {
    return record != NULL && record->kind == kind;
}

static inline char goaway_inline_lower(char letter) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    return letter >= 'A' && letter <= 'Z' ? letters[letter - 'A'] : letter;
}

GOAWAY_READER const char *goaway_record_text(const goaway_record *record, const goaway_batch *batch) {
    if (record == NULL || batch == NULL) return NULL;
    return GOAWAY_CAST(const char *, goaway_inline_bytes(batch, record->text_offset, record->text_len));
}

GOAWAY_READER const uint8_t *goaway_record_data(const goaway_record *record, const goaway_batch *batch) {
    if (record == NULL || batch == NULL) return NULL;
    return goaway_inline_bytes(batch, record->data_offset, record->data_len);
}

GOAWAY_READER const char *goaway_record_text_next(const goaway_record *record, const goaway_batch *batch, const char *piece) {
    const char *text = goaway_record_text(record, batch);
    const char *end = text == NULL ? NULL : text + record->text_len;
    if (piece == NULL) return text < end ? text : NULL;
    if (piece < text || piece >= end) return NULL;
    while (piece < end && *piece != 0) piece++;
    return end - piece > 1 ? piece + 1 : NULL;
}

GOAWAY_READER const char *goaway_record_text_at(const goaway_record *record, const goaway_batch *batch, size_t index) {
    const char *piece = goaway_record_text_next(record, batch, NULL);
    for (; piece != NULL && index > 0; index--) piece = goaway_record_text_next(record, batch, piece);
    return piece;
}

static inline const char *goaway_inline_request(const goaway_record *record, const goaway_batch *batch, size_t index) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST) ? goaway_record_text_at(record, batch, index) : NULL;
}

// The names and values of a record that begin at the piece `first`: `count` pairs.
struct goaway_inline_pairs {
    size_t first;
    size_t count;
};

// Method, scheme, authority, path, query and peer stand before the parameters.
static inline struct goaway_inline_pairs goaway_inline_params(const goaway_record *record) {
    struct goaway_inline_pairs pairs = {6, 0};
    if (goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST)) pairs.count = record->params;
    return pairs;
}

static inline struct goaway_inline_pairs goaway_inline_headers(const goaway_record *record) {
    struct goaway_inline_pairs pairs = goaway_inline_params(record);
    pairs.first += 2 * pairs.count;
    pairs.count = goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST) ? record->fields : 0;
    return pairs;
}

static inline struct goaway_inline_pairs goaway_inline_trailers(const goaway_record *record) {
    struct goaway_inline_pairs pairs = {0, 0};
    if (goaway_inline_is(record, GOAWAY_RECORD_KIND_BODY)) pairs.count = record->fields;
    return pairs;
}

static inline bool goaway_inline_same(const char *left, const char *right, bool any_case) {
    for (; any_case ? goaway_inline_lower(*left) == goaway_inline_lower(*right) : *left == *right; left++, right++) {
        if (*left == 0) return true;
    }
    return false;
}

static inline const char *goaway_inline_find(const goaway_record *record, const goaway_batch *batch,
                                             struct goaway_inline_pairs pairs, const char *name, bool any_case) {
    const char *known = pairs.count == 0 || name == NULL ? NULL : goaway_record_text_at(record, batch, pairs.first);
    for (; known != NULL && pairs.count > 0; pairs.count--) {
        const char *value = goaway_record_text_next(record, batch, known);
        if (value != NULL && goaway_inline_same(known, name, any_case)) return value;
        known = value == NULL ? NULL : goaway_record_text_next(record, batch, value);
    }
    return NULL;
}

static inline bool goaway_inline_at(const goaway_record *record, const goaway_batch *batch,
                                    struct goaway_inline_pairs pairs, size_t index, const char **out_name,
                                    const char **out_value) {
    const char *name, *value;
    if (index >= pairs.count) return false;
    name = goaway_record_text_at(record, batch, pairs.first + 2 * index);
    value = name == NULL ? NULL : goaway_record_text_next(record, batch, name);
    if (value == NULL) return false;
    if (out_name != NULL) *out_name = name;
    if (out_value != NULL) *out_value = value;
    return true;
}

GOAWAY_READER const char *goaway_record_method(const goaway_record *record, const goaway_batch *batch) {
    return goaway_inline_request(record, batch, 0);
}

GOAWAY_READER const char *goaway_record_scheme(const goaway_record *record, const goaway_batch *batch) {
    return goaway_inline_request(record, batch, 1);
}

GOAWAY_READER const char *goaway_record_authority(const goaway_record *record, const goaway_batch *batch) {
    return goaway_inline_request(record, batch, 2);
}

GOAWAY_READER const char *goaway_record_path(const goaway_record *record, const goaway_batch *batch) {
    return goaway_inline_request(record, batch, 3);
}

GOAWAY_READER const char *goaway_record_query(const goaway_record *record, const goaway_batch *batch) {
    return goaway_inline_request(record, batch, 4);
}

GOAWAY_READER const char *goaway_record_peer(const goaway_record *record, const goaway_batch *batch) {
    if (goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION)) return goaway_record_text_at(record, batch, 0);
    return goaway_inline_request(record, batch, 5);
}

GOAWAY_READER const char *goaway_record_protocol(const goaway_record *record, const goaway_batch *batch) {
    struct goaway_inline_pairs first = goaway_inline_headers(record);
    if (first.count > 1) first.count = 1;
    return goaway_inline_find(record, batch, first, ":protocol", false);
}

GOAWAY_READER const char *goaway_record_param(const goaway_record *record, const goaway_batch *batch, const char *name) {
    return goaway_inline_find(record, batch, goaway_inline_params(record), name, false);
}

GOAWAY_READER bool goaway_record_param_at(const goaway_record *record, const goaway_batch *batch, size_t index,
                                        const char **out_name, const char **out_value) {
    return goaway_inline_at(record, batch, goaway_inline_params(record), index, out_name, out_value);
}

GOAWAY_READER const char *goaway_record_header(const goaway_record *record, const goaway_batch *batch, const char *name) {
    return goaway_inline_find(record, batch, goaway_inline_headers(record), name, true);
}

GOAWAY_READER bool goaway_record_header_at(const goaway_record *record, const goaway_batch *batch, size_t index,
                                        const char **out_name, const char **out_value) {
    return goaway_inline_at(record, batch, goaway_inline_headers(record), index, out_name, out_value);
}

GOAWAY_READER const char *goaway_record_trailer(const goaway_record *record, const goaway_batch *batch, const char *name) {
    return goaway_inline_find(record, batch, goaway_inline_trailers(record), name, true);
}

GOAWAY_READER bool goaway_record_trailer_at(const goaway_record *record, const goaway_batch *batch, size_t index,
                                        const char **out_name, const char **out_value) {
    return goaway_inline_at(record, batch, goaway_inline_trailers(record), index, out_name, out_value);
}

GOAWAY_READER uint32_t goaway_record_field_flags(const goaway_record *record, const goaway_batch *batch, size_t index) {
    const uint8_t *flags;
    bool has_fields = goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST) || goaway_inline_is(record, GOAWAY_RECORD_KIND_BODY);
    if (!has_fields || batch == NULL || (record->flags & GOAWAY_RECORD_FLAG_SENSITIVE) == 0) return 0;
    if (index >= record->fields || record->text_offset < record->fields) return 0;
    flags = goaway_inline_bytes(batch, record->text_offset - record->fields, record->fields);
    return flags == NULL ? 0 : flags[index];
}

GOAWAY_READER const char *goaway_record_cookie_at(const goaway_record *record, const goaway_batch *batch, size_t index) {
    const char *value, *end;
    if (!goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST)) return NULL;
    if ((record->flags & GOAWAY_RECORD_FLAG_COOKIES) == 0) {
        return index == 0 ? goaway_record_header(record, batch, "cookie") : NULL;
    }
    value = goaway_record_text(record, batch);
    end = GOAWAY_CAST(const char *, goaway_record_data(record, batch));
    if (value == NULL || end == NULL) return NULL;
    value += record->text_len;
    for (; value < end && index > 0; index--) {
        while (value < end && *value != 0) value++;
        value++;
    }
    return value < end ? value : NULL;
}

GOAWAY_READER const uint8_t *goaway_record_body(const goaway_record *record, const goaway_batch *batch, size_t *out_len) {
    const uint8_t *data = goaway_record_data(record, batch);
    bool has_body = goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST) || goaway_inline_is(record, GOAWAY_RECORD_KIND_BODY);
    if (data == NULL || !has_body) return NULL;
    if (out_len != NULL) *out_len = record->data_len;
    return data;
}

GOAWAY_READER const uint8_t *goaway_record_event_text(const goaway_record *record, const goaway_batch *batch, size_t *out_len) {
    const char *text, *end;
    if (!goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION)) return NULL;
    text = goaway_record_text_next(record, batch, NULL);
    if (text == NULL) return NULL;
    end = text + record->text_len;
    while (text < end && *text != 0) text++;
    if (text == end) return NULL;
    if (out_len != NULL) *out_len = GOAWAY_STATIC_CAST(size_t, end - text - 1);
    return GOAWAY_CAST(const uint8_t *, text + 1);
}

GOAWAY_READER const goaway_report *goaway_record_report(const goaway_record *record, const goaway_batch *batch) {
    const void *data = goaway_record_data(record, batch);
    if (!goaway_inline_is(record, GOAWAY_RECORD_KIND_CLOSED) || record->data_len < sizeof(goaway_report)) return NULL;
    return GOAWAY_STATIC_CAST(const goaway_report *, data);
}

GOAWAY_READER uint32_t goaway_record_stream(const goaway_record *record) {
    if (goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST)) return record->code;
    if (!goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION) || record->fields == GOAWAY_EVENT_GOAWAY) return 0;
    return record->number;
}

GOAWAY_READER uint32_t goaway_record_last_stream(const goaway_record *record) {
    if (!goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION) || record->fields != GOAWAY_EVENT_GOAWAY) return 0;
    return record->number;
}

GOAWAY_READER uint32_t goaway_record_cause(const goaway_record *record) {
    bool has_cause = goaway_inline_is(record, GOAWAY_RECORD_KIND_CANCELLED) || goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION);
    return has_cause ? record->cause : 0;
}

GOAWAY_READER uint32_t goaway_record_pseudo_order(const goaway_record *record) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST) ? record->cause : 0;
}

GOAWAY_READER uint32_t goaway_record_code(const goaway_record *record) {
    bool has_code = goaway_inline_is(record, GOAWAY_RECORD_KIND_CANCELLED) || goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION);
    return has_code ? record->code : 0;
}

GOAWAY_READER uint64_t goaway_record_left_ms(const goaway_record *record) {
    bool drains = goaway_inline_is(record, GOAWAY_RECORD_KIND_DRAIN) || goaway_inline_is(record, GOAWAY_RECORD_KIND_PROGRESS);
    if (goaway_inline_is(record, GOAWAY_RECORD_KIND_REQUEST)) drains = (record->flags & GOAWAY_RECORD_FLAG_DRAINING) != 0;
    return drains ? record->number : 0;
}

GOAWAY_READER uint32_t goaway_record_queued(const goaway_record *record) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_WRITABLE) ? record->number : 0;
}

GOAWAY_READER uint32_t goaway_record_high_water(const goaway_record *record) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_WRITABLE) ? record->code : 0;
}

GOAWAY_READER uint32_t goaway_record_sessions(const goaway_record *record) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_PROGRESS) ? record->code : 0;
}

GOAWAY_READER uint32_t goaway_record_streams(const goaway_record *record) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_PROGRESS) ? record->cause : 0;
}

GOAWAY_READER uint32_t goaway_record_event(const goaway_record *record) {
    return goaway_inline_is(record, GOAWAY_RECORD_KIND_SESSION) ? record->fields : UINT32_MAX;
}

GOAWAY_READER uint32_t goaway_record_outcome(const goaway_record *record) {
    return goaway_record_event(record) == GOAWAY_EVENT_CLOSED ? record->params : UINT32_MAX;
}

#endif  // GOAWAY_NO_INLINE

#endif  // GOAWAY_INLINE
