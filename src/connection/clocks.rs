//! The time limits of one session: what its peer must do until when.
//!
//! The clocks have no socket and no timer. The task shows them the state of the session
//! ([`Seen`]) and asks what is due.

use std::time::{Duration, Instant};

use crate::config::Config;

/// The state of a session, as far as time limits depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// The peer's SETTINGS, and its acknowledgement of ours, have been received.
    pub is_settled: bool,
    /// The protocol has no PING.
    pub cannot_ask: bool,
    /// The session drains: the deadline of the drain replaces the limits on idleness and
    /// age.
    pub drains: bool,
    pub streams: usize,
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Output waits for the kernel.
    pub has_unsent: bool,
    /// A header block or a control frame has begun and is incomplete.
    pub is_mid_block: bool,
    /// How many frames were complete.
    pub frames_in: u64,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The connection has not begun to speak the protocol in time.
    Handshake,
    /// A block that has begun was not completed in time.
    HeaderBlock,
    /// The session was idle for too long.
    Idle,
    /// A PING has to be sent, to see whether the peer is there.
    Ask,
    /// The peer has not acknowledged the PING.
    Dead,
    /// The session has reached its greatest age.
    Age,
    /// The session has served the most requests.
    Requests,
    /// The peer accepts no output.
    Stuck,
    /// The clocks of each stream have to be examined.
    Streams,
}

pub struct Clocks {
    began: Instant,
    /// The configured age, varied at random for this session.
    max_age: Duration,
    seen: View,
    /// The last time at which there was an open stream.
    used: Instant,
    /// The time of the last received byte.
    heard: Instant,
    asked: Option<Instant>,
    /// Since when the current block is incomplete.
    block: Option<Instant>,
    /// Since when output waits and none has left.
    stuck: Option<Instant>,
    look: Option<Instant>,
}

impl Clocks {
    /// `chance` is a random number, which varies the age.
    pub fn new(config: &Config, now: Instant, chance: u64) -> Self {
        let jitter = match config.age_jitter.as_millis() as u64 {
            0 => Duration::ZERO,
            most => Duration::from_millis(chance % (most + 1)),
        };
        Self {
            began: now,
            max_age: if config.max_age.is_zero() { Duration::ZERO } else { config.max_age + jitter },
            seen: View::default(),
            used: now,
            heard: now,
            asked: None,
            block: None,
            stuck: None,
            look: None,
        }
    }

    /// Takes note of the state of the session.
    pub fn see(&mut self, config: &Config, now: Instant, view: View) {
        let before = std::mem::replace(&mut self.seen, view);
        if view.streams > 0 || before.streams > 0 || view.requests != before.requests {
            self.used = now;
        }
        if view.bytes_in != before.bytes_in {
            (self.heard, self.asked) = (now, None);
        }
        let same_block = view.frames_in == before.frames_in;
        self.block = view.is_mid_block.then(|| self.block.filter(|_| same_block).unwrap_or(now));
        let same_bytes = view.bytes_out == before.bytes_out;
        self.stuck = view.has_unsent.then(|| self.stuck.filter(|_| same_bytes).unwrap_or(now));
        self.look = match view.streams {
            0 => None,
            _ => self.look.or_else(|| round(config).map(|period| now + period)),
        };
    }

    /// What is due at `now`. The caller repeats the call until the result is `None`.
    pub fn due(&mut self, config: &Config, now: Instant) -> Option<Due> {
        let is_past = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if is_past(self.handshake_at(config)) {
            return Some(Due::Handshake);
        }
        if is_past(after(self.block, config.header_block)) {
            return Some(Due::HeaderBlock);
        }
        if is_past(after(self.stuck, config.progress)) {
            return Some(Due::Stuck);
        }
        if is_past(self.look) {
            self.look = None;
            return Some(Due::Streams);
        }
        if self.seen.drains {
            return None;
        }
        if is_past(self.dead_at(config)) {
            return Some(Due::Dead);
        }
        if is_past(self.ask_at(config)) {
            self.asked = Some(now);
            return Some(Due::Ask);
        }
        if is_past(self.idle_at(config)) {
            return Some(Due::Idle);
        }
        if is_past(after(Some(self.began), self.max_age)) {
            return Some(Due::Age);
        }
        (config.max_requests > 0 && self.seen.requests >= config.max_requests).then_some(Due::Requests)
    }

    /// The next time at which something may be due if the state does not change.
    pub fn next(&self, config: &Config) -> Option<Instant> {
        let always = earlier(self.handshake_at(config), after(self.block, config.header_block));
        let always = earlier(always, earlier(after(self.stuck, config.progress), self.look));
        if self.seen.drains {
            return always;
        }
        let peer = earlier(self.dead_at(config), self.ask_at(config));
        let session = earlier(self.idle_at(config), after(Some(self.began), self.max_age));
        earlier(always, earlier(peer, session))
    }

    fn handshake_at(&self, config: &Config) -> Option<Instant> {
        let may_settle = !self.seen.is_settled && !self.seen.drains;
        after(Some(self.began).filter(|_| may_settle), config.handshake)
    }

    fn idle_at(&self, config: &Config) -> Option<Instant> {
        let is_idle = self.seen.is_settled && self.seen.streams == 0;
        after(Some(self.used).filter(|_| is_idle), config.idle)
    }

    fn ask_at(&self, config: &Config) -> Option<Instant> {
        let can_ask = self.seen.is_settled && !self.seen.cannot_ask && self.asked.is_none();
        after(Some(self.heard).filter(|_| can_ask), config.keepalive)
    }

    fn dead_at(&self, config: &Config) -> Option<Instant> {
        after(self.asked, config.keepalive_timeout)
    }
}

/// The earlier of two times, of which each may be missing.
pub fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// How often the clocks of streams are examined: each limit is kept with an error of at
/// most a quarter.
fn round(config: &Config) -> Option<Duration> {
    let limits = [config.progress, config.stream_idle].into_iter().filter(|limit| !limit.is_zero());
    limits.min().map(|limit| limit / 4)
}

/// The time `limit` after `since`. A limit of zero is no limit.
fn after(since: Option<Instant>, limit: Duration) -> Option<Instant> {
    since.filter(|_| !limit.is_zero()).map(|since| since + limit)
}

/// The clocks of one stream. They start when the stream is examined first.
pub struct StreamTimer {
    /// How many bytes had passed in both directions, and since when that number is
    /// unchanged.
    bytes: u64,
    still: Instant,
    /// How many bytes had passed when the current period of the minimum rate began.
    mark: u64,
    marked: Instant,
}

/// Which limit a stream has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    TooSlow,
    Idle,
}

impl StreamTimer {
    pub fn new(now: Instant, bytes: u64) -> Self {
        Self { bytes, still: now, mark: bytes, marked: now }
    }

    /// `bytes` have passed. `owes`: whether the peer must send or accept more.
    pub fn look(&mut self, config: &Config, idle: Duration, now: Instant, bytes: u64, owes: bool) -> Option<Violation> {
        if bytes != self.bytes {
            (self.bytes, self.still) = (bytes, now);
        }
        if !owes || bytes - self.mark >= config.progress_bytes {
            (self.mark, self.marked) = (bytes, now);
        }
        if !config.progress.is_zero() && now >= self.marked + config.progress {
            return Some(Violation::TooSlow);
        }
        (!idle.is_zero() && now >= self.still + idle).then_some(Violation::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn settled() -> View {
        View { is_settled: true, frames_in: 2, ..View::default() }
    }

    /// Everything that is due until `end` with its second, if the state does not change.
    fn run(config: &Config, view: View, end: u32) -> Vec<(u64, Due)> {
        let start = Instant::now();
        let mut clocks = Clocks::new(config, start, 7);
        clocks.see(config, start, view);
        let (mut now, mut all) = (start, Vec::new());
        while let Some(next) = clocks.next(config).filter(|next| *next <= start + end * SECOND) {
            now = now.max(next);
            while let Some(due) = clocks.due(config, now) {
                all.push(((now - start).as_secs(), due));
                if !matches!(due, Due::Ask | Due::Streams) {
                    return all;
                }
                clocks.see(config, now, view);
            }
        }
        all
    }

    #[test]
    fn of_two_times_the_earlier_counts() {
        let (now, later) = (Instant::now(), Instant::now() + SECOND);
        assert_eq!(earlier(Some(now), Some(later)), Some(now));
        assert_eq!(earlier(Some(later), Some(now)), Some(now));
        assert_eq!((earlier(None, Some(now)), earlier(Some(now), None)), (Some(now), Some(now)));
        assert_eq!(earlier(None, None), None);
    }

    #[test]
    fn a_silent_connection_has_ten_seconds() {
        assert_eq!(run(&Config::default(), View::default(), 100), [(10, Due::Handshake)]);
    }

    #[test]
    fn an_idle_session_is_asked_and_its_silence_is_its_end() {
        assert_eq!(run(&Config::default(), settled(), 100), [(30, Due::Ask), (50, Due::Dead)]);
        let config = Config { keepalive: Duration::ZERO, ..Config::default() };
        assert_eq!(run(&config, settled(), 100), [(60, Due::Idle)]);
    }

    #[test]
    fn pings_keep_a_session_alive_but_not_in_use() {
        let (config, start) = (Config::default(), Instant::now());
        let mut clocks = Clocks::new(&config, start, 0);
        for second in 0..60 {
            let view = View { bytes_in: u64::from(second) * 17, ..settled() };
            clocks.see(&config, start + second * SECOND, view);
            assert_eq!(clocks.due(&config, start + second * SECOND), None, "second {second}");
        }
        assert_eq!(clocks.due(&config, start + 60 * SECOND), Some(Due::Idle));
    }

    #[test]
    fn an_open_stream_is_use() {
        let config = Config { keepalive: Duration::ZERO, stream_idle: Duration::ZERO, ..Config::default() };
        let view = View { streams: 1, requests: 1, ..settled() };
        assert!(run(&config, view, 600).iter().all(|(_, due)| *due == Due::Streams));
    }

    #[test]
    fn half_a_header_block_has_ten_seconds_and_dripping_does_not_help() {
        let (config, start) = (Config::default(), Instant::now());
        let mut clocks = Clocks::new(&config, start, 0);
        for second in 0..10 {
            let view = View { is_mid_block: true, bytes_in: u64::from(second), ..settled() };
            clocks.see(&config, start + second * SECOND, view);
            assert_eq!(clocks.due(&config, start + second * SECOND), None);
        }
        assert_eq!(clocks.due(&config, start + 10 * SECOND), Some(Due::HeaderBlock));
    }

    #[test]
    fn blocks_one_after_another_are_no_long_block() {
        let (config, start) = (Config::default(), Instant::now());
        let mut clocks = Clocks::new(&config, start, 0);
        for second in 0..100 {
            let view = View { is_mid_block: true, frames_in: u64::from(second), bytes_in: 1, ..settled() };
            clocks.see(&config, start + second * SECOND, view);
            assert_ne!(clocks.due(&config, start + second * SECOND), Some(Due::HeaderBlock));
        }
    }

    #[test]
    fn a_peer_that_takes_nothing_is_stuck() {
        let view = View { has_unsent: true, ..settled() };
        assert_eq!(run(&Config { keepalive: Duration::ZERO, ..Config::default() }, view, 100), [(30, Due::Stuck)]);
    }

    #[test]
    fn age_has_its_jitter() {
        let config = Config {
            max_age: 100 * SECOND,
            age_jitter: 4 * SECOND,
            keepalive: Duration::ZERO,
            idle: Duration::ZERO,
            ..Config::default()
        };
        let ages: Vec<_> = [0, 3999, 4000, 4001]
            .into_iter()
            .map(|chance| (Clocks::new(&config, Instant::now(), chance).max_age - config.max_age).as_millis())
            .collect();
        assert_eq!(ages, [0, 3999, 4000, 0]);
        assert_eq!(run(&config, settled(), 200), [(100, Due::Age)]);
    }

    #[test]
    fn a_connection_ends_after_the_most_requests() {
        let config = Config { max_requests: 3, ..Config::default() };
        let mut clocks = Clocks::new(&config, Instant::now(), 0);
        clocks.see(&config, Instant::now(), View { requests: 2, streams: 1, ..settled() });
        assert_eq!(clocks.due(&config, Instant::now()), None);
        clocks.see(&config, Instant::now(), View { requests: 3, streams: 1, ..settled() });
        assert_eq!(clocks.due(&config, Instant::now()), Some(Due::Requests));
        clocks.see(&config, Instant::now(), View { requests: 3, streams: 1, drains: true, ..settled() });
        assert_eq!(clocks.due(&config, Instant::now()), None, "it drains already");
    }

    #[test]
    fn a_stream_must_go_on() {
        let (config, start) = (Config::default(), Instant::now());
        let mut watch = StreamTimer::new(start, 0);
        let mut look =
            |second: u32, bytes, owes| watch.look(&config, config.stream_idle, start + second * SECOND, bytes, owes);
        assert_eq!(look(10, 10_000, true), None);
        assert_eq!(look(29, 16_384, true), None, "the least that is enough");
        assert_eq!(look(58, 16_384, true), None);
        assert_eq!(look(59, 20_000, true), Some(Violation::TooSlow));
        assert_eq!(look(60, 20_000, false), None, "nothing waits for the peer");
        assert_eq!(look(358, 20_000, false), None);
        assert_eq!(look(360, 20_000, false), Some(Violation::Idle));
    }
}
