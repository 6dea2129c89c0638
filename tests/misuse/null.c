// NULL and absurd lengths for every pointer argument of every function.

#include "host.h"

static struct host host;
static struct client client;
static const char some[16] = "some";

static void on_close(const goaway_report *report, void *user_data) {
    (void)report;
    atomic_fetch_add((atomic_int *)user_data, 1);
}

static void on_cancel(goaway_request request, goaway_cause cause, uint32_t code, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)cause, (void)code, (void)user_data;
}

static void on_collected(goaway_request request, const uint8_t *data, size_t len, uint64_t context, void *user_data) {
    (void)context, (void)request, (void)data, (void)len, (void)user_data;
}

// An open request with an incomplete body.
static goaway_request live(void) {
    host_start(&host);
    client = client_open(host.port);
    client_ask(&client, "POST", "/", false);
    return host_take(&host);
}

// The request is unchanged, and can be completed.
static void still_whole(goaway_request request) {
    CHECK_OK(goaway_request_respond(request, 200, "whole", 5));
    struct answer answer = client_answer(&client, 1);
    CHECK(answer.whole && answer.status == 200 && strcmp(answer.start, "whole") == 0);
    CHECK_NUMBER(answer.heads, 1);
    client_close(&client);
    host_end(&host);
}

static void tls_functions(void) {
    goaway_server *server = goaway_server_new();
    goaway_tls *tls = goaway_tls_new();
    goaway_tls_info info;
    goaway_bytes bytes;
    size_t len = 0;
    CHECK_STATUS(goaway_tls_add_certificate(NULL, some, some, some), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_add_certificate(tls, NULL, some, some), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_add_certificate(tls, some, NULL, some), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_add_certificate(tls, "/no/such", "/no/such", NULL), GOAWAY_ERR_IO);
    CHECK(strstr(goaway_last_error(), "/no/such") != NULL);
    CHECK_STATUS(goaway_tls_add_certificate_pem(NULL, some, 4, some, 4, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_add_certificate_pem(tls, NULL, 4, some, 4, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_add_certificate_pem(tls, some, 4, NULL, 4, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_add_certificate_pem(tls, some, SIZE_MAX, some, 4, NULL), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_tls_add_certificate_pem(tls, NULL, 0, NULL, 0, NULL), GOAWAY_ERR_TLS);
    CHECK_STATUS(goaway_tls_add_certificate_pem(tls, some, 4, some, 4, NULL), GOAWAY_ERR_TLS);
    CHECK_STATUS(goaway_tls_set_client_certificates(NULL, GOAWAY_TLS_CLIENTS_OFF, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_client_certificates(tls, GOAWAY_TLS_CLIENTS_REQUIRED, NULL), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_tls_set_client_certificates(tls, 99, NULL), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_tls_set_client_certificates_pem(NULL, GOAWAY_TLS_CLIENTS_OFF, NULL, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_client_certificates_pem(tls, GOAWAY_TLS_CLIENTS_OFF, NULL, 4), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_min_version(NULL, GOAWAY_TLS_1_3), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_certificate_required(NULL, false), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_min_version(tls, 0x0302), GOAWAY_ERR_INVALID);
    CHECK_OK(goaway_tls_set_min_version(tls, GOAWAY_TLS_1_3));
    CHECK_STATUS(goaway_tls_set_server_name(NULL, "example.org"), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_server_name(tls, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_set_server_name(tls, "example.org"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_tls_set_resumption(NULL, true), GOAWAY_ERR_NULL);
    CHECK_OK(goaway_tls_set_resumption(tls, false));
    CHECK_STATUS(goaway_tls_set_key_log(NULL, some), GOAWAY_ERR_NULL);
    CHECK_OK(goaway_tls_set_key_log(tls, NULL));
    CHECK_STATUS(goaway_tls_reload(NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_reload(tls), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_tls_replace(NULL, tls), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_replace(tls, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_tls_replace(tls, tls), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_server_listen_tls(NULL, "127.0.0.1:0", tls), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_listen_tls(server, NULL, tls), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_listen_tls(server, "127.0.0.1:0", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_listen_tls(server, "127.0.0.1:0", tls), GOAWAY_ERR_INVALID);
    CHECK_NUMBER(goaway_server_port(server, 0), 0);
    CHECK_STATUS(goaway_session_tls(1, NULL, sizeof info), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_tls(1, &info, sizeof info), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_session_peer_certificate(1, 0, NULL, 0, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_proxy_tlv(1, 2, NULL, 0, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_proxy_tlv(1, 2, NULL, 4, &len), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_proxy_tlv(1, 256, NULL, 0, &len), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_peer_certificate(1, 0, NULL, 4, &len), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_peer_certificate(1, 0, NULL, 0, &len), GOAWAY_ERR_GONE);
    CHECK_STATUS(goaway_request_peer_certificate(1, 0, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_peer_certificate(1, 0, &bytes), GOAWAY_ERR_GONE);
    goaway_tls_free(NULL);
    goaway_tls_free(tls);
    goaway_server_free(server);
}

static void server_functions(void) {
    goaway_server *server = goaway_server_new();
    atomic_int closes = 0;
    goaway_counts counts;
    CHECK_STATUS(goaway_server_set_limit(NULL, GOAWAY_LIMIT_WORKERS, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_padding(NULL, GOAWAY_PADDING_MAX), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_feature(NULL, GOAWAY_FEATURE_HTTP1, true), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_register_handler(NULL, "GET /", host_queue, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_register_handler(server, NULL, host_queue, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_register_handler(server, "GET /", NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_on_progress(NULL, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_on_progress(server, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_on_session(NULL, host_watch, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_on_session(server, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_listen(NULL, "127.0.0.1:0"), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_listen(server, NULL), GOAWAY_ERR_NULL);
    CHECK_NUMBER(goaway_server_port(NULL, 0), 0);
    CHECK(goaway_server_address(NULL, 0) == NULL);
    CHECK_NUMBER(goaway_server_dup_fd(NULL, 0), -1);
    CHECK_NUMBER(goaway_last_status(), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_shared(NULL, 0, false), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_settings(NULL, NULL, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_health_paths(NULL, "/ready", "/live", 1000), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_forwarded(NULL, "*", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_start(NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_close(NULL, 0, on_close, &closes), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_close_after(NULL, 0, 0, on_close, &closes), GOAWAY_ERR_NULL);
    CHECK_NUMBER(closes, 0);
    CHECK_STATUS(goaway_server_wait(NULL, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_ready(NULL, true), GOAWAY_ERR_NULL);
    CHECK(!goaway_server_is_ready(NULL));
    CHECK(goaway_server_report(NULL) == NULL);
    goaway_memory memory;
    CHECK_STATUS(goaway_memory_usage(NULL, sizeof memory), GOAWAY_ERR_NULL);
    CHECK_OK(goaway_memory_usage(&memory, sizeof memory));
    CHECK_STATUS(goaway_server_counts(NULL, &counts, sizeof counts), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_counts(server, NULL, sizeof counts), GOAWAY_ERR_NULL);
    CHECK_OK(goaway_server_counts(server, &counts, sizeof counts));
    CHECK_NUMBER(counts.handshakes_failed, 0);
    CHECK_STATUS(goaway_log_take(0, NULL), GOAWAY_ERR_NULL);
    CHECK(goaway_session_list_new(NULL) == NULL);
    CHECK(strstr(goaway_last_error(), "NULL") != NULL);
    CHECK_STATUS(goaway_log_set_on_line(GOAWAY_LOG_DEBUG, NULL, NULL), GOAWAY_ERR_NULL);
    // Nothing has changed: the pattern is free, and the server starts.
    CHECK_OK(goaway_server_register_handler(server, "GET /", host_queue, NULL));
    CHECK_OK(goaway_server_listen(server, "127.0.0.1:0"));
    CHECK_OK(goaway_server_start(server));
    CHECK_OK(goaway_server_close(server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(server, GOAWAY_FOREVER));
    goaway_server_free(server);
}

static void on_batch(void *user_data) {
    (void)user_data;
}

static void queue_functions(void) {
    goaway_server *server = goaway_server_new();
    goaway_queue *queue = goaway_queue_new(server);
    const goaway_command command = {.kind = GOAWAY_COMMAND_KIND_RESPOND, .status = 200};
    uint32_t status = 99;
    CHECK(goaway_queue_new(NULL) == NULL);
    CHECK_STATUS(goaway_server_register_queue(NULL, "GET /", queue, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_register_queue(server, NULL, queue, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_register_queue(server, "GET /", NULL, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_watch(NULL, GOAWAY_WATCH_SESSIONS), GOAWAY_ERR_NULL);
    CHECK_NUMBER(goaway_queue_fd(NULL), -1);
    CHECK_STATUS(goaway_queue_set_on_ready(NULL, on_batch, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_set_on_ready(queue, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_set_limit(NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_take(NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_take(queue, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_wait(NULL, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_submit(NULL, &command, 1, NULL, 0, &status), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_submit(queue, NULL, 1, NULL, 0, &status), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_queue_submit(queue, &command, 1, NULL, 1, &status), GOAWAY_ERR_NULL);
    CHECK_NUMBER(status, 99);
    CHECK_OK(goaway_queue_submit(queue, NULL, 0, NULL, 0, NULL));
    CHECK_STATUS(goaway_queue_submit(queue, &command, 1, NULL, 0, NULL), GOAWAY_ERR_GONE);
    goaway_queue_free(queue);
    goaway_server_free(server);
}

static void nothing_to_free(void) {
    goaway_server_free(NULL);
    goaway_queue_free(NULL);
    goaway_session_list_free(NULL);
    CHECK_NUMBER(goaway_session_list_len(NULL), 0);
    CHECK(goaway_session_list_at(NULL, 0) == NULL);
    CHECK(goaway_last_error() != NULL);
}

static void out_parameters(void) {
    goaway_request request = live();
    const goaway_bytes untouched = {.data = (const uint8_t *)some, .len = 99};
    goaway_bytes bytes = untouched;
    size_t length = 99;
    char buffer[8];
    CHECK_STATUS(goaway_request_method(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_path(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_query(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_authority(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_scheme(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_peer(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_prefix(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_received_scheme(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_received_authority(request, NULL), GOAWAY_ERR_NULL);
    goaway_request pushed;
    goaway_field unnamed = {NULL, "GET"};
    CHECK_STATUS(goaway_request_push(request, NULL, 0, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_push(request, NULL, 1, &pushed), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_push(request, &unnamed, 1, &pushed), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_push(request, NULL, 0, &pushed), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_request_protocol(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_version(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_pseudo_order(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_session(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_stream(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_context(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_drain_left_ms(request, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_param(request, NULL, &bytes), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_param(request, "id", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_header(request, NULL, &bytes), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_header(request, "x-test", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_header_at(request, 0, NULL, &bytes, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_header_at(request, 0, &bytes, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_trailer_at(request, 0, NULL, &bytes, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_trailer_at(request, 0, &bytes, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK(bytes.data == untouched.data && bytes.len == untouched.len);

    goaway_session session = atomic_load(&host.session);
    CHECK_STATUS(goaway_session_info(session, NULL, sizeof(goaway_session_snapshot)), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_abort(session, 0, NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_abort_after(session, 1, 0, NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_send_goaway(session, 0, 0, NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_send_settings(session, NULL, 1), GOAWAY_ERR_NULL);
    const char *origins[] = {"https://example.com", NULL};
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, "https://example.com", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_send_altsvc(session, 0, NULL, "clear"), GOAWAY_ERR_INVALID);
    CHECK_STATUS(goaway_session_send_origin(session, NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_session_send_origin(session, origins, 2), GOAWAY_ERR_NULL);
    CHECK_OK(goaway_session_ping(session, NULL));

    // A failed read consumes nothing of the body.
    client_send(&client, FRAME_DATA, FLAG_END_STREAM, 1, "body", 4);
    while (goaway_request_read(request, buffer, 0, &length) == GOAWAY_OK &&
           goaway_request_read(request, buffer, 1, &length) == GOAWAY_ERR_WOULD_BLOCK) {
        pause_ms(1);
    }
    CHECK(length == 1 && buffer[0] == 'b');
    length = 99;
    CHECK_STATUS(goaway_request_read(request, NULL, 1, &length), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_read(request, buffer, sizeof buffer, NULL), GOAWAY_ERR_NULL);
    CHECK_NUMBER(length, 99);
    CHECK_OK(goaway_request_read(request, buffer, sizeof buffer, &length));
    CHECK(length == 3 && memcmp(buffer, "ody", 3) == 0);
    still_whole(request);
}

static void in_parameters(void) {
    goaway_request request = live();
    const goaway_field no_name = {.name = NULL, .value = "x"};
    const goaway_field no_value = {.name = "x", .value = NULL};
    CHECK_STATUS(goaway_request_set_on_cancel(request, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_set_on_drain(request, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_set_on_body(request, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_set_on_readable(request, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_collect(request, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_set_on_writable(request, NULL, NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_set_header(request, NULL, "x"), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_set_header(request, "x", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_add_header(request, NULL, "x"), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_add_header(request, "x", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_add_trailer(request, NULL, "x"), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_add_trailer(request, "x", NULL), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_inform(request, 103, NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_inform(request, 103, &no_name, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_inform(request, 103, &no_value, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_respond(request, 200, NULL, 1), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_respond_with(request, 200, NULL, 1, some, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_respond_with(request, 200, &no_name, 1, some, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_respond_with(request, 200, &no_value, 1, some, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_respond_with(request, 200, NULL, 0, NULL, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_write_head_with(request, 200, NULL, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_write_head_with(request, 200, &no_name, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_write_head_with(request, 200, &no_value, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_end_with(request, NULL, 1, NULL, 0, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_end_with(request, some, 1, NULL, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_end_with(request, some, 1, &no_name, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_end_with(request, some, 1, &no_value, 1, 0), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_request_write(request, NULL, 1, NULL), GOAWAY_ERR_NULL);
    // user_data may be NULL. The body has no reader yet, because all calls have failed.
    CHECK_OK(goaway_request_set_on_cancel(request, on_cancel, NULL));
    CHECK_OK(goaway_request_collect(request, on_collected, NULL));
    still_whole(request);
}

static void nothing_at_null(void) {
    goaway_request request = live();
    size_t length = 99;
    CHECK_OK(goaway_request_read(request, NULL, 0, &length));
    CHECK_NUMBER(length, 0);
    CHECK_OK(goaway_request_inform(request, 103, NULL, 0));
    CHECK_OK(goaway_request_write_head(request, 200));
    CHECK_OK(goaway_request_write(request, NULL, 0, NULL));
    CHECK_OK(goaway_request_end(request));
    struct answer answer = client_answer(&client, 1);
    CHECK(answer.whole && answer.length == 0 && answer.heads == 2);
    uint32_t stream = client_get(&client, "/");
    CHECK_OK(goaway_request_respond(host_take(&host), 200, NULL, 0));
    CHECK(client_answer(&client, stream).whole);
    stream = client_get(&client, "/");
    CHECK_OK(goaway_request_respond_with(host_take(&host), 200, NULL, 0, NULL, 0, 0));
    CHECK(client_answer(&client, stream).whole);
    CHECK_OK(goaway_session_abort(atomic_load(&host.session), 7, NULL, 0));
    CHECK_NUMBER(client_read_out(&client), 7);
    client_close(&client);
    host_end(&host);
}

static void absurd_lengths(void) {
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 7, (size_t)PTRDIFF_MAX + 1};
    goaway_request request = live();
    goaway_session session = atomic_load(&host.session);
    // The second field has no name: a call that trusts the count reads at least that far.
    const goaway_field fields[2] = {{.name = "x", .value = "y"}};
    const char *const origins[2] = {"https://example.com"};
    char buffer[8];
    size_t length = 99;
    goaway_bytes name, value;
    for (size_t index = 0; index < COUNT(absurd); index++) {
        about("%zu", absurd[index]);
        CHECK_STATUS(goaway_request_respond(request, 200, some, absurd[index]), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_respond_with(request, 200, NULL, 0, some, absurd[index], 0), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_respond_with(request, 200, fields, absurd[index], some, 1, 0), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_write(request, some, absurd[index], &length), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_write_head_with(request, 200, fields, absurd[index], 0), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_end_with(request, some, absurd[index], NULL, 0, 0), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_end_with(request, some, 1, fields, absurd[index], 0), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_read(request, buffer, absurd[index], &length), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_inform(request, 103, fields, absurd[index]), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_session_abort(session, 0, some, absurd[index]), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_session_send_goaway(session, 0, 0, some, absurd[index]), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_session_send_origin(session, origins, absurd[index]), GOAWAY_ERR_INVALID);
        CHECK_STATUS(goaway_request_header_at(request, absurd[index], &name, &value, NULL), GOAWAY_ERR_NOT_FOUND);
        CHECK_STATUS(goaway_request_trailer_at(request, absurd[index], &name, &value, NULL), GOAWAY_ERR_NOT_FOUND);
        CHECK_NUMBER(goaway_server_port(host.server, absurd[index]), 0);
        CHECK(goaway_server_address(host.server, absurd[index]) == NULL);
        CHECK_NUMBER(goaway_server_dup_fd(host.server, absurd[index]), -1);
        CHECK_NUMBER(goaway_last_status(), GOAWAY_ERR_NOT_FOUND);
    }
    CHECK_NUMBER(length, 99);
    about("");
    CHECK_OK(goaway_request_set_high_water_bytes(request, SIZE_MAX));
    still_whole(request);
}

// Half of the address space: no object is that large, and no memory can be allocated for
// it.
static void hopeless_lengths(void) {
    static const size_t hopeless[] = {PTRDIFF_MAX, PTRDIFF_MAX / 2};
    goaway_request request = live();
    for (size_t index = 0; index < COUNT(hopeless); index++) {
        about("%zu", hopeless[index]);
        goaway_status status = goaway_request_respond(request, 200, some, hopeless[index]);
        CHECK(status == GOAWAY_ERR_INVALID || status == GOAWAY_ERR_TOO_LARGE);
        status = goaway_request_respond_with(request, 200, NULL, 0, some, hopeless[index], 0);
        CHECK(status == GOAWAY_ERR_INVALID || status == GOAWAY_ERR_TOO_LARGE);
    }
    CHECK_OK(goaway_request_write_head(request, 200));
    for (size_t index = 0; index < COUNT(hopeless); index++) {
        about("%zu", hopeless[index]);
        goaway_status status = goaway_request_write(request, some, hopeless[index], NULL);
        CHECK(status == GOAWAY_ERR_INVALID || status == GOAWAY_ERR_TOO_LARGE);
    }
    CHECK_OK(goaway_request_end(request));
    client_close(&client);
    host_end(&host);
}

static void lists_and_figures(void) {
    goaway_request request = live();
    goaway_session_list *list = goaway_session_list_new(host.server);
    REQUIRE(list != NULL);
    CHECK_NUMBER(goaway_session_list_len(list), 1);
    CHECK(goaway_session_list_at(list, 0) != NULL);
    CHECK(goaway_session_list_at(list, 1) == NULL);
    CHECK(goaway_session_list_at(list, SIZE_MAX) == NULL);
    goaway_session session = goaway_session_list_at(list, 0)->session;
    goaway_session_list_free(list);

    // As many bytes as both sides know, and not one more.
    struct {
        goaway_session_snapshot info;
        char beyond[64];
    } place;
    for (size_t size = 0; size <= sizeof place; size += 8) {
        memset(&place, 'x', sizeof place);
        CHECK_OK(goaway_session_info(session, &place.info, size));
        const char *bytes = (const char *)&place;
        for (size_t index = size < sizeof place.info ? size : sizeof place.info; index < sizeof place; index++) {
            if (bytes[index] != 'x') {
                about("%zu bytes", size);
                CHECK(bytes[index] == 'x');
                break;
            }
        }
    }
    still_whole(request);
}

static void names(void) {
    CHECK_NUMBER(strcmp(goaway_status_name(GOAWAY_ERR_PANIC), "GOAWAY_ERR_PANIC"), 0);
    CHECK(goaway_status_name(-1) == NULL && goaway_status_name(INT32_MIN) == NULL);
    CHECK(goaway_event_name(GOAWAY_EVENT_SETTINGS_ACK) != NULL);
    CHECK(goaway_event_name(GOAWAY_EVENT_UNSOLICITED_ACK + 1) == NULL);
    CHECK(goaway_status_name(INT32_MAX) == NULL && goaway_status_name(GOAWAY_ERR_SKIPPED + 1) == NULL);
    CHECK(goaway_cause_name(GOAWAY_CAUSE_FLOOD) != NULL && goaway_cause_name(UINT32_MAX) == NULL);
    CHECK(goaway_outcome_name(GOAWAY_OUTCOME_FORCED) != NULL && goaway_outcome_name(UINT32_MAX) == NULL);
    CHECK(goaway_stage_name(GOAWAY_STAGE_CLOSING) != NULL && goaway_stage_name(UINT32_MAX) == NULL);
    CHECK(goaway_version() != NULL && goaway_version()[0] != '\0');
}

// Functions that read a record return nothing for NULL. records.c tests them with
// records.
static void record_functions(void) {
    goaway_record record = {.kind = GOAWAY_RECORD_KIND_CLOSED};
    goaway_batch batch = {.arena = (const uint8_t *)some};
    CHECK(goaway_record_text(NULL, &batch) == NULL && goaway_record_text(&record, NULL) == NULL);
    CHECK(goaway_record_data(NULL, &batch) == NULL && goaway_record_data(&record, NULL) == NULL);
    CHECK(goaway_record_text_next(NULL, &batch, NULL) == NULL && goaway_record_text_at(NULL, &batch, 0) == NULL);
    CHECK(goaway_record_method(NULL, &batch) == NULL && goaway_record_method(&record, NULL) == NULL);
    CHECK(goaway_record_scheme(NULL, &batch) == NULL && goaway_record_authority(NULL, &batch) == NULL);
    CHECK(goaway_record_path(NULL, &batch) == NULL && goaway_record_query(NULL, &batch) == NULL);
    CHECK(goaway_record_peer(NULL, &batch) == NULL && goaway_record_protocol(NULL, &batch) == NULL);
    CHECK(goaway_record_param(NULL, &batch, "x") == NULL && goaway_record_param(&record, &batch, NULL) == NULL);
    CHECK(goaway_record_header(NULL, &batch, "x") == NULL && goaway_record_header(&record, &batch, NULL) == NULL);
    CHECK(goaway_record_trailer(NULL, &batch, "x") == NULL && goaway_record_trailer(&record, &batch, NULL) == NULL);
    CHECK(!goaway_record_param_at(NULL, &batch, 0, NULL, NULL) && !goaway_record_header_at(NULL, &batch, 0, NULL, NULL));
    CHECK(!goaway_record_trailer_at(NULL, &batch, 0, NULL, NULL) && goaway_record_cookie_at(NULL, &batch, 0) == NULL);
    CHECK(goaway_record_body(NULL, &batch, NULL) == NULL && goaway_record_event_text(NULL, &batch, NULL) == NULL);
    CHECK(goaway_record_report(NULL, &batch) == NULL && goaway_record_report(&record, NULL) == NULL);
    CHECK(goaway_record_field_flags(NULL, &batch, 0) == 0 && goaway_record_field_flags(&record, NULL, 0) == 0);
    CHECK_NUMBER(goaway_record_pseudo_order(NULL), 0);
    CHECK(goaway_record_stream(NULL) == 0 && goaway_record_last_stream(NULL) == 0);
    CHECK(goaway_record_cause(NULL) == GOAWAY_CAUSE_NONE && goaway_record_code(NULL) == 0);
    CHECK(goaway_record_left_ms(NULL) == 0 && goaway_record_queued(NULL) == 0);
    CHECK(goaway_record_high_water(NULL) == 0 && goaway_record_sessions(NULL) == 0);
    CHECK(goaway_record_streams(NULL) == 0 && goaway_record_event(NULL) == UINT32_MAX);
    CHECK(goaway_record_outcome(NULL) == UINT32_MAX);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(server_functions),
        CASE(tls_functions),
        CASE(queue_functions),
        CASE(nothing_to_free),
        CASE(out_parameters),
        CASE(in_parameters),
        CASE(nothing_at_null),
        CASE(absurd_lengths),
        CASE(hopeless_lengths),
        CASE(lists_and_figures),
        CASE(names),
        CASE(record_functions),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
