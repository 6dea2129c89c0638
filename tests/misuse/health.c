// Health checks that the library responds to: their responses, their listeners, and their
// responses while the host hangs.

#include "events.h"
#include "host.h"

// 503, which is not in the static table of HPACK.
enum { UNAVAILABLE = 0 };

static struct host host;
static atomic_bool is_held;
static atomic_int held;

// A handler that does not return until it is allowed to.
static void hold(goaway_request request, void *user_data) {
    (void)user_data;
    atomic_fetch_add(&held, 1);
    while (atomic_load(&is_held)) {
        pause_ms(1);
    }
    goaway_request_respond(request, 200, "held", 4);
}

static void come(uint32_t stall_ms) {
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_WORKERS, 1));
    CHECK_OK(goaway_server_register_handler(host.server, "GET /hold", hold, NULL));
    CHECK_OK(goaway_server_set_health_paths(host.server, "/ready", "/live", stall_ms));
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0?health=1"));
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 1);
}

static bool says(struct client *client, const char *path, int status, const char *body) {
    struct answer answer = client_answer(client, client_get(client, path));
    return answer.whole && answer.status == status && strcmp(answer.start, body) == 0;
}

static void ready_is_what_the_server_says(void) {
    come(60000);
    struct client client = client_open(host.port), health = client_open(goaway_server_port(host.server, 0));
    CHECK(says(&client, "/ready", 200, "ready\n") && says(&health, "/ready", 200, "ready\n"));
    CHECK(says(&client, "/live", 200, "live\n") && says(&health, "/live?a=b", 200, "live\n"));
    struct answer head = client_answer(&client, client_ask(&client, "HEAD", "/ready", true));
    CHECK(head.whole && head.status == 200 && head.start[0] == '\0');
    CHECK_OK(goaway_server_set_ready(host.server, false));
    CHECK(says(&client, "/ready", UNAVAILABLE, "not ready\n") && says(&health, "/ready", UNAVAILABLE, "not ready\n"));
    CHECK(says(&client, "/live", 200, "live\n"));
    CHECK_OK(goaway_server_set_ready(host.server, true));
    CHECK(says(&client, "/ready", 200, "ready\n"));
    // The host gets all other requests of one listener, and none of the other.
    host_serves(&host, &client);
    CHECK_NUMBER(client_answer(&health, client_get(&health, "/")).status, 404);
    CHECK_NUMBER(client_answer(&health, client_ask(&health, "POST", "/ready", true)).status, 404);
    CHECK_OK(goaway_server_close_after(host.server, 60000, 60000, NULL, NULL));
    CHECK(says(&client, "/ready", UNAVAILABLE, "not ready\n") && says(&health, "/ready", UNAVAILABLE, "not ready\n"));
    CHECK(says(&client, "/live", 200, "live\n"));
    client_close(&client);
    client_close(&health);
    host_end(&host);
}

// A callback that does not return.
static void a_stuck_callback_is_told_by_another_thread(void) {
    come(200);
    atomic_store(&is_held, true);
    struct client client = client_open(host.port), health = client_open(goaway_server_port(host.server, 0));
    uint32_t stream = client_get(&client, "/hold");
    CHECK_SOON(atomic_load(&held) == 1);
    CHECK_SOON(says(&health, "/live", UNAVAILABLE, "stalled\n"));
    CHECK(says(&health, "/ready", 200, "ready\n"));
    atomic_store(&is_held, false);
    CHECK(client_answer(&client, stream).whole);
    CHECK_SOON(says(&health, "/live", 200, "live\n"));
    client_close(&client);
    client_close(&health);
    host_end(&host);
}

// A host that makes progress is not stalled, however much work there is.
static void work_is_no_stall(void) {
    come(100);
    struct client client = client_open(host.port), health = client_open(goaway_server_port(host.server, 0));
    uint64_t until = clock_ms() + 500;
    while (clock_ms() < until) {
        host_serves(&host, &client);
        CHECK(says(&health, "/live", 200, "live\n"));
    }
    // A request that the host holds without a response is no stall.
    client_get(&client, "/");
    goaway_request request = host_take(&host);
    pause_ms(400);
    CHECK(says(&health, "/live", 200, "live\n"));
    CHECK_OK(goaway_request_respond(request, 200, "late", 4));
    client_close(&client);
    client_close(&health);
    host_end(&host);
}

// Records that nobody takes.
static void a_queue_that_is_not_taken_is_a_stall(void) {
    goaway_server *server = goaway_server_new();
    goaway_queue *queue = goaway_queue_new(server);
    REQUIRE(queue != NULL);
    CHECK_OK(goaway_server_register_queue(server, "GET /", queue, 0));
    CHECK_OK(goaway_server_set_health_paths(server, NULL, "/live", 200));
    REQUIRE_OK(goaway_server_listen(server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_start(server));
    struct client client = client_open(goaway_server_port(server, 0));
    CHECK(says(&client, "/live", 200, "live\n"));
    CHECK_NUMBER(client_answer(&client, client_get(&client, "/ready")).status, 404);
    pause_ms(400);
    CHECK(says(&client, "/live", 200, "live\n"));
    client_get(&client, "/");
    CHECK_SOON(says(&client, "/live", UNAVAILABLE, "stalled\n"));
    goaway_batch batch;
    CHECK_OK(goaway_queue_take(queue, &batch));
    CHECK(batch.count == 1);
    CHECK_SOON(says(&client, "/live", 200, "live\n"));
    client_close(&client);
    goaway_server_free(server);
    goaway_queue_free(queue);
}

// A listener for checks only serves more checks than sessions are allowed.
static void checks_are_not_among_the_limits(void) {
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_SESSIONS_PER_ADDRESS, 1));
    CHECK_OK(goaway_server_set_health_paths(host.server, "/ready", NULL, 0));
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0?health=1"));
    host_go(&host);
    host.port = goaway_server_port(host.server, 1);
    struct client client = client_open(host.port), checks[3];
    for (size_t index = 0; index < COUNT(checks); index++) {
        checks[index] = client_open(goaway_server_port(host.server, 0));
        CHECK(says(&checks[index], "/ready", 200, "ready\n"));
    }
    host_serves(&host, &client);
    for (size_t index = 0; index < COUNT(checks); index++) {
        client_close(&checks[index]);
    }
    client_close(&client);
    host_end(&host);
}

static void bad_values_are_refused_and_change_nothing(void) {
    host_new(&host);
    CHECK_OK(goaway_server_register_handler(host.server, "GET /taken", host_queue, &host));
    static const char *const bad[] = {"", "ready", "/a b", "/{id}", "/a?b", "/\xc3\xa4", "/taken"};
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("%s", bad[index]);
        CHECK_STATUS(goaway_server_set_health_paths(host.server, "/ready", bad[index], 1000), GOAWAY_ERR_INVALID);
    }
    CHECK_STATUS(goaway_server_set_health_paths(host.server, "/\xff", NULL, 0), GOAWAY_ERR_UTF8);
    CHECK_STATUS(goaway_server_set_health_paths(host.server, "/same", "/same", 1000), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_set_health_paths(host.server, "/ready", "/live", 0), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_server_set_health_paths(host.server, NULL, NULL, 0));
    CHECK_OK(goaway_server_set_health_paths(host.server, "/ready", NULL, 0));
    CHECK_STATUS(goaway_server_register_handler(host.server, "GET /ready", host_queue, &host), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_listen(host.server, "127.0.0.1:0?health=yes"), GOAWAY_ERR_ADDRESS);
    host_go(&host);
    CHECK_STATUS(goaway_server_set_health_paths(host.server, NULL, "/live", 1000), GOAWAY_ERR_STATE);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(ready_is_what_the_server_says),
        CASE(a_stuck_callback_is_told_by_another_thread),
        CASE(work_is_no_stall),
        CASE(a_queue_that_is_not_taken_is_a_stall),
        CASE(checks_are_not_among_the_limits),
        CASE(bad_values_are_refused_and_change_nothing),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
