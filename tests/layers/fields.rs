//! The fields of a struct are changed in its own file only: private ones since its
//! methods stand there, public ones since others only read them. A struct whose
//! fields are all public is a record, which anyone may fill.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{code, sources};

/// Structs whose methods stand in several files of their module, and why.
const DIVIDED: [(&str, &str); 2] = [
    (
        "Task",
        "the task of a connection: each file is one thing that it does with its parts, which are structs of their own",
    ),
    ("Http2", "the engine of HTTP/2: frames in, frames out, blocks and content, all by the state of one connection"),
];

struct Struct {
    file: String,
    name: String,
    public: Vec<String>,
    private: Vec<String>,
}

impl Struct {
    fn is_record(&self) -> bool {
        self.private.is_empty()
    }
}

fn word(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The structs with named fields in a source.
fn structs(file: &str, source: &str) -> Vec<Struct> {
    let mut found = Vec::new();
    let mut inside: Option<Struct> = None;
    for line in source.lines() {
        let declared = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("struct ");
        if let Some(name) = declared.filter(|_| line.ends_with('{')).map(word) {
            inside = Some(Struct { file: file.into(), name: name.into(), public: Vec::new(), private: Vec::new() });
        } else if line == "}" {
            found.extend(inside.take());
        } else if let (Some(one), Some(field)) = (&mut inside, line.strip_prefix("    ")) {
            let public = field.strip_prefix("pub ").or_else(|| field.strip_prefix("pub(super) "));
            let name = word(public.unwrap_or(field));
            let is_field = public.unwrap_or(field).strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
            match public {
                _ if !is_field => {}
                Some(_) => one.public.push(name.into()),
                None => one.private.push(name.into()),
            }
        }
    }
    found
}

/// The types that a source has methods of.
fn implemented(source: &str) -> Vec<&str> {
    let lines = source.lines().filter_map(|line| line.strip_prefix("impl"));
    let targets = lines.map(|line| match line.split_once(" for ") {
        Some((_, target)) => target,
        // Behind the parameters, in which no `> ` stands.
        None if line.starts_with('<') => line.split_once("> ").map_or("", |(_, target)| target),
        None => line.trim_start(),
    });
    targets.map(word).collect()
}

/// Whether a source gives that field of something a value.
fn writes(source: &str, field: &str) -> bool {
    source.match_indices(&format!(".{field}")).any(|(at, found)| {
        let rest = &source[at + found.len()..];
        let rest = rest.trim_start();
        let is_assigned = rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>");
        is_assigned || ["+=", "-=", "|=", "&="].iter().any(|change| rest.starts_with(change))
    })
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

#[test]
fn fields_are_changed_in_their_own_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: &Path| {
        let file = path.strip_prefix(&src).expect("below src").display().to_string();
        (file, code(&fs::read_to_string(path).expect("a source")))
    };
    // What checks the engines in tests and fuzzing is a test.
    let all: BTreeMap<String, String> =
        sources(&src).iter().map(|path| read(path)).filter(|(file, _)| !file.contains("/check")).collect();
    let structs: Vec<Struct> = all.iter().flat_map(|(file, source)| structs(file, source)).collect();
    let mut wrong = Vec::new();
    for (file, source) in &all {
        for name in implemented(source) {
            let mut same = structs.iter().filter(|one| one.name == name && module(&one.file) == module(file));
            let is_here = same.clone().any(|one| one.file == *file);
            let is_divided = DIVIDED.iter().any(|(divided, _)| *divided == name);
            if let Some(elsewhere) = same.next().filter(|_| !is_here && !is_divided) {
                wrong.push(format!("{file} has methods of {name}, which is of {}", elsewhere.file));
            }
        }
    }
    let mut checked = 0;
    for one in structs.iter().filter(|one| !one.is_record()) {
        // What several have by one name cannot be told apart here.
        let has = |other: &Struct, field: &String| other.public.contains(field) || other.private.contains(field);
        let own = one.public.iter().filter(|field| structs.iter().filter(|other| has(other, field)).count() == 1);
        for field in own {
            checked += 1;
            let others = all.iter().filter(|(file, source)| **file != one.file && writes(source, field));
            wrong.extend(others.map(|(file, _)| format!("{file} changes {field} of {}", one.name)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(structs.len() > 100 && checked > 20, "{} structs, {checked} fields", structs.len());
}

#[test]
fn the_check_sees_what_it_is_for() {
    let source = "pub struct A<T> {\n    /// x: y\n    pub a: u8,\n    pub(super) b: T,\n    c: u8,\n}\nstruct B;\n";
    let [one] = &structs("a.rs", source)[..] else { panic!("one struct") };
    assert_eq!(
        (&one.name[..], &one.public[..], &one.private[..]),
        ("A", &["a".into(), "b".into()][..], &["c".into()][..])
    );
    assert_eq!(
        implemented("impl A {\nimpl<S: X, E> Task<S, E> {\nimpl Drop for B {\nimpl fmt::Debug for C<'_> {"),
        ["A", "Task", "B", "C"]
    );
    for text in ["x.a = 1", "x.y.a += 1;", "self.a |= b"] {
        assert!(writes(text, "a"), "{text}");
    }
    for text in ["x.a == 1", "x.ab = 1", "match x.a { y => z }", "Some(x.a)", "x.a => 1"] {
        assert!(!writes(text, "a"), "{text}");
    }
}
