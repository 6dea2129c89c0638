// What trusted proxies report about the client replaces the received values. Other
// senders have no effect.

#include "events.h"
#include "host.h"

static struct host host;
static struct client client;

static bool is_text(goaway_bytes bytes, const char *text) {
    return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

static const char *says_forwarded[][2] = {
    {":method", "GET"},
    {":scheme", "http"},
    {":path", "/"},
    {":authority", "origin"},
    {"x-forwarded-for", "203.0.113.9, 192.0.2.1:47"},
    {"x-forwarded-proto", "https"},
    {"x-forwarded-host", "shop.example"},
    {"x-forwarded-port", "8443"},
    {"x-forwarded-prefix", "/shop/"},
};

// A request with these fields from 127.0.0.1.
static goaway_request come(const char *trusted, const char *fields) {
    host_new(&host);
    if (trusted == NULL || *trusted != '\0') {
        CHECK_OK(goaway_server_set_forwarded(host.server, trusted, fields));
    }
    host_go(&host);
    client = client_open(host.port);
    client_ask_of(&client, says_forwarded, COUNT(says_forwarded), true);
    return host_take(&host);
}

static void leave(goaway_request request) {
    CHECK_OK(goaway_request_respond(request, 200, NULL, 0));
    client_close(&client);
    host_end(&host);
}

static void check(goaway_request request, const char *peer, const char *scheme, const char *authority,
                  const char *prefix) {
    goaway_bytes bytes;
    CHECK_OK(goaway_request_peer(request, &bytes));
    CHECK(peer == NULL ? bytes.len > 10 && memcmp(bytes.data, "127.0.0.1:", 10) == 0 : is_text(bytes, peer));
    CHECK_OK(goaway_request_scheme(request, &bytes));
    CHECK(is_text(bytes, scheme));
    CHECK_OK(goaway_request_authority(request, &bytes));
    CHECK(is_text(bytes, authority));
    CHECK_OK(goaway_request_prefix(request, &bytes));
    CHECK(is_text(bytes, prefix));
    // The received values are unchanged.
    CHECK_OK(goaway_request_received_scheme(request, &bytes));
    CHECK(is_text(bytes, "http"));
    CHECK_OK(goaway_request_received_authority(request, &bytes));
    CHECK(is_text(bytes, "origin"));
    CHECK_OK(goaway_request_header(request, "x-forwarded-proto", &bytes));
    CHECK(is_text(bytes, "https"));
    goaway_session session;
    goaway_session_snapshot info;
    CHECK_OK(goaway_request_session(request, &session));
    CHECK_OK(goaway_session_info(session, &info, sizeof info));
    CHECK(strncmp(info.peer, "127.0.0.1:", 10) == 0);
}

static void nothing_is_read_unless_it_is_asked_for(void) {
    goaway_request request = come("", NULL);
    check(request, NULL, "http", "origin", "");
    leave(request);
}

static void by_default_the_client_and_the_scheme_are_read(void) {
    goaway_request request = come(NULL, NULL);
    check(request, "192.0.2.1:47", "https", "origin", "");
    leave(request);
}

static void everything_is_read_if_it_is_named(void) {
    goaway_request request = come("127.0.0.1, 192.0.2.0/24", "x-forwarded-for, x-forwarded-proto, X-Forwarded-Host, "
                                                             "x-forwarded-port, x-forwarded-prefix, forwarded");
    check(request, "203.0.113.9:0", "https", "shop.example:8443", "/shop");
    leave(request);
}

static void others_are_not_trusted(void) {
    goaway_request request = come("10.0.0.0/8,::1,unix", NULL);
    check(request, NULL, "http", "origin", "");
    leave(request);
}

static void records_have_it_too(void) {
    struct events events;
    events_new(&events);
    CHECK_OK(goaway_server_set_forwarded(events.server, "*", NULL));
    events_go(&events);
    client = client_open(events.port);
    client_ask_of(&client, says_forwarded, COUNT(says_forwarded), true);
    const goaway_record *record = events_next(&events, GOAWAY_RECORD_KIND_REQUEST);
    static const char *const pieces[] = {"GET", "https", "origin", "/", "", "203.0.113.9:0"};
    for (size_t number = 0; number < COUNT(pieces); number++) {
        CHECK(strcmp(events_text(&events, record, number), pieces[number]) == 0);
    }
    client_close(&client);
    goaway_server_free(events.server);
    goaway_queue_free(events.queue);
}

static void bad_values_are_refused(void) {
    host_new(&host);
    static const char *const trusted[] = {"", "localhost", "10.0.0.0/33", "10.0.0.1,", "*;"};
    for (size_t index = 0; index < COUNT(trusted); index++) {
        about("%s", trusted[index]);
        CHECK_STATUS(goaway_server_set_forwarded(host.server, trusted[index], NULL), GOAWAY_ERR_INVALID);
    }
    CHECK_STATUS(goaway_server_set_forwarded(host.server, "*", "x-real-ip"), GOAWAY_ERR_INVALID);
    CHECK(strstr(goaway_last_error(), "x-real-ip") != NULL && strstr(goaway_last_error(), "forwarded") != NULL);
    CHECK_STATUS(goaway_server_set_forwarded(host.server, "*", ""), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_set_forwarded(host.server, "\xff", NULL), GOAWAY_ERR_UTF8);
    host_go(&host);
    CHECK_STATUS(goaway_server_set_forwarded(host.server, "*", NULL), GOAWAY_ERR_STATE);
    host_end(&host);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(nothing_is_read_unless_it_is_asked_for),
        CASE(by_default_the_client_and_the_scheme_are_read),
        CASE(everything_is_read_if_it_is_named),
        CASE(others_are_not_trusted),
        CASE(records_have_it_too),
        CASE(bad_values_are_refused),
    };
    return check_main(cases, COUNT(cases), COUNT(cases), argc, argv);
}
