//! CHANGELOG.md follows Keep a Changelog.

use std::collections::BTreeSet;

use crate::read;

const SECTIONS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// Entries stand under a section of a version, and each stands there once. A merge
/// may keep both sides of a conflict and thereby bring entries back.
#[test]
fn each_entry_is_in_a_section_and_there_once() {
    let text = read("CHANGELOG.md");
    let (mut version, mut section) = ("", "");
    let mut entries = BTreeSet::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (version, section) = (title, "");
        } else if let Some(title) = line.strip_prefix("### ") {
            assert!(SECTIONS.contains(&title), "no section of Keep a Changelog: {title}");
            section = title;
        } else if line.starts_with("- ") {
            assert!(!version.is_empty() && !section.is_empty(), "under no version and section: {line}");
            assert!(!line.starts_with("- **"), "an entry begins with its subject, not with a verb in bold: {line}");
            assert!(entries.insert((version, line)), "twice under {version}: {line}");
        }
    }
    assert!(entries.len() > 50, "only {} entries were found", entries.len());
}
