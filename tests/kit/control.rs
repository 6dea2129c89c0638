//! Calls of the demo's routes that list and end sessions.

use std::time::{Duration, Instant};

use super::PATIENCE;
use super::client::Client;
use super::json::Value;

/// One row of `GET /sessions`.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: i64,
    pub peer: String,
    pub state: String,
    pub open_streams: i64,
    pub requests: i64,
}

impl Client {
    /// All live sessions in the registry.
    #[track_caller]
    pub fn sessions(&mut self) -> Vec<Session> {
        let rows = self.get_json("/sessions");
        let row = |value: &Value| {
            let number = |name| value.get(name).and_then(Value::number);
            let text = |name| Some(value.get(name)?.text()?.to_string());
            Some(Session {
                id: number("id")?,
                peer: text("peer")?,
                state: text("state")?,
                open_streams: number("open_streams")?,
                requests: number("requests")?,
            })
        };
        let sessions = rows.list().and_then(|rows| rows.iter().map(row).collect());
        sessions.unwrap_or_else(|| self.fail(&format!("not a list of sessions: {rows:?}")))
    }

    /// The registry's row for the connection of `other`, if it has not ended.
    #[track_caller]
    pub fn find_session(&mut self, other: &Client) -> Option<Session> {
        let peer = other.local_address().to_string();
        self.sessions().into_iter().find(|row| row.peer == peer)
    }

    #[track_caller]
    pub fn id_of(&mut self, other: &Client) -> i64 {
        match self.find_session(other) {
            Some(session) => session.id,
            None => self.fail(&format!("{} is no session", other.local_address())),
        }
    }

    /// Waits until the registry has removed `id`.
    #[track_caller]
    pub fn expect_unlisted(&mut self, id: i64) {
        let deadline = Instant::now() + PATIENCE;
        while self.sessions().iter().any(|row| row.id == id) {
            if Instant::now() > deadline {
                self.fail(&format!("session {id} ended and is still listed"));
            }
            self.read_for(Duration::from_millis(20));
        }
    }

    /// Closes one session gracefully. Returns the status.
    #[track_caller]
    pub fn close_session(&mut self, id: i64, drain: Duration) -> u16 {
        let drain_ms = drain.as_millis();
        let path = format!("/sessions/{id}/close?drain_ms={drain_ms}");
        self.fetch("POST", &path).status
    }

    /// Aborts one session. Returns the status.
    #[track_caller]
    pub fn abort_session(&mut self, id: i64, code: u32, debug: &str) -> u16 {
        let path = format!("/sessions/{id}/abort?code={code}&debug={debug}");
        self.fetch("POST", &path).status
    }

    /// A part of the memory that the library holds for peers, in bytes.
    pub fn memory(&mut self, part: &str) -> u64 {
        let memory = self.get_json("/memory");
        let bytes = memory.get(part).and_then(Value::number).unwrap_or_else(|| self.fail(&format!("no {part}")));
        u64::try_from(bytes).expect("a number of bytes")
    }

    /// The events of session `id` so far, in order, without the id: "opened", "closed
    /// graceful".
    #[track_caller]
    pub fn events_of(&mut self, id: i64) -> Vec<String> {
        let events = self.get_json("/events");
        let Some(events) = events.list() else {
            self.fail(&format!("not a list of events: {events:?}"));
        };
        let id = id.to_string();
        let mut found = Vec::new();
        for event in events.iter().filter_map(Value::text) {
            let words: Vec<&str> = event.split_whitespace().collect();
            if words.get(1) == Some(&id.as_str()) {
                found.push([&words[..1], &words[2..]].concat().join(" "));
            }
        }
        found
    }

    /// Waits for the last event of `id`, and asserts that it and the first event occur
    /// exactly once, in this order. Returns the cause.
    #[track_caller]
    pub fn expect_closed_event(&mut self, id: i64) -> String {
        let closed = |event: &String| event.starts_with("closed");
        let deadline = Instant::now() + PATIENCE;
        let mut events = self.events_of(id);
        while !events.iter().any(closed) && Instant::now() < deadline {
            self.read_for(Duration::from_millis(20));
            events = self.events_of(id);
        }
        let count = |word: &str| events.iter().filter(|event| event.starts_with(word)).count();
        let once = count("opened") == 1 && count("closed") == 1;
        self.check(once, &format!("not one opened and one closed: {events:?}"));
        let ordered = events[0].starts_with("opened") && closed(&events[events.len() - 1]);
        self.check(ordered, &format!("not opened first, closed last: {events:?}"));
        let cause = events[events.len() - 1].strip_prefix("closed");
        cause.unwrap_or_default().trim().to_string()
    }

    #[track_caller]
    fn get_json(&mut self, path: &str) -> Value {
        let response = self.get(path);
        self.expect_complete(&response);
        match Value::parse(&response.text()) {
            Ok(value) => value,
            Err(error) => self.fail(&format!("{path}: {error}")),
        }
    }
}
