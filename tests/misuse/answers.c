// Invalid responses: in the wrong order, sent twice, with statuses, fields and lengths
// that HTTP/2 does not have, and too large.

#include "host.h"

static struct host host;
static struct client client;
static uint32_t stream;

// The next request of the same session, for an invalid response.
static goaway_request asked(const char *method) {
    if (host.server == NULL) {
        host_start(&host);
        client = client_open(host.port);
    }
    stream = client_ask(&client, method, "/", true);
    return host_take(&host);
}

// The response that the client received. The session must continue.
static struct answer answered(void) {
    struct answer answer = client_answer(&client, stream);
    if (!CHECK(answer.whole || answer.reset)) {
        client_close(&client);
        client = client_open(host.port);
    }
    return answer;
}

static void end(void) {
    about("");
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void twice(void) {
    goaway_request request = asked("GET");
    CHECK_OK(goaway_request_respond(request, 200, "once", 4));
    CHECK_STATUS(goaway_request_respond(request, 200, "twice", 5), GOAWAY_ERR_GONE);
    struct answer answer = answered();
    CHECK(answer.whole && strcmp(answer.start, "once") == 0);

    request = asked("GET");
    CHECK_OK(goaway_request_write_head(request, 404));
    CHECK_STATUS(goaway_request_write_head(request, 200), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_respond(request, 200, "twice", 5), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_request_end(request));
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_write(request, "x", 1, NULL), GOAWAY_ERR_GONE);
    answer = answered();
    CHECK(answer.whole && answer.status == 404 && answer.length == 0);

    request = asked("GET");
    CHECK_OK(goaway_request_reset(request, 11));
    CHECK_STATUS(goaway_request_reset(request, 12), GOAWAY_ERR_GONE);
    answer = answered();
    CHECK(answer.reset && answer.code == 11 && answer.heads == 0);

    // Any number is a valid error code, also one without a name in RFC 9113.
    request = asked("GET");
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_reset(request, UINT32_MAX));
    answer = answered();
    CHECK(answer.reset && answer.code == UINT32_MAX);
    end();
}

static void out_of_order(void) {
    goaway_request request = asked("GET");
    CHECK_STATUS(goaway_request_write(request, "x", 1, NULL), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_request_inform(request, 103, NULL, 0));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_STATUS(goaway_request_inform(request, 103, NULL, 0), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_set_header(request, "x", "y"), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_add_header(request, "x", "y"), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_request_write(request, "fine", 4, NULL));
    CHECK_OK(goaway_request_add_trailer(request, "x-trailer", "y"));
    CHECK_OK(goaway_request_end(request));
    struct answer answer = answered();
    CHECK(answer.whole && answer.heads == 3 && strcmp(answer.start, "fine") == 0);
    end();
}

static void lengths(void) {
    goaway_request request = asked("GET");
    CHECK_OK(goaway_request_set_header(request, "content-length", "5"));
    CHECK_STATUS(goaway_request_respond(request, 200, "four", 4), GOAWAY_ERR_LENGTH);
    CHECK_STATUS(goaway_request_respond(request, 200, "sixsix", 6), GOAWAY_ERR_LENGTH);
    CHECK_STATUS(goaway_request_respond(request, 200, NULL, 0), GOAWAY_ERR_LENGTH);
    CHECK_OK(goaway_request_respond(request, 200, "five!", 5));
    CHECK(answered().length == 5);

    request = asked("GET");
    CHECK_OK(goaway_request_set_header(request, "content-length", "5"));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_LENGTH);
    CHECK_OK(goaway_request_write(request, "fo", 2, NULL));
    CHECK_STATUS(goaway_request_write(request, "urxx", 4, NULL), GOAWAY_ERR_LENGTH);
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_LENGTH);
    CHECK_OK(goaway_request_write(request, "ur!", 3, NULL));
    CHECK_STATUS(goaway_request_write(request, "x", 1, NULL), GOAWAY_ERR_LENGTH);
    CHECK_OK(goaway_request_end(request));
    struct answer answer = answered();
    CHECK(answer.whole && strcmp(answer.start, "four!") == 0);

    // The response to HEAD has the length and no body.
    request = asked("HEAD");
    CHECK_OK(goaway_request_set_header(request, "content-length", "1000000"));
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    answer = answered();
    CHECK(answer.whole && answer.length == 0);
    end();
}

// Only a number that can be the length of the body is sent as content-length.
static void lengths_that_are_none(void) {
    static const char *const none[] = {"",   "five", "5 5", "5,5",  "5, 5",                 "+5",  "-5",
                                       "0x5", "5.0",  "5;",  "\xd9\xa5", "18446744073709551616", "1e9", "5\t5"};
    for (size_t index = 0; index < 2 * COUNT(none); index++) {
        const char *value = none[index / 2];
        about("content-length: %s, %s", value, index % 2 == 0 ? "responded" : "streamed");
        goaway_request request = asked("GET");
        goaway_status status = goaway_request_set_header(request, "content-length", value);
        if (status == GOAWAY_OK) {
            status = index % 2 == 0 ? goaway_request_respond(request, 200, "five!", 5)
                                    : goaway_request_write_head(request, 200);
        }
        if (CHECK_STATUS(status, GOAWAY_ERR_INVALID)) {
            CHECK_OK(goaway_request_reset(request, 0));
        } else {
            goaway_request_end(request);
            goaway_request_reset(request, 0);
        }
        answered();
    }
    // Two content-length fields are an error, also if they are equal: RFC 9110, section
    // 8.6.
    for (int index = 0; index < 2; index++) {
        about(index == 0 ? "content-length 5 and 6" : "content-length 5 and 5");
        goaway_request request = asked("GET");
        CHECK_OK(goaway_request_add_header(request, "content-length", "5"));
        goaway_status status = goaway_request_add_header(request, "content-length", index == 0 ? "6" : "5");
        if (status == GOAWAY_OK) {
            status = goaway_request_respond(request, 200, "five!", 5);
        }
        CHECK(status == GOAWAY_ERR_INVALID || status == GOAWAY_ERR_LENGTH);
        if (status != GOAWAY_OK) {
            CHECK_OK(goaway_request_reset(request, 0));
        }
        answered();
    }
    end();
}

static void without_a_body(void) {
    static const uint16_t statuses[] = {204, 304};
    for (size_t index = 0; index < COUNT(statuses); index++) {
        about("%u", statuses[index]);
        goaway_request request = asked("GET");
        CHECK_STATUS(goaway_request_respond(request, statuses[index], "body", 4), GOAWAY_ERR_INVALID);
        CHECK_OK(goaway_request_respond(request, statuses[index], NULL, 0));
        struct answer answer = answered();
        CHECK(answer.whole && answer.length == 0 && answer.status == statuses[index]);
        request = asked("GET");
        CHECK_OK(goaway_request_write_head(request, statuses[index]));
        CHECK_STATUS(goaway_request_write(request, "body", 4, NULL), GOAWAY_ERR_STATE);
        CHECK_OK(goaway_request_write(request, NULL, 0, NULL));
        CHECK_OK(goaway_request_end(request));
        answer = answered();
        CHECK(answer.whole && answer.length == 0);
    }
    about("");
    goaway_request request = asked("HEAD");
    CHECK_OK(goaway_request_respond(request, 200, "dropped", 7));
    CHECK(answered().length == 0);
    request = asked("HEAD");
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "dropped", 7, NULL));
    CHECK_OK(goaway_request_end(request));
    CHECK(answered().length == 0);
    end();
}

static void bad_statuses(void) {
    static const uint16_t bad[] = {0, 1, 20, 99, 100, 101, 103, 199, 1000, 9999, 65535};
    static const uint16_t not_informational[] = {0, 1, 99, 101, 200, 204, 304, 500, 600, 65535};
    goaway_request request = asked("GET");
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("%u", bad[index]);
        CHECK_STATUS(goaway_request_respond(request, bad[index], "x", 1), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_write_head(request, bad[index]), GOAWAY_ERR_INVALID);
    }
    for (size_t index = 0; index < COUNT(not_informational); index++) {
        about("%u", not_informational[index]);
        CHECK_STATUS(goaway_request_inform(request, not_informational[index], NULL, 0), GOAWAY_ERR_INVALID);
    }
    about("");
    CHECK_OK(goaway_request_inform(request, 100, NULL, 0));
    CHECK_OK(goaway_request_inform(request, 199, NULL, 0));
    CHECK_OK(goaway_request_respond(request, 999, "odd", 3));
    struct answer answer = answered();
    CHECK(answer.whole && answer.heads == 3 && answer.length == 3);
    end();
}

// A field in all positions where a field is possible.
static void put_field(goaway_request request, const char *name, const char *value, goaway_status expected) {
    const goaway_field field = {.name = name, .value = value};
    about("\"%.20s\": \"%.20s\"", name, value);
    CHECK_STATUS(goaway_request_set_header(request, name, value), expected);
    CHECK_STATUS(goaway_request_add_header(request, name, value), expected);
    CHECK_STATUS(goaway_request_add_trailer(request, name, value), expected);
    CHECK_STATUS(goaway_request_inform(request, 103, &field, 1), expected);
}

static void bad_fields(void) {
    static const char *const names[] = {
        "",        " ",      "a b",    " a",   "a ",   "a\t",    "a:",      ":a",     ":status", ":path",
        "a\r\nb",  "a\n",    "a\x01",  "a\x7f", "\x80", "\xff",   "\xc3\xa4", "a\"b",   "a(b)",    "a,b",
        "a/b",     "a;b",    "a=b",    "a@b",  "a{b}", "a\\b",   "a[b]",    "a?b",    "a<b>",
        "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te",
        "Connection", "TRANSFER-ENCODING",
    };
    static const char *const values[] = {
        "\r", "\n", "\r\n", "a\r\nx: y", "a\nb", "a\rb", "\x01", "a\x1f", "\x7f", "a\x7f", "\x1b[2J",
        " a", "a ", "\ta", "a\t", " ", "\t",
    };
    static const char *const good[] = {"", "a", "a b", "a\tb", "\x80", "\xff\xfe", "\xc3\xa4", "a, b; c=\"d\"", "~"};
    static char endless[70000];
    memset(endless, 'x', sizeof endless - 1);
    goaway_request request = asked("GET");
    for (size_t index = 0; index < COUNT(names); index++) {
        put_field(request, names[index], "x", GOAWAY_ERR_INVALID);
    }
    put_field(request, endless, "x", GOAWAY_ERR_INVALID);
    for (size_t index = 0; index < COUNT(values); index++) {
        put_field(request, "x-bad", values[index], GOAWAY_ERR_INVALID);
    }
    for (size_t index = 0; index < COUNT(good); index++) {
        put_field(request, "x-good", good[index], GOAWAY_OK);
    }
    put_field(request, "X-Upper", "Case", GOAWAY_OK);
    about("");
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    struct answer answer = answered();
    CHECK(answer.whole && answer.heads == COUNT(good) + 3 && strcmp(answer.start, "fine") == 0);
    end();
}

// RFC 9110, section 6.5.1: fields for framing, routing, and the format of the content.
static void fields_that_are_no_trailers(void) {
    static const char *const names[] = {"content-length", "transfer-encoding", "host",    "content-type",
                                        "content-encoding", "content-range",  "trailer", ":status"};
    goaway_request request = asked("GET");
    for (size_t index = 0; index < COUNT(names); index++) {
        about("%s", names[index]);
        CHECK_STATUS(goaway_request_add_trailer(request, names[index], "1"), GOAWAY_ERR_INVALID);
    }
    about("");
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    struct answer answer = answered();
    CHECK(answer.whole && answer.heads == 1);

    // Trailers may be added until the end, also before the head.
    request = asked("GET");
    CHECK_OK(goaway_request_add_trailer(request, "x-before", "1"));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_add_trailer(request, "x-after", "1"));
    CHECK_OK(goaway_request_end(request));
    CHECK_STATUS(goaway_request_add_trailer(request, "x-late", "1"), GOAWAY_ERR_GONE);
    answer = answered();
    CHECK(answer.whole && answer.heads == 2);
    end();
}

// A streamed response in two calls: the head with fields and flags, and the end with the
// last data and trailers.
static void heads_and_ends_in_one_call(void) {
    const goaway_field fields[] = {{"x-one", "1"}, {"x-two", "2"}}, bad[] = {{"x-one", "1"}, {"a b", "2"}};
    const goaway_field trailers[] = {{"x-sum", "1"}}, no_trailers[] = {{"content-length", "1"}};
    goaway_request request = asked("GET");
    CHECK_STATUS(goaway_request_end_with(request, "x", 1, NULL, 0, 0), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_write_head_with(request, 99, fields, COUNT(fields), 0), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_request_write_head_with(request, 200, bad, COUNT(bad), 0), GOAWAY_ERR_INVALID);
    // Flags of other commands, and unknown flags.
    for (uint32_t flag = 1; flag != 0; flag <<= 1) {
        if (flag != GOAWAY_COMMAND_FLAG_NO_DATE && flag != GOAWAY_COMMAND_FLAG_NO_LENGTH) {
            CHECK_STATUS(goaway_request_write_head_with(request, 200, fields, COUNT(fields), flag), GOAWAY_ERR_INVALID);
        }
    }
    // A failed call has set nothing.
    CHECK_STATUS(goaway_request_notify(request, GOAWAY_COMMAND_FLAG_NOTIFY), GOAWAY_ERR_STATE); // no queue
    CHECK_STATUS(goaway_request_consume(request, 0), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_request_set_high_water_bytes(request, 1));
    CHECK_OK(goaway_request_write_head_with(request, 200, fields, COUNT(fields),
                                            GOAWAY_COMMAND_FLAG_NO_DATE | GOAWAY_COMMAND_FLAG_NO_LENGTH));
    CHECK_STATUS(goaway_request_write_head_with(request, 200, NULL, 0, 0), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_end_with(request, "x", 1, no_trailers, 1, 0), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_request_write(request, "so ", 3, NULL));
    CHECK_OK(goaway_request_add_trailer(request, "x-before", "1"));
    CHECK_OK(goaway_request_end_with(request, "long", 4, trailers, COUNT(trailers), 0));
    CHECK_STATUS(goaway_request_end_with(request, NULL, 0, NULL, 0, 0), GOAWAY_ERR_GONE);
    struct answer answer = answered();
    CHECK(answer.whole && answer.heads == 2 && strcmp(answer.start, "so long") == 0);

    // The declared length also applies to the last piece.
    const goaway_field length[] = {{"content-length", "4"}};
    request = asked("GET");
    CHECK_OK(goaway_request_write_head_with(request, 200, length, 1, 0));
    CHECK_STATUS(goaway_request_end_with(request, "three", 5, NULL, 0, 0), GOAWAY_ERR_LENGTH);
    CHECK_STATUS(goaway_request_end_with(request, "two", 3, NULL, 0, 0), GOAWAY_ERR_LENGTH);
    CHECK_OK(goaway_request_end_with(request, "four", 4, NULL, 0, 0));
    CHECK(answered().length == 4);
    end();
}

static void a_value_of_a_mebibyte(void) {
    char *value = malloc((1 << 20) + 1);
    REQUIRE(value != NULL);
    memset(value, 'v', 1 << 20);
    value[1 << 20] = '\0';
    for (int place = 0; place < 3; place++) {
        about(place == 0 ? "header" : place == 1 ? "trailer" : "informational");
        const goaway_field field = {.name = "x-large", .value = value};
        goaway_request request = asked("GET");
        goaway_status status = place == 0   ? goaway_request_set_header(request, "x-large", value)
                               : place == 1 ? goaway_request_add_trailer(request, "x-large", value)
                                            : goaway_request_inform(request, 103, &field, 1);
        CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_TOO_LARGE);
        CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
        struct answer answer = answered();
        CHECK(answer.whole && strcmp(answer.start, "fine") == 0);
    }
    free(value);
    end();
}

// 40,000 fields, and as many as fit; then the response.
static void too_many_fields(void) {
    static const char *const kinds[] = {"headers of one name", "headers", "trailers of one name", "trailers"};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        for (int to_the_brim = 0; to_the_brim < 2; to_the_brim++) {
            about("%s%s", kinds[kind], to_the_brim ? " to the brim" : "");
            goaway_request request = asked("GET");
            goaway_status status = GOAWAY_OK;
            for (int number = 0; number < 40000 && (status == GOAWAY_OK || !to_the_brim); number++) {
                char name[32];
                snprintf(name, sizeof name, kind % 2 == 0 ? "x" : "x-%d", number);
                goaway_status before = status;
                status = kind < 2 ? goaway_request_add_header(request, name, "y")
                                  : goaway_request_add_trailer(request, name, "y");
                if ((status != GOAWAY_OK && status != GOAWAY_ERR_TOO_LARGE) ||
                    (status == GOAWAY_OK && before != GOAWAY_OK)) {
                    CHECK_STATUS(status, GOAWAY_ERR_TOO_LARGE);
                    break;
                }
            }
            status = goaway_request_respond(request, 200, "fine", 4);
            CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_TOO_LARGE);
            if (status != GOAWAY_OK) {
                CHECK_OK(goaway_request_reset(request, 0));
            }
            struct answer answer = answered();
            CHECK(answer.whole == (status == GOAWAY_OK));
        }
    }
    end();
}

static void too_many_informational_heads(void) {
    const goaway_field fields[] = {{.name = "link", .value = "</a>"}, {.name = "link", .value = "</b>"}};
    goaway_request request = asked("GET");
    for (int number = 0; number < times(10000); number++) {
        goaway_status status = goaway_request_inform(request, 103, fields, COUNT(fields));
        if (status != GOAWAY_OK) {
            CHECK_STATUS(status, GOAWAY_ERR_TOO_LARGE);
            break;
        }
    }
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK(answered().whole);
    end();
}

static atomic_int writable;

static void on_writable(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)user_data;
    atomic_fetch_add(&writable, 1);
}

static void high_water(void) {
    static char much[200000];
    goaway_request request = asked("GET");
    size_t queued = 0;
    CHECK_STATUS(goaway_request_set_high_water_bytes(request, 0), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_request_set_high_water_bytes(request, 1));
    CHECK_OK(goaway_request_set_on_writable(request, on_writable, NULL));
    CHECK_OK(goaway_request_write_head(request, 200));
    // Each write crosses the mark, is accepted completely, and is reported when it was
    // sent.
    uint64_t written = 0;
    for (int round = 0; round < 20; round++) {
        int before = atomic_load(&writable);
        CHECK_OK(goaway_request_write(request, much, sizeof much, &queued));
        written += sizeof much;
        CHECK_SOON(atomic_load(&writable) > before);
    }
    // Or it is refused completely, and also reported.
    int refused = 0;
    for (int round = 0; round < 200; round++) {
        int before = atomic_load(&writable);
        goaway_status status = goaway_request_write(request, "x", 1, &queued);
        if (status == GOAWAY_ERR_WOULD_BLOCK) {
            refused++;
            CHECK_SOON(atomic_load(&writable) > before || goaway_request_write(request, NULL, 0, NULL) == GOAWAY_OK);
        } else if (CHECK_OK(status)) {
            written++;
        }
    }
    CHECK_OK(goaway_request_end(request));
    struct answer answer = answered();
    CHECK(answer.whole);
    CHECK_NUMBER(answer.length, written);
    end();
}

static void sixty_four_mebibytes(void) {
    const size_t length = (size_t)times(64) << 20;
    char *body = malloc(length);
    REQUIRE(body != NULL);
    memset(body, 'b', length);
    goaway_request request = asked("GET");
    CHECK_OK(goaway_request_respond(request, 200, body, length));
    memset(body, 'c', length);
    struct answer answer = answered();
    CHECK(answer.whole && answer.start[0] == 'b');
    CHECK_NUMBER(answer.length, length);
    // Also for a request that was cancelled.
    request = asked("GET");
    CHECK_OK(goaway_request_respond(request, 200, body, length));
    client_reset(&client, stream);
    free(body);
    end();
}

// The header section as curl receives it, which is stricter than the client here.
static void what_curl_says(uint16_t status, const char *name, const char *value, char *text, size_t size) {
    char command[256];
    snprintf(command, sizeof command, "curl --http2-prior-knowledge -sS -m 10 -i -o - http://127.0.0.1:%u/ 2>&1",
             host.port);
    FILE *curl = popen(command, "r");
    REQUIRE(curl != NULL);
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_set_header(request, name, value));
    goaway_status answered = goaway_request_respond(request, status, NULL, 0);
    if (answered != GOAWAY_OK) {
        CHECK(answered == GOAWAY_ERR_INVALID || answered == GOAWAY_ERR_LENGTH);
        CHECK_OK(goaway_request_respond(request, 500, NULL, 0));
    }
    size_t length = fread(text, 1, size - 1, curl);
    text[length] = '\0';
    pclose(curl);
}

// RFC 9110, section 8.6: a 204 has no content-length.
static void a_length_of_nothing(void) {
    char text[2000];
    host_start(&host);
    what_curl_says(304, "content-length", "5", text, sizeof text);
    CHECK(strncmp(text, "HTTP/2 304", 10) == 0 && strstr(text, "content-length: 5") != NULL);
    what_curl_says(204, "content-length", "5", text, sizeof text);
    CHECK(strncmp(text, "HTTP/2 500", 10) == 0 || strstr(text, "content-length") == NULL);
    if (strncmp(text, "HTTP/2 ", 7) != 0) {
        check_failed(__FILE__, __LINE__, "curl does not like it: %s", text);
    }
    what_curl_says(200, "date", "today", text, sizeof text);
    CHECK(strstr(text, "date: today") != NULL && strstr(text, "GMT") == NULL);
    CHECK(strstr(text, "content-length: 0") != NULL);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(twice),
        CASE(out_of_order),
        CASE(lengths),
        CASE(lengths_that_are_none),
        CASE(without_a_body),
        CASE(bad_statuses),
        CASE(bad_fields),
        CASE(fields_that_are_no_trailers),
        CASE(a_value_of_a_mebibyte),
        CASE(too_many_fields),
        CASE(too_many_informational_heads),
        CASE(high_water),
        CASE(sixty_four_mebibytes),
        CASE(a_length_of_nothing),
        CASE(heads_and_ends_in_one_call),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
