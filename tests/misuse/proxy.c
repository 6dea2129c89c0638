// The PROXY protocol before a session, byte by byte.

#include "host.h"

static struct host host;
static atomic_int cause = -1;
static atomic_uint errors;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char peer[64];
static char text[128];

static void on_session(const goaway_session_event *event, void *user_data) {
    pthread_mutex_lock(&lock);
    if (event->kind == GOAWAY_EVENT_OPENED) {
        snprintf(peer, sizeof peer, "%s", event->peer);
    }
    if (event->kind == GOAWAY_EVENT_ERROR) {
        snprintf(text, sizeof text, "%.*s", (int)event->text.len, (const char *)event->text.data);
        atomic_fetch_add(&errors, 1);
    }
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        atomic_store(&cause, (int)event->cause);
    }
    pthread_mutex_unlock(&lock);
    host_watch(event, user_data);
}

static void listen_for(const char *query) {
    char address[96];
    snprintf(address, sizeof address, "127.0.0.1:0?%s", query);
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_session, &host));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_SESSIONS_PER_ADDRESS, 2));
    REQUIRE_OK(goaway_server_listen(host.server, address));
    REQUIRE_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 0);
}

// A version 2 header.
static size_t binary(uint8_t *place, uint8_t command, uint8_t kind, const void *rest, size_t length) {
    memcpy(place, "\r\n\r\n\0\r\nQUIT\n", 12);
    place[12] = command, place[13] = kind;
    put_number(place + 14, length, 2);
    memcpy(place + 16, rest, length);
    return 16 + length;
}

// Serves a client with this header, and compares its reported address.
static void is_taken_for(const void *header, size_t length, const char *expected) {
    about("%s", expected);
    struct client client = client_connect(host.port);
    REQUIRE(client.socket >= 0);
    struct sockaddr_in own;
    socklen_t size = sizeof own;
    getsockname(client.socket, (struct sockaddr *)&own, &size);
    char direct[32];
    snprintf(direct, sizeof direct, "127.0.0.1:%d", ntohs(own.sin_port));
    client_send_all(&client, header, length);
    client_greet(&client);
    uint32_t stream = client_get(&client, "/");
    goaway_request request = host_take(&host);
    pthread_mutex_lock(&lock);
    CHECK(strcmp(peer, expected != NULL ? expected : direct) == 0);
    pthread_mutex_unlock(&lock);
    goaway_session_snapshot info;
    CHECK_OK(goaway_session_info(atomic_load(&host.session), &info, sizeof info));
    CHECK(strcmp(info.peer, expected != NULL ? expected : direct) == 0);
    CHECK_OK(goaway_request_respond(request, 200, "fine", 4));
    CHECK(client_answer(&client, stream).whole);
    unsigned closed = atomic_load(&host.closed);
    client_close(&client);
    CHECK_SOON(atomic_load(&host.closed) == closed + 1);
}

static void the_client_is_the_peer(void) {
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n";
    static const char line6[] = "PROXY TCP6 2001:db8::1 2001:db8::2 8080 80\r\n";
    static const char unknown[] = "PROXY UNKNOWN\r\n";
    static const uint8_t v4[12] = {192, 0, 2, 7, 192, 0, 2, 2, 0, 9, 0, 80};
    // A TLV after the addresses.
    static const uint8_t v4_and_more[17] = {192, 0, 2, 7, 192, 0, 2, 2, 0, 9, 0, 80, 1, 0, 2, 'h', '2'};
    static uint8_t local[216] = "/run/client.sock";
    uint8_t header[512];
    listen_for("proxy=10.0.0.0/8,127.0.0.0/8");
    is_taken_for(line, sizeof line - 1, "192.0.2.1:8080");
    is_taken_for(line6, sizeof line6 - 1, "[2001:db8::1]:8080");
    is_taken_for(unknown, sizeof unknown - 1, NULL);
    is_taken_for(header, binary(header, 0x21, 0x11, v4, sizeof v4), "192.0.2.7:9");
    is_taken_for(header, binary(header, 0x21, 0x11, v4_and_more, sizeof v4_and_more), "192.0.2.7:9");
    is_taken_for(header, binary(header, 0x21, 0x31, local, sizeof local), "unix:/run/client.sock");
    is_taken_for(header, binary(header, 0x20, 0x00, NULL, 0), NULL);
    is_taken_for(header, binary(header, 0x20, 0x11, v4, sizeof v4), NULL);
    CHECK_NUMBER(atomic_load(&errors), 0);
    host_end(&host);
}

// The information of the proxy in addition to the addresses.
static void tlvs_are_read(void) {
    static const uint8_t said[] = {192, 0, 2, 7, 192, 0, 2, 2, 0, 9, 0, 80, 2, 0, 4, 's', 'h', 'o', 'p',
                                   0x20, 0, 15, 7, 0, 0, 0, 0, 0x21, 0, 7, 'T', 'L', 'S', 'v', '1', '.', '3'};
    uint8_t header[512];
    char place[16] = "";
    size_t len = 0;
    listen_for("proxy=127.0.0.1");
    struct client client = client_connect(host.port);
    client_send_all(&client, header, binary(header, 0x21, 0x11, said, sizeof said));
    client_greet(&client);
    host_serves(&host, &client);
    goaway_session session = atomic_load(&host.session);
    CHECK_OK(goaway_session_proxy_tlv(session, 0x02, (uint8_t *)place, sizeof place, &len));
    CHECK(len == 4 && memcmp(place, "shop", 4) == 0);
    CHECK_OK(goaway_session_proxy_tlv(session, 0x21, (uint8_t *)place, 7, &len));
    CHECK(len == 7 && memcmp(place, "TLSv1.3", 7) == 0);
    CHECK_STATUS(goaway_session_proxy_tlv(session, 0x20, (uint8_t *)place, 4, &len), GOAWAY_ERR_TOO_LARGE);
    CHECK_NUMBER(len, 15);
    CHECK_STATUS(goaway_session_proxy_tlv(session, 0x05, (uint8_t *)place, 4, &len), GOAWAY_ERR_NOT_FOUND);
    client_close(&client);
    host_end(&host);
}

// For all divisions of the header, and any following bytes.
static void it_may_come_in_pieces(void) {
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    listen_for("proxy=127.0.0.1");
    struct client client = client_connect(host.port);
    for (size_t index = 0; index < sizeof line - 1; index++) {
        client_send_all(&client, line + index, 1);
        pause_ms(1);
    }
    client_greet(&client);
    host_serves(&host, &client);
    client_close(&client);
    // All at once, including a frame after the preface.
    client = client_connect(host.port);
    uint8_t all[256];
    memcpy(all, line, sizeof line - 1);
    memcpy(all + sizeof line - 1, preface, sizeof preface - 1);
    size_t length = sizeof line - 1 + sizeof preface - 1;
    memcpy(all + length, "\0\0\0\4\0\0\0\0", 9);
    client_send_all(&client, all, length + 9);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

static void ends(const void *bytes, size_t length, bool fin, const char *why) {
    about("%s", why);
    unsigned closed = atomic_load(&host.closed), told = atomic_load(&errors);
    struct client client = client_connect(host.port);
    client_send_all(&client, bytes, length);
    if (fin) {
        shutdown(client.socket, SHUT_WR);
    }
    CHECK_SOON(atomic_load(&host.closed) == closed + 1);
    CHECK_NUMBER(atomic_load(&host.opened), closed + 1);
    CHECK_NUMBER(atomic_load(&errors), told + 1);
    CHECK_NUMBER(atomic_load(&cause), GOAWAY_CAUSE_PROXY);
    pthread_mutex_lock(&lock);
    CHECK(strstr(text, why) != NULL);
    pthread_mutex_unlock(&lock);
    char byte;
    CHECK(recv(client.socket, &byte, 1, 0) <= 0);
    client_close(&client);
}

static void what_is_no_header_ends_it(void) {
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 8080 x\r\n";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    uint8_t header[512];
    listen_for("proxy=127.0.0.1&proxy_ms=60000");
    ends(preface, sizeof preface - 1, false, "does not begin with a PROXY header");
    ends(line, sizeof line - 1, false, "a port of the PROXY line is none");
    ends(header, binary(header, 0x31, 0x11, line, 12), false, "version or command");
    ends(header, binary(header, 0x21, 0x11, line, 11), false, "shorter than its addresses");
    ends("PROXY T", 7, true, "ended within its PROXY header");
    goaway_counts before, after;
    CHECK_OK(goaway_server_counts(host.server, &before, sizeof before));
    CHECK_NUMBER(before.proxies_refused, 5);
    // For example a health check: it is not counted.
    ends("", 0, true, "ended before its PROXY header");
    CHECK_OK(goaway_server_counts(host.server, &after, sizeof after));
    CHECK_NUMBER(after.proxies_refused, before.proxies_refused);
    host_end(&host);
}

static void a_header_must_come_in_time(void) {
    listen_for("proxy=*&proxy_ms=50");
    ends("", 0, false, "late");
    ends("PROXY TCP4", 10, false, "late");
    host_end(&host);
}

static void who_is_not_trusted_is_refused(void) {
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n";
    listen_for("proxy=10.0.0.0/8,unix,::1");
    ends(line, sizeof line - 1, false, "no proxy that is trusted");
    goaway_counts counts;
    CHECK_OK(goaway_server_counts(host.server, &counts, sizeof counts));
    CHECK_NUMBER(counts.proxies_refused, 1);
    // No more is written than the buffer has room for.
    counts.proxies_refused = 7;
    CHECK_OK(goaway_server_counts(host.server, &counts, offsetof(goaway_counts, proxies_refused)));
    CHECK_NUMBER(counts.proxies_refused, 7);
    host_end(&host);
}

// All come from one proxy. The limit applies to each client.
static void clients_are_counted_and_not_their_proxy(void) {
    listen_for("proxy=127.0.0.1");
    struct client clients[6];
    for (size_t index = 0; index < COUNT(clients); index++) {
        char line[64];
        int length = snprintf(line, sizeof line, "PROXY TCP4 192.0.2.%zu 192.0.2.9 8080 80\r\n", index / 2);
        clients[index] = client_connect(host.port);
        client_send_all(&clients[index], line, (size_t)length);
        client_greet(&clients[index]);
        host_serves(&host, &clients[index]);
    }
    struct client third = client_connect(host.port);
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.9 8080 80\r\n";
    client_send_all(&third, line, sizeof line - 1);
    char byte;
    CHECK(recv(third.socket, &byte, 1, 0) <= 0);
    client_close(&third);
    CHECK_NUMBER(atomic_load(&host.opened), COUNT(clients));
    for (size_t index = 0; index < COUNT(clients); index++) {
        host_serves(&host, &clients[index]);
        client_close(&clients[index]);
    }
    host_end(&host);
}

static size_t count_sessions(void) {
    goaway_session_list *list = goaway_session_list_new(host.server);
    size_t length = goaway_session_list_len(list);
    goaway_session_list_free(list);
    return length;
}

// A connection without a header is no session.
static void a_close_does_not_wait_for_it(void) {
    listen_for("proxy=127.0.0.1&proxy_ms=60000");
    struct client client = client_connect(host.port);
    client_send_all(&client, "PROXY ", 6);
    CHECK_SOON(count_sessions() == 1);
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, (uint32_t)patience_ms(SOON_MS)));
    CHECK_NUMBER(goaway_server_report(host.server)->sessions_in_handshake, 1);
    CHECK_NUMBER(atomic_load(&cause), GOAWAY_CAUSE_HANDSHAKE);
    client_close(&client);
    goaway_server_free(host.server);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(the_client_is_the_peer),
        CASE(tlvs_are_read),
        CASE(it_may_come_in_pieces),
        CASE(what_is_no_header_ends_it),
        CASE(a_header_must_come_in_time),
        CASE(who_is_not_trusted_is_refused),
        CASE(clients_are_counted_and_not_their_proxy),
        CASE(a_close_does_not_wait_for_it),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
