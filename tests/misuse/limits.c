// Limits of the whole server: sessions, sessions from one address, and file descriptors
// that run out.

#include "host.h"

#include <sys/resource.h>

static struct host host;
static atomic_int rests;

static void on_event(const goaway_session_event *event, void *user_data) {
    if (event->session == 0) {
        atomic_fetch_add(&rests, event->kind == GOAWAY_EVENT_ERROR);
        return;
    }
    host_watch(event, user_data);
}

// Two sessions are in use. The third connection is closed without a frame, and one that
// arrives after another has ended is served.
static void third_is_refused(uint32_t limit) {
    host_new(&host);
    CHECK_OK(goaway_server_set_limit(host.server, limit, 2));
    host_go(&host);
    struct client first = client_open(host.port), second = client_open(host.port);
    host_serves(&host, &first);
    host_serves(&host, &second);
    client_get(&first, "/");
    host_take(&host);
    client_get(&second, "/");
    host_take(&host);
    struct client third = client_connect(host.port);
    struct frame frame;
    CHECK(!client_read(&third, &frame));
    client_close(&third);
    client_close(&first);
    for (int round = 0; round < 500; round++) {
        goaway_session_list *list = goaway_session_list_new(host.server);
        size_t left = goaway_session_list_len(list);
        goaway_session_list_free(list);
        if (left < 2) {
            break;
        }
        pause_ms(10);
    }
    struct client fourth = client_open(host.port);
    host_serves(&host, &fourth);
    client_close(&second);
    client_close(&fourth);
    host_end(&host);
}

static void sessions(void) {
    third_is_refused(GOAWAY_LIMIT_SESSIONS);
}

static void sessions_per_address(void) {
    third_is_refused(GOAWAY_LIMIT_SESSIONS_PER_ADDRESS);
}

// Accepting pauses, the open session continues, and waiting clients are served when there
// are descriptors again.
static void descriptors(void) {
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_event, &host));
    host_go(&host);
    struct client first = client_open(host.port), waiting = client_connect(host.port);
    host_serves(&host, &first);
    pause_ms(patience_ms(200));
    struct rlimit all, none;
    CHECK(getrlimit(RLIMIT_NOFILE, &all) == 0);
    none = all;
    // The client's socket is created while there are descriptors, and accepted when there
    // are none.
    int spare = dup(0);
    none.rlim_cur = (rlim_t)spare;
    close(spare);
    int late = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(host.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(connect(late, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK_SOON(rests > 0);
    host_serves(&host, &first);
    CHECK(setrlimit(RLIMIT_NOFILE, &all) == 0);
    struct client last = client_open(host.port);
    host_serves(&host, &last);
    close(late);
    client_close(&last);
    client_close(&waiting);
    client_close(&first);
    host_end(&host);
}

// Readiness is a flag that can be set back.
static void readiness(void) {
    CHECK(!goaway_server_is_ready(NULL));
    host_new(&host);
    CHECK(!goaway_server_is_ready(host.server));
    host_go(&host);
    CHECK(goaway_server_is_ready(host.server));
    CHECK_OK(goaway_server_set_ready(host.server, false));
    CHECK(!goaway_server_is_ready(host.server));
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    CHECK_OK(goaway_server_set_ready(host.server, true));
    CHECK(goaway_server_is_ready(host.server));
    CHECK_OK(goaway_server_close(host.server, 5000, NULL, NULL));
    CHECK(!goaway_server_is_ready(host.server));
    client_close(&client);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(sessions),
        CASE(sessions_per_address),
        CASE(descriptors),
        CASE(readiness),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
