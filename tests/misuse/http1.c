// HTTP/1.1 as the host sees it: targets and hosts, the order of fields, pipelined
// requests, and connections that break at any time.

#include "host.h"
#include "http1.h"

#include <fcntl.h>

static struct host host;
static struct client client;

static bool is_text(goaway_bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static bool has_request(void) {
    pthread_mutex_lock(&host.lock);
    bool has_some = host.count > 0;
    pthread_mutex_unlock(&host.lock);
    return has_some;
}

// A new connection and its request; 0 if the request is refused.
static goaway_request ask(const char *first_line, const char *fields) {
    char text[2048];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\n%s\r\n", first_line, fields);
    client = client_connect(host.port);
    CHECK(http1_send(&client, text));
    while (!has_request()) {
        if (http1_is_readable(&client, 1)) {
            struct response response = http1_read(&client);
            check_failed(__FILE__, __LINE__, "refused with %d", response.status);
            client_close(&client);
            return 0;
        }
    }
    return host_take(&host);
}

static void serve(goaway_request request) {
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    struct response response = http1_read(&client);
    CHECK(response.status == 200 && strcmp(response.body, "fine") == 0);
    client_close(&client);
}

// The host decides about the bytes of a path and a query, which it gets as received. Only
// control characters, the space, and `#`, which no client sends, are refused.
static void targets_are_the_hosts_to_judge(void) {
    static const char *const targets[][3] = {
        {"/caf\xc3\xa9", "/caf\xc3\xa9", ""},
        {"/caf\xe9", "/caf\xe9", ""},
        {"/\x80\xff?\x80=\xff", "/\x80\xff", "\x80=\xff"},
        {"/\"<>`{|}", "/\"<>`{|}", ""},
        {"/?\"<>`{|}", "/", "\"<>`{|}"},
        {"/a\\b^c[d]", "/a\\b^c[d]", ""},
        {"/?a\\b^c[d]", "/", "a\\b^c[d]"},
        {"/a'b(c)*d;e,f", "/a'b(c)*d;e,f", ""},
        {"/%", "/%", ""},
        {"/%zz%c3%a9", "/%zz%c3%a9", ""},
        {"/?%", "/", "%"},
        {"//a//b", "//a//b", ""},
        {"/a?b?c", "/a", "b?c"},
        {"/?", "/", ""},
    };
    host_start(&host);
    for (size_t index = 0; index < COUNT(targets); index++) {
        char line[256];
        about("%s", targets[index][0]);
        snprintf(line, sizeof line, "GET %s", targets[index][0]);
        goaway_request request = ask(line, "host: a\r\n");
        if (request == 0) {
            continue;
        }
        goaway_bytes path = {0}, query = {0};
        CHECK_OK(goaway_request_path(request, &path));
        CHECK_OK(goaway_request_query(request, &query));
        CHECK(is_text(path, targets[index][1]) && is_text(query, targets[index][2]));
        serve(request);
    }
    host_end(&host);
}

static void other_targets_are_refused(void) {
    static const char *const targets[] = {"/\x01", "/\x7f", "/\t", "/a#b", "/?a#b", "a", "", "/a b"};
    host_start(&host);
    for (size_t index = 0; index < COUNT(targets); index++) {
        char line[256], rest[256];
        about("%zu", index);
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\nhost: a\r\n\r\n", targets[index]);
        client = client_connect(host.port);
        CHECK(http1_send(&client, line));
        struct response response = http1_read(&client);
        CHECK_NUMBER(response.status, 400);
        CHECK(http1_has(response.head, "\r\nconnection: close\r\n"));
        shutdown(client.socket, SHUT_WR);
        CHECK_NUMBER(http1_read_out(&client, rest, sizeof rest), END_FIN);
        client_close(&client);
    }
    host_end(&host);
}

// Any registered name is a valid host (RFC 3986, section 3.2.2). A target in absolute
// form takes precedence over the field (RFC 9112, section 3.2.2).
static void hosts(void) {
    static const char *const named[][3] = {
        {"GET /", "host: tmp%2Fg.sock\r\n", "tmp%2Fg.sock"},
        {"GET /", "host: a_b.c~d!e$f&g'h(i)j*k+l,m;n=o\r\n", "a_b.c~d!e$f&g'h(i)j*k+l,m;n=o"},
        {"GET /", "host: [::1]:8080\r\n", "[::1]:8080"},
        {"GET /", "host: A.Example:80\r\n", "A.Example:80"},
        {"GET http://a/", "host: b\r\n", "a"},
        {"GET http://a:8080/", "host: a\r\n", "a:8080"},
        {"GET http://a/", "host: a:80\r\n", "a"},
        {"GET http://a:80/", "host: a\r\n", "a:80"},
        {"GET http://tmp%2Fg.sock/", "host: b\r\n", "tmp%2Fg.sock"},
        {"GET HTTP://a/", "host: b\r\n", "a"},
        {"GET http://a", "host: b\r\n", "a"},
        {"GET http://a?x", "host: b\r\n", "a"},
    };
    host_start(&host);
    for (size_t index = 0; index < COUNT(named); index++) {
        about("%s, %s", named[index][0], named[index][1]);
        goaway_request request = ask(named[index][0], named[index][1]);
        if (request == 0) {
            continue;
        }
        goaway_bytes authority = {0}, path = {0};
        CHECK_OK(goaway_request_authority(request, &authority));
        CHECK(is_text(authority, named[index][2]));
        CHECK_OK(goaway_request_path(request, &path));
        CHECK(is_text(path, "/"));
        serve(request);
    }
    host_end(&host);
}

// Fields keep their order in requests and in responses.
static void fields_keep_their_order(void) {
    static const char *const sent[][2] = {{"host", "a"}, {"a", "1"}, {"b", "2"}, {"a", "3"}, {"c", ""}, {"b", "4"}};
    host_start(&host);
    goaway_request request = ask("GET /", "Host: a\r\nA: 1\r\nB: 2\r\nA: 3\r\nC:\r\nB: 4\r\n");
    goaway_bytes name = {0}, value = {0};
    for (size_t index = 0; index < COUNT(sent); index++) {
        about("field %zu", index);
        CHECK_OK(goaway_request_header_at(request, index, &name, &value, NULL));
        CHECK(is_text(name, sent[index][0]) && is_text(value, sent[index][1]));
    }
    CHECK_STATUS(goaway_request_header_at(request, COUNT(sent), &name, &value, NULL), GOAWAY_ERR_NOT_FOUND);
    about("%s", "");
    static const char *const own[][2] = {{"x-a", "1"}, {"x-b", "2"}, {"x-a", "3"}, {"set-cookie", "s=1"},
                                         {"x-c", "4"}, {"set-cookie", "t=2"}, {"x-b", "5"}};
    for (size_t index = 0; index < COUNT(own); index++) {
        CHECK_OK(goaway_request_add_header(request, own[index][0], own[index][1]));
    }
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    struct response response = http1_read(&client);
    const char *at = response.head;
    for (size_t index = 0; index < COUNT(own); index++) {
        char line[64];
        snprintf(line, sizeof line, "\r\n%s: %s\r\n", own[index][0], own[index][1]);
        about("%s: %s", own[index][0], own[index][1]);
        const char *found = strstr(at, line);
        if (CHECK(found != NULL)) {
            at = found + 1;
        }
    }
    client_close(&client);
    host_end(&host);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    CHECK_OK(goaway_request_respond(request, 200, "Hello, World!", 13));
}

static void serve_root(void) {
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_register_handler(host.server, "GET /", on_request, NULL));
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 0);
}

// Requests in one segment followed by a reset, at all distances. The log must have no
// errors, and the server must continue.
static void requests_and_a_reset(void) {
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /404 HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /404 HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\n\r\nno request\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloGET /404 HTTP/1.1\r\nhost: a\r\n\r\n",
    };
    serve_root();
    for (int count = 0; count < times(2500); count++) {
        client = client_connect(host.port);
        REQUIRE(client.socket >= 0);
        http1_send(&client, requests[(size_t)count % COUNT(requests)]);
        if (count % 3 == 1) {
            http1_is_readable(&client, 1000);
        } else if (count % 3 == 2) {
            // About as long as a request takes.
            usleep((useconds_t)(count % 100));
        }
        client_break(&client);
    }
    client = client_connect(host.port);
    CHECK(http1_send(&client, "GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    CHECK_NUMBER(http1_read(&client).status, 200);
    client_close(&client);
    goaway_server_free(host.server);
}

// What the handler does with its session before its own response is sent.
static void on_strange(goaway_request request, void *user_data) {
    int way = *(int *)user_data;
    goaway_session session = 0;
    CHECK_OK(goaway_request_session(request, &session));
    if (way == 0) {
        CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
        CHECK_OK(goaway_session_abort(session, 0, NULL, 0));
    } else if (way == 1) {
        CHECK_OK(goaway_session_abort(session, 0, NULL, 0));
        goaway_request_respond(request, 200, "fine", 4);
    } else if (way == 2) {
        CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
        CHECK_OK(goaway_session_close(session, 0));
    } else if (way == 3) {
        CHECK_OK(goaway_session_close(session, 60000));
        CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    } else if (way == 4) {
        CHECK_OK(goaway_request_write_head(request, 200));
        CHECK_OK(goaway_request_write(request, "part", 4, NULL));
        CHECK_OK(goaway_session_abort(session, 0, NULL, 0));
        goaway_request_end(request);
    } else {
        CHECK_OK(goaway_request_write_head(request, 200));
        CHECK_OK(goaway_request_reset(request, 0));
    }
}

static void a_handler_ends_its_session(void) {
    static int way;
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "GET /strange", on_strange, &way));
    host_go(&host);
    for (way = 0; way < 6; way++) {
        about("way %d", way);
        for (int count = 1; count <= 3; count++) {
            client = client_connect(host.port);
            for (int request = 0; request < count; request++) {
                http1_send(&client, "GET /strange HTTP/1.1\r\nhost: a\r\n\r\n");
            }
            char text[4096];
            CHECK(http1_read_out(&client, text, sizeof text) != END_NONE);
            // No request after it is served.
            CHECK(strstr(text, "HTTP/1.1 200") == NULL || strstr(strstr(text, "HTTP/1.1 200") + 1, "HTTP/1.1") == NULL);
            if (way == 3) {
                CHECK(http1_has(text, "\r\nconnection: close\r\n") && http1_has(text, "\r\n\r\nfine"));
            }
            client_close(&client);
        }
    }
    host_end(&host);
}

static size_t resident_bytes(void) {
    unsigned long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL && fscanf(file, "%lu %lu", &size, &resident) == 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static atomic_int too_slow;

static void on_event(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == GOAWAY_EVENT_TIMEOUT) {
        atomic_fetch_add(&too_slow, event->cause == GOAWAY_CAUSE_TOO_SLOW);
    }
}

// A client that sends requests without end and reads no response: the memory of the
// server is bounded, and GOAWAY_LIMIT_PROGRESS_MS ends the connection.
static void requests_without_end(void) {
    if (check_patience() > 3) {
        // Under valgrind the memory is valgrind's.
        return;
    }
    static char requests[26 * 4096];
    for (size_t at = 0; at < sizeof requests; at += 26) {
        memcpy(requests + at, "GET / HTTP/1.1\r\nhost:a\r\n\r\n", 26);
    }
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_register_handler(host.server, "GET /", on_request, NULL));
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, NULL));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_PROGRESS_MS, 300));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_STREAM_IDLE_MS, 0));
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(host.server));
    client = client_connect(goaway_server_port(host.server, 0));
    fcntl(client.socket, F_SETFL, fcntl(client.socket, F_GETFL) | O_NONBLOCK);
    size_t before = resident_bytes(), most = before, sent = 0;
    bool has_ended = false;
    // The server reads requests until it would exceed its limit.
    for (uint64_t until = clock_ms() + patience_ms(SOON_MS); !has_ended && clock_ms() < until;) {
        size_t at = sent % sizeof requests;
        ssize_t count = sent < 100 << 20 ? send(client.socket, requests + at, sizeof requests - at, MSG_NOSIGNAL) : -1;
        if (count > 0) {
            sent += (size_t)count;
        } else {
            // A reset ends it, which shows when reading.
            struct pollfd descriptor = {.fd = client.socket, .events = 0};
            has_ended = poll(&descriptor, 1, 5) > 0;
        }
        size_t now = resident_bytes();
        most = now > most ? now : most;
    }
    CHECK(has_ended);
    CHECK_SOON(atomic_load(&too_slow) == 1);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    // A sanitizer keeps freed memory and its shadow.
    (void)most;
#else
    CHECK(most - before < 20 << 20);
#endif
    client_close(&client);
    goaway_server_free(host.server);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(targets_are_the_hosts_to_judge),
        CASE(other_targets_are_refused),
        CASE(hosts),
        CASE(fields_keep_their_order),
        CASE(requests_and_a_reset),
        CASE(a_handler_ends_its_session),
        CASE(requests_without_end),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
