//! Repeated closes, closes of single sessions, and the report.

use std::time::Duration;

use crate::kit::{Client, Demo, code};
use crate::{LONG_DRAIN, SHORT_DRAIN};

/// Two handlers close the server at the same time, and a signal closes it again after the
/// end: two GOAWAYs for each session, a response for each caller, one report.
#[test]
fn scenario_20_close_from_handlers_and_after_the_end() {
    let path = format!("/close?drain_ms={}", LONG_DRAIN.as_millis());
    let mut demo = Demo::start(LONG_DRAIN);
    let mut callers = [demo.open(), demo.open()];
    let mut bystander = demo.open();
    let streams = callers.each_mut().map(|caller| caller.request("POST", &path));
    for (caller, stream) in callers.iter_mut().zip(streams) {
        let response = caller.response(stream);
        caller.expect_complete(&response);
        caller.check(response.status == 202, "not 202");
        caller.expect_graceful_close(stream);
    }
    bystander.expect_graceful_close(0);
    demo.terminate();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (3, 0, 0, 0), "{report:?}");
}

/// A second close with a shorter deadline shortens the drain, also from a handler, and
/// sends no further GOAWAYs.
#[test]
fn scenario_20_closing_again_shortens_the_deadline() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut hanging = demo.open();
    hanging.request("GET", "/hang");
    hanging.ping_and_wait(*b"taken in");
    let mut caller = demo.open();
    caller.behaviour.ack_ping = false;
    demo.terminate();
    caller.expect_first_goaway();
    let stream = caller.request("POST", "/close?drain_ms=500");
    let response = caller.response(stream);
    caller.check(response.status == 202, "not 202");
    caller.answer_pings();
    hanging.expect_first_goaway();
    hanging.expect_final_goaway(1);
    hanging.expect_rst_stream(1, code::CANCEL);
    hanging.expect_fin();
    hanging.expect_no_more_goaways();
    caller.expect_final_goaway(stream);
    caller.expect_fin();
    caller.expect_no_more_goaways();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (1, 0, 0, 1), "{report:?}");
}

/// A second signal during the drain forces: the open stream is reset at once, and the
/// deadline of 20 s does not apply any more.
#[test]
fn scenario_21_graceful_then_forced() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut client = demo.open();
    let stream = client.request("GET", "/hang");
    client.ping_and_wait(*b"taken in");
    demo.terminate();
    client.expect_first_goaway();
    client.expect_final_goaway(stream);
    client.read_for(Duration::from_millis(100));
    let untouched = !client.transcript.is_over(stream);
    client.check(untouched, "the stream ended before anybody forced");
    let forced = demo.terminate();
    let at = client.expect_rst_stream(stream, code::CANCEL);
    client.check_deadline("RST_STREAM", forced, Duration::ZERO, at);
    client.expect_fin();
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (0, 0, 0, 1), "{report:?}");
    assert_eq!(report.streams_reset, 1, "{report:?}");
}

/// One session of three is closed: its stream is completed while the list shows it as
/// draining, then it ends. The others are not affected, and new connections are accepted.
/// Its id is stale: 404, never a crash nor another session.
#[test]
fn scenario_22_closing_one_session() {
    let mut demo = Demo::start(LONG_DRAIN);
    let [mut closed, mut watching, mut other] = [demo.open(), demo.open(), demo.open()];
    let id = watching.id_of(&closed);
    let stream = closed.request("GET", "/count/40");
    closed.expect_data(stream);
    assert_eq!(watching.close_session(id, LONG_DRAIN), 204);
    closed.expect_first_goaway();
    closed.expect_final_goaway(stream);
    if let Some(row) = watching.find_session(&closed) {
        let draining = ["draining", "last_call", "closing"].contains(&row.state.as_str());
        watching.check(draining, &format!("closed, but {row:?}"));
    }
    let response = closed.response(stream);
    closed.expect_complete(&response);
    closed.check(response.body.len() == 40 * 1024, "not 40 KiB");
    closed.expect_fin();
    closed.expect_no_more_goaways();
    watching.expect_unlisted(id);
    assert_eq!(watching.expect_closed_event(id), "graceful");
    other.expect_undisturbed();
    let mut newcomer = demo.open();
    newcomer.expect_undisturbed();
    assert_eq!(watching.close_session(id, SHORT_DRAIN), 404);
    assert_eq!(watching.abort_session(id, code::CANCEL, "late"), 404);
    let malformed = watching.fetch("POST", "/sessions/not-an-id/close?drain_ms=1");
    assert_eq!(malformed.status, 400);
    watching.expect_undisturbed();
    demo.terminate();
    for mut session in [watching, other, newcomer] {
        session.expect_fin();
    }
    let report = demo.expect_early_exit();
    assert_eq!(report.ends(), (3, 0, 0, 0), "{report:?}");
}

/// To abort one session is a connection error (section 5.4.1): one GOAWAY with the code,
/// the text and the last stream, then the end, and nothing in between. The others are not
/// affected.
#[test]
fn scenario_23_aborting_one_session() {
    let mut demo = Demo::start(LONG_DRAIN);
    let mut aborted = demo.open();
    let mut watching = demo.open();
    let id = watching.id_of(&aborted);
    let response = aborted.get("/");
    aborted.expect_hello(&response);
    let stream = aborted.request("GET", "/hang");
    aborted.ping_and_wait(*b"taken in");
    let status = watching.abort_session(id, code::ENHANCE_YOUR_CALM, "why");
    assert_eq!(status, 204);
    aborted.expect_goaway(stream, code::ENHANCE_YOUR_CALM);
    aborted.expect_fin();
    aborted.expect_no_more_goaways();
    let debug = aborted.transcript.goaways()[0].debug.clone();
    aborted.check(debug == b"why", "the debug data is not `why`");
    let goaway = aborted.transcript.goaway_position(0);
    let last = aborted.transcript.positions(|_| true).last();
    aborted.check(goaway == last, "something came after the GOAWAY");
    watching.expect_unlisted(id);
    watching.expect_closed_event(id);
    watching.expect_undisturbed();
    assert_eq!(watching.abort_session(id, code::CANCEL, "again"), 404);
    demo.terminate();
    drop(watching);
    demo.expect_early_exit();
}

/// The report counts every session once, by its outcome: one idle, one with a completed
/// response, one forced, one that never began.
#[test]
fn invariant_the_report_counts_every_session() {
    let mut demo = Demo::start(3 * SHORT_DRAIN);
    let [mut idle, mut busy, mut hanging] = [demo.open(), demo.open(), demo.open()];
    let mut silent = Client::connect(demo.address());
    let finished = busy.request("GET", "/slow");
    let cut = hanging.request("GET", "/hang");
    busy.ping_and_wait(*b"taken in");
    hanging.ping_and_wait(*b"taken in");
    demo.terminate();
    silent.expect_fin();
    idle.expect_graceful_close(0);
    let response = busy.response(finished);
    busy.expect_complete(&response);
    busy.expect_graceful_close(finished);
    hanging.expect_rst_stream(cut, code::CANCEL);
    hanging.expect_fin();
    let report = demo.expect_exit_in_time();
    assert_eq!(report.ends(), (2, 0, 1, 1), "{report:?}");
    assert_eq!((report.streams_completed, report.streams_reset), (1, 1));
}
