// The life of a server: made, woken for, stopped before its environment ends.

#include <stdlib.h>

#include "shim.h"

static const napi_type_tag HOST_TAG = {0x676f617761790001, 0x9d1c5e40b7f24a63};

static void host_hook(void *data);

void host_stop(struct host *host) {
    if (host->server == NULL) {
        return;
    }
    goaway_server_close(host->server, 0, NULL, NULL);
    goaway_server_free(host->server);
    goaway_queue_free(host->queue);
    host->server = NULL;
    host->queue = NULL;
    host->batch.count = 0;
    napi_release_threadsafe_function(host->wake, napi_tsfn_abort);
    napi_remove_env_cleanup_hook(host->shim->env, host_hook, host);
    for (struct host **at = &host->shim->hosts; *at != NULL; at = &(*at)->next) {
        if (*at == host) {
            *at = host->next;
            break;
        }
    }
}

// Before the environment ends.
static void host_hook(void *data) {
    host_stop(data);
}

static void host_collect(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    struct host *host = data;
    host_stop(host);
    free(host);
}

// On a thread of the library: a batch waits.
static void on_ready(void *data) {
    struct host *host = data;
    napi_call_threadsafe_function(host->wake, NULL, napi_tsfn_nonblocking);
}

// On the thread of the loop; without an environment Node.js is leaving.
void call_wake(napi_env env, napi_value wake, void *context, void *data) {
    (void)context;
    (void)data;
    napi_value receiver, error;
    if (env == NULL || wake == NULL || napi_get_undefined(env, &receiver) != napi_ok) {
        return;
    }
    if (napi_call_function(env, receiver, wake, 0, NULL, NULL) == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok) {
        napi_fatal_exception(env, error);
    }
}

struct host *open_call(napi_env env, napi_callback_info info, size_t count, napi_value *args) {
    napi_value self;
    struct host *host = NULL;
    bool ours = false;
    size_t given = count;
    if (napi_get_cb_info(env, info, &given, args, &self, NULL) != napi_ok ||
        napi_check_object_type_tag(env, self, &HOST_TAG, &ours) != napi_ok || !ours ||
        napi_unwrap(env, self, (void **)&host) != napi_ok) {
        napi_throw_type_error(env, NULL, "not a server of goaway");
        return NULL;
    }
    return host;
}

struct host *open_live(napi_env env, napi_callback_info info, size_t count, napi_value *args) {
    struct host *host = open_call(env, info, count, args);
    if (host != NULL && host->server == NULL) {
        napi_throw_error(env, "GOAWAY_ERR_STATE", "the server has ended");
        return NULL;
    }
    return host;
}

static bool host_open(napi_env env, struct host *host, napi_value wake) {
    napi_value name = text_value(env, "goaway");
    host->server = goaway_server_new();
    host->queue = goaway_queue_new(host->server);
    if (host->queue == NULL || goaway_queue_set_on_ready(host->queue, on_ready, host) != GOAWAY_OK) {
        throw_last(env);
        return false;
    }
    if (napi_create_threadsafe_function(env, wake, NULL, name, 0, 1, NULL, NULL, NULL, call_wake, &host->wake) !=
        napi_ok) {
        throw_napi(env);
        return false;
    }
    napi_unref_threadsafe_function(env, host->wake); // nothing runs yet
    // Hooks run in the reverse order: this one before that of the function.
    napi_add_env_cleanup_hook(env, host_hook, host);
    return true;
}

// new Server(wake): a server that is not started; `wake()` when a batch waits.
napi_value host_new(napi_env env, napi_callback_info info) {
    napi_value self, wake;
    size_t count = 1;
    struct shim *shim = NULL;
    if (napi_get_cb_info(env, info, &count, &wake, &self, (void **)&shim) != napi_ok || shim == NULL) {
        return throw_napi(env);
    }
    struct host *host = calloc(1, sizeof *host);
    if (host == NULL) {
        return throw_text(env, "no memory");
    }
    host->shim = shim;
    if (!host_open(env, host, wake)) {
        goaway_queue_free(host->queue);
        goaway_server_free(host->server);
        free(host);
        return NULL;
    }
    host->next = shim->hosts;
    shim->hosts = host;
    if (napi_wrap(env, self, host, host_collect, NULL, NULL) != napi_ok ||
        napi_type_tag_object(env, self, &HOST_TAG) != napi_ok) {
        return throw_napi(env);
    }
    return self;
}
