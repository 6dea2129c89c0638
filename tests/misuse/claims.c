// Statements of the header that no other program here tests.

#include "exchange.h"
#include "host.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <fcntl.h>

static struct host host;

// The state of a request as its client sees it.
static struct answer answer_of(uint32_t stream) {
    return client_answer(&client, stream);
}

static uint32_t take(const char *method, bool whole, goaway_request *out_request) {
    uint32_t stream = client_ask(&client, method, "/", whole);
    *out_request = host_take(&host);
    return stream;
}

static void come(void) {
    host_start(&host);
    client = client_open(host.port);
}

static void leave(void) {
    client_close(&client);
    host_end(&host);
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

// A body is read in one way: by callback, by call, or collected.
static void a_body_has_one_reader(void) {
    come();
    for (int way = 0; way < 4; way++) {
        about("way %d", way);
        goaway_request request = 0;
        char byte;
        size_t length = 77;
        uint32_t stream = take("POST", false, &request);
        if (way == 0) {
            CHECK_STATUS(goaway_request_read(request, &byte, 1, &length), GOAWAY_ERR_WOULD_BLOCK);
            CHECK_NUMBER(length, 77);
        } else if (way == 1) {
            CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
        } else if (way == 2) {
            CHECK_OK(goaway_request_collect(request, on_collected, NULL));
        } else {
            CHECK_OK(goaway_request_set_on_readable(request, on_ready, NULL));
        }
        CHECK_STATUS(goaway_request_set_on_body(request, on_body, NULL), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_request_collect(request, on_collected, NULL), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_request_set_on_readable(request, on_ready, NULL), way == 0 ? GOAWAY_OK : GOAWAY_ERR_STATE);
        bool is_pulled = way == 0 || way == 3;
        goaway_status read = goaway_request_read(request, &byte, 1, &length);
        CHECK_NUMBER(read, is_pulled ? GOAWAY_ERR_WOULD_BLOCK : GOAWAY_ERR_STATE);
        CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
        CHECK(answer_of(stream).whole);
    }
    leave();
}

// Any three-digit number from 200 on is a status. Some have no body and no length.
static void statuses(void) {
    come();
    goaway_request request = 0;
    static const uint16_t good[] = {200, 299, 451, 599, 600, 999};
    for (size_t index = 0; index < COUNT(good); index++) {
        about("status %d", good[index]);
        uint32_t stream = take("GET", true, &request);
        CHECK_OK(goaway_request_respond(request, good[index], "x", 1));
        CHECK(answer_of(stream).whole);
    }
    static const uint16_t bad[] = {0, 99, 100, 101, 103, 199, 1000, 65535};
    static const uint16_t bodyless[] = {204, 205, 304};
    uint32_t stream = take("GET", true, &request);
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("status %d", bad[index]);
        CHECK_STATUS(goaway_request_respond(request, bad[index], NULL, 0), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_write_head(request, bad[index]), GOAWAY_ERR_INVALID);
    }
    for (size_t index = 0; index < COUNT(bodyless); index++) {
        about("status %d", bodyless[index]);
        CHECK_STATUS(goaway_request_respond(request, bodyless[index], "x", 1), GOAWAY_ERR_INVALID);
    }
    CHECK_OK(goaway_request_write_head(request, 204));
    CHECK_STATUS(goaway_request_write(request, "x", 1, NULL), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_request_write(request, NULL, 0, NULL));
    CHECK_OK(goaway_request_end(request));
    CHECK(answer_of(stream).whole);
    leave();
}

// A complete response gets a content-length, except one with trailers.
static void a_length_is_added_without_trailers_only(void) {
    come();
    for (int with_trailer = 0; with_trailer <= 1; with_trailer++) {
        about("trailers: %d", with_trailer);
        goaway_request request = 0;
        uint32_t stream = take("GET", true, &request);
        if (with_trailer) {
            CHECK_OK(goaway_request_add_trailer(request, "x-sum", "1"));
        }
        CHECK_OK(goaway_request_set_header(request, "date", "now"));
        CHECK_OK(goaway_request_respond(request, 200, "body", 4));
        struct frame frame;
        do {
            REQUIRE(client_read(&client, &frame));
        } while (frame.kind != FRAME_HEADERS);
        // Its name is entry 28 of the static table (RFC 7541, appendix A).
        bool has_length = memmem(frame.payload, frame.length, "\x5c", 1) != NULL ||
                          memmem(frame.payload, frame.length, "\x0f\x0d", 2) != NULL;
        CHECK(has_length == !with_trailer);
        struct answer answer = answer_of(stream);
        CHECK(answer.whole && answer.length == 4);
    }
    leave();
}

// The end of a body, and an empty read.
static void nothing_is_read_into_no_place(void) {
    come();
    goaway_request request = 0;
    size_t length = 77;
    uint32_t stream = take("POST", false, &request);
    CHECK_OK(goaway_request_read(request, NULL, 0, &length));
    CHECK_NUMBER(length, 0);
    char byte;
    CHECK_STATUS(goaway_request_read(request, &byte, 1, &length), GOAWAY_ERR_WOULD_BLOCK);
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "", 0);
    client_settle(&client);
    CHECK_OK(goaway_request_read(request, &byte, 1, &length));
    CHECK_NUMBER(length, 0);
    CHECK_STATUS(goaway_request_set_high_water_bytes(request, 0), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    leave();
}

static void on_close(const goaway_report *report, void *user_data) {
    CHECK(report->elapsed_ms == 0 && report->sessions_graceful == 0);
    *(int *)user_data += 1;
}

// A close without a start is complete at once, and a wait for it succeeds.
static void a_close_without_a_start(void) {
    goaway_server *server = goaway_server_new();
    CHECK_STATUS(goaway_server_wait(server, 0), GOAWAY_ERR_STATE);
    CHECK(goaway_server_report(server) == NULL);
    int closed = 0;
    CHECK_OK(goaway_server_close(server, 1000, on_close, &closed));
    CHECK_NUMBER(closed, 1);
    CHECK_OK(goaway_server_wait(server, GOAWAY_FOREVER));
    CHECK(goaway_server_report(server) != NULL && !goaway_server_is_ready(server));
    CHECK_STATUS(goaway_server_listen(server, "127.0.0.1:0"), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
    CHECK_OK(goaway_server_close(server, 1000, on_close, &closed));
    CHECK_NUMBER(closed, 2);
    goaway_server_free(server);
}

// A WRITABLE record follows a WRITE that was executed or found no room, and no other.
static void no_writable_follows_a_bad_write(void) {
    begin();
    client_get(&client, "/");
    goaway_request request = events_next(&events, GOAWAY_RECORD_KIND_REQUEST)->id;
    goaway_command write = {.kind = GOAWAY_COMMAND_KIND_WRITE, .flags = GOAWAY_COMMAND_FLAG_NOTIFY, .request = request};
    CHECK_STATUS(order(&events, write, "x"), GOAWAY_ERR_STATE);
    CHECK(events_silent(&events));
    goaway_command head = {.kind = GOAWAY_COMMAND_KIND_HEAD, .status = 200, .request = request};
    CHECK_OK(order(&events, head, ""));
    CHECK(events_silent(&events));
    CHECK_OK(order(&events, write, "x"));
    CHECK(events_next(&events, GOAWAY_RECORD_KIND_WRITABLE)->id == request);
    CHECK_OK(goaway_request_reset(request, 8));
    end();
}

static void *ask_meanwhile(void *server) {
    static uint64_t took;
    pause_ms(100);
    uint64_t start = clock_ms();
    CHECK(!goaway_server_is_ready(server));
    took = clock_ms() - start;
    return &took;
}

// A lock of another process on the folder is waited for, but not long. Other calls on the
// server do not wait meanwhile.
static void a_locked_folder_is_waited_for(void) {
    char folder[] = "/tmp/goaway-claims-XXXXXX", address[64];
    REQUIRE(mkdtemp(folder) != NULL);
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0);
    snprintf(address, sizeof address, "unix:%s/a.sock", folder);
    goaway_server *server = goaway_server_new();
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, ask_meanwhile, server) == 0);
    uint64_t start = clock_ms();
    CHECK_STATUS(goaway_server_listen(server, address), GOAWAY_ERR_ADDRESS);
    uint64_t took = clock_ms() - start;
    void *asking;
    pthread_join(thread, &asking);
    CHECK(*(uint64_t *)asking < patience_ms(500));
    CHECK(took >= 900 && took < patience_ms(3000));
    CHECK(strstr(goaway_last_error(), "lock") != NULL);
    close(lock);
    CHECK_OK(goaway_server_listen(server, address));
    CHECK_OK(goaway_server_close(server, 0, NULL, NULL));
    goaway_server_free(server);
    CHECK(rmdir(folder) == 0);
}

// A file of another type is refused at once: opening a FIFO would block.
static void no_fifo_is_waited_for(void) {
    char folder[] = "/tmp/goaway-claims-XXXXXX", path[64];
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/fifo", folder);
    REQUIRE(mkfifo(path, 0600) == 0);
    goaway_tls *tls = goaway_tls_new();
    CHECK(goaway_tls_add_certificate(tls, path, path, NULL) != GOAWAY_OK);
    CHECK(goaway_tls_set_client_certificates(tls, GOAWAY_TLS_CLIENTS_REQUIRED, path) != GOAWAY_OK);
    CHECK(goaway_tls_set_key_log(tls, path) != GOAWAY_OK);
    CHECK(strstr(goaway_last_error(), path) != NULL);
    goaway_tls_free(tls);
    unlink(path);
    CHECK(rmdir(folder) == 0);
}

// Without HTTP/1.1, its clients get frames of HTTP/2.
static void who_speaks_no_http2_is_told(void) {
    host_new(&host);
    CHECK_OK(goaway_server_set_feature(host.server, GOAWAY_FEATURE_HTTP1, false));
    host_go(&host);
    static const char *const said[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
                                       "no HTTP at all, and longer than a preface"};
    for (size_t index = 0; index < COUNT(said); index++) {
        about("%s", said[index]);
        struct client old = client_connect(host.port);
        client_send_all(&old, said[index], strlen(said[index]));
        CHECK_NUMBER(client_read_out(&old), 1); // PROTOCOL_ERROR
        client_close(&old);
    }
    client = client_open(host.port);
    host_serves(&host, &client);
    leave();
}

struct told {
    atomic_int frame_error;
    atomic_int limit;
    atomic_uint stream;
    atomic_int end;
    atomic_int cancelled;
};

static void on_event(const goaway_session_event *event, void *user_data) {
    struct told *told = user_data;
    if (event->kind == GOAWAY_EVENT_FRAME_ERROR) {
        atomic_store(&told->frame_error, (int)event->code);
    } else if (event->kind == GOAWAY_EVENT_TIMEOUT) {
        atomic_store(&told->limit, (int)event->cause);
        atomic_store(&told->stream, event->stream);
    } else if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_store(&told->end, (int)event->cause);
    }
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request;
    struct told *told = user_data;
    atomic_store(&told->cancelled, (int)(cause * 100 + code));
}

// A session whose events are in `told`, with a request whose body follows.
static goaway_request be_told(struct told *told, uint32_t limit, uint64_t value) {
    memset(told, 0, sizeof *told);
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, told));
    CHECK_OK(goaway_server_set_limit(host.server, limit, value));
    host_go(&host);
    client = client_open(host.port);
    goaway_request request = 0;
    take("POST", false, &request);
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, told));
    return request;
}

static void come_to_an_end(void) {
    client_close(&client);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    goaway_server_free(host.server);
}

// The rule for every limit that ends something: one with a cause of its own is reported
// as TIMEOUT, and one that was announced to the peer as FRAME_ERROR.
static void each_limit_is_told(void) {
    static const char zeros[16384];
    struct told told;
    goaway_request request = be_told(&told, GOAWAY_LIMIT_BODY_BYTES, 10);
    CHECK_OK(goaway_request_collect(request, on_collected, NULL));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, 1, zeros, 11);
    CHECK_SOON(atomic_load(&told.cancelled) == GOAWAY_CAUSE_BODY_TOO_LARGE * 100);
    CHECK_NUMBER(atomic_load(&told.limit), GOAWAY_CAUSE_BODY_TOO_LARGE);
    CHECK_NUMBER(atomic_load(&told.stream), 1);
    CHECK_NUMBER(atomic_load(&told.frame_error), 0);
    come_to_an_end();

    // If a response has begun, it is reset.
    request = be_told(&told, GOAWAY_LIMIT_BODY_BYTES, 10);
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_collect(request, on_collected, NULL));
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, 1, zeros, 11);
    CHECK_SOON(atomic_load(&told.cancelled) == GOAWAY_CAUSE_BODY_TOO_LARGE * 100 + 8);
    CHECK(client_answer(&client, 1).reset);
    come_to_an_end();

    be_told(&told, GOAWAY_LIMIT_STREAM_WINDOW_BYTES, 70000);
    for (int frames = 0; frames < 5; frames++) {
        client_send(&client, FRAME_DATA, 0, 1, zeros, 16384);
    }
    CHECK_SOON(atomic_load(&told.cancelled) == GOAWAY_CAUSE_PROTOCOL_ERROR * 100 + 3);
    CHECK_SOON(atomic_load(&told.frame_error) == 3); // FLOW_CONTROL_ERROR
    CHECK_NUMBER(atomic_load(&told.limit), 0);
    come_to_an_end();

    be_told(&told, GOAWAY_LIMIT_FRAME_BYTES, 16384);
    client_send_all(&client, "\0\x50\0\0\0\0\0\0\1", 9); // DATA of 20480 bytes
    CHECK_SOON(atomic_load(&told.end) == GOAWAY_CAUSE_PROTOCOL_ERROR);
    CHECK_NUMBER(atomic_load(&told.frame_error), 6); // FRAME_SIZE_ERROR
    CHECK_NUMBER(atomic_load(&told.cancelled), GOAWAY_CAUSE_PROTOCOL_ERROR * 100 + 6);
    CHECK_NUMBER(atomic_load(&told.limit), 0);
    come_to_an_end();

    // The cause says whose error code it is: that of the peer or of the host.
    be_told(&told, GOAWAY_LIMIT_WORKERS, 1);
    client_send_code(&client, FRAME_RST_STREAM, 1, 77);
    CHECK_SOON(atomic_load(&told.cancelled) == GOAWAY_CAUSE_PEER_RESET * 100 + 77);
    come_to_an_end();
    be_told(&told, GOAWAY_LIMIT_WORKERS, 1);
    goaway_session_list *list = goaway_session_list_new(host.server);
    CHECK_OK(goaway_session_abort(goaway_session_list_at(list, 0)->session, 42, NULL, 0));
    goaway_session_list_free(list);
    CHECK_SOON(atomic_load(&told.cancelled) == GOAWAY_CAUSE_ABORTED * 100 + 42);
    come_to_an_end();
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_body_has_one_reader),
        CASE(statuses),
        CASE(a_length_is_added_without_trailers_only),
        CASE(nothing_is_read_into_no_place),
        CASE(a_close_without_a_start),
        CASE(no_writable_follows_a_bad_write),
        CASE(a_locked_folder_is_waited_for),
        CASE(no_fifo_is_waited_for),
        CASE(who_speaks_no_http2_is_told),
        CASE(each_limit_is_told),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
