// Every call inside every kind of callback.

#include "host.h"

enum place {
    IN_REQUEST,
    IN_BODY,
    IN_READABLE,
    IN_COLLECT,
    IN_WRITABLE,
    IN_CANCEL,
    IN_DRAIN,
    IN_PROGRESS,
    IN_CLOSE,
    IN_LOG,
    // And inside a session event of this kind.
    IN_EVENT,
};

enum deed { CLOSE, CLOSE_NOW, WAIT, SESSION_CLOSE, SESSION_ABORT, ANSWER, LOOK, SET_UP, FREE, DEEDS };

static const char *const deed_names[DEEDS] = {"close",  "close now", "wait",   "session close", "session abort",
                                              "answer", "look",      "set up", "free"};

// A server, a callback that makes a call, and the results.
static struct {
    enum place place;
    enum deed deed;
    goaway_server *server;
    _Atomic(goaway_session) session;
    _Atomic(goaway_request) request;
    atomic_bool begun;
    atomic_bool done;
    // Set after the server was freed in the callback: no other callback may begin then.
    atomic_bool freed;
    atomic_int begun_too_late;
    // The number of running callbacks of the session, at most one.
    atomic_int running;
    atomic_int closes_asked;
    atomic_int closes_told;
    atomic_int opened;
    atomic_int closed;
} scene;

static void on_close(const goaway_report *report, void *user_data);

static void close_it(uint32_t drain_ms) {
    atomic_fetch_add(&scene.closes_asked, 1);
    CHECK_OK(goaway_server_close(scene.server, drain_ms, on_close, NULL));
}

// Calls that only read are not refused. A session or request may have ended by now.
static void look(void) {
    goaway_session_list *list = goaway_session_list_new(scene.server);
    CHECK(list != NULL);
    for (size_t index = 0; index < goaway_session_list_len(list); index++) {
        CHECK(goaway_session_list_at(list, index) != NULL);
    }
    goaway_session_list_free(list);
    goaway_session_snapshot info;
    goaway_status status = goaway_session_info(scene.session, &info, sizeof info);
    CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_GONE);
    goaway_bytes bytes;
    status = goaway_request_path(scene.request, &bytes);
    CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_GONE);
    CHECK(goaway_server_port(scene.server, 0) != 0);
    goaway_server_report(scene.server);
}

static void answer(void) {
    goaway_status status = goaway_request_respond(scene.request, 200, "inside", 6);
    if (status == GOAWAY_ERR_STATE) {
        status = goaway_request_end(scene.request);
    }
    CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_GONE || status == GOAWAY_ERR_CANCELLED);
    // A response is final. A cancelled request stays cancelled while on_cancel runs.
    goaway_status again = goaway_request_respond(scene.request, 200, "inside", 6);
    CHECK(again == GOAWAY_ERR_GONE || (status == GOAWAY_ERR_CANCELLED && again == status));
    again = goaway_request_reset(scene.request, 0);
    CHECK(again == GOAWAY_ERR_GONE || (status == GOAWAY_ERR_CANCELLED && again == status));
}

static void do_it(void) {
    goaway_status status = GOAWAY_OK;
    switch (scene.deed) {
    case CLOSE:
        close_it(60000);
        close_it(50000);
        break;
    case CLOSE_NOW:
        close_it(0);
        break;
    case WAIT:
        CHECK_STATUS(goaway_server_wait(scene.server, 0), GOAWAY_ERR_DEADLOCK);
        CHECK_STATUS(goaway_server_wait(scene.server, 50), GOAWAY_ERR_DEADLOCK);
        CHECK_STATUS(goaway_server_wait(scene.server, GOAWAY_FOREVER), GOAWAY_ERR_DEADLOCK);
        break;
    case SESSION_CLOSE:
        status = goaway_session_close(scene.session, 100);
        break;
    case SESSION_ABORT:
        status = goaway_session_abort(scene.session, 2, "inside", 6);
        break;
    case ANSWER:
        answer();
        break;
    case LOOK:
        look();
        break;
    case SET_UP:
        CHECK_STATUS(goaway_server_register_handler(scene.server, "GET /x", host_queue, NULL), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_server_set_limit(scene.server, GOAWAY_LIMIT_WORKERS, 1), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_server_set_on_session(scene.server, host_watch, NULL), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_server_listen(scene.server, "127.0.0.1:0"), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_server_start(scene.server), GOAWAY_ERR_STATE);
        break;
    default:
        goaway_server_free(scene.server);
        // Callbacks that were about to begin have begun now.
        pause_ms(patience_ms(10));
        atomic_store(&scene.freed, true);
        break;
    }
    CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_GONE);
}

// Called first in every callback: makes the call if this is the selected one.
static void enter(enum place place) {
    if (atomic_load(&scene.freed)) {
        atomic_fetch_add(&scene.begun_too_late, 1);
    } else if (place == scene.place && !atomic_exchange(&scene.begun, true)) {
        about("%s", deed_names[scene.deed]);
        do_it();
        atomic_store(&scene.done, true);
    }
}

// The same in a callback of the session.
static void enter_alone(enum place place) {
    CHECK_NUMBER(atomic_fetch_add(&scene.running, 1), 0);
    enter(place);
    atomic_fetch_sub(&scene.running, 1);
}

static void on_close(const goaway_report *report, void *user_data) {
    (void)report, (void)user_data;
    atomic_fetch_add(&scene.closes_told, 1);
    enter(IN_CLOSE);
}

static void on_progress(const goaway_progress *progress, void *user_data) {
    (void)progress, (void)user_data;
    enter(IN_PROGRESS);
}

static void on_body(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)len, (void)last, (void)user_data;
    enter_alone(IN_BODY);
}

static void on_readable(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)user_data;
    enter_alone(IN_READABLE);
}

static void on_writable(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)user_data;
    enter_alone(IN_WRITABLE);
}

static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)len, (void)user_data;
    enter_alone(IN_COLLECT);
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)cause, (void)code, (void)user_data;
    enter_alone(IN_CANCEL);
}

static void on_drain(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)left_ms, (void)user_data;
    enter_alone(IN_DRAIN);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    atomic_store(&scene.request, request);
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, NULL));
    CHECK_OK(goaway_request_set_on_drain(request, on_drain, NULL));
    switch (scene.place) {
    case IN_BODY:
        CHECK_OK(goaway_request_set_on_body(request, on_body, NULL));
        break;
    case IN_READABLE:
        CHECK_OK(goaway_request_set_on_readable(request, on_readable, NULL));
        break;
    case IN_COLLECT:
        CHECK_OK(goaway_request_collect(request, on_collected, NULL));
        break;
    case IN_WRITABLE:
        CHECK_OK(goaway_request_set_on_writable(request, on_writable, NULL));
        CHECK_OK(goaway_request_set_high_water_bytes(request, 1));
        CHECK_OK(goaway_request_write_head(request, 200));
        CHECK_OK(goaway_request_write(request, "much", 4, NULL));
        break;
    default:
        break;
    }
    enter_alone(IN_REQUEST);
}

static void on_event(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == GOAWAY_EVENT_OPENED) {
        atomic_store(&scene.session, event->session);
        CHECK_NUMBER(atomic_fetch_add(&scene.opened, 1), 0);
    }
    CHECK_NUMBER(scene.opened, 1);
    CHECK_NUMBER(scene.closed, 0);
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_fetch_add(&scene.closed, 1);
    }
    enter_alone(IN_EVENT + event->kind);
}

static void on_log(uint32_t level, const char *target, const char *message, void *user_data) {
    (void)level, (void)target, (void)message, (void)user_data;
    char thread[32] = "";
    pthread_getname_np(pthread_self(), thread, sizeof thread);
    // The log belongs to the process, not to the server: it may have lines after the
    // free.
    if (strncmp(thread, "goaway-", 7) == 0 && !atomic_load(&scene.freed)) {
        enter(IN_LOG);
    }
}

// Causes the callback in which the call is made.
static void provoke(struct client *client) {
    enum place place = scene.place;
    uint32_t stream = client_ask(client, "POST", "/", false);
    if (place == IN_REQUEST || place == IN_LOG || place == IN_EVENT + GOAWAY_EVENT_OPENED ||
        place == IN_EVENT + GOAWAY_EVENT_SETTINGS) {
        return;
    }
    CHECK_SOON(scene.request != 0);
    if (place == IN_BODY || place == IN_READABLE || place == IN_COLLECT) {
        client_send(client, FRAME_DATA, FLAG_END_STREAM, stream, "body", 4);
    } else if (place == IN_CANCEL) {
        client_reset(client, stream);
    } else if (place == IN_DRAIN || place == IN_EVENT + GOAWAY_EVENT_DRAINING) {
        CHECK_OK(goaway_session_close(scene.session, 60000));
    } else if (place == IN_EVENT + GOAWAY_EVENT_TIMEOUT) {
        CHECK_OK(goaway_session_close(scene.session, 0));
    } else if (place == IN_EVENT + GOAWAY_EVENT_PING) {
        client_ping(client);
    } else if (place == IN_EVENT + GOAWAY_EVENT_GOAWAY) {
        client_send(client, FRAME_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\2why", 11);
    } else if (place == IN_EVENT + GOAWAY_EVENT_FRAME_ERROR) {
        client_send(client, FRAME_DATA, 0, 0, "nowhere", 7);
    } else if (place == IN_EVENT + GOAWAY_EVENT_ERROR) {
        client_break(client);
    } else if (place == IN_EVENT + GOAWAY_EVENT_CLOSED) {
        client_close(client);
    } else if (place == IN_PROGRESS) {
        close_it(60000);
    } else if (place == IN_CLOSE) {
        close_it(0);
    }
}

static void play(enum place place, enum deed deed) {
    int threads = count_threads();
    memset(&scene, 0, sizeof scene);
    scene.place = place;
    scene.deed = deed;
    about("%s", deed_names[deed]);
    goaway_server *server = scene.server = goaway_server_new();
    CHECK_OK(goaway_server_set_limit(server, GOAWAY_LIMIT_WORKERS, 1));
    CHECK_OK(goaway_server_register_handler(server, "*", on_request, NULL));
    CHECK_OK(goaway_server_set_on_session(server, on_event, NULL));
    CHECK_OK(goaway_server_set_on_progress(server, on_progress, NULL));
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(server));
    struct client client = client_open(goaway_server_port(server, 0));
    provoke(&client);
    CHECK_SOON(scene.done);
    // More events that would cause callbacks.
    if (client.socket >= 0) {
        client_get(&client, "/");
        client_ping(&client);
        pause_ms(5);
        client_close(&client);
    }
    if (deed != FREE) {
        atomic_fetch_add(&scene.closes_asked, 1);
        CHECK_OK(goaway_server_close(server, 0, on_close, NULL));
        CHECK_OK(goaway_server_wait(server, GOAWAY_FOREVER));
        CHECK_SOON(scene.opened == scene.closed);
        CHECK_SOON(scene.closes_told == scene.closes_asked);
        goaway_server_free(server);
    }
    // Its threads end, whichever thread has freed it.
    CHECK_SOON(count_threads() == threads);
    CHECK_NUMBER(scene.begun_too_late, 0);
}

static void play_all(enum place place) {
    for (enum deed deed = 0; deed < DEEDS; deed++) {
        play(place, deed);
    }
}

static void in_request(void) { play_all(IN_REQUEST); }
static void in_body(void) { play_all(IN_BODY); }
static void in_readable(void) { play_all(IN_READABLE); }
static void in_collect(void) { play_all(IN_COLLECT); }
static void in_writable(void) { play_all(IN_WRITABLE); }
static void in_cancel(void) { play_all(IN_CANCEL); }
static void in_drain(void) { play_all(IN_DRAIN); }
static void in_progress(void) { play_all(IN_PROGRESS); }
static void in_close(void) { play_all(IN_CLOSE); }
static void in_opened(void) { play_all(IN_EVENT + GOAWAY_EVENT_OPENED); }
static void in_settings(void) { play_all(IN_EVENT + GOAWAY_EVENT_SETTINGS); }
static void in_ping(void) { play_all(IN_EVENT + GOAWAY_EVENT_PING); }
static void in_goaway(void) { play_all(IN_EVENT + GOAWAY_EVENT_GOAWAY); }
static void in_frame_error(void) { play_all(IN_EVENT + GOAWAY_EVENT_FRAME_ERROR); }
static void in_error(void) { play_all(IN_EVENT + GOAWAY_EVENT_ERROR); }
static void in_timeout(void) { play_all(IN_EVENT + GOAWAY_EVENT_TIMEOUT); }
static void in_draining(void) { play_all(IN_EVENT + GOAWAY_EVENT_DRAINING); }
static void in_closed(void) { play_all(IN_EVENT + GOAWAY_EVENT_CLOSED); }

static void in_log(void) {
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_DEBUG, on_log, NULL));
    // The last call is in effect.
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_OFF, on_log, NULL));
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_DEBUG, on_log, NULL));
    play_all(IN_LOG);
}

// Kept lines are taken once, in order, with and without a callback.
static void the_log_may_be_taken(void) {
    goaway_log_line line;
    CHECK_STATUS(goaway_log_take(0, &line), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_log_keep(GOAWAY_LOG_DEBUG + 1), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_log_take(0, NULL), GOAWAY_ERR_NULL);
    CHECK_OK(goaway_log_keep(GOAWAY_LOG_DEBUG));
    CHECK_STATUS(goaway_log_take(0, &line), GOAWAY_ERR_TIMEOUT);
    CHECK_STATUS(goaway_log_take(10, &line), GOAWAY_ERR_TIMEOUT);
    struct host host;
    host_start(&host);
    struct client client = client_open(host.port);
    CHECK_OK(goaway_log_take(20000, &line));
    CHECK(line.level == GOAWAY_LOG_DEBUG && strlen(line.target) > 0 && strlen(line.message) > 0);
    CHECK_NUMBER(line.left_out, 0);
    client_close(&client);
    host_end(&host);
    while (goaway_log_take(0, &line) == GOAWAY_OK) {
        CHECK(line.level <= GOAWAY_LOG_DEBUG);
    }
    CHECK_OK(goaway_log_keep(GOAWAY_LOG_OFF));
    CHECK_STATUS(goaway_log_take(GOAWAY_FOREVER, &line), GOAWAY_ERR_STATE);
}

// In each line of the log, with every id that is known by then.
static struct host logged;
static _Atomic(goaway_request) logged_request;

static void look_at_everything(uint32_t level, const char *target, const char *message, void *user_data) {
    (void)level, (void)target, (void)message, (void)user_data;
    static _Thread_local bool inside;
    // "Calls into the library from here are not logged."
    CHECK(!inside);
    inside = true;
    goaway_bytes bytes;
    goaway_session_snapshot info;
    goaway_request_path(atomic_load(&logged_request), &bytes);
    goaway_request_set_header(atomic_load(&logged_request), "x-logged", "yes");
    goaway_session_info(atomic_load(&logged.session), &info, sizeof info);
    goaway_session_list_free(goaway_session_list_new(logged.server));
    goaway_server_report(logged.server);
    inside = false;
}

static void the_log_may_look_at_everything(void) {
    CHECK_STATUS(goaway_log_set_on_line(GOAWAY_LOG_DEBUG + 1, look_at_everything, NULL), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_log_set_on_line(UINT32_MAX, look_at_everything, NULL), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_DEBUG, look_at_everything, NULL));
    host_start(&logged);
    struct client client = client_open(logged.port);
    for (int round = 0; round < 20; round++) {
        uint32_t stream = client_ask(&client, "POST", "/", false);
        atomic_store(&logged_request, host_take(&logged));
        client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "body", 4);
        CHECK_OK(goaway_request_write_head(logged_request, 200));
        CHECK_OK(goaway_request_write(logged_request, "body", 4, NULL));
        if (round % 2 == 0) {
            client_reset(&client, stream);
            pause_ms(2);
        }
        goaway_request_write(logged_request, "more", 4, NULL);
        goaway_request_end(logged_request);
        if (round % 2 == 1) {
            CHECK(client_answer(&client, stream).whole);
        }
    }
    client_close(&client);
    host_end(&logged);
}

// The body cannot be read by call while it is delivered to a callback.
static struct host host;
static atomic_int body_bytes;
static atomic_bool body_over;

static void read_by_hand(goaway_request request, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)data, (void)user_data;
    char buffer[100];
    size_t length;
    CHECK_STATUS(goaway_request_read(request, buffer, sizeof buffer, &length), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_set_on_body(request, read_by_hand, NULL), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_set_on_readable(request, on_readable, NULL), GOAWAY_ERR_STATE);
    CHECK_STATUS(goaway_request_collect(request, on_collected, NULL), GOAWAY_ERR_STATE);
    atomic_fetch_add(&body_bytes, (int)len);
    CHECK(!atomic_load(&body_over));
    atomic_store(&body_over, last);
}

static void a_body_has_one_reader(void) {
    static const char body[16384];
    host_start(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_ask(&client, "POST", "/", false);
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_pause(request));
    CHECK_OK(goaway_request_set_on_body(request, read_by_hand, NULL));
    client_send(&client, FRAME_DATA, 0, stream, body, sizeof body);
    client_send(&client, FRAME_DATA, 0, stream, body, sizeof body);
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, stream, "end", 3);
    CHECK(client_settle(&client));
    CHECK_OK(goaway_request_resume(request));
    CHECK_SOON(body_over);
    CHECK_NUMBER(body_bytes, 2 * sizeof body + 3);
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    client_close(&client);
    host_end(&host);
}

// A request that gets a response inside its on_cancel stays cancelled, and its session
// continues.
static atomic_int cancels;

static void answer_inside(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    CHECK_NUMBER(cause, GOAWAY_CAUSE_PEER_RESET);
    CHECK_NUMBER(code, 8);
    goaway_bytes path;
    CHECK_OK(goaway_request_path(request, &path));
    CHECK_STATUS(goaway_request_respond(request, 200, "in vain", 7), GOAWAY_ERR_CANCELLED);
    // Views stay valid until on_cancel has returned.
    CHECK_NUMBER(path.len, 1);
    CHECK(path.data[0] == '/');
    atomic_fetch_add(&cancels, 1);
}

static void answering_inside_on_cancel(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_get(&client, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_set_on_cancel(request, answer_inside, NULL));
    client_reset(&client, stream);
    CHECK_SOON(cancels == 1);
    stream = client_get(&client, "/");
    request = host_take(&host);
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && !answer.reset);
    client_close(&client);
    host_end(&host);
}

// Callbacks that set themselves again while they run: the session continues, and so do
// the other sessions of its thread.
static atomic_int drains;

static void drain_again(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)left_ms, (void)user_data;
    atomic_fetch_add(&drains, 1);
    goaway_request_set_on_drain(request, drain_again, NULL);
}

static void write_again(goaway_request request, uint64_t context, void *user_data) {
    (void)context, (void)user_data;
    static const char piece[1000];
    CHECK_OK(goaway_request_set_on_writable(request, write_again, NULL));
    goaway_status status = goaway_request_write(request, piece, sizeof piece, NULL);
    CHECK(status == GOAWAY_OK || status == GOAWAY_ERR_WOULD_BLOCK);
}

static void hooks_that_set_themselves_again(void) {
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 1));
    host_go(&host);
    struct client neighbour = client_open(host.port);
    struct client client = client_open(host.port);
    client_get(&client, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_set_on_writable(request, write_again, NULL));
    CHECK_OK(goaway_request_set_high_water_bytes(request, 1));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, "x", 1, NULL));
    host_serves(&host, &neighbour);

    CHECK_OK(goaway_request_set_on_drain(request, drain_again, NULL));
    goaway_session session;
    CHECK_OK(goaway_request_session(request, &session));
    CHECK_OK(goaway_session_close(session, 60000));
    CHECK_SOON(drains > 0);
    host_serves(&host, &neighbour);
    client_close(&client);
    client_close(&neighbour);
    host_end(&host);
}

// on_close of a server that was never started is called on the caller's thread.
static void free_inside(const goaway_report *report, void *user_data) {
    CHECK_NUMBER(report->elapsed_ms, 0);
    goaway_server_free(user_data);
    atomic_fetch_add(&cancels, 1);
}

static void freeing_inside_the_close_of_an_unstarted_server(void) {
    goaway_server *server = goaway_server_new();
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    CHECK_OK(goaway_server_close(server, 1000, free_inside, server));
    CHECK_NUMBER(cancels, 1);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(in_request),
        CASE(in_body),
        CASE(in_readable),
        CASE(in_collect),
        CASE(in_writable),
        CASE(in_cancel),
        CASE(in_drain),
        CASE(in_progress),
        CASE(in_close),
        CASE(in_opened),
        CASE(in_settings),
        CASE(in_ping),
        CASE(in_goaway),
        CASE(in_frame_error),
        CASE(in_error),
        CASE(in_timeout),
        CASE(in_draining),
        CASE(in_closed),
        CASE_WITH_LOG(in_log),
        CASE_WITH_LOG(the_log_may_look_at_everything),
        CASE_WITH_LOG(the_log_may_be_taken),
        CASE(a_body_has_one_reader),
        CASE(answering_inside_on_cancel),
        CASE(hooks_that_set_themselves_again),
        CASE(freeing_inside_the_close_of_an_unstarted_server),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
