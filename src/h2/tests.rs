//! Tests of the engine from the view of a client, ordered by the sections of RFC 9113.

mod changes;
mod content;
mod cuts;
mod explorer;
mod floods;
mod fuzz;
mod oracle;
mod padding;
mod peer;
mod priorities;
mod pushes;
mod requests;
mod responses;
mod sessions;
mod settings;
mod shutdowns;
mod speed;
mod streams;
mod windows;
