// TLS, and new certificates without a restart: tls ADDRESS CERTIFICATE KEY [AUTHORITIES]
//
//   openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -days 30
//       -addext subjectAltName=DNS:localhost -keyout key.pem -out certificate.pem
//   tls 127.0.0.1:8443 certificate.pem key.pem
//   curl --cacert certificate.pem https://localhost:8443/
//
// With AUTHORITIES, clients must have a certificate that one of them issued. The
// letter r and Enter read the files again, Enter alone ends.

#include "serve.h"

// [tls]
static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    goaway_session session;
    goaway_tls_info info = {.version = ""};
    goaway_bytes certificate = {NULL, 0};
    goaway_request_session(request, &session);
    goaway_session_tls(session, &info, sizeof info);
    // The client's certificate, in DER; there is none unless it was requested.
    goaway_request_peer_certificate(request, 0, &certificate);
    char text[512];
    int len = snprintf(text, sizeof text, "%s %s %s %s, a certificate of %zu bytes\n", info.version, info.cipher,
                       info.alpn, info.server_name, certificate.len);
    goaway_request_respond(request, 200, text, (size_t)len);
}

static void listen_tls(goaway_server *server, goaway_tls *tls, char **argv) {
    must(goaway_tls_add_certificate(tls, argv[2], argv[3], NULL));
    if (argv[4] != NULL) {
        must(goaway_tls_set_client_certificates(tls, GOAWAY_TLS_CLIENTS_REQUIRED, argv[4]));
    }
    must(goaway_server_listen_tls(server, argv[1], tls));
}

// Sessions go on; if a file cannot be used, nothing changes.
static void reload(goaway_tls *tls) {
    bool done = goaway_tls_reload(tls) == GOAWAY_OK;
    printf("%s%s\n", done ? "reloaded" : "not reloaded: ", done ? "" : goaway_last_error());
    fflush(stdout);
}
// [tls]

static void on_session(const goaway_session_event *event, void *user_data) {
    (void)user_data;
    goaway_tls_info info = {.version = ""};
    if (event->kind == GOAWAY_EVENT_SECURED) {
        goaway_session_tls(event->session, &info, sizeof info);
        printf("secured: %s %s\n", info.version, info.alpn);
    } else if (event->kind == GOAWAY_EVENT_ERROR) {
        printf("%.*s\n", (int)event->text.len, (const char *)event->text.data);
    }
    fflush(stdout);
}

// What a browser knows about the protocol of the page.
static void page(goaway_request request, void *user_data) {
    static const char html[] = "<!doctype html><title></title><script>document.title = "
                               "performance.getEntriesByType('navigation')[0].nextHopProtocol</script>\n";
    (void)user_data;
    goaway_request_set_header(request, "content-type", "text/html");
    goaway_request_respond(request, 200, html, sizeof html - 1);
}

int main(int argc, char **argv) {
    if (argc < 4) {
        return fprintf(stderr, "usage: tls ADDRESS CERTIFICATE KEY [AUTHORITIES]\n"), 2;
    }
    goaway_server *server = goaway_server_new();
    goaway_tls *tls = goaway_tls_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    must(goaway_server_register_handler(server, "GET /page", page, NULL));
    must(goaway_server_set_on_session(server, on_session, NULL));
    listen_tls(server, tls, argv);
    must(goaway_server_start(server));
    fprintf(stderr, "listening on %s\n", goaway_server_address(server, 0));
    for (; getchar() == 'r'; getchar()) {
        reload(tls);
    }
    must(goaway_server_close(server, 5000, NULL, NULL));
    must(goaway_server_wait(server, GOAWAY_FOREVER));
    goaway_server_free(server);
    goaway_tls_free(tls);
}
