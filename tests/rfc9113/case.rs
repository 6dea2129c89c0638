//! A case: the input, the expected outcome, and how it is run.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::ALL;
use crate::kit::demo::Demo;
use crate::kit::{End, PATIENCE, Response, Transcript};
use crate::session::Session;

/// A possible outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A connection error (section 5.4.1), or the end of the connection without one:
    /// GOAWAY with this code, and FIN.
    Goaway(u32),
    /// The connection ends without GOAWAY, where section 3.4 allows that.
    Closed,
    /// A stream error (section 5.4.2): RST_STREAM with this code, and the connection
    /// continues.
    Reset(u32),
    /// The response is complete and has this status, and the connection continues.
    Status(u16),
    /// There is no reaction, and the connection continues.
    Ignored,
}

pub struct Case {
    /// The section with the rule, of RFC 9113 unless another RFC is named.
    pub section: &'static str,
    /// A name that is unique together with the section.
    pub what: &'static str,
    /// Each of these outcomes is correct.
    wants: &'static [Outcome],
    begins: Begins,
    /// Sends the input. Returns the stream of the outcome; 0 for the connection.
    act: fn(&mut Session) -> u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// The SETTINGS of both sides are acknowledged, and an echo is in progress.
    Settled,
    /// No byte was sent.
    Connected,
}

/// A case on an established session with an echo in progress.
pub const fn case(
    section: &'static str,
    what: &'static str,
    wants: &'static [Outcome],
    act: fn(&mut Session) -> u32,
) -> Case {
    Case { section, what, wants, begins: Begins::Settled, act }
}

/// A case on a connection on which no byte was sent.
pub const fn at_the_beginning(
    section: &'static str,
    what: &'static str,
    wants: &'static [Outcome],
    act: fn(&mut Session) -> u32,
) -> Case {
    Case { section, what, wants, begins: Begins::Connected, act }
}

/// Runs the cases over cleartext and over TLS at the same time, and reports all failures
/// together.
#[track_caller]
pub fn check(cases: &[Case]) {
    let wrong: Vec<String> = thread::scope(|scope| {
        // They wait more than they compute.
        let parts = cases.chunks(16).flat_map(|part| [(false, part), (true, part)]);
        let runs: Vec<_> = parts.map(|(tls, half)| scope.spawn(move || wrong_over(tls, half))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("a run catches what its cases panic with")).collect()
    });
    assert!(wrong.is_empty(), "{} of {} cases are wrong:\n{}", wrong.len(), 2 * cases.len(), wrong.join("\n"));
}

fn wrong_over(tls: bool, cases: &[Case]) -> Vec<String> {
    let mut wrong = Vec::new();
    for case in cases {
        let name = format!("{}, {}{}", case.section, case.what, if tls { ", over TLS" } else { "" });
        if let Err(message) = run(case, tls) {
            wrong.push(format!("--- {name}: {message}"));
        }
    }
    wrong
}

fn run(case: &Case, tls: bool) -> Result<(), String> {
    let ran = catch_unwind(AssertUnwindSafe(|| {
        let mut session = match case.begins {
            Begins::Settled => Session::open(server(tls), tls, PATIENCE),
            Begins::Connected => Session::connect(server(tls), tls, PATIENCE),
        };
        let stream = (case.act)(&mut session);
        let outcome = session.outcome(stream, case.wants.contains(&Outcome::Ignored));
        let fits = case.wants.contains(&outcome);
        session.check(fits, &format!("{outcome:?}, not {:?}", case.wants));
        match outcome {
            Outcome::Goaway(_) | Outcome::Closed => session.expect_end(),
            _ => session.expect_health(),
        }
    }));
    ran.map_err(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "not a text".to_string()))
}

impl Session {
    /// The outcome of `stream`, or of the connection if it is 0. `may_be_ignored`: there
    /// may be no reaction.
    #[track_caller]
    fn outcome(&mut self, stream: u32, may_be_ignored: bool) -> Outcome {
        let has_ended = |transcript: &Transcript| !transcript.goaways().is_empty() || transcript.end.is_some();
        let patience = self.patience;
        if may_be_ignored {
            // Twice, to see also what follows the first acknowledgement.
            self.ping_or_end(*b"barrier1");
            self.ping_or_end(*b"barrier2");
        } else {
            let is_over = |transcript: &Transcript| stream > 0 && transcript.is_over(stream);
            self.read_until(patience, |transcript| has_ended(transcript) || is_over(transcript));
        }
        if let Some(goaway) = self.transcript.goaways().last() {
            return Outcome::Goaway(goaway.code);
        }
        if self.transcript.end.is_some() {
            return Outcome::Closed;
        }
        if self.transcript.is_complete(stream) {
            return Outcome::Status(Response::gather(&self.transcript, stream).status);
        }
        match self.transcript.reset_of(stream) {
            Some((_, code)) => Outcome::Reset(code),
            None if may_be_ignored => Outcome::Ignored,
            None => self.fail("nothing comes of it"),
        }
    }

    /// Asserts that a GOAWAY names no stream that the client has not opened, that nothing
    /// follows it, and that the connection ends with a FIN.
    #[track_caller]
    fn expect_end(&mut self) {
        self.read_until(PATIENCE, |transcript| transcript.end.is_some());
        let end = self.transcript.end.map(|(_, end)| end);
        self.check(end == Some(End::Fin), &format!("the connection ends with {end:?}, not a FIN"));
        let breach = self.transcript.breach();
        self.check(breach.is_none(), &format!("{breach:?}"));
        self.finish_writing();
    }

    /// Asserts that the echo is complete, that the next request is served, and that no
    /// GOAWAY arrives.
    #[track_caller]
    fn expect_health(&mut self) {
        self.finish_echo();
        let stream = self.ask("/");
        let response = self.response(stream);
        self.expect_hello(&response);
        let breach = self.transcript.breach();
        self.check(breach.is_none(), &format!("{breach:?}"));
        self.check(self.transcript.goaways().is_empty(), "a GOAWAY on a connection that goes on");
    }
}

/// The process under test. A thread of its own starts it, because the kernel ends it with
/// that thread.
pub fn server(tls: bool) -> &'static Demo {
    static SERVERS: [OnceLock<Demo>; 2] = [OnceLock::new(), OnceLock::new()];
    SERVERS[usize::from(tls)].get_or_init(|| {
        let (started, starting) = mpsc::channel();
        thread::spawn(move || {
            started.send(Demo::start_over(tls, Duration::from_secs(1))).expect("somebody waits");
            loop {
                thread::park();
            }
        });
        starting.recv().expect("the demo starts")
    })
}

#[test]
fn each_case_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for case in ALL.into_iter().flatten() {
        assert!(names.insert((case.section, case.what)), "twice: {}, {}", case.section, case.what);
    }
}
