// Values for JavaScript, and exceptions.

#include "shim.h"

napi_value throw_text(napi_env env, const char *text) {
    napi_throw_error(env, NULL, text);
    return NULL;
}

napi_value throw_last(napi_env env) {
    napi_throw_error(env, goaway_status_name((int32_t)goaway_last_status()), goaway_last_error());
    return NULL;
}

napi_value throw_napi(napi_env env) {
    bool pending = true;
    const napi_extended_error_info *info = NULL;
    napi_get_last_error_info(env, &info);
    const char *text = info != NULL && info->error_message != NULL ? info->error_message : "Node-API failed";
    if (napi_is_exception_pending(env, &pending) == napi_ok && !pending) {
        napi_throw_type_error(env, NULL, text);
    }
    return NULL;
}

napi_value number_value(napi_env env, double number) {
    napi_value result = NULL;
    napi_create_double(env, number, &result);
    return result;
}

napi_value status_value(napi_env env, goaway_status status) {
    napi_value result = NULL;
    napi_create_uint32(env, (uint32_t)status, &result);
    return result;
}

napi_value text_value(napi_env env, const char *text) {
    napi_value result = NULL;
    napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
    return result;
}

void set_number(napi_env env, napi_value object, const char *name, double number) {
    napi_set_named_property(env, object, name, number_value(env, number));
}
