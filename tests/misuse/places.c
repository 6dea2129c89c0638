// When the limit on sessions is reached, silent connections make room first, then idle
// ones.

#include "host.h"

enum { PLACES = 8 };

static struct host host;
static atomic_int ends[64]; // by cause
static atomic_int graceful;
static atomic_int told[64]; // TIMEOUT events, by cause

static void on_event(const goaway_session_event *event, void *user_data) {
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_fetch_add(&ends[event->cause], 1);
        atomic_fetch_add(&graceful, event->outcome == GOAWAY_OUTCOME_GRACEFUL);
    } else if (event->kind == GOAWAY_EVENT_TIMEOUT) {
        atomic_fetch_add(&told[event->cause], 1);
    }
    host_watch(event, user_data);
}

static void start(void) {
    memset(ends, 0, sizeof ends);
    memset(told, 0, sizeof told);
    atomic_store(&graceful, 0);
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_SESSIONS, PLACES));
    host_go(&host);
}

// It ends without a frame.
static void is_closed(struct client *client) {
    struct frame frame;
    CHECK(!client_read(client, &frame));
    client_close(client);
}

// Whether it gets GOAWAY. Then it closes its side.
static void is_drained(struct client *client) {
    struct frame frame;
    bool is_told = false;
    while (client_read(client, &frame)) {
        if (frame.kind == FRAME_GOAWAY) {
            is_told = true;
            CHECK_NUMBER(get_number(frame.payload + 4, 4), 0); // NO_ERROR
            break;
        }
    }
    CHECK(is_told);
    client_close(client);
}

// No timer is involved: HANDSHAKE_MS is longer than the test.
static void silent_ones_make_room_first(void) {
    start();
    struct client idle = client_open(host.port);
    host_serves(&host, &idle);
    struct client silent[3 * PLACES];
    for (int index = 0; index < 3 * PLACES; index++) {
        silent[index] = client_connect(host.port);
        if (index % PLACES == PLACES - 1) {
            struct client honest = client_open(host.port);
            host_serves(&host, &honest);
            client_close(&honest);
        }
        host_serves(&host, &idle);
    }
    CHECK_SOON(atomic_load(&ends[GOAWAY_CAUSE_SILENT]) >= 2 * PLACES - 2);
    CHECK_NUMBER(atomic_load(&told[GOAWAY_CAUSE_SILENT]), atomic_load(&ends[GOAWAY_CAUSE_SILENT]));
    CHECK_NUMBER(atomic_load(&ends[GOAWAY_CAUSE_EVICTED]), 0);
    is_closed(&silent[0]);
    is_closed(&silent[1]);
    host_serves(&host, &idle);
    for (int index = 2; index < 3 * PLACES; index++) {
        client_close(&silent[index]);
    }
    client_close(&idle);
    host_end(&host);
}

static void idle_ones_are_drained_and_busy_ones_stay(void) {
    start();
    struct client busy[PLACES - 2], idle[2];
    goaway_request requests[PLACES - 2];
    uint32_t streams[PLACES - 2];
    for (int index = 0; index < PLACES - 2; index++) {
        busy[index] = client_open(host.port);
        streams[index] = client_get(&busy[index], "/");
        requests[index] = host_take(&host);
    }
    for (int index = 0; index < 2; index++) {
        idle[index] = client_open(host.port);
        host_serves(&host, &idle[index]);
        pause_ms(5);
    }
    // The session that was opened first was used last.
    host_serves(&host, &idle[0]);
    struct client honest = client_open(host.port);
    uint32_t stream = client_get(&honest, "/");
    goaway_request request = host_take(&host);
    is_drained(&idle[1]);
    CHECK_SOON(atomic_load(&ends[GOAWAY_CAUSE_EVICTED]) == 1);
    CHECK_NUMBER(atomic_load(&told[GOAWAY_CAUSE_EVICTED]), 1);
    CHECK_NUMBER(atomic_load(&graceful), 1);
    struct client second = client_open(host.port);
    client_get(&second, "/");
    host_take(&host);
    is_drained(&idle[0]);
    CHECK_SOON(atomic_load(&ends[GOAWAY_CAUSE_EVICTED]) == 2);
    // All are in use now.
    struct client late = client_connect(host.port);
    is_closed(&late);
    goaway_counts counts;
    CHECK_OK(goaway_server_counts(host.server, &counts, sizeof counts));
    CHECK_NUMBER(counts.sessions_refused, 1);
    for (int index = 0; index < PLACES - 2; index++) {
        CHECK_OK(goaway_request_respond(requests[index], 200, "ok", 2));
        struct answer answer = client_answer(&busy[index], streams[index]);
        CHECK(answer.whole && answer.length == 2);
        client_close(&busy[index]);
    }
    CHECK_OK(goaway_request_respond(request, 200, "ok", 2));
    CHECK(client_answer(&honest, stream).whole);
    client_close(&honest);
    client_close(&second);
    host_end(&host);
}

// An incomplete ClientHello counts as silence. An invalid one gets its alert at once.
static void a_hello_that_does_not_go_on_makes_room(void) {
    memset(ends, 0, sizeof ends);
    goaway_tls *tls = goaway_tls_new();
    CHECK_OK(goaway_tls_set_certificate_required(tls, false));
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_TLS_HANDSHAKES, 2));
    CHECK_OK(goaway_server_listen_tls(host.server, "127.0.0.1:0", tls));
    REQUIRE_OK(goaway_server_start(host.server));
    uint16_t port = goaway_server_port(host.server, 0);
    struct client stuck[6];
    for (int index = 0; index < 6; index++) {
        stuck[index] = client_connect(port);
        client_send_all(&stuck[index], "\026\003\001\002", 4);
    }
    for (int round = 0; round < 20; round++) {
        struct client other = client_connect(port);
        client_send_all(&other, "this is no hello of TLS", 23);
        char byte;
        CHECK(recv(other.socket, &byte, 1, 0) == 1 && byte == 21);
        client_close(&other);
    }
    CHECK_SOON(atomic_load(&ends[GOAWAY_CAUSE_SILENT]) >= 4);
    for (int index = 0; index < 6; index++) {
        client_close(&stuck[index]);
    }
    host_end(&host);
    goaway_tls_free(tls);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(silent_ones_make_room_first),
        CASE(idle_ones_are_drained_and_busy_ones_stay),
        CASE(a_hello_that_does_not_go_on_makes_room),
    };
    return check_main(cases, COUNT(cases), 4, argc, argv);
}
