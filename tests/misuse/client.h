// A blocking HTTP/2 client (RFC 9113) that can send requests, bodies and resets, and read
// responses. Its windows are as large as possible.

#ifndef CLIENT_H
#define CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "check.h"

enum {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH_PROMISE = 5,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW_UPDATE = 8,
    FRAME_CONTINUATION = 9,
    FRAME_ALTSVC = 10,
    FRAME_ORIGIN = 12,
};

enum { FLAG_END_STREAM = 1, FLAG_ACK = 1, FLAG_END_HEADERS = 4 };

struct client {
    int socket;
    uint32_t next_stream;
};

struct frame {
    uint8_t kind;
    uint8_t flags;
    uint32_t stream;
    uint32_t length;
    uint8_t payload[16384];
};

// The response on one stream.
struct answer {
    // The status of the last head; 0 if it is not in the static table of HPACK.
    int status;
    // The number of header sections, including trailers.
    unsigned heads;
    uint64_t length;
    // The first bytes of the body.
    char start[64];
    // Whether the response is complete.
    bool whole;
    bool reset;
    uint32_t code;
};

static inline void put_number(uint8_t *place, uint64_t number, size_t bytes) {
    for (size_t index = 0; index < bytes; index++) {
        place[index] = (uint8_t)(number >> 8 * (bytes - 1 - index));
    }
}

static inline uint32_t get_number(const uint8_t *place, size_t bytes) {
    uint32_t number = 0;
    for (size_t index = 0; index < bytes; index++) {
        number = number << 8 | place[index];
    }
    return number;
}

static inline bool client_send_all(struct client *client, const void *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(client->socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        bytes = (const char *)bytes + sent;
        length -= (size_t)sent;
    }
    return true;
}

static inline bool client_send(struct client *client, uint8_t kind, uint8_t flags, uint32_t stream,
                               const void *payload, size_t length) {
    uint8_t frame[9 + 16384];
    put_number(frame, length, 3);
    frame[3] = kind;
    frame[4] = flags;
    put_number(frame + 5, stream, 4);
    memcpy(frame + 9, payload, length);
    return client_send_all(client, frame, 9 + length);
}

// Connects and sends nothing.
static inline struct client client_connect(uint16_t port) {
    struct client client = {.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .next_stream = 1};
    REQUIRE(client.socket >= 0);
    int on = 1;
    setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct timeval bound = {.tv_sec = (time_t)(patience_ms(SOON_MS) / 1000)};
    setsockopt(client.socket, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(client.socket, (struct sockaddr *)&address, sizeof address) != 0) {
        close(client.socket);
        client.socket = -1;
    }
    return client;
}

// The same with a Unix socket. A NUL at the beginning of `name` is a part of it.
static inline struct client client_connect_unix(const char *name, size_t length) {
    struct client client = {.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .next_stream = 1};
    REQUIRE(client.socket >= 0);
    struct timeval bound = {.tv_sec = (time_t)(patience_ms(SOON_MS) / 1000)};
    setsockopt(client.socket, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof bound);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    REQUIRE(length < sizeof address.sun_path);
    memcpy(address.sun_path, name, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (connect(client.socket, (struct sockaddr *)&address, size) != 0) {
        close(client.socket);
        client.socket = -1;
    }
    return client;
}

static inline void client_greet(struct client *client) {
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    client_send_all(client, preface, sizeof preface - 1);
    uint8_t settings[6];
    put_number(settings, 4, 2); // SETTINGS_INITIAL_WINDOW_SIZE
    put_number(settings + 2, 0x7fffffff, 4);
    client_send(client, FRAME_SETTINGS, 0, 0, settings, sizeof settings);
    uint8_t more[4];
    put_number(more, 0x7fffffff - 65535, 4);
    client_send(client, FRAME_WINDOW_UPDATE, 0, 0, more, sizeof more);
}

static inline void client_close(struct client *client) {
    close(client->socket);
    client->socket = -1;
}

// Ends the connection with a TCP reset.
static inline void client_break(struct client *client) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client_close(client);
}

static inline size_t put_text(uint8_t *place, const char *text) {
    size_t length = strlen(text);
    REQUIRE(length < 127);
    place[0] = (uint8_t)length;
    memcpy(place + 1, text, length);
    return 1 + length;
}

// A header block of literals that are not indexed, or, with GOAWAY_FIELD_SENSITIVE before
// the name, never indexed (RFC 7541, sections 6.2.2 and 6.2.3).
static inline size_t put_block(uint8_t *block, const char *fields[][2], size_t count) {
    size_t length = 0;
    for (size_t index = 0; index < count; index++) {
        const char *name = fields[index][0];
        bool sensitive = name[0] == GOAWAY_FIELD_SENSITIVE;
        block[length++] = sensitive ? 0x10 : 0;
        length += put_text(block + length, name + (sensitive ? 1 : 0));
        length += put_text(block + length, fields[index][1]);
    }
    return length;
}

// Sends a head with these fields. Returns its stream. The body follows unless `whole`.
static inline uint32_t client_ask_of(struct client *client, const char *fields[][2], size_t count, bool whole) {
    uint8_t block[1024];
    size_t length = put_block(block, fields, count);
    uint32_t stream = client->next_stream;
    client->next_stream += 2;
    uint8_t flags = whole ? FLAG_END_HEADERS | FLAG_END_STREAM : FLAG_END_HEADERS;
    client_send(client, FRAME_HEADERS, flags, stream, block, length);
    return stream;
}

static inline uint32_t client_ask(struct client *client, const char *method, const char *path, bool whole) {
    const char *fields[][2] = {
        {":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "localhost"}, {"x-test", "misuse"}};
    return client_ask_of(client, fields, COUNT(fields), whole);
}

static inline uint32_t client_get(struct client *client, const char *path) {
    return client_ask(client, "GET", path, true);
}

static inline bool client_send_code(struct client *client, uint8_t kind, uint32_t stream, uint32_t code) {
    uint8_t payload[4];
    put_number(payload, code, 4);
    return client_send(client, kind, 0, stream, payload, sizeof payload);
}

static inline bool client_reset(struct client *client, uint32_t stream) {
    return client_send_code(client, FRAME_RST_STREAM, stream, 8);
}

static inline bool client_ping(struct client *client) {
    return client_send(client, FRAME_PING, 0, 0, "howdy!!!", 8);
}

static inline bool client_read_all(struct client *client, void *bytes, size_t length) {
    while (length > 0) {
        ssize_t received = recv(client->socket, bytes, length, 0);
        if (received < 0 && errno == EINTR) {
            continue;
        }
        if (received <= 0) {
            return false;
        }
        bytes = (char *)bytes + received;
        length -= (size_t)received;
    }
    return true;
}

// The next frame. PING and SETTINGS are acknowledged. False if there are no more.
static inline bool client_read(struct client *client, struct frame *frame) {
    uint8_t head[9];
    if (!client_read_all(client, head, sizeof head)) {
        return false;
    }
    *frame = (struct frame){.kind = head[3], .flags = head[4]};
    frame->length = get_number(head, 3);
    frame->stream = get_number(head + 5, 4);
    if (frame->length > sizeof frame->payload || !client_read_all(client, frame->payload, frame->length)) {
        return false;
    }
    if ((frame->kind == FRAME_SETTINGS || frame->kind == FRAME_PING) && (frame->flags & FLAG_ACK) == 0) {
        client_send(client, frame->kind, FLAG_ACK, 0, frame->payload, frame->kind == FRAME_PING ? 8 : 0);
    }
    return true;
}

// Connects, and returns when the server's SETTINGS were received and acknowledged, or
// when it has closed. After that the client may be silent for any time.
static inline struct client client_open(uint16_t port) {
    struct client client = client_connect(port);
    REQUIRE(client.socket >= 0);
    client_greet(&client);
    struct frame frame;
    while (client_read(&client, &frame) && frame.kind != FRAME_SETTINGS) {
    }
    return client;
}

static inline void answer_add(struct answer *answer, const struct frame *frame) {
    // The statuses in the static table (RFC 7541, appendix A), from index 8 on.
    static const int statuses[] = {200, 204, 206, 304, 400, 404, 500};
    if (frame->kind == FRAME_HEADERS) {
        uint8_t first = frame->length > 0 ? frame->payload[0] : 0;
        if (answer->heads == 0 || (frame->flags & FLAG_END_STREAM) == 0) {
            answer->status = first >= 0x88 && first <= 0x8e ? statuses[first - 0x88] : 0;
        }
        answer->heads++;
    } else if (frame->kind == FRAME_DATA) {
        for (uint32_t index = 0; index < frame->length && answer->length + index < sizeof answer->start - 1; index++) {
            answer->start[answer->length + index] = (char)frame->payload[index];
        }
        answer->length += frame->length;
    } else if (frame->kind == FRAME_RST_STREAM) {
        answer->reset = true;
        answer->code = get_number(frame->payload, 4);
    }
    if ((frame->kind == FRAME_HEADERS || frame->kind == FRAME_DATA) && (frame->flags & FLAG_END_STREAM) != 0) {
        answer->whole = true;
    }
}

// Reads until the stream or the connection has ended. Frames of other streams are
// dropped.
static inline struct answer client_answer(struct client *client, uint32_t stream) {
    struct answer answer = {0};
    struct frame frame;
    // A head may continue after the frame with END_STREAM.
    bool in_head = false;
    while ((in_head || (!answer.whole && !answer.reset)) && client_read(client, &frame)) {
        if (frame.stream == stream) {
            answer_add(&answer, &frame);
            bool is_head = frame.kind == FRAME_HEADERS || frame.kind == FRAME_CONTINUATION;
            in_head = is_head && (frame.flags & FLAG_END_HEADERS) == 0;
        }
    }
    return answer;
}

// Returns when the server has processed everything that was sent before. The first PING
// may be acknowledged earlier, the second one only afterwards.
static inline bool client_settle(struct client *client) {
    struct frame frame;
    for (int round = 0; round < 2; round++) {
        client_ping(client);
        do {
            if (!client_read(client, &frame)) {
                return false;
            }
        } while (frame.kind != FRAME_PING || (frame.flags & FLAG_ACK) == 0);
    }
    return true;
}

// Reads until the server has closed the connection. Returns the code of its last GOAWAY,
// or -1 if there was none.
static inline long long client_read_out(struct client *client) {
    long long code = -1;
    struct frame frame;
    while (client_read(client, &frame)) {
        code = frame.kind == FRAME_GOAWAY ? (long long)get_number(frame.payload + 4, 4) : code;
    }
    return code;
}

#endif
