// An HTTP/1.1 client that leaves in each state of its request, by a FIN or by a reset:
// the host is notified at once, although no limit would end the request, and a following
// close waits for nobody.

#include "host.h"
#include "http1.h"

// How long "at once" may take on a busy machine.
#define NOTICED_MS 3000

// How the client leaves.
enum loss { HALF_CLOSE, CLOSE, RESET, LOSSES };

static const char *const loss_names[LOSSES] = {"by a FIN", "by closing its socket", "by a reset"};

// What the host and the client do before.
struct state {
    const char *name;
    const char *request;
    // Bytes of the body after the request.
    size_t body;
    void (*begin)(goaway_request request);
    // A part of a response, which the client reads first.
    bool has_head;
    // The client's FIN, which the host must read.
    bool is_read_by_host;
};

static struct host host;
static struct client client;

static atomic_int cancelled_for;
static atomic_int closed_for;
static atomic_int outcome;
static atomic_int body_bytes;

static void on_event(const goaway_session_event *event, void *user_data) {
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_store(&outcome, (int)event->outcome);
        atomic_store(&closed_for, (int)event->cause);
    }
    host_watch(event, user_data);
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)code, (void)user_data;
    atomic_store(&cancelled_for, (int)cause);
}

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)data, (void)user_data;
    atomic_fetch_add(&body_bytes, (int)len);
    if (last) {
        // Only the data of a tunnel ends here, by the client's FIN.
        CHECK_OK(goaway_request_end(request));
        atomic_store(&cancelled_for, GOAWAY_CAUSE_PEER_CLOSED);
    }
}

static void read_body(goaway_request request) {
    CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
}

static void write_head(goaway_request request) {
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "part", 4, NULL));
}

static void read_body_and_write_head(goaway_request request) {
    read_body(request);
    write_head(request);
}

// More than the kernel accepts for a client that does not read.
static void write_much(goaway_request request) {
    static const char piece[65536];
    write_head(request);
    for (int count = 0; count < 1000 && goaway_request_write(request, piece, sizeof piece, NULL) == GOAWAY_OK; count++) {
        pause_ms(1);
    }
}

#define TUNNEL "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n"
#define UPLOAD "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3000000\r\n\r\n"
#define GET "GET / HTTP/1.1\r\nhost: a\r\n\r\n"

static const struct state states[] = {
    {"a handler works", GET, 0, NULL, false, false},
    {"another request waits behind it", GET GET GET, 0, NULL, false, false},
    {"half a request waits behind it", GET "GET / HTT", 0, NULL, false, false},
    {"mid-upload", UPLOAD, 1000, read_body, false, false},
    {"mid-upload, with a response begun", UPLOAD, 1000, read_body_and_write_head, true, false},
    {"unread upload", UPLOAD, 1000, NULL, false, false},
    {"unread upload, longer than is read ahead", UPLOAD, 60000, NULL, false, false},
    {"unread upload, with a response begun", UPLOAD, 1000, write_head, true, false},
    {"after the head", GET, 0, write_head, true, false},
    {"mid-download", GET, 0, write_much, true, false},
    {"after the head in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 0, write_head, true, false},
    {"in a tunnel", TUNNEL, 0, read_body_and_write_head, true, false},
    {"in a tunnel that nobody reads", TUNNEL "bytes", 0, write_head, true, true},
};

// Whether it becomes nonzero at once.
static bool is_set(const atomic_int *cause) {
    for (uint64_t until = clock_ms() + patience_ms(NOTICED_MS); atomic_load(cause) == 0 && clock_ms() < until;) {
        pause_ms(1);
    }
    return atomic_load(cause) != 0;
}

static void start(void) {
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "CONNECT *", host_queue, &host));
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_STREAM_WINDOW_BYTES, 16384));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_PROGRESS_MS, 0));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_STREAM_IDLE_MS, 0));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_IDLE_MS, 0));
    host_go(&host);
}

// Sends as much of a body as the server reads.
static void send_body(size_t length) {
    static const char zeros[65536];
    while (length > 0) {
        size_t size = length < sizeof zeros ? length : sizeof zeros;
        ssize_t sent = send(client.socket, zeros, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent <= 0) {
            return;
        }
        length -= (size_t)sent;
    }
}

static goaway_request enter(const struct state *state) {
    atomic_store(&cancelled_for, 0);
    atomic_store(&closed_for, 0);
    atomic_store(&body_bytes, 0);
    client = client_connect(host.port);
    CHECK(http1_send(&client, state->request));
    send_body(state->body);
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, NULL));
    if (state->begin != NULL) {
        state->begin(request);
    }
    if (state->has_head) {
        struct response response;
        CHECK(http1_read_head(&client, &response));
        CHECK_NUMBER(response.status, 200);
    }
    if (state->begin == read_body && state->body > 0) {
        CHECK_SOON(atomic_load(&body_bytes) == (int)state->body);
    }
    return request;
}

static void leave(enum loss loss) {
    if (loss == HALF_CLOSE) {
        shutdown(client.socket, SHUT_WR);
    } else if (loss == CLOSE) {
        client_close(&client);
    } else {
        client_break(&client);
    }
}

// A client that has closed its side reads the rest, which must not look complete.
static void read_rest(enum loss loss) {
    if (loss == HALF_CLOSE) {
        char text[4096];
        enum end end = http1_read_out(&client, text, sizeof text);
        CHECK(end != END_NONE);
        CHECK(!http1_has(text, "\r\n0\r\n"));
        client_close(&client);
    }
}

static bool is_loss(int cause, enum loss loss) {
    // A client that closes a socket with unread data resets the connection.
    bool is_lost = cause == GOAWAY_CAUSE_CONNECTION_LOST && loss != HALF_CLOSE;
    return is_lost || (cause == GOAWAY_CAUSE_PEER_CLOSED && loss != RESET);
}

static void is_told(const struct state *state, enum loss loss) {
    about("%s, %s", state->name, loss_names[loss]);
    goaway_request request = enter(state);
    leave(loss);
    CHECK(is_set(&cancelled_for));
    CHECK(is_loss(atomic_load(&cancelled_for), loss));
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_GONE);
    read_rest(loss);
    CHECK(is_set(&closed_for));
    CHECK(is_loss(atomic_load(&closed_for), loss));
    CHECK_NUMBER(atomic_load(&outcome), GOAWAY_OUTCOME_BY_PEER);
}

static void handlers_are_told(void) {
    for (enum loss loss = 0; loss < LOSSES; loss++) {
        start();
        for (size_t index = 0; index < COUNT(states); index++) {
            if (loss == RESET || !states[index].is_read_by_host) {
                is_told(&states[index], loss);
            }
        }
        host_end(&host);
    }
}

// The drain time is long: only the loss itself ends the session.
static void closes_at_once(const struct state *state, enum loss loss, bool is_idle) {
    about("%s, %s, then a close", state->name, loss_names[loss]);
    start();
    if (is_idle) {
        client = client_connect(host.port);
        CHECK(http1_send(&client, GET));
        CHECK_OK(goaway_request_respond(host_take(&host), 200, "fine", 4));
        CHECK(strcmp(http1_read(&client).body, "fine") == 0);
    } else {
        enter(state);
    }
    leave(loss);
    CHECK_OK(goaway_server_close(host.server, 600000, NULL, NULL));
    read_rest(loss);
    bool ends = goaway_server_wait(host.server, (uint32_t)patience_ms(NOTICED_MS)) == GOAWAY_OK;
    CHECK(ends);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    const goaway_report *report = goaway_server_report(host.server);
    CHECK_NUMBER(report->sessions_forced, 0);
    CHECK_NUMBER(report->sessions_in_handshake, 0);
    // The loss may have been detected before the close. A session that is notified and
    // has no open request ends gracefully.
    bool may_leave_well = is_idle || strcmp(state->name, "in a tunnel") == 0;
    CHECK(may_leave_well || report->sessions_graceful == 0);
    goaway_server_free(host.server);
}

static void a_close_does_not_wait(void) {
    for (enum loss loss = 0; loss < LOSSES; loss++) {
        for (size_t index = 0; index < COUNT(states); index++) {
            if (loss == RESET || !states[index].is_read_by_host) {
                closes_at_once(&states[index], loss, false);
            }
        }
        closes_at_once(&(struct state){.name = "idle"}, loss, true);
    }
}

// An idle client that leaves is removed from the list.
static void idle_clients(void) {
    start();
    for (enum loss loss = 0; loss < LOSSES; loss++) {
        about("idle, %s", loss_names[loss]);
        client = client_connect(host.port);
        CHECK(http1_send(&client, GET));
        CHECK_OK(goaway_request_respond(host_take(&host), 200, "fine", 4));
        CHECK(strcmp(http1_read(&client).body, "fine") == 0);
        leave(loss);
        CHECK(is_set(&closed_for));
        CHECK(is_loss(atomic_load(&closed_for), loss));
        CHECK_NUMBER(atomic_load(&outcome), GOAWAY_OUTCOME_BY_PEER);
        read_rest(loss);
        atomic_store(&closed_for, 0);
    }
    host_end(&host);
}

// What the host has written before the FIN still reaches the client, which can detect
// that it is incomplete.
static void what_is_written_is_sent(void) {
    char text[4096];
    start();
    enter(&(struct state){.request = GET, .begin = write_head, .has_head = true});
    shutdown(client.socket, SHUT_WR);
    CHECK_NUMBER(http1_read_out(&client, text, sizeof text), END_FIN);
    CHECK(strcmp(text, "4\r\npart\r\n") == 0);
    CHECK_SOON(atomic_load(&cancelled_for) == GOAWAY_CAUSE_PEER_CLOSED);
    client_close(&client);
    host_end(&host);
}

static void answer(goaway_request request, void *user_data) {
    (void)user_data;
    static char body[1 << 20];
    memset(body, 'x', sizeof body);
    CHECK_OK(goaway_request_respond(request, 200, body, sizeof body));
}

// A complete response is sent completely, however much of it is buffered when the FIN
// arrives, also if the FIN is in the segment of the request.
static void whole_responses_are_sent(void) {
    char text[64];
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "GET /long", answer, NULL));
    host_go(&host);
    for (int round = 0; round < 2; round++) {
        about("round %d", round);
        client = client_connect(host.port);
        CHECK(http1_send(&client, "GET /long HTTP/1.1\r\nhost: a\r\n\r\n"));
        struct response response;
        if (round == 0) {
            CHECK(http1_read_head(&client, &response));
            shutdown(client.socket, SHUT_WR);
        } else {
            shutdown(client.socket, SHUT_WR);
            CHECK(http1_read_head(&client, &response));
        }
        CHECK_NUMBER(response.status, 200);
        static char body[1 << 20];
        CHECK(client_read_all(&client, body, sizeof body));
        CHECK_NUMBER(body[sizeof body - 1], 'x');
        CHECK_NUMBER(http1_read_out(&client, text, sizeof text), END_FIN);
        CHECK(text[0] == '\0');
        client_close(&client);
    }
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(handlers_are_told),
        CASE(a_close_does_not_wait),
        CASE(idle_clients),
        CASE(what_is_written_is_sent),
        CASE(whole_responses_are_sent),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
