//! Where the session's task and hyper hand requests and answers to each other.
//! Both run in the same turn, so that nothing here needs to wake anybody.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::Service;

/// What lies on it.
#[derive(Default)]
pub struct Desk {
    /// A request that hyper has read.
    pub arrived: Option<Request<Incoming>>,
    /// The head of its answer.
    pub answer: Option<Response<Outgoing>>,
    /// What follows the head.
    pieces: VecDeque<Bytes>,
    /// Bytes in all pieces.
    pub bytes: usize,
    /// Whether the last piece is among them.
    pub has_ended: bool,
    /// Whether hyper has taken something since the last look.
    pub has_moved: bool,
    /// Whether hyper has written the last of the answer.
    pub is_written: bool,
}

impl Desk {
    /// Empties it, and gives how many bytes of pieces lay on it. A response that
    /// hyper has not taken is dropped while the desk is not borrowed, since its
    /// body borrows it once more.
    pub fn clear(desk: &RefCell<Self>) -> usize {
        let taken = desk.take();
        let bytes = taken.bytes;
        drop(taken);
        // What its drop noted is nothing of the next response.
        *desk.borrow_mut() = Self::default();
        bytes
    }

    pub fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if !piece.is_empty() {
            self.pieces.push_back(piece);
        }
    }

    fn is_done(&self) -> bool {
        self.pieces.is_empty() && self.has_ended
    }
}

/// hyper's end: it asks for the answer to each request.
pub struct Clerk(pub Rc<RefCell<Desk>>);

impl Service<Request<Incoming>> for Clerk {
    type Response = Response<Outgoing>;
    type Error = Infallible;
    type Future = Answering;

    fn call(&self, request: Request<Incoming>) -> Answering {
        self.0.borrow_mut().arrived = Some(request);
        Answering(self.0.clone())
    }
}

/// The answer to come. hyper asks again in each of the session's turns.
pub struct Answering(Rc<RefCell<Desk>>);

impl Future for Answering {
    type Output = Result<Response<Outgoing>, Infallible>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        let mut desk = self.0.borrow_mut();
        match desk.answer.take() {
            Some(answer) => {
                desk.has_moved = true;
                Poll::Ready(Ok(answer))
            }
            None => Poll::Pending,
        }
    }
}

/// An answer's body on its way to hyper.
pub struct Outgoing {
    desk: Rc<RefCell<Desk>>,
    /// If it is known.
    pub length: Option<u64>,
    /// Nothing follows the head, whatever length it tells.
    pub is_alone: bool,
}

impl Outgoing {
    pub fn new(desk: &Rc<RefCell<Desk>>, length: Option<u64>, is_alone: bool) -> Self {
        Self { desk: desk.clone(), length, is_alone }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut desk = self.desk.borrow_mut();
        match desk.pieces.pop_front() {
            Some(piece) => {
                desk.bytes -= piece.len();
                desk.has_moved = true;
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None if desk.has_ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_alone || self.desk.borrow().is_done()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// hyper lets go of it when it has written the last of it, or gives the connection up.
impl Drop for Outgoing {
    fn drop(&mut self) {
        let mut desk = self.desk.borrow_mut();
        (desk.is_written, desk.has_moved) = (true, true);
    }
}
