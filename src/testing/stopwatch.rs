//! Measures short durations.

use std::time::Instant;

/// So few repetitions that most measurements end before the thread is preempted.
const ROUNDS: u32 = 500;

/// The time of one execution, at best: other threads disturb measurements.
pub fn nanoseconds(mut once: impl FnMut()) -> f64 {
    let measure = |_| {
        let began = Instant::now();
        (0..ROUNDS).for_each(|_| once());
        began.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    };
    (0..1000).map(measure).fold(f64::MAX, f64::min)
}
