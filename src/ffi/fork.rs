//! Detects fork(): objects of the parent must not be used in the child.

use once_cell::sync::OnceCell;

use crate::table;

/// Has every later fork() counted in the child.
pub fn watch() {
    static WATCHING: OnceCell<()> = OnceCell::new();
    WATCHING.get_or_init(|| {
        // SAFETY: the handler only stores a number, which is allowed after fork().
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

unsafe extern "C" fn in_child() {
    table::forked();
}
