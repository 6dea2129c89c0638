//! The C binding's examples are compiled as a user would compile them, run, and
//! called with curl; what its README shows is what these files say.
//!
//! - `program`: compiling, running, calling and ending one
//! - `snippets`: each example does what it says
//! - `demo`: the demo's routes, its signals, its complaints
//! - `readme`: every code block of the README stands in an example
//! - `install`: `make install`, and programs linked to what it installed
//!
//! Ports are the kernel's choice, every wait is bounded, nothing is left running.

#[path = "examples/program.rs"]
mod program;

#[path = "examples/demo.rs"]
mod demo;
#[path = "examples/install.rs"]
mod install;
#[path = "examples/readme.rs"]
mod readme;
#[path = "examples/snippets.rs"]
mod snippets;
