// The common parts of all programs of the suite: cases, each in a process of its own, and
// checks that report a failure and continue.
//
//   program           runs every case; a case that crashes or hangs does not affect others
//   program CASE      runs this case only, in this process, for a debugger
//
// CHECK_PATIENCE    the factor for all bounds, and the divisor for repetitions, under
//                   valgrind and sanitizers (1)

#ifndef CHECK_H
#define CHECK_H

#include <dirent.h>
#include <goaway.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

// How long a case may run before it counts as hung.
#define CASE_MS 20000
// How long to wait for events that must happen and have no bound of their own.
#define SOON_MS 10000

static atomic_int check_failures;
// What the following checks are about, such as the round of a loop.
static _Thread_local char check_about[160];

static inline void about(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check_about, sizeof check_about, format, arguments);
    va_end(arguments);
}

static inline void check_failed(const char *file, int line, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int number = atomic_fetch_add(&check_failures, 1);
    if (number < 40) {
        const char *open = check_about[0] == '\0' ? "" : " [";
        const char *close = check_about[0] == '\0' ? "" : "]";
        fprintf(stderr, "%s:%d: %s%s%s%s\n", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line, text, open,
                check_about, close);
    } else if (number == 40) {
        fprintf(stderr, "and more\n");
    }
}

#ifndef CHECK_WITHOUT_LIBRARY
static inline bool check_status(goaway_status status, goaway_status expected, const char *call, const char *file,
                                int line) {
    if (status == expected) {
        return true;
    }
    const char *name = goaway_status_name(status);
    const char *text = status == GOAWAY_OK ? "" : goaway_last_error();
    check_failed(file, line, "%s is %s, not %s%s%s", call, name == NULL ? "no status" : name,
                 goaway_status_name(expected), text[0] == '\0' ? "" : ": ", text);
    return false;
}
#endif

static inline bool check_number(long long number, long long expected, const char *what, const char *file, int line) {
    if (number != expected) {
        check_failed(file, line, "%s is %lld, not %lld", what, number, expected);
    }
    return number == expected;
}

#define CHECK(condition) ((condition) ? true : (check_failed(__FILE__, __LINE__, "not so: %s", #condition), false))
#define CHECK_STATUS(call, expected) check_status((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_STATUS(call, GOAWAY_OK)
#define CHECK_NUMBER(number, expected) \
    check_number((long long)(number), (long long)(expected), #number, __FILE__, __LINE__)
// The rest of the case depends on it.
#define REQUIRE(condition)            \
    do {                              \
        if (!CHECK(condition)) {      \
            exit(EXIT_FAILURE);       \
        }                             \
    } while (0)
#define REQUIRE_OK(call)              \
    do {                              \
        if (!CHECK_OK(call)) {        \
            exit(EXIT_FAILURE);       \
        }                             \
    } while (0)
// Waits until the condition is true.
#define CHECK_SOON(condition)                                                         \
    do {                                                                              \
        uint64_t give_up = clock_ms() + patience_ms(SOON_MS);                         \
        bool came;                                                                    \
        while (!(came = (condition)) && clock_ms() < give_up) {                       \
            pause_ms(1);                                                              \
        }                                                                             \
        if (!came) {                                                                  \
            check_failed(__FILE__, __LINE__, "not so after a while: %s", #condition); \
        }                                                                             \
    } while (0)

static inline uint64_t clock_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline void pause_ms(uint64_t ms) {
    struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static inline uint64_t check_patience(void) {
    const char *factor = getenv("CHECK_PATIENCE");
    return factor == NULL ? 1 : strtoull(factor, NULL, 10);
}

static inline uint64_t patience_ms(uint64_t ms) {
    return ms * check_patience();
}

// How many repetitions of a deterministic case to run: fewer where everything is slow.
static inline int times(int count) {
    return count / (int)check_patience();
}

// The number of entries of a folder such as /proc/self/fd.
static inline int count_entries(const char *path) {
    DIR *folder = opendir(path);
    REQUIRE(folder != NULL);
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

// The number of threads that ThreadSanitizer has started.
static int check_foreign_threads;

static inline int count_threads(void) {
    return count_entries("/proc/self/task") - check_foreign_threads;
}

static inline int count_descriptors(void) {
    return count_entries("/proc/self/fd");
}

struct check_case {
    const char *name;
    void (*run)(void);
    // Whether the case uses the log itself.
    bool has_log;
};

#define CASE(function) {#function, function, false}
#define CASE_WITH_LOG(function) {#function, function, true}

#ifdef CHECK_WITHOUT_LIBRARY
static inline void check_errors(void) {
}
#else
static inline void check_on_log(uint32_t level, const char *target, const char *message, void *user_data) {
    (void)user_data;
    check_failed("log", (int)level, "%s: %s", target, message);
}

// A line that the library logs as an error, such as a caught panic, is a failure.
static inline void check_errors(void) {
    CHECK_OK(goaway_log_set_on_line(GOAWAY_LOG_ERROR, check_on_log, NULL));
}
#endif

#ifdef __SANITIZE_THREAD__
static inline void *check_nothing(void *data) {
    return data;
}

// ThreadSanitizer may start a thread with the first thread of the program. It is started
// here, so that it exists whenever threads are counted.
static inline void check_settle(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, check_nothing, NULL);
    pthread_join(thread, NULL);
    // It may be visible for a moment longer.
    pause_ms(50);
    // In addition to this folder there are `.` and `..`.
    check_foreign_threads = count_entries("/proc/self/task") - 3;
}
#else
static inline void check_settle(void) {
}
#endif

static inline void check_run(const struct check_case *tested) {
    check_settle();
    if (!tested->has_log) {
        check_errors();
    }
    tested->run();
}

// How a child has ended: its exit code, or a text that describes the failure.
static inline const char *check_outcome(pid_t child, uint64_t bound_ms, int *out_code) {
    static char text[64];
    uint64_t until = clock_ms() + patience_ms(bound_ms);
    int status = 0;
    pid_t ended = 0;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0 && clock_ms() < until) {
        pause_ms(1);
    }
    if (ended == 0) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        snprintf(text, sizeof text, "hangs: not over after %llu ms", (unsigned long long)patience_ms(bound_ms));
        return text;
    }
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof text, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
        return text;
    }
    *out_code = WEXITSTATUS(status);
    return NULL;
}

static inline pid_t check_begin(const struct check_case *tested) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        check_run(tested);
        exit(atomic_load(&check_failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    return child;
}

static inline bool check_end(const struct check_case *tested, pid_t child) {
    int code = 0;
    const char *wrong = check_outcome(child, CASE_MS, &code);
    if (wrong != NULL) {
        fprintf(stderr, "%s: %s\n", tested->name, wrong);
    } else if (code != 0) {
        fprintf(stderr, "%s: exit code %d\n", tested->name, code);
    }
    return wrong == NULL && code == 0;
}

// How many cases run at once. Under valgrind a case needs seconds of processor time: many
// cases on few processors would exceed limits of the library.
static inline size_t check_at_once(size_t wanted) {
    size_t most = 2 * (size_t)sysconf(_SC_NPROCESSORS_ONLN);
    return check_patience() > 1 && wanted > most ? most : wanted;
}

// Runs the cases, up to 16 of them `at_once`.
static inline int check_main(const struct check_case *cases, size_t count, size_t at_once, int argc, char **argv) {
    pid_t children[16];
    bool good = true;
    at_once = check_at_once(at_once);
    if (argc > 1) {
        for (size_t index = 0; index < count; index++) {
            if (strcmp(argv[1], cases[index].name) == 0) {
                check_run(&cases[index]);
                return atomic_load(&check_failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
            }
        }
        fprintf(stderr, "there is no case %s\n", argv[1]);
        return EXIT_FAILURE;
    }
    for (size_t first = 0; first < count; first += at_once) {
        for (size_t index = first; index < count && index < first + at_once; index++) {
            children[index - first] = check_begin(&cases[index]);
        }
        for (size_t index = first; index < count && index < first + at_once; index++) {
            good &= check_end(&cases[index], children[index - first]);
        }
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
