// Unix sockets, sockets of the service manager, and sockets that one server passes to the
// next.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "host.h"

static struct host host;
static char folder[] = "/tmp/goaway-XXXXXX";
static char path[64];
static char address[96];
static char peer[64];

static void on_peer(const goaway_session_event *event, void *user_data) {
    if (event->kind == GOAWAY_EVENT_CLOSED) {
        // Sessions of several threads end, and the thread that has counted them reads.
        pthread_mutex_lock(&host.lock);
        snprintf(peer, sizeof peer, "%s", event->peer);
        pthread_mutex_unlock(&host.lock);
    }
    host_watch(event, user_data);
}

static void make_folder(void) {
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.sock", folder);
    snprintf(address, sizeof address, "unix:%s", path);
}

static bool exists(const char *name) {
    struct stat found;
    return lstat(name, &found) == 0;
}

static struct client open_unix(const char *name, size_t length) {
    struct client client = client_connect_unix(name, length);
    REQUIRE(client.socket >= 0);
    client_greet(&client);
    return client;
}

static void a_unix_socket_serves(void) {
    make_folder();
    host_new(&host);
    CHECK_OK(goaway_server_set_on_session(host.server, on_peer, &host));
    CHECK_OK(goaway_server_set_limit(host.server, GOAWAY_LIMIT_SESSIONS_PER_ADDRESS, 1));
    char with_mode[128];
    snprintf(with_mode, sizeof with_mode, "%s?mode=600&backlog=7", address);
    REQUIRE_OK(goaway_server_listen(host.server, with_mode));
    struct stat found;
    CHECK(lstat(path, &found) == 0 && S_ISSOCK(found.st_mode) && (found.st_mode & 0777) == 0600);
    CHECK(strcmp(goaway_server_address(host.server, 0), address) == 0);
    CHECK_NUMBER(goaway_server_port(host.server, 0), 0);
    CHECK(goaway_server_address(host.server, 1) == NULL);
    REQUIRE_OK(goaway_server_start(host.server));
    // The peers of a Unix socket have no address that could be shared.
    struct client clients[3];
    for (size_t index = 0; index < COUNT(clients); index++) {
        clients[index] = open_unix(path, strlen(path));
        host_serves(&host, &clients[index]);
    }
    char expected[64];
    snprintf(expected, sizeof expected, "unix:pid=%d,uid=%d", (int)getpid(), (int)getuid());
    goaway_session_snapshot info;
    CHECK_OK(goaway_session_info(atomic_load(&host.session), &info, sizeof info));
    CHECK(strcmp(info.peer, expected) == 0);
    CHECK(strcmp(info.local, address) == 0);
    for (size_t index = 0; index < COUNT(clients); index++) {
        client_close(&clients[index]);
    }
    CHECK_SOON(atomic_load(&host.closed) == COUNT(clients));
    CHECK(strcmp(peer, expected) == 0);
    const char *text = goaway_server_address(host.server, 0);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK(!exists(path));
    CHECK(strcmp(text, address) == 0);
    goaway_server_free(host.server);
    rmdir(folder);
}

static void a_name_without_a_file_serves(void) {
    char name[64];
    snprintf(name, sizeof name, "unix:@goaway-%d", (int)getpid());
    host_new(&host);
    REQUIRE_OK(goaway_server_listen(host.server, name));
    CHECK(strcmp(goaway_server_address(host.server, 0), name) == 0);
    goaway_server *second = goaway_server_new();
    CHECK_STATUS(goaway_server_listen(second, name), GOAWAY_ERR_ADDRESS_IN_USE);
    goaway_server_free(second);
    REQUIRE_OK(goaway_server_start(host.server));
    size_t length = strlen(name + 5);
    name[5] = 0;
    struct client client = open_unix(name + 5, length);
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
}

// A drain notifies the clients of a Unix socket like all others.
static void its_sessions_drain(void) {
    make_folder();
    host_new(&host);
    REQUIRE_OK(goaway_server_listen(host.server, address));
    REQUIRE_OK(goaway_server_start(host.server));
    struct client client = open_unix(path, strlen(path));
    uint32_t stream = client_get(&client, "/");
    goaway_request request = host_take(&host);
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    CHECK_SOON(!exists(path));
    CHECK_OK(goaway_request_respond(request, 200, "late", 4));
    CHECK(client_answer(&client, stream).whole);
    // Both GOAWAYs may arrive before the response.
    client_read_out(&client);
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK_NUMBER(goaway_server_report(host.server)->sessions_graceful, 1);
    client_close(&client);
    goaway_server_free(host.server);
    rmdir(folder);
}

// Freed before it was started, closed before it was started, and after an error.
static void nothing_stays_of_what_never_started(void) {
    make_folder();
    int before = count_descriptors();
    for (int round = 0; round < 2; round++) {
        goaway_server *server = goaway_server_new();
        REQUIRE_OK(goaway_server_listen(server, address));
        CHECK(exists(path));
        if (round == 1) {
            CHECK_OK(goaway_server_close(server, 0, NULL, NULL));
            CHECK(!exists(path));
        }
        goaway_server_free(server);
        CHECK(!exists(path));
    }
    goaway_server *server = goaway_server_new();
    char twice[128];
    snprintf(twice, sizeof twice, "%s?keepalive=1", address);
    CHECK_STATUS(goaway_server_listen(server, twice), GOAWAY_ERR_ADDRESS);
    CHECK(!exists(path));
    goaway_server_free(server);
    CHECK_NUMBER(count_descriptors(), before);
    rmdir(folder);
}

static int listen_on(const char *what) {
    goaway_server *server = goaway_server_new();
    REQUIRE_OK(goaway_server_listen(server, what));
    int listening = goaway_server_dup_fd(server, 0);
    goaway_server_free(server);
    return listening;
}

static void what_is_handed_over_goes_on(void) {
    make_folder();
    host_new(&host);
    REQUIRE_OK(goaway_server_listen(host.server, "127.0.0.1:0"));
    REQUIRE_OK(goaway_server_listen(host.server, address));
    REQUIRE_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 0);
    int handed[2] = {goaway_server_dup_fd(host.server, 0), goaway_server_dup_fd(host.server, 1)};
    CHECK(handed[0] > 2 && handed[1] > 2);
    CHECK((fcntl(handed[0], F_GETFD) & FD_CLOEXEC) != 0);
    CHECK_NUMBER(goaway_server_dup_fd(host.server, 2), -1);
    CHECK_NUMBER(goaway_server_dup_fd(NULL, 0), -1);
    CHECK_STATUS(goaway_server_set_shared(NULL, 0, true), GOAWAY_ERR_NULL);
    CHECK_STATUS(goaway_server_set_shared(host.server, 2, true), GOAWAY_ERR_NOT_FOUND);
    CHECK_OK(goaway_server_set_shared(host.server, 0, false));
    CHECK_OK(goaway_server_set_shared(host.server, 0, true));
    struct client old = client_open(host.port);

    static struct host successor;
    host_new(&successor);
    for (size_t index = 0; index < COUNT(handed); index++) {
        char what[32];
        snprintf(what, sizeof what, "fd:%d", handed[index]);
        REQUIRE_OK(goaway_server_listen(successor.server, what));
        close(handed[index]);
    }
    CHECK_NUMBER(goaway_server_port(successor.server, 0), host.port);
    CHECK(strcmp(goaway_server_address(successor.server, 1), address) == 0);
    // It was not started: clients that arrive while the old one closes wait for it.
    CHECK_OK(goaway_server_close(host.server, 60000, NULL, NULL));
    CHECK_NUMBER(client_read_out(&old), 0);
    CHECK_OK(goaway_server_wait(host.server, GOAWAY_FOREVER));
    CHECK_NUMBER(goaway_server_dup_fd(host.server, 0), -1);
    CHECK_STATUS(goaway_server_set_shared(host.server, 0, false), GOAWAY_ERR_STATE);
    CHECK(exists(path));
    struct client waiting[2] = {client_connect(host.port), client_connect_unix(path, strlen(path))};
    goaway_server_free(host.server);
    CHECK(exists(path));
    REQUIRE_OK(goaway_server_start(successor.server));
    for (size_t index = 0; index < COUNT(waiting); index++) {
        REQUIRE(waiting[index].socket >= 0);
        client_greet(&waiting[index]);
        host_serves(&successor, &waiting[index]);
        client_close(&waiting[index]);
    }
    client_close(&old);
    host_end(&successor);
    // The successor has not created the file, and leaves it. The next server takes it
    // over.
    CHECK(exists(path));
    close(listen_on(address));
    unlink(path);
    rmdir(folder);
}

// Puts listening sockets at the descriptors that the service manager uses.
static void pass(int first, int second) {
    REQUIRE(fcntl(3, F_GETFD) < 0 || first == 3);
    if (first != 3) {
        REQUIRE(dup2(first, 3) == 3);
        close(first);
    }
    if (second != 4) {
        REQUIRE(dup2(second, 4) == 4);
        close(second);
    }
}

static void set(const char *count, int pid, const char *names) {
    char number[16];
    snprintf(number, sizeof number, "%d", pid);
    setenv("LISTEN_FDS", count, 1);
    setenv("LISTEN_PID", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
}

static void refused(const char *what, const char *why) {
    about("%s: %s", what, why);
    goaway_server *server = goaway_server_new();
    CHECK_STATUS(goaway_server_listen(server, what), GOAWAY_ERR_ADDRESS);
    CHECK(strstr(goaway_last_error(), why) != NULL);
    CHECK(goaway_server_address(server, 0) == NULL);
    goaway_server_free(server);
}

static void the_service_managers_sockets_serve(void) {
    make_folder();
    int plain = socket(AF_INET, SOCK_STREAM, 0);
    unsetenv("LISTEN_FDS");
    refused("systemd:", "LISTEN_FDS is not set");
    int first = listen_on("127.0.0.1:0"), second = listen_on(address);
    // They are closed here, and are at 3 and 4 from then on.
    int moved[2] = {fcntl(first, F_DUPFD, 100), fcntl(second, F_DUPFD, 100)}, parked = fcntl(plain, F_DUPFD, 100);
    close(first), close(second), close(plain);
    pass(moved[0], moved[1]);
    set("2", (int)getpid() + 1, "web:local");
    refused("systemd:", "and this is");
    set("2", (int)getpid(), "web:local");
    refused("systemd:admin", "no socket of the name");

    host_new(&host);
    REQUIRE_OK(goaway_server_listen(host.server, "systemd:local"));
    CHECK(strcmp(goaway_server_address(host.server, 0), address) == 0);
    REQUIRE_OK(goaway_server_listen(host.server, "systemd:"));
    CHECK(goaway_server_port(host.server, 1) != 0);
    CHECK(strcmp(goaway_server_address(host.server, 2), address) == 0);
    CHECK(strcmp(getenv("LISTEN_FDS"), "2") == 0);
    REQUIRE_OK(goaway_server_start(host.server));
    host.port = goaway_server_port(host.server, 1);
    struct client client = client_open(host.port);
    host_serves(&host, &client);
    client_close(&client);
    client = open_unix(path, strlen(path));
    host_serves(&host, &client);
    client_close(&client);
    host_end(&host);
    // They belong to the service manager: the next instance gets the clients that arrive
    // meanwhile.
    client = client_connect(host.port);
    CHECK(client.socket >= 0 && exists(path));
    client_close(&client);

    dup2(parked, 4);
    refused("systemd:", "descriptor 4 does not listen");
    close(4);
    refused("systemd:local", "not open");
    unlink(path);
    rmdir(folder);
}

static atomic_bool keeps_files;

// Replaces the function of the C library, for the library, too.
int unlink(const char *name) {
    if (atomic_load(&keeps_files)) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_unlinkat, AT_FDCWD, name, 0);
}

static atomic_uint told;

static void on_log(uint32_t level, const char *target, const char *message, void *user_data) {
    (void)level, (void)target, (void)user_data;
    if (strstr(message, "stays behind") != NULL) {
        // Calls that examine the socket while it is removed.
        CHECK(goaway_server_dup_fd(host.server, 0) == -1);
        CHECK(goaway_server_set_shared(host.server, 0, true) != GOAWAY_OK);
        CHECK(!goaway_server_is_ready(host.server));
        atomic_fetch_add(&told, 1);
    }
}

static void the_log_of_a_file_that_stays_behind_may_ask_for_its_socket(void) {
    make_folder();
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_WARN, on_log, NULL));
    host_new(&host);
    REQUIRE_OK(goaway_server_listen(host.server, address));
    REQUIRE_OK(goaway_server_start(host.server));
    atomic_store(&keeps_files, true);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_OK(goaway_server_wait(host.server, (uint32_t)patience_ms(SOON_MS)));
    CHECK_NUMBER(told, 1);
    goaway_server_free(host.server);
    atomic_store(&keeps_files, false);
    CHECK(unlink(path) == 0);

    // The same for a server that was never started.
    host_new(&host);
    REQUIRE_OK(goaway_server_listen(host.server, address));
    atomic_store(&keeps_files, true);
    CHECK_OK(goaway_server_close(host.server, 0, NULL, NULL));
    CHECK_NUMBER(told, 2);
    goaway_server_free(host.server);
    atomic_store(&keeps_files, false);
    CHECK(unlink(path) == 0);
    rmdir(folder);
}

int main(int argc, char **argv) {
    static const struct check_case cases[] = {
        CASE(a_unix_socket_serves),
        CASE(a_name_without_a_file_serves),
        CASE(its_sessions_drain),
        CASE(nothing_stays_of_what_never_started),
        CASE(what_is_handed_over_goes_on),
        CASE(the_service_managers_sockets_serve),
        CASE_WITH_LOG(the_log_of_a_file_that_stays_behind_may_ask_for_its_socket),
    };
    return check_main(cases, COUNT(cases), 1, argc, argv);
}
