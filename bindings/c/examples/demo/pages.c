// Responses that are sent at once.

#include "demo.h"

// The route for benchmarks: one call and nothing else.
void get_hello(goaway_request request, void *user_data) {
    (void)user_data;
    answer(request, 200, "Hello, World!", 13);
}

void get_trailers(goaway_request request, void *user_data) {
    (void)user_data;
    if (goaway_request_add_trailer(request, "x-checksum", "1") != GOAWAY_OK) {
        fail(request, goaway_last_error());
        return;
    }
    answer(request, 200, "ok", 2);
}

void get_headers(goaway_request request, void *user_data) {
    (void)user_data;
    struct text text = {0};
    goaway_bytes name;
    goaway_bytes value;
    for (size_t index = 0; goaway_request_header_at(request, index, &name, &value, NULL) == GOAWAY_OK; index++) {
        text_add(&text, name.data, name.len);
        text_add(&text, ": ", 2);
        text_add(&text, value.data, value.len);
        text_add(&text, "\n", 1);
    }
    if (text.failed) {
        fail(request, "no memory");
    } else {
        answer(request, 200, text.data, text.len);
    }
    text_free(&text);
}

void get_early(goaway_request request, void *user_data) {
    (void)user_data;
    static const goaway_field hints[] = {{.name = "link", .value = "</style.css>; rel=preload; as=style"}};
    if (goaway_request_inform(request, 103, hints, sizeof hints / sizeof hints[0]) != GOAWAY_OK) {
        fail(request, goaway_last_error());
        return;
    }
    answer(request, 200, "early", 5);
}

void get_user(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_bytes id;
    if (goaway_request_param(request, "id", &id) != GOAWAY_OK) {
        fail(request, goaway_last_error());
        return;
    }
    answer(request, 200, id.data, id.len);
}

// A handler that fails: a call returns an error status.
void get_panic(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_bytes value;
    if (goaway_request_param(request, "none-such", &value) != GOAWAY_OK) {
        fail(request, goaway_last_error());
        return;
    }
    answer(request, 200, value.data, value.len);
}
