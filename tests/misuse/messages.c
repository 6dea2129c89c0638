// The forms of a message in HTTP/1.1 (RFC 9112): bodies, no body, chunks, trailers,
// informational heads, HTTP/1.0, tunnels; byte by byte.

#include "host.h"
#include "http1.h"

#define GET "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
#define CHUNKED "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"

static struct host host;
static struct client client;
static struct response response;

static void begin(void) {
    host_start(&host);
    client = client_connect(host.port);
}

static void end(void) {
    client_close(&client);
    host_end(&host);
}

// Asserts that this text is read next.
static void comes(const char *text) {
    char come[512] = "";
    REQUIRE(strlen(text) < sizeof come);
    CHECK(client_read_all(&client, come, strlen(text)));
    if (strcmp(come, text) != 0) {
        check_failed(__FILE__, __LINE__, "\"%s\" came, not \"%s\"", come, text);
    }
}

static void head_comes(int status) {
    CHECK(http1_read_head(&client, &response));
    CHECK_NUMBER(response.status, status);
}

static bool head_has(const char *line) {
    char text[128];
    snprintf(text, sizeof text, "\r\n%s\r\n", line);
    return http1_has(response.head, text);
}

static void connection_ends(void) {
    char text[64];
    shutdown(client.socket, SHUT_WR);
    CHECK_NUMBER(http1_read_out(&client, text, sizeof text), END_FIN);
    CHECK(text[0] == '\0');
}

static void goes_on(void) {
    CHECK(http1_send(&client, GET));
    CHECK_OK(goaway_request_respond(host_take(&host), 200, "next", 4));
    CHECK(strcmp(http1_read(&client).body, "next") == 0);
}

// The response to HEAD has the length, and the next response follows at once.
static void head(void) {
    begin();
    CHECK(http1_send(&client, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"));
    CHECK_OK(goaway_request_respond(host_take(&host), 200, "13 bytes long", 13));
    head_comes(200);
    CHECK(head_has("content-length: 13"));
    goes_on();
    CHECK(http1_send(&client, "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n"));
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_write_head(request, 200));
    goaway_request_write(request, "dropped", 7, NULL);
    CHECK_OK(goaway_request_end(request));
    head_comes(200);
    goes_on();
    end();
}

// Statuses without a body have neither a length nor chunks (RFC 9112, section 6.3).
static void statuses_without_a_body(void) {
    static const uint16_t statuses[] = {204, 304};
    begin();
    for (size_t index = 0; index < COUNT(statuses); index++) {
        for (int is_streamed = 0; is_streamed <= 1; is_streamed++) {
            about("%d, streamed %d", statuses[index], is_streamed);
            CHECK(http1_send(&client, GET));
            goaway_request request = host_take(&host);
            if (is_streamed) {
                CHECK_OK(goaway_request_write_head(request, statuses[index]));
                CHECK_OK(goaway_request_end(request));
            } else {
                CHECK_OK(goaway_request_respond(request, statuses[index], NULL, 0));
            }
            head_comes(statuses[index]);
            CHECK(!http1_has(response.head, "content-length") && !http1_has(response.head, "transfer-encoding"));
            goes_on();
        }
    }
    end();
}

// A streamed response has chunks, or the declared length.
static void chunks_and_lengths(void) {
    begin();
    CHECK(http1_send(&client, GET));
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "one", 3, NULL));
    head_comes(200);
    CHECK(head_has("transfer-encoding: chunked") && !http1_has(response.head, "content-length"));
    comes("3\r\none\r\n");
    CHECK_OK(goaway_request_write(request, "sixteen bytes...", 16, NULL));
    comes("10\r\nsixteen bytes...\r\n");
    CHECK_OK(goaway_request_write(request, "", 0, NULL));
    CHECK_OK(goaway_request_end(request));
    comes("0\r\n\r\n");
    CHECK(http1_send(&client, GET));
    request = host_take(&host);
    CHECK_OK(goaway_request_set_header(request, "content-length", "6"));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "one", 3, NULL));
    CHECK_OK(goaway_request_write(request, "two", 3, NULL));
    CHECK_OK(goaway_request_end(request));
    head_comes(200);
    CHECK(head_has("content-length: 6") && !http1_has(response.head, "transfer-encoding"));
    comes("onetwo");
    goes_on();
    end();
}

// Trailers need chunks: a response with a length has none, nor one to HEAD.
static void trailers_of_responses(void) {
    begin();
    CHECK(http1_send(&client, GET));
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "ok", 2, NULL));
    CHECK_OK(goaway_request_add_trailer(request, "x-checksum", "1"));
    CHECK_OK(goaway_request_add_trailer(request, "x-more", "2"));
    CHECK_OK(goaway_request_end(request));
    head_comes(200);
    comes("2\r\nok\r\n0\r\nx-checksum: 1\r\nx-more: 2\r\n\r\n");
    CHECK(http1_send(&client, "GET / HTTP/1.0\r\nhost: a\r\n\r\n"));
    request = host_take(&host);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "ok", 2, NULL));
    CHECK_OK(goaway_request_add_trailer(request, "x-checksum", "1"));
    CHECK_OK(goaway_request_end(request));
    head_comes(200);
    CHECK(!http1_has(response.head, "transfer-encoding"));
    comes("ok");
    connection_ends();
    end();
}

static atomic_int come;
static atomic_bool is_whole;

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)data, (void)user_data;
    atomic_fetch_add(&come, (int)len);
    if (last) {
        goaway_bytes name = {0}, value = {0};
        bool has_trailer = goaway_request_trailer_at(request, 0, &name, &value, NULL) == GOAWAY_OK;
        CHECK(has_trailer && name.len == 10 && memcmp(name.data, "x-checksum", 10) == 0);
        CHECK(has_trailer && value.len == 1 && value.data[0] == '7');
        CHECK_STATUS(goaway_request_trailer_at(request, 1, &name, &value, NULL), GOAWAY_ERR_NOT_FOUND);
        atomic_store(&is_whole, true);
    }
}

// Chunks, extensions and trailers of an upload, divided in all ways.
static void uploads_in_chunks(void) {
    static const char body[] = "5;a=b\r\nhello\r\n1\r\n,\r\n00A\r\n0123456789\r\n0;last\r\nX-Checksum: 7\r\n\r\n";
    begin();
    for (size_t step = 1; step <= sizeof body; step += step < 8 ? 1 : 50) {
        about("%zu bytes at a time", step);
        atomic_store(&come, 0);
        atomic_store(&is_whole, false);
        CHECK(http1_send(&client, CHUNKED));
        goaway_request request = host_take(&host);
        CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
        for (size_t at = 0; at < sizeof body - 1; at += step) {
            client_send_all(&client, body + at, at + step < sizeof body ? step : sizeof body - 1 - at);
        }
        CHECK_SOON(atomic_load(&is_whole));
        CHECK_NUMBER(atomic_load(&come), 16);
        CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
        CHECK(strcmp(http1_read(&client).body, "fine") == 0);
    }
    goes_on();
    end();
}

// HTTP/1.0: the connection ends after the response, unless the client has asked to keep
// it.
static void an_old_client(void) {
    begin();
    for (int count = 0; count < 2; count++) {
        CHECK(http1_send(&client, "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
        CHECK_OK(goaway_request_respond(host_take(&host), 200, "kept", 4));
        response = http1_read(&client);
        CHECK(strcmp(response.body, "kept") == 0 && head_has("connection: keep-alive"));
        CHECK(strncmp(response.head, "HTTP/1.0 200 ", 13) == 0);
    }
    client_close(&client);
    client = client_connect(host.port);
    CHECK(http1_send(&client, "GET / HTTP/1.0\r\n\r\n"));
    goaway_request request = host_take(&host);
    goaway_bytes version = {0}, authority = {0};
    CHECK_OK(goaway_request_version(request, &version));
    CHECK(version.len == 3 && memcmp(version.data, "1.0", 3) == 0);
    CHECK_OK(goaway_request_authority(request, &authority));
    CHECK_NUMBER(authority.len, 0);
    CHECK_OK(goaway_request_inform(request, 103, NULL, 0));
    CHECK_OK(goaway_request_respond(request, 200, "last", 4));
    CHECK(strcmp(http1_read(&client).body, "last") == 0);
    connection_ends();
    end();
}

// A response without a length ends with the connection, also if the client has asked to
// keep it.
static void an_old_client_is_not_kept_without_a_length(void) {
    begin();
    CHECK(http1_send(&client, "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"));
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "until the end", 13, NULL));
    CHECK_OK(goaway_request_end(request));
    head_comes(200);
    CHECK(!http1_has(response.head, "transfer-encoding") && !http1_has(response.head, "content-length"));
    CHECK(!http1_has(response.head, "keep-alive"));
    comes("until the end");
    connection_ends();
    end();
}

static void informational_heads(void) {
    static const goaway_field link[] = {{"link", "</a.css>"}};
    begin();
    CHECK(http1_send(&client, GET));
    goaway_request request = host_take(&host);
    for (int count = 0; count < 2; count++) {
        CHECK_OK(goaway_request_inform(request, 103, link, 1));
        head_comes(103);
        CHECK(head_has("link: </a.css>") && !http1_has(response.head, "content-length"));
    }
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK(strcmp(http1_read(&client).body, "fine") == 0);
    goes_on();
    end();
}

// The client announces its last request, or the host its last response.
static void the_last_exchange(void) {
    host_start(&host);
    for (int is_hosts = 0; is_hosts <= 1; is_hosts++) {
        about("the host says it: %d", is_hosts);
        client = client_connect(host.port);
        CHECK(http1_send(&client, is_hosts ? GET : "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
        // Bytes after the last request are no request.
        CHECK(http1_send(&client, GET));
        goaway_request request = host_take(&host);
        if (is_hosts) {
            CHECK_OK(goaway_request_set_header(request, "connection", "close"));
        }
        CHECK_OK(goaway_request_respond(request, 200, "last", 4));
        response = http1_read(&client);
        CHECK(strcmp(response.body, "last") == 0 && head_has("connection: close"));
        connection_ends();
        client_close(&client);
    }
    CHECK_NUMBER(host.count, 0);
    host_end(&host);
}

static void echo(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    if (len > 0) {
        CHECK_OK(goaway_request_write(request, data, len, NULL));
    }
    if (last) {
        // The host may have ended it a moment ago.
        goaway_status status = goaway_request_end(request);
        CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_GONE);
    }
}

#define WEBSOCKET                                                           \
    "GET /chat?a HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\n" \
    "upgrade: WebSocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

// A tunnel by CONNECT or for a WebSocket (RFC 6455): any bytes in both directions,
// including those that arrive with the head, until either side ends.
static void tunnels(void) {
    static const char *const heads[] = {"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", WEBSOCKET};
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "CONNECT *", host_queue, &host));
    host_go(&host);
    for (int round = 0; round < 4; round++) {
        about("round %d", round);
        bool is_websocket = round % 2 == 1;
        client = client_connect(host.port);
        char text[512];
        snprintf(text, sizeof text, "%s%s", heads[round % 2], "GET / HTTP/1.1\r\n\r\n");
        CHECK(http1_send(&client, text));
        goaway_request request = host_take(&host);
        goaway_bytes method = {0}, protocol = {0};
        CHECK_OK(goaway_request_method(request, &method));
        CHECK(method.len == 7 && memcmp(method.data, "CONNECT", 7) == 0);
        CHECK_OK(goaway_request_protocol(request, &protocol));
        CHECK_NUMBER(protocol.len, is_websocket ? 9 : 0);
        CHECK_OK(goaway_request_set_on_body(request, echo, NULL));
        CHECK_OK(goaway_request_write_head(request, 200));
        head_comes(is_websocket ? 101 : 200);
        CHECK(!http1_has(response.head, "transfer-encoding") && !http1_has(response.head, "content-length"));
        if (is_websocket) {
            CHECK(head_has("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
            CHECK(head_has("upgrade: websocket") && head_has("connection: upgrade"));
        }
        comes("GET / HTTP/1.1\r\n\r\n");
        CHECK(http1_send(&client, "0\r\n\r\n\x01\xff"));
        comes("0\r\n\r\n\x01\xff");
        if (round >= 2) {
            CHECK_OK(goaway_request_write(request, "bye", 3, NULL));
            CHECK_OK(goaway_request_end(request));
            comes("bye");
        }
        connection_ends();
        client_close(&client);
    }
    // A refused tunnel is an ordinary request.
    client = client_connect(host.port);
    CHECK(http1_send(&client, WEBSOCKET));
    CHECK_OK(goaway_request_respond(host_take(&host), 403, "no", 2));
    CHECK_NUMBER(http1_read(&client).status, 403);
    goes_on();
    end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(head),
        CASE(statuses_without_a_body),
        CASE(chunks_and_lengths),
        CASE(trailers_of_responses),
        CASE(uploads_in_chunks),
        CASE(an_old_client),
        CASE(an_old_client_is_not_kept_without_a_length),
        CASE(informational_heads),
        CASE(the_last_exchange),
        CASE(tunnels),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
