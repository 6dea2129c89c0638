//! The versions of what is measured and of what measures: without them numbers
//! from two days do not compare.

use std::process::Command;

use crate::process;

/// The libraries of the peers, at the versions they are built with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// One line for all that is installed.
pub fn line() -> String {
    let libraries = ["h2", "hyper", "tokio"].map(|name| (name, locked(name)));
    let programs = [
        ("nghttpd", "--version"),
        ("nginx", "-v"),
        ("haproxy", "-v"),
        ("h2o", "--version"),
        ("h2load", "--version"),
        ("wrk", "-v"),
    ]
    .map(|(name, flag)| (name, asked(name, flag)));
    let all: Vec<String> = libraries
        .into_iter()
        .chain(programs)
        .filter_map(|(name, version)| Some(format!("{name} {}", version?)))
        .collect();
    all.join(", ")
}

fn locked(package: &str) -> Option<String> {
    let (_, rest) = LOCK.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn asked(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(process::find(program)?).arg(flag).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    number(&String::from_utf8_lossy(&text))
}

/// The first word with a dot and a digit, without a name and a slash before it.
fn number(text: &str) -> Option<String> {
    let word =
        text.split_whitespace().find(|word| word.contains('.') && word.contains(|c: char| c.is_ascii_digit()))?;
    Some(word.rsplit('/').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let found = |text| number(text).unwrap();
        assert_eq!(found("h2load nghttp2/1.52.0\n"), "1.52.0");
        assert_eq!(found("nginx version: nginx/1.22.1\n"), "1.22.1");
        assert_eq!(found("wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer\n"), "4.1.0-3+b2");
        assert_eq!(found("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://haproxy.org/\n"), "2.6.12-1+deb12u4");
    }

    #[test]
    fn the_lock_names_the_libraries() {
        assert!(locked("h2").unwrap().starts_with("0.4."));
        assert_eq!(locked("no-such-package"), None);
    }
}
