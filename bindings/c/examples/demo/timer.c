#include "timer.h"

#include <stdlib.h>
#include <time.h>

uint64_t timer_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void swap(struct task *one, struct task *other) {
    struct task kept = *one;
    *one = *other;
    *other = kept;
}

// Makes room for one more task, in addition to the place that is reserved for the
// running task. The lock is held.
static bool make_room(struct timer *timer) {
    if (timer->len + 2 > timer->capacity) {
        size_t capacity = timer->capacity > 0 ? 2 * timer->capacity : 64;
        struct task *tasks = realloc(timer->tasks, capacity * sizeof *tasks);
        if (tasks == NULL) {
            return false;
        }
        timer->tasks = tasks;
        timer->capacity = capacity;
    }
    return true;
}

// Inserts a task into the heap, which has room. The lock is held.
static void push(struct timer *timer, struct task task) {
    struct task *tasks = timer->tasks;
    size_t at = timer->len++;
    tasks[at] = task;
    while (at > 0 && tasks[(at - 1) / 2].due_ms > tasks[at].due_ms) {
        swap(&tasks[(at - 1) / 2], &tasks[at]);
        at = (at - 1) / 2;
    }
}

// Removes the task that is due first from the heap. The lock is held.
static struct task pop(struct timer *timer) {
    struct task *tasks = timer->tasks;
    struct task first = tasks[0];
    tasks[0] = tasks[--timer->len];
    for (size_t at = 0;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < timer->len; child++) {
            if (tasks[child].due_ms < tasks[least].due_ms) {
                least = child;
            }
        }
        if (least == at) {
            return first;
        }
        swap(&tasks[least], &tasks[at]);
        at = least;
    }
}

// Waits until the first task is due or the heap changes. The lock is held.
static void wait_for_change(struct timer *timer) {
    if (timer->len == 0) {
        pthread_cond_wait(&timer->changed, &timer->lock);
        return;
    }
    uint64_t due_ms = timer->tasks[0].due_ms;
    struct timespec due = {.tv_sec = (time_t)(due_ms / 1000), .tv_nsec = (long)(due_ms % 1000) * 1000000};
    pthread_cond_timedwait(&timer->changed, &timer->lock, &due);
}

static void *run(void *data) {
    struct timer *timer = data;
    pthread_mutex_lock(&timer->lock);
    while (!timer->stopping) {
        if (timer->len == 0 || timer->tasks[0].due_ms > timer_now_ms()) {
            wait_for_change(timer);
            continue;
        }
        struct task task = pop(timer);
        // The lock is not held during calls of the library.
        pthread_mutex_unlock(&timer->lock);
        bool again = task.work(&task);
        pthread_mutex_lock(&timer->lock);
        if (again) {
            task.due_ms += task.every_ms;
            push(timer, task);
        }
    }
    pthread_mutex_unlock(&timer->lock);
    return NULL;
}

bool timer_start(struct timer *timer) {
    *timer = (struct timer){0};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    // The monotonic clock: a change of the system time must not shift the steps.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&timer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&timer->lock, NULL);
    return pthread_create(&timer->thread, NULL, run, timer) == 0;
}

bool timer_add(struct timer *timer, struct task task, uint32_t delay_ms) {
    task.due_ms = timer_now_ms() + delay_ms;
    pthread_mutex_lock(&timer->lock);
    bool has_room = make_room(timer);
    if (has_room) {
        push(timer, task);
        pthread_cond_signal(&timer->changed);
    }
    pthread_mutex_unlock(&timer->lock);
    return has_room;
}

void timer_stop(struct timer *timer) {
    pthread_mutex_lock(&timer->lock);
    timer->stopping = true;
    pthread_cond_signal(&timer->changed);
    pthread_mutex_unlock(&timer->lock);
    pthread_join(timer->thread, NULL);
    pthread_cond_destroy(&timer->changed);
    pthread_mutex_destroy(&timer->lock);
    free(timer->tasks);
}
