//! Reads the interface from the sources that the header is made of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::{Attribute, Expr, Fields, FnArg, Item, ItemFn, Lit, Meta, ReturnType, Type};

use crate::interface::*;
use crate::values::{Names, callback_arguments, member, typed};

/// Every public item of the sources, each file once, the functions in the order of src/ffi/mod.rs.
fn items(root: &Path) -> Vec<Item> {
    let ffi = read(&root.join("src/ffi/mod.rs"));
    let order = ffi.lines().filter_map(|line| line.trim().split_once("mod ")?.1.strip_suffix(';'));
    let first = order.map(|name| root.join(format!("src/ffi/{name}.rs"))).filter(|path| path.exists());
    let mut paths: Vec<_> = first.collect();
    let mut rest = Vec::new();
    below(&root.join("src"), &mut rest);
    rest.sort();
    paths.extend(rest.into_iter().filter(|path| !path.starts_with(root.join("src/ffi"))));
    let parse = |path| syn::parse_file(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display())).items;
    paths.iter().flat_map(|path| parse(path.as_path())).collect()
}

fn below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => below(&path, found),
            false if path.extension().is_some_and(|kind| kind == "rs") => found.push(path),
            false => {}
        }
    }
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of the comment, without what cbindgen is told in it.
pub fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => string(&pair.value),
        _ => None,
    });
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned()).collect();
    let told: Vec<_> = lines.iter().filter(|line| !line.starts_with("cbindgen:")).map(String::as_str).collect();
    told.join("\n").trim().to_owned()
}

fn has_doc_line(attributes: &[Attribute], wanted: &str) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::NameValue(pair) => string(&pair.value).is_some_and(|line| line.trim() == wanted),
        _ => false,
    })
}

fn string(value: &Expr) -> Option<String> {
    let Expr::Lit(literal) = value else { return None };
    let Lit::Str(text) = &literal.lit else { return None };
    Some(text.value())
}

/// The number that a constant or a member is given.
fn number(value: &Expr) -> u64 {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().expect("a number"),
            _ => panic!("no number"),
        },
        Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "MAX") => u32::MAX.into(),
        _ => panic!("a number that is not written out"),
    }
}

fn is_repr_c(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("repr") && list.tokens.to_string() == "C",
        _ => false,
    })
}

/// `goaway_record_kind` and `HighWater` are GOAWAY_RECORD_KIND_HIGH_WATER.
fn qualified(owner: &str, variant: &str) -> String {
    let mut name = owner.to_uppercase();
    for letter in variant.chars() {
        if letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

/// What the sources say, completed by the facts.
pub fn interface(root: &Path) -> Interface {
    let config: toml::Table = toml::from_str(&read(&root.join("cbindgen.toml"))).expect("cbindgen.toml");
    let facts: Facts = toml::from_str(&read(&root.join("src/ffi/interface.toml"))).expect("src/ffi/interface.toml");
    let renamed = config["export"]["rename"].as_table().expect("names that are changed");
    let renamed = renamed.iter().map(|(from, to)| (from.clone(), to.as_str().expect("a name").to_owned())).collect();
    let items = items(root);
    let names = Names::new(&items, renamed);
    let since = versions(root);
    let mut interface = Interface {
        schema: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules: rules(config["header"].as_str().expect("the header's beginning")),
        limits: limits(),
        constants: Vec::new(),
        enums: Vec::new(),
        ids: Vec::new(),
        objects: Vec::new(),
        structs: Vec::new(),
        callbacks: Vec::new(),
        functions: Vec::new(),
    };
    for item in &items {
        add(&mut interface, item, &names, &facts, &since);
    }
    for object in &mut interface.objects {
        let about = |function: &&Function, ownership| {
            let mut values = function.arguments.iter().chain([&function.result]);
            values.any(|value| value.ownership == Some(ownership) && value.r#type == format!("{} *", object.name))
        };
        let made = interface.functions.iter().filter(|function| about(function, "given"));
        object.made_by = made.map(|function| function.name.clone()).collect();
        object.freed_by =
            interface.functions.iter().find(|function| about(function, "taken")).map(|found| found.name.clone());
    }
    check(&interface, &facts);
    interface
}

/// The table of src/config.rs.
fn limits() -> Vec<Limit> {
    let described = |(value, limit): (usize, &goaway::Limit)| Limit {
        name: format!("GOAWAY_LIMIT_{}", limit.name),
        value,
        unit: limit.unit,
        default: (!matches!(limit.name, "WORKERS" | "MEMORY_BYTES")).then(|| limit.default()),
        min: limit.min,
        max: limit.max,
        cause: limit.cause.map(|cause| qualified("goaway_cause", &format!("{cause:?}"))),
        since: limit.since,
    };
    goaway::LIMITS.iter().enumerate().map(described).collect()
}

fn add(interface: &mut Interface, item: &Item, names: &Names, facts: &Facts, since: &BTreeMap<String, String>) {
    match item {
        Item::Const(constant) if constant.ident.to_string().starts_with("GOAWAY_") => {
            interface.constants.push(Constant {
                name: constant.ident.to_string(),
                r#type: names.c(&constant.ty),
                value: number(&constant.expr),
                doc: doc(&constant.attrs),
            });
        }
        Item::Enum(item) if is_repr_c(&item.attrs) => {
            let Some(name) = names.exported(&item.ident.to_string()) else { return };
            let is_qualified = has_doc_line(&item.attrs, "cbindgen:rename-all=QualifiedScreamingSnakeCase");
            let members = item.variants.iter().map(|variant| {
                let own = variant.ident.to_string();
                let (_, value) = variant.discriminant.as_ref().expect("each member has its number");
                let name = if is_qualified { qualified(&name, &own) } else { own };
                Member { name, value: number(value), doc: doc(&variant.attrs) }
            });
            let members = members.collect();
            interface.enums.push(Enum { name, doc: doc(&item.attrs), members });
        }
        Item::Struct(item) => {
            let Some(name) = names.exported(&item.ident.to_string()) else { return };
            let doc = self::doc(&item.attrs);
            if !is_repr_c(&item.attrs) {
                interface.objects.push(Object { name, doc, made_by: Vec::new(), freed_by: None });
                return;
            }
            let Fields::Named(fields) = &item.fields else { panic!("{name}: members have names") };
            let own: Vec<_> =
                fields.named.iter().map(|field| field.ident.as_ref().expect("a name").to_string()).collect();
            let members = fields.named.iter().zip(&own).map(|(field, own_name)| {
                let mut value = member(names, facts, &name, own_name, &field.ty, &own);
                value.doc = self::doc(&field.attrs);
                value
            });
            let members = members.collect();
            interface.structs.push(Struct { name, members, doc });
        }
        Item::Type(item) => {
            let Some(name) = names.exported(&item.ident.to_string()) else { return };
            let doc = doc(&item.attrs);
            if let Some(arguments) = callback_arguments(names, facts, &name, &item.ty) {
                let thread = facts.callback_threads.get(&name);
                let thread =
                    thread.unwrap_or_else(|| panic!("interface.toml does not say the thread of {name}")).clone();
                interface.callbacks.push(Callback { name, thread, arguments, doc });
            } else {
                interface.ids.push(Id { name, r#type: names.c(&item.ty), doc });
            }
        }
        Item::Fn(item) if item.sig.abi.is_some() && item.sig.ident.to_string().starts_with("goaway_") => {
            interface.functions.push(function(item, names, facts, since));
        }
        _ => {}
    }
}

fn function(item: &ItemFn, names: &Names, facts: &Facts, since: &BTreeMap<String, String>) -> Function {
    let name = item.sig.ident.to_string();
    let arguments: Vec<(String, &Type)> = item.sig.inputs.iter().map(argument).collect();
    let own: Vec<_> = arguments.iter().map(|(name, _)| name.clone()).collect();
    let result = match &item.sig.output {
        ReturnType::Default => Value { r#type: "void".to_owned(), ..Value::default() },
        ReturnType::Type(_, result) => typed(names, facts, &name, "", result, &own),
    };
    let fact = |table: &BTreeMap<String, String>, otherwise: &str| {
        table.get(&name).cloned().unwrap_or_else(|| otherwise.to_owned())
    };
    Function {
        since: since.get(&name).unwrap_or_else(|| panic!("tests/symbols.txt lacks {name}")).clone(),
        inline: has_doc_line(&item.attrs, "cbindgen:prefix=GOAWAY_READER"),
        threads: fact(&facts.threads, "any"),
        blocks: facts.blocks.get(&name).cloned(),
        in_callbacks: fact(&facts.in_callbacks, "allowed"),
        result,
        arguments: arguments.iter().map(|(own_name, kind)| typed(names, facts, &name, own_name, kind, &own)).collect(),
        doc: doc(&item.attrs),
        name,
    }
}

fn argument(argument: &FnArg) -> (String, &Type) {
    let FnArg::Typed(argument) = argument else { panic!("no methods in C") };
    let syn::Pat::Ident(name) = &*argument.pat else { panic!("arguments have names") };
    (name.ident.to_string(), &argument.ty)
}

/// Since which version each function is there.
fn versions(root: &Path) -> BTreeMap<String, String> {
    let list = read(&root.join("tests/symbols.txt"));
    let pairs = list.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

/// The rules at the top of the header: a title up to the first full stop, lines that go on are indented.
fn rules(header: &str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for line in header.lines().filter_map(|line| line.strip_prefix("// ")) {
        match (line.strip_prefix("  "), line.split_once(". "), rules.last_mut()) {
            (Some(more), _, Some(rule)) => rule.text = format!("{} {}", rule.text, more.trim()),
            (None, Some((title, text)), _) => {
                rules.push(Rule { title: title.to_owned(), text: text.trim().to_owned() });
            }
            _ => {}
        }
    }
    rules
}

/// No fact is about something that is not there.
fn check(interface: &Interface, facts: &Facts) {
    let functions: BTreeSet<_> = interface.functions.iter().map(|function| function.name.as_str()).collect();
    let tables = [&facts.blocks, &facts.in_callbacks, &facts.threads];
    let named = tables.iter().flat_map(|table| table.keys()).chain(&facts.values.never_null);
    let callbacks: BTreeSet<_> = interface.callbacks.iter().map(|callback| callback.name.as_str()).collect();
    let mut stale: Vec<_> = named.filter(|name| !functions.contains(name.as_str())).cloned().collect();
    stale.extend(facts.callback_threads.keys().filter(|name| !callbacks.contains(name.as_str())).cloned());
    let mut values = BTreeSet::new();
    for function in &interface.functions {
        values.insert(function.name.clone());
        values.extend(function.arguments.iter().map(|value| format!("{}.{}", function.name, value.name)));
    }
    for (owner, members) in interface.structs.iter().map(|item| (&item.name, &item.members)) {
        values.extend(members.iter().map(|value| format!("{owner}.{}", value.name)));
    }
    for (owner, arguments) in interface.callbacks.iter().map(|item| (&item.name, &item.arguments)) {
        values.extend(arguments.iter().map(|value| format!("{owner}.{}", value.name)));
    }
    let places = facts.enums.keys().chain(facts.lengths.keys()).chain(facts.valid.keys());
    let is_there = |place: &String| match place.strip_suffix('*') {
        Some(start) => values.iter().any(|value| value.starts_with(start)),
        None => values.contains(place),
    };
    stale.extend(places.filter(|place| !is_there(place)).cloned());
    for (owner, names) in &facts.nullable {
        stale.extend(names.iter().map(|name| format!("{owner}.{name}")).filter(|place| !values.contains(place)));
    }
    assert!(stale.is_empty(), "interface.toml is about what is not there: {stale:?}");
}
