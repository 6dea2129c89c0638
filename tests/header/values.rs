//! What a type of the sources is in C, and what it says of ownership and NULL.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{Expr, GenericArgument, Item, Lit, PathArguments, Type};

use crate::interface::{Facts, Kind, Value};

/// The types of the interface by their names in the sources.
pub struct Names {
    renamed: BTreeMap<String, String>,
    objects: BTreeSet<String>,
    structs: BTreeSet<String>,
    enums: BTreeSet<String>,
    ids: BTreeSet<String>,
    callbacks: BTreeSet<String>,
}

impl Names {
    pub fn new(items: &[Item], renamed: BTreeMap<String, String>) -> Self {
        let mut names = Self {
            renamed,
            objects: BTreeSet::new(),
            structs: BTreeSet::new(),
            enums: BTreeSet::new(),
            ids: BTreeSet::new(),
            callbacks: BTreeSet::new(),
        };
        for item in items {
            let (ident, is_c) = match item {
                Item::Struct(item) => (&item.ident, item.attrs.iter().any(|a| a.path().is_ident("repr"))),
                Item::Enum(item) => (&item.ident, true),
                Item::Type(item) => (&item.ident, matches!(inside(&item.ty, "Option"), Some(Type::BareFn(_)))),
                _ => continue,
            };
            let Some(name) = names.exported(&ident.to_string()) else { continue };
            match (item, is_c) {
                (Item::Struct(_), true) => names.structs.insert(name),
                (Item::Struct(_), false) => names.objects.insert(name),
                (Item::Enum(_), _) => names.enums.insert(name),
                (_, true) => names.callbacks.insert(name),
                (_, false) => names.ids.insert(name),
            };
        }
        names
    }

    /// The name in C, if it is one of the interface.
    pub fn exported(&self, name: &str) -> Option<String> {
        let name = self.renamed.get(name).map_or(name, String::as_str);
        name.starts_with("goaway_").then(|| name.to_owned())
    }

    /// The type as C writes it.
    pub fn c(&self, kind: &Type) -> String {
        if let Some((is_const, target)) = pointer(kind) {
            let target = self.c(target);
            let space = if target.ends_with('*') { "" } else { " " };
            return match (is_const, target.ends_with('*')) {
                (true, false) => format!("const {target} *"),
                (true, true) => format!("{target}const *"),
                (false, _) => format!("{target}{space}*"),
            };
        }
        let name = last(kind);
        let known = match name.as_str() {
            "u8" => "uint8_t",
            "u16" => "uint16_t",
            "u32" => "uint32_t",
            "u64" => "uint64_t",
            "i32" => "int32_t",
            "usize" => "size_t",
            "c_int" => "int",
            "c_char" => "char",
            "c_void" => "void",
            "bool" => "bool",
            _ => return self.exported(&name).unwrap_or_else(|| panic!("{name} has no name in C")),
        };
        known.to_owned()
    }

    fn kind(&self, c: &str) -> Kind {
        match c {
            "bool" => Kind::Boolean,
            "void" => Kind::Void,
            "goaway_status" => Kind::Status,
            _ if self.enums.contains(c) => Kind::Enum,
            _ if self.ids.contains(c) => Kind::Id,
            _ if self.structs.contains(c) => Kind::Struct,
            _ if self.objects.contains(c) => Kind::Object,
            _ if self.callbacks.contains(c) => Kind::Callback,
            _ => Kind::Integer,
        }
    }
}

/// The last word of a path: `c_char` of `std::ffi::c_char`.
fn last(kind: &Type) -> String {
    let Type::Path(path) = kind else { panic!("{} is no type of the interface", kind.to_token_stream()) };
    path.path.segments.last().expect("a name").ident.to_string()
}

/// T of `outer<T>`.
fn inside<'a>(kind: &'a Type, outer: &str) -> Option<&'a Type> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

/// Whether it is a pointer to what does not change, and to what.
fn pointer(kind: &Type) -> Option<(bool, &Type)> {
    match kind {
        Type::Ptr(pointer) => Some((pointer.mutability.is_none(), &pointer.elem)),
        Type::Reference(reference) => {
            let target = &*reference.elem;
            Some((reference.mutability.is_none(), inside(target, "MaybeUninit").unwrap_or(target)))
        }
        _ => match (inside(kind, "Option"), inside(kind, "Box").or_else(|| inside(kind, "NonNull"))) {
            (Some(inner), _) => pointer(inner),
            (_, Some(target)) => Some((false, target)),
            _ => None,
        },
    }
}

fn is_box(kind: &Type) -> bool {
    inside(kind, "Option").is_some_and(|inner| inside(inner, "Box").is_some())
}

/// The arguments of a callback; None if the type is none.
pub fn callback_arguments(names: &Names, facts: &Facts, owner: &str, kind: &Type) -> Option<Vec<Value>> {
    let Type::BareFn(function) = inside(kind, "Option")? else { return None };
    let name = |argument: &syn::BareFnArg| argument.name.as_ref().expect("arguments have names").0.to_string();
    let own: Vec<_> = function.inputs.iter().map(name).collect();
    let values = function.inputs.iter().zip(&own).map(|(input, own_name)| {
        let mut value = typed(names, facts, owner, own_name, &input.ty, &own);
        if value.nullable.is_some() && value.kind != Kind::UserData {
            // The library calls with what is there.
            value.nullable = Some(if value.kind == Kind::Bytes { "when empty" } else { "no" });
            value.valid = Some("the call".to_owned());
        }
        value
    });
    Some(values.collect())
}

/// A member of a structure.
pub fn member(names: &Names, facts: &Facts, owner: &str, own_name: &str, kind: &Type, own: &[String]) -> Value {
    let Type::Array(array) = kind else {
        let mut value = typed(names, facts, owner, own_name, kind, own);
        value.direction = None;
        return value;
    };
    let Expr::Lit(length) = &array.len else { panic!("{owner}.{own_name}: a length that is not written out") };
    let Lit::Int(count) = &length.lit else { panic!("{owner}.{own_name}: no number") };
    Value {
        name: own_name.to_owned(),
        r#type: names.c(&array.elem),
        kind: Kind::Characters,
        count: Some(count.base10_parse().expect("a number")),
        ..Value::default()
    }
}

/// An argument, or with no name the result, of `owner`, whose arguments are `own`.
pub fn typed(names: &Names, facts: &Facts, owner: &str, own_name: &str, kind: &Type, own: &[String]) -> Value {
    let place = if own_name.is_empty() { owner.to_owned() } else { format!("{owner}.{own_name}") };
    let c = names.c(kind);
    let mut value = Value {
        name: own_name.to_owned(),
        kind: names.kind(&c),
        r#enum: facts.enums.get(&place).cloned(),
        valid: facts.valid.get(&place).cloned(),
        ..Value::default()
    };
    if matches!(value.kind, Kind::Enum | Kind::Status) {
        value.r#enum = Some(c.clone());
    }
    if let Some((_, target)) = pointer(kind) {
        let target = names.c(target);
        let is_result = own_name.is_empty();
        let is_out = !is_result
            && (own_name.starts_with("out_") || c == "uint8_t *" || (c == "void *" && own_name != "user_data"));
        value.length = facts.lengths.get(&place).cloned().or_else(|| length(own_name, own));
        value.kind = match target.as_str() {
            "void" if own_name == "user_data" => Kind::UserData,
            "char" if value.length.is_none() => Kind::Text,
            "void" | "char" | "uint8_t" => Kind::Bytes,
            _ if names.objects.contains(&target) => Kind::Object,
            _ if is_array(&target, own_name, &value) => Kind::Array,
            _ if names.structs.contains(&target) => Kind::Struct,
            _ => Kind::Scalar,
        };
        value.direction = (!is_result).then_some(if is_out { "out" } else { "in" });
        if value.kind == Kind::Bytes && is_out {
            value.written = own.iter().find(|name| *name == "out_len").cloned();
        }
        value.nullable = Some(nullable(facts, owner, own_name, &value, is_box(kind)));
        value.ownership = match (value.kind, is_result, is_box(kind)) {
            (Kind::Object, true, true) => Some("given"),
            (Kind::Object, false, true) => Some("taken"),
            (Kind::Object, _, false) => Some("borrowed"),
            _ => None,
        };
        let shows = is_result && !is_box(kind) || is_out && target == "goaway_bytes" || is_out && target.ends_with('*');
        if shows {
            let valid = facts.valid(&place);
            value.valid =
                Some(valid.unwrap_or_else(|| panic!("interface.toml does not say how long {place} is valid")));
        }
    }
    if value.kind == Kind::Callback {
        value.nullable = Some(nullable(facts, owner, own_name, &value, false));
    }
    value.r#type = c;
    value
}

/// `out_info` with `info_size` is one structure of that many bytes.
fn is_array(target: &str, own_name: &str, value: &Value) -> bool {
    let is_sized = value.length.as_deref().is_some_and(|length| length.ends_with("_size"));
    value.length.is_some() && !is_sized || target.ends_with('*') && !own_name.starts_with("out_")
}

/// Which argument says how many there are: of its own name, or the next that says it of anything.
fn length(own_name: &str, own: &[String]) -> Option<String> {
    let bare = own_name.strip_prefix("out_").unwrap_or(own_name);
    let exact = [format!("{bare}_len"), format!("{bare}_size")];
    if let Some(found) = own.iter().find(|name| exact.contains(name)) {
        return Some(found.clone());
    }
    let at = own.iter().position(|name| name == own_name)?;
    let next = own.get(at + 1)?;
    matches!(next.as_str(), "len" | "count" | "capacity").then(|| next.clone())
}

fn nullable(facts: &Facts, owner: &str, own_name: &str, value: &Value, is_box: bool) -> &'static str {
    let is_said = facts.nullable.get(owner).is_some_and(|names| names.iter().any(|name| name == own_name));
    match value.kind {
        _ if own_name.is_empty() => {
            if facts.values.never_null.iter().any(|name| name == owner) {
                "no"
            } else {
                "yes"
            }
        }
        _ if is_said || is_box || value.kind == Kind::UserData => "yes",
        Kind::Bytes | Kind::Array if value.length.as_deref().is_some_and(|name| name.parse::<u64>().is_err()) => {
            "when empty"
        }
        _ => "no",
    }
}
