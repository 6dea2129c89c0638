// A socket that listens and from which nobody accepts, for a program of several
// processes: the first makes it, the others inherit it and serve on it.

#include "shim.h"

enum { ADDRESS_MAX = 1024 };

// listenSocket(address: string) -> { fd, port, address }, or the number of a status
napi_value listen_socket(napi_env env, napi_callback_info info) {
    napi_value arg, result;
    size_t count = 1, len;
    char address[ADDRESS_MAX];
    if (napi_get_cb_info(env, info, &count, &arg, NULL, NULL) != napi_ok ||
        napi_get_value_string_utf8(env, arg, address, sizeof address, &len) != napi_ok) {
        return throw_napi(env);
    }
    goaway_server *server = goaway_server_new();
    goaway_status status = goaway_server_listen(server, address);
    // The first address of a name; the others end with the server.
    int fd = status == GOAWAY_OK ? goaway_server_dup_fd(server, 0) : -1;
    if (status == GOAWAY_OK && fd < 0) {
        status = goaway_last_status();
    }
    if (status != GOAWAY_OK) {
        goaway_server_free(server);
        return status_value(env, status);
    }
    if (napi_create_object(env, &result) == napi_ok) {
        set_number(env, result, "fd", fd);
        set_number(env, result, "port", goaway_server_port(server, 0));
        napi_set_named_property(env, result, "address", text_value(env, goaway_server_address(server, 0)));
    } else {
        result = throw_napi(env);
    }
    goaway_server_free(server);
    return result;
}
