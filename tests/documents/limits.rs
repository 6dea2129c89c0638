//! docs/limits.md beside the comments of `goaway_limit` in the header.

use std::collections::BTreeMap;

use crate::{cells, members, quoted, read};

#[derive(Debug, PartialEq)]
struct Limit {
    default: String,
    /// None where any value is allowed.
    range: Option<(u64, u64)>,
}

const THIRTY_DAYS_MS: u64 = 30 * 24 * 60 * 60 * 1000;

fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// "1 to 1024", "0 to 30 days", "0, no limit, to 30 days".
fn range(text: &str) -> Option<(u64, u64)> {
    let (first, last) = text.split_once(" to ")?;
    let last = last.trim();
    let last = if last.starts_with("30 days") { THIRTY_DAYS_MS } else { number(last)? };
    Some((number(first.trim())?, last))
}

/// What the header says: "... Default 100. 1 to 10000."
fn in_the_header() -> BTreeMap<String, Limit> {
    let parse = |(name, comment): (String, String)| {
        let (_, rest) = comment.rsplit_once("Default").unwrap_or_else(|| panic!("{name} has no default: {comment}"));
        let (default, rest) = rest.split_once('.').expect("a full stop");
        let default = default.trim_start_matches(':').trim().split(',').next().unwrap_or_default();
        let limit = Limit { default: default.to_string(), range: range(rest.trim().trim_end_matches('.')) };
        (name, limit)
    };
    members("GOAWAY_LIMIT_").into_iter().map(parse).collect()
}

/// What the table of src/config.rs says, by way of include/goaway.json; with the cause.
fn in_the_table() -> BTreeMap<String, (Limit, Option<String>)> {
    let interface: serde_json::Value = serde_json::from_str(&read("include/goaway.json")).expect("JSON");
    let limits = interface["limits"].as_array().expect("limits").iter().map(|limit| {
        let number = |what: &str| limit[what].as_u64();
        let (min, max) = (number("min").expect("min"), number("max").expect("max"));
        let default = match (number("default"), limit["name"].as_str()) {
            (Some(default), _) => default.to_string(),
            (None, Some("GOAWAY_LIMIT_WORKERS")) => "one a processor".to_string(),
            _ => "half of the control group's memory limit".to_string(),
        };
        let range = (max < u64::MAX).then_some((min, max));
        let bare =
            |what: &str, start: &str| limit[what].as_str().map(|name| name.trim_start_matches(start).to_string());
        let name = bare("name", "GOAWAY_LIMIT_").expect("a name");
        (name, (Limit { default, range }, bare("cause", "GOAWAY_CAUSE_")))
    });
    limits.collect()
}

#[test]
fn the_header_has_each_limit_with_its_default_and_range() {
    let (header, table) = (in_the_header(), in_the_table());
    assert_eq!(header.keys().collect::<Vec<_>>(), table.keys().collect::<Vec<_>>());
    for (name, (limit, _)) in &table {
        assert_eq!(header.get(name), Some(limit), "{name}: src/ffi/limit.rs beside LIMITS of src/config.rs");
    }
}

/// What the tables say.
fn in_the_document() -> BTreeMap<String, Limit> {
    let document = read("docs/limits.md");
    let mut limits = BTreeMap::new();
    let mut section = "";
    for line in document.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) else { continue };
        let cells = cells(line);
        if name == "GOAWAY_LIMIT_" {
            continue;
        }
        let limit = match section {
            "How much" => Limit { default: first(cells[1]), range: range(cells[3]) },
            // 0 to 30 days, where nothing else is said.
            "How long" => {
                let least = if cells[1].contains("at least 1") { 1 } else { 0 };
                Limit { default: first(cells[1]), range: Some((least, THIRTY_DAYS_MS)) }
            }
            _ => continue,
        };
        if name == "PROGRESS_MS" {
            let (_, inside) = cells[2].split_once("`PROGRESS_BYTES` (").expect("it has a second limit");
            let (default, rest) = inside.split_once("; ").expect("a default");
            limits.insert("PROGRESS_BYTES".to_string(), Limit { default: default.to_string(), range: range(rest) });
        }
        limits.insert(name.to_string(), limit);
    }
    limits
}

fn first(cell: &str) -> String {
    cell.split(',').next().unwrap_or_default().to_string()
}

#[test]
fn the_document_has_each_limit_with_its_default_and_range() {
    let (header, document) = (in_the_header(), in_the_document());
    for (name, limit) in &header {
        assert_eq!(document.get(name), Some(limit), "{name}: docs/limits.md beside include/goaway.h");
    }
    let unknown: Vec<_> = document.keys().filter(|name| !header.contains_key(*name)).collect();
    assert!(unknown.is_empty(), "docs/limits.md has limits that the header lacks: {unknown:?}");
}

#[test]
fn the_document_has_each_feature_with_its_default() {
    let document = read("docs/limits.md");
    let (_, table) = document.split_once("| `GOAWAY_FEATURE_` |").expect("the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let documented: Vec<(String, String)> =
        rows.map(|row| (quoted(cells(row)[0]).collect(), cells(row)[1].to_string())).collect();
    let default = |comment: &str| match (comment.contains("On by default."), comment.contains("Off by default.")) {
        (true, false) => "on".to_string(),
        (false, true) => "off".to_string(),
        _ => panic!("no default in {comment}"),
    };
    let header: Vec<(String, String)> =
        members("GOAWAY_FEATURE_").into_iter().map(|(name, comment)| (name, default(&comment))).collect();
    assert_eq!(documented, header, "docs/limits.md beside include/goaway.h");
}

#[test]
fn each_cause_of_a_limit_is_a_cause() {
    let causes: Vec<String> = members("GOAWAY_CAUSE_").into_iter().map(|(name, _)| name).collect();
    let document = read("docs/limits.md");
    let (_, timed) = document.split_once("## How long").expect("the section");
    let (timed, _) = timed.split_once("\n## ").expect("a section after it");
    let rows = timed.lines().filter(|line| line.starts_with("| `"));
    let table = in_the_table();
    let mut count = 0;
    for row in rows {
        let name = quoted(row).next().expect("a name");
        let Some((_, cause)) = table.get(name) else { continue };
        let documented = cells(row).last().and_then(|cell| quoted(cell).next());
        assert_eq!(documented, cause.as_deref(), "{name}: docs/limits.md beside LIMITS of src/config.rs");
        count += usize::from(documented.is_some());
    }
    assert!(count > 5, "the column is gone");
    for cause in table.values().filter_map(|(_, cause)| cause.as_ref()) {
        assert!(causes.contains(cause), "{cause} is no cause");
    }
}
