// An HTTP/1.1 client (RFC 9112), which sends and receives text.

#ifndef HTTP1_H
#define HTTP1_H

#include <poll.h>

#include "client.h"

// A response, as far as it was read.
struct response {
    int status;
    // The first line and the fields, with the empty line.
    char head[4096];
    // The body as received: chunks are not decoded.
    char body[4096];
    size_t body_length;
};

enum end { END_NONE, END_FIN, END_RESET };

// False if the connection has ended.
static inline bool http1_send(struct client *client, const char *text) {
    return client_send_all(client, text, strlen(text));
}

// Reads the head of a message. False if the connection ends before.
static inline bool http1_read_head(struct client *client, struct response *response) {
    size_t length = 0;
    memset(response, 0, sizeof *response);
    while (length + 1 < sizeof response->head) {
        if (!client_read_all(client, response->head + length, 1)) {
            return false;
        }
        response->head[++length] = '\0';
        if (length >= 4 && memcmp(response->head + length - 4, "\r\n\r\n", 4) == 0) {
            response->status = atoi(response->head + strlen("HTTP/1.1 "));
            return true;
        }
    }
    return false;
}

// The next response, whose body has a content-length, or which has no body.
static inline struct response http1_read(struct client *client) {
    struct response response;
    if (!CHECK(http1_read_head(client, &response))) {
        return response;
    }
    const char *length = strstr(response.head, "\r\ncontent-length: ");
    if (length != NULL) {
        response.body_length = strtoull(length + strlen("\r\ncontent-length: "), NULL, 10);
        REQUIRE(response.body_length < sizeof response.body);
        CHECK(client_read_all(client, response.body, response.body_length));
    }
    return response;
}

// Reads to the end of the connection, and returns how it ends. The first bytes are stored
// in `text`, NUL-terminated.
static inline enum end http1_read_out(struct client *client, char *text, size_t room) {
    static char bytes[65536];
    size_t length = 0;
    for (;;) {
        ssize_t count = recv(client->socket, bytes, sizeof bytes, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            text[length] = '\0';
            return count == 0 ? END_FIN : errno == ECONNRESET ? END_RESET : END_NONE;
        }
        size_t kept = (size_t)count < room - 1 - length ? (size_t)count : room - 1 - length;
        memcpy(text + length, bytes, kept);
        length += kept;
    }
}

// Whether data or the end arrives within this time.
static inline bool http1_is_readable(const struct client *client, int ms) {
    struct pollfd descriptor = {.fd = client->socket, .events = POLLIN};
    return poll(&descriptor, 1, ms) > 0;
}

static inline bool http1_has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

#endif
