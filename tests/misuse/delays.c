// A close with a shutdown delay: its effects, its end, and its times.

#include "host.h"

static struct host host;
static atomic_int closes;
static atomic_int drains;
static uint64_t elapsed_ms;

static void on_close(const goaway_report *report, void *user_data) {
    (void)user_data;
    elapsed_ms = report->elapsed_ms;
    atomic_fetch_add(&closes, 1);
}

static void on_drain(goaway_request request, uint64_t left_ms, uint64_t context, void *user_data) {
    (void)request, (void)left_ms, (void)context, (void)user_data;
    atomic_fetch_add(&drains, 1);
}

static void come(void) {
    atomic_store(&closes, 0);
    atomic_store(&drains, 0);
    host_start(&host);
    CHECK(goaway_server_is_ready(host.server));
}

static void end_within(uint64_t from_ms, uint64_t to_ms) {
    CHECK_OK(goaway_server_wait(host.server, (uint32_t)patience_ms(20000)));
    CHECK(elapsed_ms >= from_ms && elapsed_ms < patience_ms(to_ms));
    goaway_server_free(host.server);
}

// During the delay only the readiness changes.
static void it_serves_while_it_is_not_ready(void) {
    come();
    struct client before = client_open(host.port);
    CHECK_OK(goaway_server_close_after(host.server, 60000, 60000, on_close, NULL));
    CHECK(!goaway_server_is_ready(host.server));
    CHECK_OK(goaway_server_set_ready(host.server, true));
    CHECK(!goaway_server_is_ready(host.server));
    host_serves(&host, &before);
    struct client after = client_open(host.port);
    host_serves(&host, &after);
    CHECK_NUMBER(goaway_server_wait(host.server, 50), GOAWAY_ERR_TIMEOUT);
    CHECK(goaway_server_report(host.server) == NULL);

    uint32_t stream = client_get(&after, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_request_set_on_drain(request, on_drain, NULL));
    uint64_t left_ms = 0;
    CHECK_STATUS(goaway_request_drain_left_ms(request, &left_ms), GOAWAY_ERR_NOT_FOUND);
    CHECK_NUMBER(atomic_load(&drains), 0);
    // A second call ends the delay, and the drain begins.
    CHECK_OK(goaway_server_close(host.server, 60000, on_close, NULL));
    CHECK_SOON(atomic_load(&drains) == 1);
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK(client_answer(&after, stream).whole);
    client_close(&before);
    client_close(&after);
    CHECK_OK(goaway_server_wait(host.server, (uint32_t)patience_ms(20000)));
    CHECK_NUMBER(atomic_load(&closes), 2);
    CHECK_NUMBER(goaway_server_report(host.server)->streams_completed, 1);
    goaway_server_free(host.server);
}

// By itself the delay ends after its time, and the drain by force.
static void the_bound_is_the_delay_and_the_drain(void) {
    come();
    struct client client = client_open(host.port);
    client_get(&client, "/");
    CHECK_OK(goaway_request_set_on_drain(host_take(&host), on_drain, NULL));
    CHECK_OK(goaway_server_close_after(host.server, 300, 200, on_close, NULL));
    // The same call again changes nothing.
    CHECK_OK(goaway_server_close_after(host.server, 300, 200, NULL, NULL));
    CHECK_OK(goaway_server_close_after(host.server, 5000, 0, NULL, NULL));
    end_within(500, 1600);
    CHECK_NUMBER(atomic_load(&drains), 1);
    client_close(&client);
}

// Idle sessions get their GOAWAY only then.
static void no_goaway_comes_before_the_delay_has_passed(void) {
    come();
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    uint64_t start = clock_ms();
    CHECK_OK(goaway_server_close_after(host.server, 300, 5000, on_close, NULL));
    CHECK_NUMBER(client_read_out(&client), 0);
    CHECK(clock_ms() - start >= 300);
    client_close(&client);
    end_within(300, 3000);
}

// A call without drain time forces at once, whatever the delay is.
static void zero_ends_it_at_once(void) {
    come();
    struct client client = client_open(host.port);
    client_get(&client, "/");
    host_take(&host);
    CHECK_OK(goaway_server_close_after(host.server, 60000, 60000, on_close, NULL));
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    end_within(0, 2000);
    client_close(&client);
}

static void free_does_not_wait_for_the_delay(void) {
    come();
    uint64_t start = clock_ms();
    CHECK_OK(goaway_server_close_after(host.server, UINT32_MAX, UINT32_MAX, on_close, NULL));
    goaway_server_free(host.server);
    CHECK(clock_ms() - start < patience_ms(3000));
}

static void without_a_start_there_is_no_delay(void) {
    atomic_store(&closes, 0);
    host_new(&host);
    CHECK_OK(goaway_server_close_after(host.server, 60000, 60000, on_close, NULL));
    CHECK_NUMBER(atomic_load(&closes), 1);
    goaway_server_free(host.server);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(it_serves_while_it_is_not_ready),
        CASE(the_bound_is_the_delay_and_the_drain),
        CASE(no_goaway_comes_before_the_delay_has_passed),
        CASE(zero_ends_it_at_once),
        CASE(free_does_not_wait_for_the_delay),
        CASE(without_a_start_there_is_no_delay),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
