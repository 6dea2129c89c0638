// Early hints: the client can fetch what the page needs while the page is being made.

#include "serve.h"

// [hints]
static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    const goaway_field hints[] = {
        {.name = "link", .value = "</style.css>; rel=preload; as=style"},
        {.name = "link", .value = "</page.js>; rel=preload; as=script"},
    };
    goaway_request_inform(request, 103, hints, 2);
    // ... make the page ...
    goaway_request_set_header(request, "content-type", "text/html");
    goaway_request_respond(request, 200, "<p>page\n", 8);
}
// [hints]

int main(int argc, char **argv) {
    goaway_server *server = goaway_server_new();
    must(goaway_server_register_handler(server, "GET /", on_request, NULL));
    serve(server, argc, argv);
}
