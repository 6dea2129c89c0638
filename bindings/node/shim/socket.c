// A socket that listens and from which nobody accepts, for a program of several
// processes: the first makes it, the others inherit it and serve on it.

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shim.h"

enum { BACKLOG = 1024, NAME_MAX_LEN = 256 };

static int make_socket(const struct addrinfo *address) {
    int on = 1;
    int fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (fd < 0) {
        return -1;
    }
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char port[8];
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
        getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0) {
        return 0;
    }
    unsigned number = 0;
    for (const char *digit = port; *digit != 0; digit++) {
        number = number * 10 + (unsigned)(*digit - '0');
    }
    return (uint16_t)number;
}

// listenSocket(host, port: string) -> { fd, port }, or the number of the error
napi_value listen_socket(napi_env env, napi_callback_info info) {
    napi_value args[2], result;
    size_t count = 2, len;
    char host[NAME_MAX_LEN], port[16];
    if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok ||
        napi_get_value_string_utf8(env, args[0], host, sizeof host, &len) != napi_ok ||
        napi_get_value_string_utf8(env, args[1], port, sizeof port, &len) != napi_ok) {
        return throw_napi(env);
    }
    struct addrinfo hints, *found = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return number_value(env, EADDRNOTAVAIL);
    }
    int fd = make_socket(found);
    int failure = errno;
    freeaddrinfo(found);
    if (fd < 0) {
        return number_value(env, failure);
    }
    if (napi_create_object(env, &result) != napi_ok) {
        close(fd);
        return throw_napi(env);
    }
    set_number(env, result, "fd", fd);
    set_number(env, result, "port", port_of(fd));
    return result;
}
