//! The state that the sessions of one worker thread share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::error::Result;
use crate::request::{REQUESTS, Request};
use crate::shared::Shared;
use crate::table::{SlotAllocator, SlotGuard};

/// The length of an HTTP date (RFC 9110, section 5.6.7).
const DATE_LENGTH: usize = 29;

/// One worker, as its sessions use it.
pub struct Worker {
    pub shared: Arc<Shared>,
    pub slots: RefCell<SlotAllocator<Request>>,
    date: Cell<Date>,
}

#[derive(Clone, Copy)]
struct Date {
    text: [u8; DATE_LENGTH],
    until: Option<Instant>,
}

impl Worker {
    pub fn new(shared: Arc<Shared>) -> Result<Rc<Self>> {
        let slots = RefCell::new(SlotAllocator::new(REQUESTS.here()?));
        let date = Cell::new(Date { text: [b' '; DATE_LENGTH], until: None });
        Ok(Rc::new(Self { shared, slots, date }))
    }

    /// The request that `id` names, locked.
    pub fn find(&self, id: u64) -> Result<SlotGuard<'static, Request>> {
        self.slots.borrow().find(id)
    }

    /// Ends the id of a request that the host has finished.
    pub fn end(&self, id: u64, request: SlotGuard<'_, Request>) {
        self.slots.borrow_mut().end(id, request, Request::clear);
    }

    /// The value of the `date` field (RFC 9110, section 6.6.1). `tick` renews it once a second.
    pub fn date(&self) -> [u8; DATE_LENGTH] {
        self.date.get().text
    }

    /// Renews what depends on the time.
    pub fn tick(&self, now: Instant) {
        if self.date.get().until.is_none_or(|until| now >= until) {
            let wall = SystemTime::now();
            let text = httpdate::fmt_http_date(wall);
            let text = text.as_bytes().try_into().expect("every such date has the same length");
            let into_second = wall.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
            let until = Some(now + Duration::from_nanos(1_000_000_000 - u64::from(into_second)));
            self.date.set(Date { text, until });
        }
    }
}
