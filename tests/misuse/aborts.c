// Sessions that end while their task works: inside the handler that has just responded,
// and by a peer that pipelines and resets. The library would log a panic that it has
// caught, and each case examines the log.

#include "host.h"

static struct host host;

// What a handler does with its request.
typedef void action(goaway_request request);

static void nothing(goaway_request request) {
    (void)request;
}

static void respond(goaway_request request) {
    goaway_request_respond(request, 200, "whole", 5);
}

static void respond_without_body(goaway_request request) {
    goaway_request_respond(request, 204, NULL, 0);
}

static void respond_much(goaway_request request) {
    static char much[1 << 20];
    goaway_request_respond(request, 200, much, sizeof much);
}

static void inform(goaway_request request) {
    goaway_request_inform(request, 103, NULL, 0);
}

static void write_head(goaway_request request) {
    goaway_request_write_head(request, 200);
}

static void write_part(goaway_request request) {
    write_head(request);
    goaway_request_write(request, "part", 4, NULL);
}

static void end_with_trailers(goaway_request request) {
    write_part(request);
    goaway_request_add_trailer(request, "x-checksum", "1");
    goaway_request_end(request);
}

static void reset(goaway_request request) {
    goaway_request_reset(request, 8);
}

static void respond_and_reset(goaway_request request) {
    write_part(request);
    reset(request);
}

static void on_collected(goaway_request request, const uint8_t *data, size_t length, uint64_t context, void *user_data) {
    (void)context, (void)data, (void)length, (void)user_data;
    respond(request);
}

static void collect(goaway_request request) {
    goaway_request_collect(request, on_collected, NULL);
}

static action *const actions[] = {nothing,    respond,           respond_without_body, respond_much,      inform, write_head,
                                  write_part, end_with_trailers, reset,                respond_and_reset, collect};

// How the session ends.
static goaway_session session_of(goaway_request request) {
    goaway_session session = 0;
    CHECK_OK(goaway_request_session(request, &session));
    return session;
}

static void abort_it(goaway_session session) {
    CHECK_OK(goaway_session_abort(session, 0, "bye", 3));
}

static void close_at_once(goaway_session session) {
    CHECK_OK(goaway_session_close(session, 0));
}

static void close_soon(goaway_session session) {
    CHECK_OK(goaway_session_close(session, 20));
}

static void close_server(goaway_session session) {
    (void)session;
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
}

static void go_on(goaway_session session) {
    (void)session;
}

typedef void ending(goaway_session session);
static ending *const endings[] = {abort_it, close_at_once, close_soon, close_server};

static struct {
    action *act;
    ending *end;
    bool ends_first;
} scene;

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_session session = session_of(request);
    if (scene.ends_first) {
        scene.end(session);
    }
    scene.act(request);
    if (!scene.ends_first) {
        scene.end(session);
    }
}

static void begin(void) {
    memset(&host, 0, sizeof host);
    pthread_mutex_init(&host.lock, NULL);
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 1));
    CHECK_OK(goaway_server_register_handler(host.server, "GET /", on_request, NULL));
    CHECK_OK(goaway_server_register_handler(host.server, "POST /", on_request, NULL));
    CHECK_OK(goaway_server_register_handler(host.server, "GET /later", host_queue, &host));
    CHECK_OK(goaway_server_set_on_session(host.server, host_watch, &host));
    host_go(&host);
}

static const char POST[] = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi";
static const char NEXT[] = "GET /404 HTTP/1.1\r\nhost: a\r\n\r\n";

// Sends requests, reads to the end of the connection, and closes it.
static void ask_http1(void) {
    struct client client = client_connect(host.port);
    client_send_all(&client, POST, sizeof POST - 1);
    client_send_all(&client, NEXT, sizeof NEXT - 1);
    char bytes[4096];
    while (recv(client.socket, bytes, sizeof bytes, 0) > 0) {
    }
    client_close(&client);
}

static void ask_http2(void) {
    struct client client = client_open(host.port);
    uint32_t stream = client_ask(&client, "POST", "/", false);
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "hi", 2);
    client_get(&client, "/404");
    client_read_out(&client);
    client_close(&client);
}

static void try_all(void (*ask)(void)) {
    for (size_t end = 0; end < COUNT(endings); end++) {
        scene.end = endings[end];
        bool is_server = scene.end == close_server;
        if (!is_server) {
            begin();
        }
        for (size_t index = 0; index < 2 * COUNT(actions); index++) {
            about("action %zu, ending %zu, %s", index / 2, end, index % 2 == 0 ? "behind it" : "before it");
            scene.act = actions[index / 2];
            scene.ends_first = index % 2 == 1;
            if (is_server) {
                begin();
            }
            ask();
            CHECK_SOON(host.closed > 0 && host.opened == host.closed);
            if (is_server) {
                goaway_server_free(host.server);
            }
        }
        if (!is_server) {
            host_end(&host);
        }
    }
}

static void in_the_handler_over_http1(void) {
    try_all(ask_http1);
}

static void in_the_handler_over_http2(void) {
    try_all(ask_http2);
}

// Two requests at once and a TCP reset, which can happen at any point of their
// processing.
static void pipelined_and_reset(void) {
    static const char *const firsts[] = {"/", "/404", "/later"};
    static const char *const seconds[] = {"/404", "/", "/later"};
    begin();
    scene.act = respond;
    scene.end = go_on;
    unsigned rounds = (unsigned)times(1000);
    for (unsigned round = 0; round < rounds; round++) {
        char text[200];
        int length = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nhost: a\r\n\r\nGET %s HTTP/1.1\r\nhost: a\r\n\r\n",
                              firsts[round % 3], seconds[round / 3 % 3]);
        struct client client = client_connect(host.port);
        client_send_all(&client, text, (size_t)length);
        if (round % 2 == 1) {
            char byte;
            if (round % 3 != 2) {
                CHECK(recv(client.socket, &byte, 1, 0) == 1);
            }
        }
        client_break(&client);
    }
    CHECK_SOON(host.opened == host.closed);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(in_the_handler_over_http1),
        CASE(in_the_handler_over_http2),
        CASE(pipelined_and_reset),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
