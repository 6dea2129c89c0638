// TLS: settings behind a JavaScript object, and what a session has agreed on.

#include <string.h>

#include "shim.h"

enum { TEXT_MAX = 4096 };

static const napi_type_tag TLS_TAG = {0x676f617761790002, 0x51b8c07de2946f3a};

static void tls_collect(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    goaway_tls_free(data);
}

// new Tls(): settings without a certificate
napi_value tls_new(napi_env env, napi_callback_info info) {
    napi_value self;
    if (napi_get_cb_info(env, info, NULL, NULL, &self, NULL) != napi_ok) {
        return throw_napi(env);
    }
    goaway_tls *tls = goaway_tls_new();
    if (tls == NULL) {
        return throw_last(env);
    }
    if (napi_wrap(env, self, tls, tls_collect, NULL, NULL) != napi_ok) {
        goaway_tls_free(tls);
        return throw_napi(env);
    }
    return napi_type_tag_object(env, self, &TLS_TAG) == napi_ok ? self : throw_napi(env);
}

// The settings behind an object; NULL if an exception waits.
static goaway_tls *unwrap(napi_env env, napi_value object) {
    goaway_tls *tls = NULL;
    bool ours = false;
    if (napi_check_object_type_tag(env, object, &TLS_TAG, &ours) != napi_ok || !ours ||
        napi_unwrap(env, object, (void **)&tls) != napi_ok) {
        napi_throw_type_error(env, NULL, "not TLS settings of goaway");
        return NULL;
    }
    return tls;
}

// The settings behind `this` and `count` arguments.
static goaway_tls *open_tls(napi_env env, napi_callback_info info, size_t count, napi_value *args) {
    napi_value self;
    size_t given = count;
    if (napi_get_cb_info(env, info, &given, args, &self, NULL) != napi_ok) {
        throw_napi(env);
        return NULL;
    }
    return unwrap(env, self);
}

// A text, or NULL for undefined. False if it is neither, or too long.
static bool read_text(napi_env env, napi_value value, char text[TEXT_MAX], const char **out_text) {
    napi_valuetype type;
    size_t len = 0;
    *out_text = NULL;
    if (napi_typeof(env, value, &type) == napi_ok && type == napi_undefined) {
        return true;
    }
    if (napi_get_value_string_utf8(env, value, text, TEXT_MAX, &len) != napi_ok || len >= TEXT_MAX - 1 ||
        strlen(text) != len) {
        napi_throw_type_error(env, NULL, "not a text without NUL of less than 4 KiB");
        return false;
    }
    *out_text = text;
    return true;
}

static bool read_buffer(napi_env env, napi_value value, void **out_data, size_t *out_len) {
    if (napi_get_buffer_info(env, value, out_data, out_len) != napi_ok) {
        throw_napi(env);
        return false;
    }
    return true;
}

// addPem(certificate: Buffer, key: Buffer, password?) -> status
napi_value tls_add_pem(napi_env env, napi_callback_info info) {
    napi_value args[3];
    char password[TEXT_MAX];
    const char *given;
    void *certificate, *key;
    size_t certificate_len, key_len;
    goaway_tls *tls = open_tls(env, info, 3, args);
    if (tls == NULL || !read_buffer(env, args[0], &certificate, &certificate_len) ||
        !read_buffer(env, args[1], &key, &key_len) || !read_text(env, args[2], password, &given)) {
        return NULL;
    }
    return status_value(env, goaway_tls_add_certificate_pem(tls, certificate, certificate_len, key, key_len, given));
}

// addFiles(certificate, key, password?) -> status
napi_value tls_add_files(napi_env env, napi_callback_info info) {
    napi_value args[3];
    char texts[3][TEXT_MAX];
    const char *given[3];
    goaway_tls *tls = open_tls(env, info, 3, args);
    if (tls == NULL) {
        return NULL;
    }
    for (size_t at = 0; at < COUNT(texts); at++) {
        if (!read_text(env, args[at], texts[at], &given[at])) {
            return NULL;
        }
    }
    return status_value(env, goaway_tls_add_certificate(tls, given[0], given[1], given[2]));
}

// setServerName(name) -> status: of the certificate that was added last
napi_value tls_set_server_name(napi_env env, napi_callback_info info) {
    napi_value arg;
    char text[TEXT_MAX];
    const char *name;
    goaway_tls *tls = open_tls(env, info, 1, &arg);
    if (tls == NULL || !read_text(env, arg, text, &name)) {
        return NULL;
    }
    return status_value(env, goaway_tls_set_server_name(tls, name));
}

// setClients(how, authorities: Buffer of PEM, or a file's name, or undefined) -> status
napi_value tls_set_clients(napi_env env, napi_callback_info info) {
    napi_value args[2];
    uint32_t clients = 0;
    bool is_pem = false;
    goaway_tls *tls = open_tls(env, info, 2, args);
    if (tls == NULL || napi_get_value_uint32(env, args[0], &clients) != napi_ok ||
        napi_is_buffer(env, args[1], &is_pem) != napi_ok) {
        return throw_napi(env);
    }
    if (is_pem) {
        void *data;
        size_t len;
        return read_buffer(env, args[1], &data, &len)
                   ? status_value(env, goaway_tls_set_client_certificates_pem(tls, clients, data, len))
                   : NULL;
    }
    char text[TEXT_MAX];
    const char *file;
    return read_text(env, args[1], text, &file)
               ? status_value(env, goaway_tls_set_client_certificates(tls, clients, file))
               : NULL;
}

// setMinVersion(number on the wire) -> status
napi_value tls_set_min_version(napi_env env, napi_callback_info info) {
    napi_value arg;
    uint32_t version = 0;
    goaway_tls *tls = open_tls(env, info, 1, &arg);
    if (tls == NULL || napi_get_value_uint32(env, arg, &version) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, goaway_tls_set_min_version(tls, version));
}

// setCertificateRequired(boolean) -> status
napi_value tls_set_certificate_required(napi_env env, napi_callback_info info) {
    napi_value arg;
    bool required = true;
    goaway_tls *tls = open_tls(env, info, 1, &arg);
    if (tls == NULL || napi_get_value_bool(env, arg, &required) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, goaway_tls_set_certificate_required(tls, required));
}

// setResumption(boolean) -> status
napi_value tls_set_resumption(napi_env env, napi_callback_info info) {
    napi_value arg;
    bool resumption = true;
    goaway_tls *tls = open_tls(env, info, 1, &arg);
    if (tls == NULL || napi_get_value_bool(env, arg, &resumption) != napi_ok) {
        return throw_napi(env);
    }
    return status_value(env, goaway_tls_set_resumption(tls, resumption));
}

// setKeyLog(file or undefined) -> status
napi_value tls_set_key_log(napi_env env, napi_callback_info info) {
    napi_value arg;
    char text[TEXT_MAX];
    const char *file;
    goaway_tls *tls = open_tls(env, info, 1, &arg);
    if (tls == NULL || !read_text(env, arg, text, &file)) {
        return NULL;
    }
    return status_value(env, goaway_tls_set_key_log(tls, file));
}

// reload() -> status
napi_value tls_reload(napi_env env, napi_callback_info info) {
    goaway_tls *tls = open_tls(env, info, 0, NULL);
    return tls != NULL ? status_value(env, goaway_tls_reload(tls)) : NULL;
}

// replace(other) -> status
napi_value tls_replace(napi_env env, napi_callback_info info) {
    napi_value arg;
    goaway_tls *tls = open_tls(env, info, 1, &arg);
    goaway_tls *with = tls != NULL ? unwrap(env, arg) : NULL;
    return with != NULL ? status_value(env, goaway_tls_replace(tls, with)) : NULL;
}

// A server's: listenTls(address, tls) -> status
napi_value host_listen_tls(napi_env env, napi_callback_info info) {
    napi_value args[2];
    char text[TEXT_MAX];
    const char *address;
    struct host *host = open_live(env, info, 2, args);
    if (host == NULL || !read_text(env, args[0], text, &address)) {
        return NULL;
    }
    goaway_tls *tls = unwrap(env, args[1]);
    return tls != NULL ? status_value(env, goaway_server_listen_tls(host->server, address, tls)) : NULL;
}

static napi_value certificate_value(napi_env env, goaway_session session, size_t index) {
    unsigned char place[1 << 16];
    size_t len = 0;
    napi_value result;
    if (goaway_session_peer_certificate(session, index, place, sizeof place, &len) != GOAWAY_OK ||
        napi_create_buffer_copy(env, len, place, NULL, &result) != napi_ok) {
        return NULL;
    }
    return result;
}

// tls(session) -> what its handshake has come to; undefined without TLS or if it has ended
napi_value session_tls(napi_env env, napi_callback_info info) {
    napi_value arg, result, list, flag;
    size_t count = 1;
    int64_t session = 0;
    goaway_tls_info found;
    memset(&found, 0, sizeof found);
    napi_get_cb_info(env, info, &count, &arg, NULL, NULL);
    napi_get_value_int64(env, arg, &session);
    if (goaway_session_tls((goaway_session)session, &found, sizeof found) != GOAWAY_OK ||
        napi_create_object(env, &result) != napi_ok || napi_create_array(env, &list) != napi_ok) {
        return NULL;
    }
    napi_set_named_property(env, result, "version", text_value(env, found.version));
    napi_set_named_property(env, result, "cipher", text_value(env, found.cipher));
    napi_set_named_property(env, result, "alpn", text_value(env, found.alpn));
    napi_set_named_property(env, result, "serverName", text_value(env, found.server_name));
    napi_set_named_property(env, result, "clientError", text_value(env, found.client_error));
    set_number(env, result, "versionNumber", found.version_number);
    set_number(env, result, "cipherNumber", found.cipher_number);
    napi_get_boolean(env, found.is_resumed, &flag);
    napi_set_named_property(env, result, "resumed", flag);
    for (uint32_t at = 0; at < found.client_certificates; at++) {
        napi_value certificate = certificate_value(env, (goaway_session)session, at);
        if (certificate != NULL) {
            napi_set_element(env, list, at, certificate);
        }
    }
    napi_set_named_property(env, result, "certificates", list);
    return result;
}
