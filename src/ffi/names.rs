//! The words for the numbers of events, causes, outcomes and stages.

use std::ffi::{CStr, c_char};
use std::ptr;

use crate::close::Stage;
use crate::event::{Cause, EventKind, Outcome};

/// The word for a `goaway_event`, such as "opened"; NULL for a number that
/// this version does not know. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_event_name(event: u32) -> *const c_char {
    word(&EventKind::NAMES, event)
}

/// The word for a `goaway_cause`, such as "peer_reset"; NULL for a number that
/// this version does not know. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_cause_name(cause: u32) -> *const c_char {
    word(&Cause::NAMES, cause)
}

/// The word for a `goaway_outcome`, such as "graceful"; NULL for a number that
/// this version does not know. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_outcome_name(outcome: u32) -> *const c_char {
    word(&Outcome::NAMES, outcome)
}

/// The word for a `goaway_stage`, such as "draining"; NULL for a number that
/// this version does not know. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_stage_name(stage: u32) -> *const c_char {
    word(&Stage::NAMES, stage)
}

fn word(names: &[&'static CStr], number: u32) -> *const c_char {
    names.get(number as usize).map_or(ptr::null(), |name| name.as_ptr())
}
