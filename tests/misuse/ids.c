// Ids that never existed, are stale, or belong to another kind of object.

#include "host.h"

static struct host host;

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)cause, (void)code;
    if (user_data != NULL) {
        atomic_fetch_add((atomic_int *)user_data, 1);
    }
}

static void on_drain(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)left_ms, (void)user_data;
}

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)len, (void)last, (void)user_data;
}

static void on_ready(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)user_data;
}

static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)len, (void)user_data;
}

static void no_request(uint64_t id) {
    goaway_bytes bytes, more;
    goaway_session session;
    uint32_t stream;
    uint64_t left_ms;
    size_t length;
    char buffer[8];
    const goaway_field field = {.name = "x", .value = "y"};
    CHECK_STATUS(goaway_request_method(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_path(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_query(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_authority(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_scheme(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_peer(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_prefix(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_received_scheme(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_received_authority(id, &bytes), GOAWAY_ERR_GONE);
    goaway_request pushed;
    goaway_field pseudo[] = {{":method", "GET"}, {":path", "/"}};
    CHECK_STATUS(goaway_request_push(id, pseudo, 2, &pushed), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_protocol(id, &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_version(id, &bytes), GOAWAY_ERR_GONE);
    uint32_t order;
    CHECK_STATUS(goaway_request_pseudo_order(id, &order), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_param(id, "id", &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_header(id, "host", &bytes), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_header_at(id, 0, &bytes, &more, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_trailer_at(id, 0, &bytes, &more, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_session(id, &session), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_stream(id, &stream), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_drain_left_ms(id, &left_ms), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_on_cancel(id, on_cancel, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_on_drain(id, on_drain, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_context(id, 1), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_context(id, &left_ms), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_idle_ms(id, 1), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_keep_body(id), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_on_body(id, on_body, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_pause(id), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_resume(id), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_on_readable(id, on_ready, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_read(id, buffer, sizeof buffer, &length), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_consume(id, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_collect(id, on_collected, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_header(id, "x", "y"), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_add_header(id, "x", "y"), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_inform(id, 103, &field, 1), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_write_head(id, 200), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_write_head_with(id, 200, NULL, 0, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_end_with(id, NULL, 0, NULL, 0, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_write(id, "x", 1, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_high_water_bytes(id, 1), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_set_on_writable(id, on_ready, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_notify(id, GOAWAY_COMMAND_FLAG_NOTIFY), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_add_trailer(id, "x", "y"), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_end(id), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_respond(id, 200, "x", 1), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_respond_with(id, 200, &field, 1, "x", 1, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_reset(id, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_peer_certificate(id, 0, &bytes), GOAWAY_ERR_GONE);
}

static void no_session(uint64_t id) {
    goaway_session_snapshot info;
    CHECK_STATUS(goaway_session_info(id, &info, sizeof info), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_close(id, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_abort(id, 0, "", 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_abort_after(id, 1, 0, "", 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_ping(id, NULL), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_send_goaway(id, 0, 0, "", 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_set_window(id, 1, 1), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_send_settings(id, NULL, 0), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_send_altsvc(id, 1, NULL, "clear"), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_send_origin(id, NULL, 0), GOAWAY_ERR_GONE);
    goaway_tls_info tls;
    CHECK_STATUS(goaway_session_tls(id, &tls, sizeof tls), GOAWAY_ERR_GONE);
    size_t len;
    CHECK_STATUS(goaway_session_peer_certificate(id, 0, NULL, 0, &len), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_proxy_tlv(id, 2, NULL, 0, &len), GOAWAY_ERR_GONE);
}

static void nothing(uint64_t id) {
    no_request(id);
    no_session(id);
}

static const uint64_t made_up[] = {0, 1, 2, 63, 1 << 20, (1 << 20) + 63, UINT32_MAX, 1ull << 53, (1ull << 53) - 1,
                                   (1ull << 53) + 1, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};

static void before_any_server(void) {
    for (size_t index = 0; index < COUNT(made_up); index++) {
        about("id %#llx", (unsigned long long)made_up[index]);
        nothing(made_up[index]);
    }
}

static void made_up_beside_live_ones(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_ask(&client, "POST", "/", false);
    goaway_request request = host_take(&host);
    goaway_session session = atomic_load(&host.session);
    for (size_t index = 0; index < COUNT(made_up); index++) {
        about("id %#llx", (unsigned long long)made_up[index]);
        if (made_up[index] != request && made_up[index] != session) {
            nothing(made_up[index]);
        }
    }
    const uint64_t live[] = {request, session};
    for (size_t index = 0; index < COUNT(live); index++) {
        for (int bit = 0; bit < 64; bit++) {
            const uint64_t near[] = {live[index] + (1ull << bit), live[index] - (1ull << bit),
                                     live[index] ^ (1ull << bit)};
            for (size_t which = 0; which < COUNT(near); which++) {
                about("id %#llx beside %#llx", (unsigned long long)near[which], (unsigned long long)live[index]);
                if (near[which] != request && near[which] != session) {
                    nothing(near[which]);
                }
            }
        }
    }
    about("");
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK(client_answer(&client, stream).whole);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void requests_after_their_answer(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    client_get(&client, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    about("responded");
    no_request(request);

    client_get(&client, "/");
    request = host_take(&host);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_end(request));
    about("ended");
    no_request(request);

    client_get(&client, "/");
    request = host_take(&host);
    CHECK_OK(goaway_request_reset(request, 2));
    about("reset");
    no_request(request);
    about("");
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
    about("the server is gone");
    no_request(request);
}

static void requests_after_their_cancellation(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    atomic_int told = 0;
    uint32_t stream = client_get(&client, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, &told));
    client_reset(&client, stream);
    CHECK_SOON(told == 1);
    goaway_bytes bytes;
    CHECK_SOON(goaway_request_method(request, &bytes) == GOAWAY_ERR_GONE);
    about("told by on_cancel");
    no_request(request);

    // Without on_cancel it stays readable until a call that responds.
    stream = client_get(&client, "/");
    request = host_take(&host);
    client_reset(&client, stream);
    CHECK_SOON(goaway_request_set_high_water_bytes(request, 1) == GOAWAY_ERR_CANCELLED);
    about("told by a status");
    no_request(request);
    about("");
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

// Each call that returns GOAWAY_ERR_CANCELLED makes the id stale.
static void every_call_that_says_cancelled_means_it(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    goaway_bytes bytes;
    for (int call = 0; call < 9; call++) {
        uint32_t stream = client_get(&client, "/");
        goaway_request request = host_take(&host);
        client_reset(&client, stream);
        CHECK(client_settle(&client));
        const struct {
            const char *name;
            goaway_status status;
        } said[] = {
            {"on_cancel", call == 0 ? goaway_request_set_on_cancel(request, on_cancel, NULL) : GOAWAY_OK},
            {"respond", call == 1 ? goaway_request_respond(request, 200, NULL, 0) : GOAWAY_OK},
            {"write_head", call == 2 ? goaway_request_write_head(request, 200) : GOAWAY_OK},
            {"write", call == 3 ? goaway_request_write(request, "x", 1, NULL) : GOAWAY_OK},
            {"end", call == 4 ? goaway_request_end(request) : GOAWAY_OK},
            {"reset", call == 5 ? goaway_request_reset(request, 0) : GOAWAY_OK},
            {"inform", call == 6 ? goaway_request_inform(request, 103, NULL, 0) : GOAWAY_OK},
            {"on_writable", call == 7 ? goaway_request_set_on_writable(request, on_ready, NULL) : GOAWAY_OK},
            {"respond_with", call == 8 ? goaway_request_respond_with(request, 200, NULL, 0, NULL, 0, 0) : GOAWAY_OK},
        };
        about("%s", said[call].name);
        CHECK_STATUS(said[call].status, GOAWAY_ERR_CANCELLED);
        CHECK_STATUS(goaway_request_method(request, &bytes), GOAWAY_ERR_GONE);
    }
    about("");
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void sessions_after_their_end(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    goaway_session session = atomic_load(&host.session);
    client_close(&client);
    CHECK_SOON(atomic_load(&host.closed) == 1);
    goaway_session_snapshot info;
    CHECK_SOON(goaway_session_info(session, &info, sizeof info) == GOAWAY_ERR_GONE);
    no_session(session);
    client = client_open(host.port);
    host_serves(&host, &client);
    no_session(session);
    client_close(&client);
    host_end(&host);
    no_session(session);
    no_session(atomic_load(&host.session));
}

// "No number is ever used twice": the id of a request is never that of a session.
static void one_kind_for_the_other(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_ask(&client, "POST", "/", false);
    goaway_request request = host_take(&host);
    goaway_session session = atomic_load(&host.session);
    CHECK(request != session);
    about("the session's id as a request's");
    no_request(session);
    about("the request's id as a session's");
    no_session(request);
    about("");
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK(client_answer(&client, stream).whole);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static int by_number(const void *left, const void *right) {
    uint64_t one = *(const uint64_t *)left, other = *(const uint64_t *)right;
    return one < other ? -1 : one > other;
}

// Of any kind, of any server of the process, at the same time or one after the other.
static void no_number_twice(void) {
    static uint64_t seen[4096];
    static struct host other;
    size_t count = 0;
    for (int round = 0; round < 4; round++) {
        host_start(&host);
        host_start(&other);
        for (int session = 0; session < 20; session++) {
            struct host *turn = session % 2 == 0 ? &host : &other;
            struct client client = client_open(turn->port);
            for (int number = 0; number < 20; number++) {
                client_get(&client, "/");
                goaway_request request = host_take(turn);
                seen[count++] = request;
                CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
            }
            seen[count++] = atomic_load(&turn->session);
            client_close(&client);
        }
        host_end(&host);
        host_end(&other);
    }
    qsort(seen, count, sizeof *seen, by_number);
    size_t twice = 0;
    for (size_t index = 1; index < count; index++) {
        twice += seen[index] == seen[index - 1];
    }
    CHECK_NUMBER(twice, 0);
    CHECK(seen[0] != 0 && seen[count - 1] < 1ull << 53);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(before_any_server),
        CASE(made_up_beside_live_ones),
        CASE(requests_after_their_answer),
        CASE(requests_after_their_cancellation),
        CASE(every_call_that_says_cancelled_means_it),
        CASE(sessions_after_their_end),
        CASE(one_kind_for_the_other),
        CASE(no_number_twice),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
