//! How long something takes.

use std::time::Instant;

/// So few that most measurements end before the thread has to wait.
const ROUNDS: u32 = 500;

/// What it takes to do something once, at best: other threads disturb.
pub fn nanoseconds(mut once: impl FnMut()) -> f64 {
    let measure = |_| {
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| once());
        began.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    (0..1000).map(measure).fold(f64::MAX, f64::min)
}
