//! A case: what is sent and what must come of it, and how it is run.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::ALL;
use crate::kit::demo::Demo;
use crate::kit::{End, PATIENCE, Response, Transcript};
use crate::session::Session;

/// How a case may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A connection error (section 5.4.1), or the end of the connection without
    /// one: GOAWAY with this code, and FIN.
    Goaway(u32),
    /// The connection ends with no GOAWAY, where section 3.4 allows it.
    Closed,
    /// A stream error (section 5.4.2): RST_STREAM with this code, and the
    /// connection goes on.
    Reset(u32),
    /// The response is complete and has this status, and the connection goes on.
    Status(u16),
    /// Nothing comes of it, and the connection goes on.
    Ignored,
}

pub struct Case {
    /// The section that states the rule; of RFC 9113 where no other is named.
    pub section: &'static str,
    /// Unique, together with the section.
    pub what: &'static str,
    /// Any of these is right.
    wants: &'static [Outcome],
    begins: Begins,
    /// Gives the stream that the outcome is about; 0 for the connection.
    act: fn(&mut Session) -> u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// Both sides' SETTINGS are acknowledged, and an echo is under way.
    Settled,
    /// No byte has been sent.
    Connected,
}

/// On a settled session with an echo under way.
pub const fn case(
    section: &'static str,
    what: &'static str,
    wants: &'static [Outcome],
    act: fn(&mut Session) -> u32,
) -> Case {
    Case { section, what, wants, begins: Begins::Settled, act }
}

/// On a connection on which not a byte has been sent.
pub const fn at_the_beginning(
    section: &'static str,
    what: &'static str,
    wants: &'static [Outcome],
    act: fn(&mut Session) -> u32,
) -> Case {
    Case { section, what, wants, begins: Begins::Connected, act }
}

/// Runs the cases over cleartext and over TLS, side by side, and fails with all that
/// did not hold.
#[track_caller]
pub fn check(cases: &[Case]) {
    let wrong: Vec<String> = thread::scope(|scope| {
        // They wait more than they work.
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
    /// What has come of `stream`, or of the connection if it is 0. `may_be_ignored`:
    /// nothing need come.
    #[track_caller]
    fn outcome(&mut self, stream: u32, may_be_ignored: bool) -> Outcome {
        let has_ended = |transcript: &Transcript| !transcript.goaways().is_empty() || transcript.end.is_some();
        let patience = self.patience;
        if may_be_ignored {
            // Twice, so that what is sent behind the first answer is seen as well.
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

    /// GOAWAY, if there was one, names no stream that we have not opened, nothing
    /// follows it, and the connection ends with a FIN.
    #[track_caller]
    fn expect_end(&mut self) {
        self.read_until(PATIENCE, |transcript| transcript.end.is_some());
        let end = self.transcript.end.map(|(_, end)| end);
        self.check(end == Some(End::Fin), &format!("the connection ends with {end:?}, not a FIN"));
        let breach = self.transcript.breach();
        self.check(breach.is_none(), &format!("{breach:?}"));
        self.finish_writing();
    }

    /// The echo comes back whole, the next request is served, and no word of
    /// leaving comes.
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

/// The process under test. A thread of its own starts it, since the kernel ends it
/// with the thread.
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
