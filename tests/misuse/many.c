// Many servers, at once and one after the other: nothing of them is left.

#include "host.h"

static struct host host;
static struct host other;

static void two_at_once(void) {
    host_start(&host);
    host_start(&other);
    CHECK(host.port != other.port);
    struct client to_host = client_open(host.port);
    struct client to_other = client_open(other.port);
    host_serves(&host, &to_host);
    host_serves(&other, &to_other);
    // Only its own server lists a session.
    goaway_session_list *list = goaway_session_list_new(host.server);
    CHECK_NUMBER(goaway_session_list_len(list), 1);
    CHECK(goaway_session_list_at(list, 0)->session == atomic_load(&host.session));
    goaway_session_list_free(list);
    // One closes while the other has an open request.
    uint32_t stream = client_get(&to_other, "/");
    goaway_request request = host_take(&other);
    client_close(&to_host);
    host_end(&host);
    CHECK_STATUS(goaway_server_wait(other.server, 0), GOAWAY_ERR_TIMEOUT);
    CHECK_OK(goaway_request_respond(request, 200, "still", 5));
    struct answer answer = client_answer(&to_other, stream);
    CHECK(answer.whole && strcmp(answer.start, "still") == 0);
    host_serves(&other, &to_other);
    client_close(&to_other);
    host_end(&other);
}

static long resident_kib(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    REQUIRE(file != NULL && fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

// Not under valgrind and sanitizers, which keep freed memory.
static bool memory_is_given_back(void) {
#ifdef __SANITIZE_ADDRESS__
    return false;
#else
    return check_patience() == 1;
#endif
}

static void live_once(void) {
    host_start(&host);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void made_and_freed(void) {
    goaway_server_free(goaway_server_new());
    goaway_server *server = goaway_server_new();
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    CHECK_OK(goaway_server_register_handler(server, "GET /", host_queue, NULL));
    goaway_server_free(server);
    server = goaway_server_new();
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    CHECK_OK(goaway_server_close(server, 0, NULL, NULL));
    goaway_server_free(server);
    server = goaway_server_new();
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    CHECK_OK(goaway_server_start(server));
    goaway_server_free(server);
}

// `live` two hundred times: the numbers of threads and descriptors are as before, and
// memory does not grow after the first rounds.
static void two_hundred_times(void (*live)(void)) {
    live();
    int threads = count_threads(), descriptors = count_descriptors();
    long half = 0;
    for (int round = 0; round < times(200); round++) {
        about("round %d", round);
        live();
        half = round == 100 ? resident_kib() : half;
    }
    about("");
    CHECK_SOON(count_threads() == threads);
    CHECK_NUMBER(count_descriptors(), descriptors);
    if (memory_is_given_back()) {
        CHECK(resident_kib() - half < 1024);
    }
}

static void one_after_the_other(void) {
    two_hundred_times(live_once);
}

static void never_started(void) {
    two_hundred_times(made_and_freed);
}

// Requests and sessions leave nothing behind on a server that continues.
static void one_with_many_guests(void) {
    host_start(&host);
    struct client first = client_open(host.port);
    host_serves(&host, &first);
    client_close(&first);
    CHECK_SOON(atomic_load(&host.closed) == 1);
    int descriptors = count_descriptors();
    long half = 0;
    for (int round = 0; round < times(1000); round++) {
        struct client client = client_open(host.port);
        uint32_t stream = client_ask(&client, "POST", "/", false);
        goaway_request request = host_take(&host);
        // Each way in which a request can end.
        if (round % 4 == 0) {
            CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
        } else if (round % 4 == 1) {
            client_reset(&client, stream);
            CHECK_SOON(goaway_request_set_high_water_bytes(request, 1) == GOAWAY_ERR_CANCELLED);
        } else if (round % 4 == 2) {
            CHECK_OK(goaway_request_reset(request, 8));
        } else {
            client_break(&client);
            CHECK_SOON(goaway_request_set_high_water_bytes(request, 1) == GOAWAY_ERR_CANCELLED);
        }
        if (client.socket >= 0) {
            client_close(&client);
        }
        half = round == 500 ? resident_kib() : half;
    }
    CHECK_SOON((int)atomic_load(&host.closed) == times(1000) + 1);
    CHECK_SOON(count_descriptors() == descriptors);
    if (memory_is_given_back()) {
        CHECK(resident_kib() - half < 1024);
    }
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(two_at_once),
        CASE(one_after_the_other),
        CASE(never_started),
        CASE(one_with_many_guests),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
