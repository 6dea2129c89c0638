// What the files of the shim share.

#ifndef GOAWAY_NODE_SHIM_H
#define GOAWAY_NODE_SHIM_H

#define NAPI_VERSION 8
#include <goaway.h>
#include <node_api.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// A server with its queue, behind a JavaScript object.
struct host {
    goaway_server *server; // NULL once it has been ended
    goaway_queue *queue;
    napi_threadsafe_function wake;
    goaway_batch batch; // taken, but for want of room not copied yet
    struct shim *shim;
    struct host *next;
};

// What an environment has: its living servers, so that they end with it.
struct shim {
    napi_env env;
    struct host *hosts;
    struct reader *reader; // of the log, if it is read
};

// value.c: making values, and throwing. Those that throw return NULL.

napi_value throw_text(napi_env env, const char *text);
// Throws what this thread's last failed call says, with the name of its status as `code`.
napi_value throw_last(napi_env env);
// Passes on what Node-API complains about, unless JavaScript throws already.
napi_value throw_napi(napi_env env);
napi_value number_value(napi_env env, double number);
napi_value status_value(napi_env env, goaway_status status);
napi_value text_value(napi_env env, const char *text);
void set_number(napi_env env, napi_value object, const char *name, double number);

// host.c: the life of a server.

// The host behind `this` and up to `count` arguments; NULL if an exception waits.
struct host *open_call(napi_env env, napi_callback_info info, size_t count, napi_value *args);
// The same, of a host that has not been stopped.
struct host *open_live(napi_env env, napi_callback_info info, size_t count, napi_value *args);
// Ends the server, its threads and the queue: no callback comes after it.
void host_stop(struct host *host);
napi_value host_new(napi_env env, napi_callback_info info);
// What a threadsafe function does on the thread of the loop: calls `wake`.
void call_wake(napi_env env, napi_value wake, void *context, void *data);

// The methods of Server. server.c:

napi_value host_register(napi_env env, napi_callback_info info);
napi_value host_listen(napi_env env, napi_callback_info info);
napi_value host_set_limit(napi_env env, napi_callback_info info);
napi_value host_set_forwarded(napi_env env, napi_callback_info info);
napi_value host_prefix(napi_env env, napi_callback_info info);
napi_value host_set_health_paths(napi_env env, napi_callback_info info);
napi_value host_set_padding(napi_env env, napi_callback_info info);
napi_value host_set_feature(napi_env env, napi_callback_info info);
napi_value host_set_queue_limit(napi_env env, napi_callback_info info);
napi_value host_watch(napi_env env, napi_callback_info info);
napi_value host_start(napi_env env, napi_callback_info info);
napi_value host_set_ready(napi_env env, napi_callback_info info);
napi_value host_is_ready(napi_env env, napi_callback_info info);
napi_value host_port(napi_env env, napi_callback_info info);
napi_value host_address(napi_env env, napi_callback_info info);
napi_value host_hand_over(napi_env env, napi_callback_info info);
napi_value host_close(napi_env env, napi_callback_info info);
napi_value host_end(napi_env env, napi_callback_info info);
napi_value host_ref(napi_env env, napi_callback_info info);
napi_value host_unref(napi_env env, napi_callback_info info);

// session.c:

napi_value host_sessions(napi_env env, napi_callback_info info);
napi_value host_session(napi_env env, napi_callback_info info);
napi_value session_proxy_tlv(napi_env env, napi_callback_info info);
napi_value host_close_session(napi_env env, napi_callback_info info);
napi_value host_abort_session(napi_env env, napi_callback_info info);
napi_value host_ping(napi_env env, napi_callback_info info);
napi_value host_send_altsvc(napi_env env, napi_callback_info info);
napi_value host_send_origin(napi_env env, napi_callback_info info);
napi_value host_send_goaway(napi_env env, napi_callback_info info);
napi_value host_set_window(napi_env env, napi_callback_info info);
napi_value host_send_settings(napi_env env, napi_callback_info info);
napi_value host_set_settings(napi_env env, napi_callback_info info);
napi_value host_report(napi_env env, napi_callback_info info);
napi_value host_counts(napi_env env, napi_callback_info info);
napi_value memory_usage(napi_env env, napi_callback_info info);

// batch.c:

napi_value host_take(napi_env env, napi_callback_info info);
napi_value host_push(napi_env env, napi_callback_info info);
napi_value host_submit(napi_env env, napi_callback_info info);

// tls.c: the methods of Tls, and what they have to do with servers and sessions.

napi_value tls_new(napi_env env, napi_callback_info info);
napi_value tls_add_pem(napi_env env, napi_callback_info info);
napi_value tls_add_files(napi_env env, napi_callback_info info);
napi_value tls_set_server_name(napi_env env, napi_callback_info info);
napi_value tls_set_clients(napi_env env, napi_callback_info info);
napi_value tls_set_min_version(napi_env env, napi_callback_info info);
napi_value tls_set_certificate_required(napi_env env, napi_callback_info info);
napi_value tls_set_resumption(napi_env env, napi_callback_info info);
napi_value tls_set_key_log(napi_env env, napi_callback_info info);
napi_value tls_reload(napi_env env, napi_callback_info info);
napi_value tls_replace(napi_env env, napi_callback_info info);
napi_value host_listen_tls(napi_env env, napi_callback_info info);
napi_value session_tls(napi_env env, napi_callback_info info);

// log.c:

napi_value log_set(napi_env env, napi_callback_info info);
napi_value log_take(napi_env env, napi_callback_info info);

// socket.c:

napi_value listen_socket(napi_env env, napi_callback_info info);

#endif
