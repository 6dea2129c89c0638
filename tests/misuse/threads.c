// Many threads make all calls on one server, its sessions and its requests, while clients
// send requests, reset and disconnect. The result must be consistent: every session ends,
// and no request is lost or ended twice.

#include "host.h"

enum { CALLERS = 8, CLIENTS = 3, REQUESTS = 1 << 16, RUN_MS = 3000 };

// The result of one request.
struct fate {
    _Atomic(goaway_request) id;
    // A call that ends it has returned GOAWAY_OK.
    atomic_int answered;
    // A call has returned GOAWAY_ERR_CANCELLED.
    atomic_int refused;
    // on_cancel was called.
    atomic_int cancelled;
};

static struct fate fates[REQUESTS];
static atomic_int taken;
static goaway_server *server;
static uint16_t port;
static atomic_bool over;
static atomic_int opened;
static atomic_int closed;
static _Atomic(goaway_session) sessions[16];
static atomic_int closes_asked;
static atomic_int closes_told;

static uint32_t dice(uint64_t *state, uint32_t sides) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % sides;
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context;
    struct fate *fate = user_data;
    (void)code;
    CHECK(cause != GOAWAY_CAUSE_NONE && atomic_load(&fate->id) == request);
    atomic_fetch_add(&fate->cancelled, 1);
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

static void on_close(const goaway_report *report, void *user_data) {
    (void)report, (void)user_data;
    atomic_fetch_add(&closes_told, 1);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    int number = atomic_fetch_add(&taken, 1);
    if (number >= REQUESTS) {
        goaway_request_respond(request, 503, NULL, 0);
        return;
    }
    struct fate *fate = &fates[number];
    // The others stay until a call returns that they are cancelled.
    if (number % 4 != 0) {
        CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, fate));
    }
    // From now on other threads may respond to it.
    atomic_store(&fate->id, request);
}

static void on_event(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == GOAWAY_EVENT_OPENED) {
        atomic_store(&sessions[atomic_fetch_add(&opened, 1) % (int)COUNT(sessions)], event->session);
    } else if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_fetch_add(&closed, 1);
    }
}

static void expect_sane(goaway_status status) {
    CHECK(status != GOAWAY_ERR_PANIC && status != GOAWAY_ERR_NULL && goaway_status_name(status) != NULL);
}

// The result of a call on the request; `ends` if GOAWAY_OK ends the request.
static void said(struct fate *fate, goaway_status status, bool ends) {
    expect_sane(status);
    if (status == GOAWAY_OK && ends) {
        atomic_fetch_add(&fate->answered, 1);
    } else if (status == GOAWAY_ERR_CANCELLED) {
        atomic_fetch_add(&fate->refused, 1);
    }
}

static void call_on_request(struct fate *fate, uint64_t *seed) {
    static const char much[5000];
    goaway_request request = atomic_load(&fate->id);
    goaway_bytes bytes, more;
    char buffer[64];
    size_t size;
    uint64_t left_ms;
    goaway_session session;
    uint32_t stream;
    switch (dice(seed, 31)) {
    case 0: case 1: case 2: case 3:
        said(fate, goaway_request_respond(request, 200, much, dice(seed, sizeof much)), true);
        break;
    case 4:
        said(fate, goaway_request_respond_with(request, 200, NULL, 0, much, dice(seed, sizeof much), 0), true);
        break;
    case 5: case 6: case 7:
        said(fate, goaway_request_write_head(request, 200), false);
        break;
    case 8: case 9:
        said(fate, goaway_request_write(request, much, dice(seed, sizeof much), &size), false);
        break;
    case 10: case 11: case 12:
        said(fate, goaway_request_end(request), true);
        break;
    case 13:
        said(fate, goaway_request_reset(request, dice(seed, 14)), true);
        break;
    case 14:
        said(fate, goaway_request_inform(request, 103, NULL, 0), false);
        break;
    case 15:
        said(fate, goaway_request_read(request, buffer, dice(seed, sizeof buffer), &size), false);
        break;
    case 16:
        said(fate, goaway_request_set_on_body(request, on_body, NULL), false);
        break;
    case 17:
        said(fate, goaway_request_set_on_readable(request, on_ready, NULL), false);
        break;
    case 18:
        said(fate, goaway_request_collect(request, on_collected, NULL), false);
        break;
    case 19:
        said(fate, goaway_request_pause(request), false);
        said(fate, goaway_request_resume(request), false);
        break;
    case 20:
        said(fate, goaway_request_set_on_drain(request, on_drain, NULL), false);
        break;
    case 21:
        said(fate, goaway_request_set_on_writable(request, on_ready, NULL), false);
        break;
    case 22:
        said(fate, goaway_request_set_high_water_bytes(request, 1 + dice(seed, 5000)), false);
        break;
    case 23:
        said(fate, goaway_request_set_header(request, "x-one", "1"), false);
        break;
    case 24:
        said(fate, goaway_request_add_header(request, "x-more", "2"), false);
        break;
    case 25:
        said(fate, goaway_request_add_trailer(request, "x-trailer", "3"), false);
        break;
    // A view must not be read here: other threads may end the request meanwhile.
    case 26:
        said(fate, goaway_request_method(request, &bytes), false);
        said(fate, goaway_request_path(request, &bytes), false);
        said(fate, goaway_request_authority(request, &bytes), false);
        break;
    case 27:
        said(fate, goaway_request_header(request, "x-test", &bytes), false);
        said(fate, goaway_request_header_at(request, 0, &bytes, &more, NULL), false);
        said(fate, goaway_request_trailer_at(request, 0, &bytes, &more, NULL), false);
        break;
    case 28:
        said(fate, goaway_request_set_idle_ms(request, dice(seed, 60000)), false);
        break;
    case 29:
        said(fate, goaway_request_session(request, &session), false);
        said(fate, goaway_request_stream(request, &stream), false);
        break;
    default:
        said(fate, goaway_request_drain_left_ms(request, &left_ms), false);
        break;
    }
}

static void call_on_server(uint64_t *seed) {
    goaway_session session = atomic_load(&sessions[dice(seed, COUNT(sessions))]);
    goaway_session_snapshot info;
    goaway_session_list *list;
    switch (dice(seed, 12)) {
    case 0:
        expect_sane(goaway_session_abort(session, dice(seed, 14), "dice", 4));
        break;
    case 1:
        expect_sane(goaway_session_close(session, dice(seed, 100)));
        break;
    case 2:
        list = goaway_session_list_new(server);
        CHECK(list != NULL);
        for (size_t index = 0; index < goaway_session_list_len(list); index++) {
            CHECK(goaway_session_list_at(list, index)->session != 0);
        }
        goaway_session_list_free(list);
        break;
    case 3:
        expect_sane(goaway_server_wait(server, dice(seed, 3)));
        break;
    case 4:
        CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_server_set_limit(server, GOAWAY_LIMIT_WORKERS, 1), GOAWAY_ERR_STATE);
        CHECK_STATUS(goaway_server_register_handler(server, "GET /", on_request, NULL), GOAWAY_ERR_STATE);
        break;
    case 5:
        CHECK_NUMBER(goaway_server_port(server, 0), port);
        goaway_server_report(server);
        break;
    default:
        expect_sane(goaway_session_info(session, &info, sizeof info));
        break;
    }
}

static void *call(void *data) {
    uint64_t seed = (uint64_t)(uintptr_t)data;
    while (!atomic_load(&over)) {
        int count = atomic_load(&taken);
        count = count < REQUESTS ? count : REQUESTS;
        if (count > 0) {
            // Usually the newest: the others have ended.
            int choice = dice(&seed, 10) == 0 || count < 60 ? count : 60;
            uint32_t back = dice(&seed, (uint32_t)choice);
            call_on_request(&fates[count - 1 - (int)back], &seed);
        }
        if (dice(&seed, 50) == 0) {
            call_on_server(&seed);
        }
    }
    return NULL;
}

// Sends requests, bodies and resets, disconnects, and reads responses.
static void *ask(void *data) {
    uint64_t seed = (uint64_t)(uintptr_t)data;
    static const char body[2000];
    while (!atomic_load(&over)) {
        struct client client = client_connect(port);
        if (client.socket < 0) {
            pause_ms(1);
            continue;
        }
        struct timeval bound = {.tv_usec = 2000};
        setsockopt(client.socket, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
        client_greet(&client);
        bool connected = true;
        for (int round = 0; connected && round < 40 && !atomic_load(&over); round++) {
            bool whole = dice(&seed, 2) == 0;
            uint32_t stream = client_ask(&client, "POST", "/some/path?query", whole);
            if (!whole) {
                uint8_t flags = dice(&seed, 2) == 0 ? FLAG_END_STREAM : 0;
                client_send(&client, FRAME_DATA, flags, stream, body, dice(&seed, sizeof body));
            }
            if (dice(&seed, 4) == 0) {
                client_reset(&client, stream - 2 * dice(&seed, (stream + 1) / 2));
            }
            if (dice(&seed, 10) == 0) {
                client_ping(&client);
            }
            // In pieces: frames are not parsed here.
            char bytes[4096];
            ssize_t received = recv(client.socket, bytes, sizeof bytes, 0);
            connected = received != 0;
        }
        if (dice(&seed, 3) == 0) {
            client_break(&client);
        } else {
            client_close(&client);
        }
    }
    return NULL;
}

static void set_up(void) {
    server = goaway_server_new();
    CHECK_OK(goaway_server_set_limit(server, GOAWAY_LIMIT_WORKERS, 3));
    CHECK_OK(goaway_server_register_handler(server, "*", on_request, NULL));
    CHECK_OK(goaway_server_set_on_session(server, on_event, NULL));
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(server));
    port = goaway_server_port(server, 0);
}

// Every request has ended exactly once.
static void count_fates(void) {
    int count = taken < REQUESTS ? taken : REQUESTS;
    int answered = 0, cancelled = 0, lost = 0;
    for (int number = 0; number < count; number++) {
        struct fate *fate = &fates[number];
        // No call has reported it yet: the next call that responds must.
        if (fate->answered + fate->refused + fate->cancelled == 0) {
            goaway_status status = goaway_request_respond(fate->id, 200, NULL, 0);
            lost += status != GOAWAY_ERR_CANCELLED;
            fate->refused += status == GOAWAY_ERR_CANCELLED;
        }
        about("request %d: answered %d, cancelled %d, refused %d", number, fate->answered, fate->cancelled,
              fate->refused);
        // With on_cancel, it is called if and only if there was no response; while it
        // runs, calls may return GOAWAY_ERR_CANCELLED. Without it, exactly one call does.
        bool has_hook = number % 4 != 0;
        CHECK_NUMBER(fate->answered + (has_hook ? fate->cancelled : fate->refused), 1);
        CHECK_STATUS(goaway_request_reset(fate->id, 0), GOAWAY_ERR_GONE);
        answered += fate->answered;
        cancelled += fate->answered == 0;
    }
    about("");
    CHECK_NUMBER(lost, 0);
    CHECK(answered > 0 && cancelled > 0);
}

static void everything_at_once(void) {
    pthread_t threads[CALLERS + CLIENTS];
    set_up();
    for (uintptr_t index = 0; index < COUNT(threads); index++) {
        pthread_create(&threads[index], NULL, index < CALLERS ? call : ask, (void *)(index + 1));
    }
    pause_ms(RUN_MS);
    // A slow machine takes longer for some requests.
    uint64_t until = clock_ms() + patience_ms(SOON_MS);
    while (taken < 50 && clock_ms() < until) {
        pause_ms(10);
    }
    // While everything is in progress.
    for (int round = 0; round < 10; round++) {
        closes_asked++;
        CHECK_OK(goaway_server_close(server, 300, on_close, NULL));
    }
    uint64_t began = clock_ms();
    CHECK_OK(goaway_server_wait(server, GOAWAY_FOREVER));
    CHECK(clock_ms() - began < 1300 + patience_ms(2000));
    CHECK_SOON(opened == closed);
    CHECK_SOON(closes_told == closes_asked);
    pause_ms(50);
    atomic_store(&over, true);
    for (size_t index = 0; index < COUNT(threads); index++) {
        pthread_join(threads[index], NULL);
    }
    CHECK_NUMBER(closes_told, closes_asked);
    count_fates();
    goaway_server_free(server);
}

// Two threads respond to one cancelled request: one of them gets the error, and the
// session allows as many requests as before.
static _Atomic(goaway_request) contested;
static atomic_int go;
static atomic_int told;
static atomic_int done;

static void *contest(void *data) {
    (void)data;
    for (int round = 1;; round++) {
        // Not blocked, so that both begin at about the same time.
        while (atomic_load(&go) < round) {
            if (atomic_load(&over)) {
                return NULL;
            }
        }
        goaway_status status = goaway_request_respond(atomic_load(&contested), 200, NULL, 0);
        CHECK(status == GOAWAY_ERR_CANCELLED || status == GOAWAY_ERR_GONE);
        atomic_fetch_add(&told, status == GOAWAY_ERR_CANCELLED);
        atomic_fetch_add(&done, 1);
    }
}

static void a_cancelled_request_answered_by_two(void) {
    static struct host host;
    pthread_t threads[2];
    host_start(&host);
    struct client client = client_open(host.port);
    for (size_t index = 0; index < COUNT(threads); index++) {
        pthread_create(&threads[index], NULL, contest, NULL);
    }
    uint64_t until = clock_ms() + RUN_MS;
    for (int round = 1; clock_ms() < until && atomic_load(&check_failures) == 0; round++) {
        about("round %d", round);
        uint32_t stream = client_get(&client, "/");
        goaway_request request = host_take(&host);
        client_reset(&client, stream);
        CHECK(client_settle(&client));
        atomic_store(&told, 0);
        atomic_store(&contested, request);
        atomic_store(&go, round);
        CHECK_SOON(atomic_load(&done) == 2 * round);
        CHECK_NUMBER(told, 1);
    }
    about("");
    atomic_store(&over, true);
    for (size_t index = 0; index < COUNT(threads); index++) {
        pthread_join(threads[index], NULL);
    }
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

// Freed while everything is in progress: after the return of free no callback begins.
static atomic_bool freed;
static atomic_int late;

static void on_anything(goaway_request request, void *user_data) {
    (void)user_data;
    atomic_fetch_add(&late, atomic_load(&freed));
    goaway_request_respond(request, 200, NULL, 0);
}

static void on_any_event(const goaway_session_event *event, void *user_data) {
    (void)event, (void)user_data;
    atomic_fetch_add(&late, atomic_load(&freed));
}

static void on_late_close(const goaway_report *report, void *user_data) {
    (void)report, (void)user_data;
    atomic_fetch_add(&late, atomic_load(&freed));
}

static void freed_in_the_middle(void) {
    pthread_t threads[CLIENTS];
    int threads_before = count_threads();
    for (int round = 0; round < times(20); round++) {
        atomic_store(&over, false);
        atomic_store(&freed, false);
        server = goaway_server_new();
        CHECK_OK(goaway_server_register_handler(server, "*", on_anything, NULL));
        CHECK_OK(goaway_server_set_on_session(server, on_any_event, NULL));
        CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
        REQUIRE_OK(goaway_server_start(server));
        port = goaway_server_port(server, 0);
        for (uintptr_t index = 0; index < COUNT(threads); index++) {
            pthread_create(&threads[index], NULL, ask, (void *)(index + 1));
        }
        pause_ms(20 + (uint64_t)round % 5);
        if (round % 2 == 0) {
            CHECK_OK(goaway_server_close(server, 60000, on_late_close, NULL));
        }
        uint64_t began = clock_ms();
        goaway_server_free(server);
        atomic_store(&freed, true);
        CHECK(clock_ms() - began < 2000 + patience_ms(2000));
        pause_ms(10);
        atomic_store(&over, true);
        for (size_t index = 0; index < COUNT(threads); index++) {
            pthread_join(threads[index], NULL);
        }
        CHECK_NUMBER(late, 0);
        CHECK_SOON(count_threads() == threads_before);
    }
}

// From the end of a thread, when its thread-local storage is gone.
static struct host last_host;
static goaway_request last_request;

static void call_at_the_end(void *data) {
    (void)data;
    goaway_bytes path;
    CHECK_OK(goaway_request_path(last_request, &path));
    CHECK_STATUS(goaway_request_path(1, &path), GOAWAY_ERR_GONE);
    CHECK(goaway_last_error() != NULL);
    CHECK_OK(goaway_request_set_header(last_request, "x-last", "breath"));
    CHECK_OK(goaway_request_respond(last_request, 200, "fine", 4));
    goaway_session_list_free(goaway_session_list_new(last_host.server));
    CHECK_STATUS(goaway_server_wait(last_host.server, 10), GOAWAY_ERR_TIMEOUT);
    CHECK_OK(goaway_server_close(last_host.server, 60000, on_close, NULL));
    CHECK_STATUS(goaway_server_start(last_host.server), GOAWAY_ERR_STATE);
}

static void *leave_a_key(void *data) {
    // An earlier failure, so that there is a text to be lost.
    CHECK_STATUS(goaway_request_reset(1, 0), GOAWAY_ERR_GONE);
    pthread_setspecific(*(pthread_key_t *)data, data);
    return NULL;
}

static void a_dying_thread(void) {
    // The library's storage for such a thread is never freed. It is a few bytes, which
    // valgrind would report as a leak.
    if (check_patience() > 1) {
        return;
    }
    pthread_key_t key;
    pthread_t thread;
    pthread_key_create(&key, call_at_the_end);
    for (int round = 0; round < 10; round++) {
        host_start(&last_host);
        struct client client = client_open(last_host.port);
        uint32_t stream = client_get(&client, "/");
        last_request = host_take(&last_host);
        pthread_create(&thread, NULL, leave_a_key, &key);
        pthread_join(thread, NULL);
        struct answer answer = client_answer(&client, stream);
        CHECK(answer.whole && strcmp(answer.start, "fine") == 0);
        client_close(&client);
        host_end(&last_host);
        CHECK_NUMBER(closes_told, round + 1);
    }
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(everything_at_once),
        CASE(a_cancelled_request_answered_by_two),
        CASE(freed_in_the_middle),
        CASE(a_dying_thread),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
