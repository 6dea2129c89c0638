// fork() while a server runs: the child must not use it, may have a server of its own,
// and ends cleanly. The parent continues.

#include <fcntl.h>

#include "host.h"

static struct host host;
// A lock of the child, because that of the parent may stay locked.
static struct host own;
static goaway_request request;
static goaway_session session;
static goaway_queue *queue;

static void on_cancel(goaway_request cancelled, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)cancelled, (void)cause, (void)code, (void)user_data;
}

static void on_drain(goaway_request draining, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)context, (void)draining, (void)left_ms, (void)user_data;
}

static void on_body(goaway_request of, const uint8_t *data, size_t len, bool last, uint64_t context, void *user_data) {
    (void)context, (void)of, (void)data, (void)len, (void)last, (void)user_data;
}

static void on_ready(goaway_request ready, uint64_t context, void *user_data) {
    (void)context, (void)ready, (void)user_data;
}

static void on_collected(goaway_request of, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)of, (void)data, (void)len, (void)user_data;
}

static void on_progress(const goaway_progress *progress, void *user_data) {
    (void)progress, (void)user_data;
}

// Runs a child. Its failures are failures of the case.
static void with_child(void (*run)(void)) {
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        atomic_store(&check_failures, 0);
        run();
        exit(atomic_load(&check_failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int code = 0;
    const char *wrong = check_outcome(child, 10000, &code);
    if (wrong != NULL || code != 0) {
        check_failed(__FILE__, __LINE__, "the child: %s, exit code %d", wrong == NULL ? "ended" : wrong, code);
    }
}

static void the_server_is_the_parents(void) {
    CHECK_STATUS(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 1), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_padding(host.server, GOAWAY_PADDING_MAX), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_feature(host.server, GOAWAY_FEATURE_HTTP1, true), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_settings(host.server, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_health_paths(host.server, NULL, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_forwarded(host.server, "*", NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_register_handler(host.server, "GET /x", host_queue, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_on_progress(host.server, on_progress, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_on_session(host.server, host_watch, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_listen(host.server, "127.0.0.1:0"), GOAWAY_ERR_FORKED);
    goaway_tls *tls = goaway_tls_new();
    CHECK_STATUS(goaway_server_listen_tls(host.server, "127.0.0.1:0", tls), GOAWAY_ERR_FORKED);
    goaway_tls_free(tls);
    CHECK_STATUS(goaway_server_start(host.server), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_close(host.server, 0, NULL, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_close_after(host.server, 1000, 0, NULL, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_wait(host.server, GOAWAY_FOREVER), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_set_ready(host.server, true), GOAWAY_ERR_FORKED);
    CHECK(!goaway_server_is_ready(host.server));
    CHECK_NUMBER(goaway_server_port(host.server, 0), 0);
    CHECK(goaway_server_address(host.server, 0) == NULL);
    CHECK_NUMBER(goaway_server_dup_fd(host.server, 0), -1);
    CHECK_STATUS(goaway_server_set_shared(host.server, 0, false), GOAWAY_ERR_FORKED);
    CHECK(strstr(goaway_last_error(), "fork") != NULL);
    CHECK(goaway_server_report(host.server) == NULL);
    goaway_counts counts;
    CHECK_STATUS(goaway_server_counts(host.server, &counts, sizeof counts), GOAWAY_ERR_FORKED);
    CHECK(goaway_session_list_new(host.server) == NULL);
}

static void on_batch(void *user_data) {
    (void)user_data;
}

static void the_queue_is_the_parents(void) {
    goaway_batch batch;
    CHECK(goaway_queue_new(host.server) == NULL);
    CHECK_STATUS(goaway_server_register_queue(host.server, "GET /x", queue, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_queue_watch(queue, GOAWAY_WATCH_SESSIONS), GOAWAY_ERR_FORKED);
    CHECK_NUMBER(goaway_queue_fd(queue), -1);
    CHECK_STATUS(goaway_queue_set_on_ready(queue, on_batch, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_queue_set_limit(queue, 1), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_queue_take(queue, &batch), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_queue_wait(queue, GOAWAY_FOREVER), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_queue_submit(queue, NULL, 0, NULL, 0, NULL), GOAWAY_ERR_FORKED);
    goaway_queue_free(queue);
}

static void the_ids_are_the_parents(void) {
    goaway_session_snapshot info;
    CHECK_STATUS(goaway_session_info(session, &info, sizeof info), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_close(session, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_abort(session, 0, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_abort_after(session, 1, 0, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_ping(session, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_send_goaway(session, 0, 0, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_set_window(session, 1, 1), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_send_settings(session, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_send_altsvc(session, 1, NULL, "clear"), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_send_origin(session, NULL, 0), GOAWAY_ERR_FORKED);
    goaway_tls_info tls;
    CHECK_STATUS(goaway_session_tls(session, &tls, sizeof tls), GOAWAY_ERR_FORKED);
    size_t len;
    CHECK_STATUS(goaway_session_peer_certificate(session, 0, NULL, 0, &len), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_session_proxy_tlv(session, 2, NULL, 0, &len), GOAWAY_ERR_FORKED);
    goaway_bytes bytes, more;
    CHECK_STATUS(goaway_request_peer_certificate(request, 0, &bytes), GOAWAY_ERR_FORKED);
    goaway_session of;
    uint32_t stream;
    uint64_t left_ms;
    size_t length;
    char buffer[8];
    CHECK_STATUS(goaway_request_method(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_path(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_query(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_authority(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_scheme(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_peer(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_prefix(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_received_scheme(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_received_authority(request, &bytes), GOAWAY_ERR_FORKED);
    goaway_request pushed;
    goaway_field pseudo[] = {{":method", "GET"}, {":path", "/"}};
    CHECK_STATUS(goaway_request_push(request, pseudo, 2, &pushed), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_protocol(request, &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_version(request, &bytes), GOAWAY_ERR_FORKED);
    uint32_t order;
    CHECK_STATUS(goaway_request_pseudo_order(request, &order), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_param(request, "id", &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_header(request, "host", &bytes), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_header_at(request, 0, &bytes, &more, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_trailer_at(request, 0, &bytes, &more, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_session(request, &of), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_stream(request, &stream), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_drain_left_ms(request, &left_ms), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_on_cancel(request, on_cancel, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_on_drain(request, on_drain, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_context(request, 1), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_context(request, &left_ms), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_idle_ms(request, 1), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_on_body(request, on_body, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_pause(request), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_resume(request), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_on_readable(request, on_ready, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_read(request, buffer, sizeof buffer, &length), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_consume(request, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_collect(request, on_collected, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_keep_body(request), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_header(request, "x", "y"), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_add_header(request, "x", "y"), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_inform(request, 103, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_write_head(request, 200), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_write_head_with(request, 200, NULL, 0, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_end_with(request, NULL, 0, NULL, 0, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_write(request, "x", 1, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_high_water_bytes(request, 1), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_set_on_writable(request, on_ready, NULL), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_notify(request, GOAWAY_COMMAND_FLAG_NOTIFY), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_add_trailer(request, "x", "y"), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_end(request), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_respond(request, 200, NULL, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_respond_with(request, 200, NULL, 0, NULL, 0, 0), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_request_reset(request, 0), GOAWAY_ERR_FORKED);
}

static void have_nothing(void) {
    CHECK_NUMBER(count_threads(), 3);
    the_server_is_the_parents();
    the_queue_is_the_parents();
    the_ids_are_the_parents();
    goaway_server_free(host.server);
}

static void have_an_own_one(void) {
    host_start(&own);
    struct client client = client_open(own.port);
    host_serves(&own, &client);
    host_serves(&own, &client);
    // Nothing that belonged to the parent is used.
    the_ids_are_the_parents();
    client_close(&client);
    host_end(&own);
    goaway_server_free(host.server);
}

static void run_parent(void (*child)(void)) {
    host_new(&host);
    queue = goaway_queue_new(host.server);
    CHECK_OK(goaway_server_register_queue(host.server, "GET /queue", queue, 0));
    CHECK(goaway_queue_fd(queue) >= 0);
    host_go(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_get(&client, "/");
    request = host_take(&host);
    session = atomic_load(&host.session);
    with_child(child);
    CHECK_OK(goaway_request_respond(request, 200, "still", 5));
    struct answer answer = client_answer(&client, stream);
    CHECK(answer.whole && strcmp(answer.start, "still") == 0);
    host_serves(&host, &client);
    // A batch of the parent, which no child has changed.
    client_get(&client, "/queue");
    CHECK_OK(goaway_queue_wait(queue, GOAWAY_FOREVER));
    goaway_batch batch;
    CHECK_OK(goaway_queue_take(queue, &batch));
    CHECK_NUMBER(batch.count, 1);
    client_close(&client);
    host_end(&host);
    goaway_queue_free(queue);
}

static void the_child_has_nothing(void) {
    run_parent(have_nothing);
}

static void the_child_has_an_own_one(void) {
    run_parent(have_an_own_one);
}

static void exit_with_both(void) {
    host_start(&own);
    struct client client = client_open(own.port);
    client_get(&client, "/");
    host_take(&own);
}

static void the_child_just_exits(void) {
    run_parent(exit_with_both);
}

// In the child the stacks of the parent's threads are unused, and may be unmapped before
// the parent's server is freed.
static void free_it_after_many_threads(void) {
    for (int round = 0; round < 3; round++) {
        host_new(&own);
        CHECK_OK(goaway_server_set_limit(own.server, GOAWAY_LIMIT_WORKERS, (uint64_t)times(40)));
        host_go(&own);
        host_end(&own);
    }
    goaway_server_free(host.server);
}

static void the_child_frees_a_large_one(void) {
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, (uint64_t)times(100)));
    host_go(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    with_child(free_it_after_many_threads);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void free_it(void) {
    goaway_server_free(host.server);
}

static void the_child_frees_one_that_never_ran(void) {
    host_new(&host);
    CHECK_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    with_child(free_it);
    CHECK_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 0);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    with_child(free_it);
    goaway_server_free(host.server);
}

static void serve_in_turn(void) {
    CHECK_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 0);
    REQUIRE(host.port != 0);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    goaway_server_free(host.server);
}

// Prefork: the listening process forks first, and each child serves on the same socket.
// When one of them ends, the socket and its file stay for the others.
static void children_start_what_never_ran(void) {
    char folder[] = "/tmp/goaway-fork-XXXXXX", path[64], address[80];
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.sock", folder);
    snprintf(address, sizeof address, "unix:%s", path);
    host_new(&host);
    CHECK_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    CHECK_OK(goaway_server_listen(host.server, address));
    for (int round = 0; round < 3; round++) {
        about("child %d", round);
        with_child(serve_in_turn);
        CHECK(access(path, F_OK) == 0);
    }
    about("the parent");
    serve_in_turn();
    CHECK(access(path, F_OK) != 0);
    CHECK(rmdir(folder) == 0);
}

static goaway_tls *tls_of_parent;
static atomic_int cause_of_end;

static void watch_the_end(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_store(&cause_of_end, (int)event->cause);
    }
}

// A handshake that begins and fails, because there is no certificate.
static void shake_hands_with(goaway_server *server) {
    CHECK_OK(goaway_server_set_on_session(server, watch_the_end, NULL));
    CHECK_OK(goaway_server_start(server));
    struct client client = client_connect(goaway_server_port(server, 0));
    client_send_all(&client, "this is no hello of TLS", 23);
    CHECK_SOON(atomic_load(&cause_of_end) != 0);
    CHECK_NUMBER(atomic_load(&cause_of_end), GOAWAY_CAUSE_TLS);
    client_close(&client);
    CHECK_OK(goaway_server_close(server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(server, GOAWAY_FOREVER));
    goaway_server_free(server);
}

static void use_the_tls(void) {
    atomic_store(&cause_of_end, 0);
    CHECK_OK(goaway_tls_set_resumption(tls_of_parent, true));
    CHECK_OK(goaway_tls_reload(tls_of_parent));
    shake_hands_with(host.server);
    goaway_server *another = goaway_server_new();
    atomic_store(&cause_of_end, 0);
    CHECK_OK(goaway_server_listen_tls(another, "127.0.0.1:0", tls_of_parent));
    shake_hands_with(another);
    goaway_tls_free(tls_of_parent);
}

static void miss_the_tls(void) {
    goaway_server *server = goaway_server_new();
    CHECK_STATUS(goaway_tls_reload(tls_of_parent), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_tls_set_resumption(tls_of_parent, false), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_server_listen_tls(server, "127.0.0.1:0", tls_of_parent), GOAWAY_ERR_FORKED);
    goaway_server_free(server);
    goaway_tls_free(tls_of_parent);
}

// Certificates that were loaded before the fork can be used in children, until a server
// of the parent uses them.
static void children_use_certificates(void) {
    tls_of_parent = goaway_tls_new();
    CHECK_OK(goaway_tls_set_certificate_required(tls_of_parent, false));
    host.server = goaway_server_new();
    CHECK_OK(goaway_server_listen_tls(host.server, "127.0.0.1:0", tls_of_parent));
    with_child(use_the_tls);
    with_child(use_the_tls);
    CHECK_OK(goaway_server_start(host.server));
    with_child(miss_the_tls);
    CHECK_OK(goaway_tls_reload(tls_of_parent));
    goaway_server_free(host.server);
    goaway_tls_free(tls_of_parent);
}

static void miss_the_queue(void) {
    CHECK_STATUS(goaway_server_start(host.server), GOAWAY_ERR_FORKED);
    CHECK_STATUS(goaway_queue_watch(queue, GOAWAY_WATCH_SESSIONS), GOAWAY_ERR_FORKED);
    goaway_queue_free(queue);
    goaway_server_free(host.server);
}

// A queue uses a descriptor, which a child would share.
static void a_server_with_a_queue_stays_the_parents(void) {
    host_new(&host);
    queue = goaway_queue_new(host.server);
    CHECK_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    with_child(miss_the_queue);
    CHECK_OK(goaway_server_start(host.server));
    goaway_server_free(host.server);
    goaway_queue_free(queue);
}

static int depth;

static void have_children_too(void) {
    struct host before = host;
    about("generation %d", ++depth);
    the_server_is_the_parents();
    host_start(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_get(&client, "/");
    goaway_request of_parent = request;
    request = host_take(&host);
    if (depth < 8) {
        with_child(have_children_too);
    }
    CHECK_STATUS(goaway_request_reset(of_parent, 0), GOAWAY_ERR_FORKED);
    CHECK_OK(goaway_request_respond(request, 200, "still", 5));
    CHECK(client_answer(&client, stream).whole);
    client_close(&client);
    host_end(&host);
    goaway_server_free(before.server);
}

static void children_of_children(void) {
    run_parent(have_children_too);
}

static atomic_bool over;
static atomic_int answered;

static void on_request(goaway_request asked, void *user_data) {
    (void)user_data;
    goaway_request_respond(asked, 200, "fine", 4);
}

static void *load(void *data) {
    (void)data;
    while (!atomic_load(&over)) {
        struct client client = client_open(host.port);
        for (int round = 0; round < 50; round++) {
            struct answer answer = client_answer(&client, client_get(&client, "/load"));
            CHECK(answer.whole && answer.status == 200);
            atomic_fetch_add(&answered, 1);
        }
        client_close(&client);
    }
    return NULL;
}

static void fifty_children_under_load(void) {
#ifdef __SANITIZE_ADDRESS__
    // The allocator may stay locked in a child.
    return;
#endif
    pthread_t thread;
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "GET /load", on_request, NULL));
    host_go(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_get(&client, "/");
    request = host_take(&host);
    session = atomic_load(&host.session);
    pthread_create(&thread, NULL, load, NULL);
    for (int round = 0; round < times(50); round++) {
        about("child %d", round);
        int before = atomic_load(&answered);
        with_child(round % 3 == 0 ? have_an_own_one : round % 3 == 1 ? free_it : exit_with_both);
        CHECK_SOON(atomic_load(&answered) > before);
    }
    about("");
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    CHECK_OK(goaway_request_respond(request, 200, "still", 5));
    CHECK(client_answer(&client, stream).whole);
    client_close(&client);
    host_end(&host);
}

// In a child that was forked inside a callback, the thread is no longer one of the
// library's: it may wait, and free completely.
static void be_the_host(void) {
    the_server_is_the_parents();
    host_start(&own);
    struct client client = client_open(own.port);
    host_serves(&own, &client);
    CHECK_STATUS(goaway_server_wait(own.server, 0), GOAWAY_ERR_TIMEOUT);
    client_close(&client);
    int threads = count_threads();
    CHECK_OK(goaway_server_close(own.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(own.server, GOAWAY_FOREVER));
    goaway_server_free(own.server);
    CHECK(count_threads() < threads);
    goaway_server_free(host.server);
}

static atomic_bool forked;

static void on_fork(goaway_request asked, void *user_data) {
    (void)user_data;
    with_child(be_the_host);
    CHECK_OK(goaway_request_respond(asked, 200, "fine", 4));
    atomic_store(&forked, true);
}

static void inside_a_callback(void) {
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "GET /fork", on_fork, NULL));
    host_go(&host);
    struct client client = client_open(host.port);
    uint32_t stream = client_get(&client, "/fork");
    CHECK_SOON(forked);
    CHECK(client_answer(&client, stream).whole);
    client_close(&client);
    host_end(&host);
}

// A program that is executed after a fork inherits no descriptor.
static void nothing_outlives_exec(void) {
    bool known[256];
    for (int descriptor = 0; descriptor < 256; descriptor++) {
        known[descriptor] = fcntl(descriptor, F_GETFD) >= 0;
    }
    host_start(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    int found = 0;
    for (int descriptor = 0; descriptor < 256; descriptor++) {
        int flags = fcntl(descriptor, F_GETFD);
        if (flags >= 0 && !known[descriptor]) {
            about("descriptor %d", descriptor);
            CHECK((flags & FD_CLOEXEC) != 0);
            found++;
        }
    }
    about("");
    CHECK(found > 3);
    client_close(&client);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(the_child_has_nothing),
        CASE(the_child_has_an_own_one),
        CASE(the_child_just_exits),
        CASE(the_child_frees_a_large_one),
        CASE(the_child_frees_one_that_never_ran),
        CASE(children_start_what_never_ran),
        CASE(children_use_certificates),
        CASE(a_server_with_a_queue_stays_the_parents),
        CASE(children_of_children),
        CASE(fifty_children_under_load),
        CASE(inside_a_callback),
        CASE(nothing_outlives_exec),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
