// A listening socket that the host passes instead of an address, and descriptors of all
// other kinds.

#include <fcntl.h>

#include "host.h"

static struct host host;
static atomic_int progress;

static void on_progress(const goaway_progress *seen, void *user_data) {
    (void)seen, (void)user_data;
    atomic_fetch_add(&progress, 1);
}

static int make_socket(int family, int kind, bool listens) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } address = {.any = {.sa_family = (sa_family_t)family}};
    socklen_t length = family == AF_UNIX ? sizeof(sa_family_t) : sizeof address;
    if (family == AF_INET) {
        address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        length = sizeof address.v4;
    } else if (family == AF_INET6) {
        address.v6.sin6_addr = in6addr_loopback;
        length = sizeof address.v6;
    }
    int made = socket(family, kind | SOCK_CLOEXEC, 0);
    if (made < 0 || bind(made, &address.any, length) != 0 || (listens && listen(made, 16) != 0)) {
        close(made);
        return -1;
    }
    return made;
}

static uint16_t port_of(int socket) {
    struct sockaddr_in6 address;
    socklen_t length = sizeof address;
    REQUIRE(getsockname(socket, (struct sockaddr *)&address, &length) == 0);
    // The port is at the same offset in both families.
    return ntohs(address.sin6_port);
}

static goaway_status inherit(goaway_server *server, int descriptor) {
    char address[32];
    snprintf(address, sizeof address, "fd:%d", descriptor);
    return goaway_server_listen(server, address);
}

static void inherit_and_go(int descriptor) {
    host_new(&host);
    CHECK_OK(goaway_server_set_on_progress(host.server, on_progress, NULL));
    REQUIRE_OK(inherit(host.server, descriptor));
    host.port = goaway_server_port(host.server, 0);
    CHECK_NUMBER(host.port, port_of(descriptor));
    REQUIRE_OK(goaway_server_start(host.server));
    CHECK_NUMBER(goaway_server_port(host.server, 0), host.port);
}

static void what_is_no_number(void) {
    const char *bad[] = {
        "fd:",   "fd:x",  "fd:99999999999", "fd:-1",   "fd:+3", "fd: 3",           "fd:3 ",
        "fd:3x", "fd::3", "fd:0x3",         "fd:3.0",  "fd:\n", "fd:999999999999999999999999",
        "FD:3",  "fd",    "fd:2147483648",  "fd:3,4",
    };
    goaway_server *server = goaway_server_new();
    for (size_t index = 0; index < COUNT(bad); index++) {
        about("\"%s\"", bad[index]);
        CHECK_STATUS(goaway_server_listen(server, bad[index]), GOAWAY_ERR_ADDRESS);
        CHECK_NUMBER(goaway_server_port(server, 0), 0);
    }
    goaway_server_free(server);
}

static void refused(int descriptor, const char *why) {
    about("%s", why);
    int before = count_descriptors();
    goaway_server *server = goaway_server_new();
    CHECK_STATUS(inherit(server, descriptor), GOAWAY_ERR_ADDRESS);
    CHECK(strstr(goaway_last_error(), why) != NULL);
    CHECK_NUMBER(goaway_server_port(server, 0), 0);
    CHECK_STATUS(goaway_server_start(server), GOAWAY_ERR_STATE);
    goaway_server_free(server);
    CHECK_NUMBER(count_descriptors(), before);
    close(descriptor);
}

static void what_does_not_listen(void) {
    int ends[2];
    // A library that is loaded for the first time may open descriptors of its own.
    goaway_server_free(goaway_server_new());
    REQUIRE(pipe(ends) == 0);
    refused(ends[0], "no socket");
    refused(ends[0], "not open");
    refused(ends[1], "no socket");
    refused(INT32_MAX, "not open");
    refused(open("/dev/null", O_RDWR | O_CLOEXEC), "no socket");
    refused(make_socket(AF_INET, SOCK_STREAM, false), "does not listen");
    refused(make_socket(AF_INET, SOCK_DGRAM, false), "no stream socket");
    refused(make_socket(AF_UNIX, SOCK_STREAM, false), "does not listen");
    refused(make_socket(AF_UNIX, SOCK_SEQPACKET, true), "no stream socket");
    int listening = make_socket(AF_INET, SOCK_STREAM, true);
    struct client client = client_connect(port_of(listening));
    refused(client.socket, "does not listen");
    close(listening);
}

// The number of sockets of this process at this port, all of them close-on-exec. Another
// process may get the port as soon as it is free.
static int descriptors_at(uint16_t port) {
    int count = 0;
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        struct sockaddr_in6 address = {0};
        socklen_t length = sizeof address;
        if (getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 && address.sin6_port == htons(port)) {
            CHECK((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0);
            count++;
        }
    }
    return count;
}

// The library's duplicates are close-on-exec, and the socket serves after the host has
// closed its own descriptor.
static void serves(int family) {
    int listening = make_socket(family, SOCK_STREAM, true);
    if (listening < 0 && family == AF_INET6) {
        // This machine has no IPv6.
        return;
    }
    REQUIRE(listening >= 0);
    host_new(&host);
    REQUIRE_OK(inherit(host.server, listening));
    uint16_t port = port_of(listening);
    CHECK_NUMBER(goaway_server_port(host.server, 0), port);
    // In addition to another listener, in the order of the calls.
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    host.port = goaway_server_port(host.server, 1);
    CHECK(host.port != 0 && host.port != port);
    CHECK((fcntl(listening, F_GETFL) & O_NONBLOCK) != 0);
    close(listening);
    REQUIRE_OK(goaway_server_start(host.server));
    CHECK(descriptors_at(port) > 0);
    struct client other = client_open(host.port);
    host_serves(&host, &other);
    client_close(&other);
    if (family == AF_INET) {
        struct client client = client_open(port);
        host_serves(&host, &client);
        client_close(&client);
    } else {
        struct client client = {.socket = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), .next_stream = 1};
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        address.sin6_addr = in6addr_loopback;
        REQUIRE(connect(client.socket, (struct sockaddr *)&address, sizeof address) == 0);
        client_greet(&client);
        host_serves(&host, &client);
        client_close(&client);
    }
    host_end(&host);
    // No process has the socket any more.
    CHECK_SOON(descriptors_at(port) == 0);
}

static void serves_on_ipv4(void) {
    serves(AF_INET);
}

static void serves_on_ipv6(void) {
    serves(AF_INET6);
}

// A client that connects between two servers, or while the first one closes, is served by
// the second.
static void a_successor_serves_what_waits(void) {
    int listening = make_socket(AF_INET, SOCK_STREAM, true);
    uint16_t port = port_of(listening);
    inherit_and_go(listening);
    struct client held = client_open(port);
    client_get(&held, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    // It connects when no server accepts any more.
    CHECK_SOON(atomic_load(&progress) > 0);
    struct client waiting[3];
    for (size_t index = 0; index < COUNT(waiting); index++) {
        waiting[index] = client_connect(port);
        REQUIRE(waiting[index].socket >= 0);
        client_greet(&waiting[index]);
    }
    CHECK_OK(goaway_request_respond(request, 200, "late", 4));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK_NUMBER(goaway_server_report(host.server)->sessions_graceful, 1);
    CHECK_NUMBER(goaway_server_report(host.server)->sessions_in_handshake, 0);
    CHECK_NUMBER(atomic_load(&host.opened), 1);
    client_close(&held);
    goaway_server_free(host.server);

    inherit_and_go(listening);
    for (size_t index = 0; index < COUNT(waiting); index++) {
        host_serves(&host, &waiting[index]);
        client_close(&waiting[index]);
    }
    host_end(&host);
    close(listening);
}

// Two servers at a time accept connections.
static void shared_by_two(void) {
    int listening = make_socket(AF_INET, SOCK_STREAM, true);
    inherit_and_go(listening);
    goaway_server *second = goaway_server_new();
    CHECK_OK(goaway_server_register_handler(second, "*", host_queue, &host));
    CHECK_OK(inherit(second, listening));
    CHECK_OK(inherit(second, listening));
    CHECK_NUMBER(goaway_server_port(second, 1), host.port);
    CHECK_OK(goaway_server_start(second));
    for (int round = 0; round < times(50); round++) {
        struct client client = client_open(host.port);
        host_serves(&host, &client);
        client_close(&client);
    }
    CHECK_OK(goaway_server_close(second, 0, NULL, NULL));
    goaway_server_free(second);
    for (int round = 0; round < times(50); round++) {
        struct client client = client_open(host.port);
        host_serves(&host, &client);
        client_close(&client);
    }
    host_end(&host);
    close(listening);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(what_is_no_number),
        CASE(what_does_not_listen),
        CASE(serves_on_ipv4),
        CASE(serves_on_ipv6),
        CASE(a_successor_serves_what_waits),
        CASE(shared_by_two),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
