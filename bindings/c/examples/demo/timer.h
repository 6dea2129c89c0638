// A thread that runs small tasks later, so that no thread of the library has to
// wait. It is also an example of responding from another thread.

#ifndef DEMO_TIMER_H
#define DEMO_TIMER_H

#include <goaway.h>
#include <pthread.h>

struct task;

// Runs a task. Returns true to run it again after `every_ms`.
typedef bool task_work(struct task *task);

// The state of a response between two steps. It holds the id of the request and no
// pointer: if the request is gone, the next call on it returns an error.
struct task {
    task_work *work;
    goaway_request request;
    uint32_t every_ms;
    // The number of steps left; the task counts them down.
    uint32_t left;
    // When the next step is due, on the clock of the timer.
    uint64_t due_ms;
};

struct timer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // A binary heap: the task that is due first is at index 0.
    struct task *tasks;
    size_t len;
    size_t capacity;
    bool stopping;
};

// The clock of the timer. It is monotonic.
uint64_t timer_now_ms(void);

// Starts the thread. Returns false if it cannot be created.
bool timer_start(struct timer *timer);

// Schedules the task in `delay_ms`. Returns false if memory runs out.
bool timer_add(struct timer *timer, struct task task, uint32_t delay_ms);

// Stops the thread. Tasks that are not due yet are dropped.
void timer_stop(struct timer *timer);

#endif
