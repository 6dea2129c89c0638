mod content;
mod differential;
mod fuzz;
mod heads;
mod responses;
mod speed;
mod tunnels;

use super::check::{Connection, LIMITS, Received, response};
use super::*;

/// What comes of bytes is the same however they are cut: the requests that are
/// whole, the status of the fault, and what is left.
fn read(bytes: &[u8]) -> Connection {
    let whole = Connection::of(bytes, usize::MAX);
    for step in [1, 2, 3, 7] {
        let cut = Connection::of(bytes, step);
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(cut.requests, whole.requests, "{text:?} in steps of {step}");
        assert_eq!((cut.fault, cut.out.to_vec()), (whole.fault, whole.out.to_vec()), "{text:?} in steps of {step}");
        if whole.fault.is_none() {
            assert_eq!(cut.held, whole.held, "{text:?} in steps of {step}");
        }
    }
    whole
}

/// The only request that bytes are, with nothing behind it.
fn request(bytes: impl AsRef<[u8]>) -> Received {
    let mut read = read(bytes.as_ref());
    let text = String::from_utf8_lossy(bytes.as_ref());
    assert_eq!((read.fault, read.requests.len(), read.held.len()), (None, 1, 0), "{text:?}");
    let request = read.requests.remove(0);
    assert!(request.is_whole, "{text:?}");
    request
}

fn fault(bytes: impl AsRef<[u8]>) -> Option<u32> {
    status(&read(bytes.as_ref()))
}

fn status(connection: &Connection) -> Option<u32> {
    connection.fault.map(|fault| fault.code)
}

fn list(fields: &[(&str, &str)]) -> HeaderList {
    let mut list = HeaderList::new();
    fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes(), false));
    list
}

/// A connection that has got these bytes, whose responses the test writes.
fn begun(bytes: &str) -> Connection {
    let mut connection = Connection::new(LIMITS);
    connection.take(bytes.as_bytes());
    assert_eq!(connection.fault, None, "{bytes:?}");
    connection
}

impl Connection {
    /// What was written since the last time.
    fn written(&mut self) -> String {
        String::from_utf8(self.out.take()).unwrap()
    }

    fn head(&mut self, change: impl FnOnce(&mut ResponseHead<'_>), fields: &[(&str, &str)]) -> String {
        let fields = list(fields);
        let mut head = response(StatusCode::OK, &fields);
        change(&mut head);
        self.engine.send_head(self.engine.stream, head, &mut self.out);
        self.written()
    }

    fn data(&mut self, data: &str, is_last: bool) -> String {
        self.engine.send_data(self.engine.stream, Data::Borrowed(data.as_bytes()), is_last, &mut self.out);
        self.written()
    }

    fn trailers(&mut self, fields: &[(&str, &str)]) -> String {
        self.engine.send_trailers(self.engine.stream, &list(fields), &mut self.out);
        self.written()
    }

    fn inform(&mut self, status: StatusCode, fields: &[(&str, &str)]) -> String {
        self.engine.send_informational(self.engine.stream, status, &list(fields), &mut self.out);
        self.written()
    }
}

#[test]
fn an_idle_engine_is_small() {
    assert!(size_of::<Http1>() <= 200, "{} bytes", size_of::<Http1>());
    let requests = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: b\r\n\r\n\
        GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
    let read = read(requests.as_bytes());
    assert_eq!(read.requests.len(), 2);
    // All that can be on the heap.
    assert!(matches!(&read.engine.input, Input::Head(reader) if !reader.has_begun()) && read.engine.opening.is_none());
}

#[test]
fn what_a_peer_makes_grow_is_bounded() {
    let line = format!("x: {}\r\n", "y".repeat(160));
    let many = line.repeat(9);
    let chunked = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let request = request(format!("{chunked}0\r\n{many}\r\n"));
    let most = 4 * LIMITS.header_list_bytes as usize;
    assert!(request.trailers.len() == 9 && request.trailers.memory() < most);
    let head = self::request(format!("GET / HTTP/1.1\r\nhost: a\r\n{many}\r\n")).head;
    assert!(head.fields.len() == 10 && head.fields.memory() < most);
    assert_eq!(fault(format!("GET / HTTP/1.1\r\nhost: a\r\n{many}{line}")), Some(431), "before its end");
    assert_eq!(fault(format!("{chunked}0\r\n{many}{line}{line}{line}")), Some(431), "before its end");
}
