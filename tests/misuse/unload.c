// A host that loads the library with dlopen() and unloads it, also while a server runs.
// It is not linked with the library.
//
// GOAWAY_LIBRARY    the file that is loaded

#include <dlfcn.h>

// check.h names failures with functions of the library, which this program does not have.
#define CHECK_WITHOUT_LIBRARY
#include "client.h"

// The functions that are used, by name.
#define SYMBOLS(each)                                                                                         \
    each(goaway_server_new) each(goaway_server_register_handler) each(goaway_server_listen)                   \
    each(goaway_server_port) each(goaway_server_start) each(goaway_server_close) each(goaway_server_wait)     \
    each(goaway_server_free) each(goaway_request_respond) each(goaway_version)
#define MEMBER(name) __typeof__(name) *name;
#define LOAD(name) *(void **)&loaded.name = dlsym(loaded.handle, #name);

static struct {
    void *handle;
    SYMBOLS(MEMBER)
} loaded;

static void load(void) {
    const char *file = getenv("GOAWAY_LIBRARY");
    REQUIRE(file != NULL);
    loaded.handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (loaded.handle == NULL) {
        check_failed(__FILE__, __LINE__, "%s", dlerror());
        exit(EXIT_FAILURE);
    }
    SYMBOLS(LOAD)
    REQUIRE(loaded.goaway_server_new != NULL && loaded.goaway_version != NULL);
}

static void unload(void) {
    CHECK_NUMBER(dlclose(loaded.handle), 0);
}

static void on_request(goaway_request request, void *user_data) {
    (void)user_data;
    loaded.goaway_request_respond(request, 200, "fine", 4);
}

static goaway_server *start(void) {
    goaway_server *server = loaded.goaway_server_new();
    CHECK_NUMBER(loaded.goaway_server_register_handler(server, "GET /", on_request, NULL), GOAWAY_OK);
    CHECK_NUMBER(loaded.goaway_server_listen(server, "127.0.0.1:0"), GOAWAY_OK);
    CHECK_NUMBER(loaded.goaway_server_start(server), GOAWAY_OK);
    return server;
}

static void ask(goaway_server *server) {
    struct client client = client_open(loaded.goaway_server_port(server, 0));
    struct answer answer = client_answer(&client, client_get(&client, "/"));
    CHECK(answer.whole && strcmp(answer.start, "fine") == 0);
    client_close(&client);
}

static void end(goaway_server *server) {
    CHECK_NUMBER(loaded.goaway_server_close(server, 1000, NULL, NULL), GOAWAY_OK);
    CHECK_NUMBER(loaded.goaway_server_wait(server, GOAWAY_FOREVER), GOAWAY_OK);
    loaded.goaway_server_free(server);
}

static void fifty_times(void) {
    for (int round = 0; round < times(50); round++) {
        about("round %d", round);
        load();
        CHECK(loaded.goaway_version()[0] != '\0');
        if (round % 5 != 0) {
            goaway_server *server = start();
            ask(server);
            end(server);
        }
        unload();
    }
    CHECK_SOON(count_threads() == 3);
}

// Its threads continue in code that must still be mapped.
static void while_a_server_runs(void) {
    load();
    goaway_server *server = start();
    ask(server);
    unload();
    ask(server);
    load();
    ask(server);
    end(server);
    unload();
}

static void while_a_server_is_left_behind(void) {
    // So that a leak check finds it, and the compiler keeps it.
    static goaway_server *volatile left_behind;
    load();
    left_behind = start();
    ask(left_behind);
    unload();
    pause_ms(20);
}

static void *load_and_unload(void *data) {
    void *handle = dlopen(data, RTLD_NOW | RTLD_LOCAL);
    CHECK(handle != NULL);
    goaway_server *(*new)(void);
    void (*free)(goaway_server *);
    *(void **)&new = dlsym(handle, "goaway_server_new");
    *(void **)&free = dlsym(handle, "goaway_server_free");
    for (int round = 0; round < 20; round++) {
        free(new());
    }
    dlclose(handle);
    return NULL;
}

static void in_many_threads(void) {
    pthread_t threads[8];
    for (size_t index = 0; index < COUNT(threads); index++) {
        pthread_create(&threads[index], NULL, load_and_unload, getenv("GOAWAY_LIBRARY"));
    }
    for (size_t index = 0; index < COUNT(threads); index++) {
        pthread_join(threads[index], NULL);
    }
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(fifty_times),
        CASE(while_a_server_runs),
        CASE(while_a_server_is_left_behind),
        CASE(in_many_threads),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
