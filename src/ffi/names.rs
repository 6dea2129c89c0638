//! The names of events, causes, outcomes and stages.

use std::ffi::{CStr, c_char};
use std::ptr;

use crate::close::Stage;
use crate::event::{Cause, EventKind, Outcome};

/// Returns the name of a `goaway_event`, such as "opened", or NULL for a number that
/// this version does not know. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_event_name(event: u32) -> *const c_char {
    word(&EventKind::NAMES, event)
}

/// Returns the name of a `goaway_cause`, such as "peer_reset", or NULL for a number
/// that this version does not know. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_cause_name(cause: u32) -> *const c_char {
    word(&Cause::NAMES, cause)
}

/// Returns the name of a `goaway_outcome`, such as "graceful", or NULL for a number
/// that this version does not know. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_outcome_name(outcome: u32) -> *const c_char {
    word(&Outcome::NAMES, outcome)
}

/// Returns the name of a `goaway_stage`, such as "draining", or NULL for a number
/// that this version does not know. Valid forever.
#[unsafe(no_mangle)]
pub extern "C" fn goaway_stage_name(stage: u32) -> *const c_char {
    word(&Stage::NAMES, stage)
}

fn word(names: &[&'static CStr], number: u32) -> *const c_char {
    names.get(number as usize).map_or(ptr::null(), |name| name.as_ptr())
}
