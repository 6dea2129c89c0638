// A thread that does small things later, so that none of the library's
// threads has to wait. It is also an example of answering from another thread.

#ifndef DEMO_TIMER_H
#define DEMO_TIMER_H

#include <goaway.h>
#include <pthread.h>

struct task;

// Does a task's work. True if it is to be done again after `every_ms`.
typedef bool task_work(struct task *task);

// All that is kept of an answer between two steps. It holds the request's id
// and no pointer: if the request is gone, the next call on it says so.
struct task {
    task_work *work;
    goaway_request request;
    uint32_t every_ms;
    // How many steps are left, for the work to count.
    uint32_t left;
    // When the next step is due, on the timer's clock.
    uint64_t due_ms;
};

struct timer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    // A binary heap: the task that is due first stands first.
    struct task *tasks;
    size_t len;
    size_t capacity;
    bool stopping;
};

// The timer's clock, which never goes back.
uint64_t timer_now_ms(void);

// Starts the thread. False if the system gives none.
bool timer_start(struct timer *timer);

// Has the task's work done in `delay_ms`. False if there is no memory.
bool timer_add(struct timer *timer, struct task task, uint32_t delay_ms);

// Ends the thread; tasks that are not due yet are dropped.
void timer_stop(struct timer *timer);

#endif
