//! What include/goaway.json holds; docs/binding.md describes each member.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Serialize)]
pub struct Interface {
    /// The form of this file. It rises when a member changes its meaning or goes.
    pub schema: u32,
    pub version: String,
    pub rules: Vec<Rule>,
    pub limits: Vec<Limit>,
    pub constants: Vec<Constant>,
    pub enums: Vec<Enum>,
    pub ids: Vec<Id>,
    pub objects: Vec<Object>,
    pub structs: Vec<Struct>,
    pub callbacks: Vec<Callback>,
    pub functions: Vec<Function>,
}

#[derive(Serialize)]
pub struct Rule {
    pub title: String,
    pub text: String,
}

/// What `goaway_server_set_limit` takes; the member of `goaway_limit` says what it means.
#[derive(Serialize)]
pub struct Limit {
    pub name: String,
    pub value: usize,
    pub unit: &'static str,
    /// None where it depends on the machine.
    pub default: Option<u64>,
    pub min: u64,
    pub max: u64,
    /// The `goaway_cause` of what ends beyond it.
    pub cause: Option<String>,
    pub since: &'static str,
}

#[derive(Serialize)]
pub struct Constant {
    pub name: String,
    pub r#type: String,
    pub value: u64,
    pub doc: String,
}

#[derive(Serialize)]
pub struct Enum {
    pub name: String,
    pub doc: String,
    pub members: Vec<Member>,
}

#[derive(Serialize)]
pub struct Member {
    pub name: String,
    pub value: u64,
    pub doc: String,
}

#[derive(Serialize)]
pub struct Id {
    pub name: String,
    pub r#type: String,
    pub doc: String,
}

/// What only pointers lead to.
#[derive(Serialize)]
pub struct Object {
    pub name: String,
    pub made_by: Vec<String>,
    pub freed_by: Option<String>,
    pub doc: String,
}

#[derive(Serialize)]
pub struct Struct {
    pub name: String,
    pub members: Vec<Value>,
    pub doc: String,
}

#[derive(Serialize)]
pub struct Callback {
    pub name: String,
    pub thread: String,
    pub arguments: Vec<Value>,
    pub doc: String,
}

#[derive(Serialize)]
pub struct Function {
    pub name: String,
    pub since: String,
    /// Whether the header has it inline as well.
    pub inline: bool,
    pub threads: String,
    pub blocks: Option<String>,
    pub in_callbacks: String,
    pub result: Value,
    pub arguments: Vec<Value>,
    pub doc: String,
}

/// An argument, a result or a member.
#[derive(Serialize, Default)]
pub struct Value {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// As C writes it, such as `const char *`.
    pub r#type: String,
    pub kind: Kind,
    /// Elements of an array that is a member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#enum: Option<String>,
    /// Of a pointer: `no`, `yes`, or `when empty`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nullable: Option<&'static str>,
    /// Of a pointer: `in`, or `out` for what the call writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<&'static str>,
    /// Of bytes and arrays: which value says how many there are, or a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<String>,
    /// Of bytes that are written: which argument gets how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// Of an object: `borrowed`, `taken` or `given`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ownership: Option<&'static str>,
    /// How long what is shown stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub doc: String,
}

#[derive(Serialize, Default, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Void,
    Status,
    Integer,
    Boolean,
    Enum,
    Id,
    /// A pointer to an object.
    Object,
    /// A structure, or a pointer to one.
    Struct,
    /// A pointer to one number, id or pointer.
    Scalar,
    /// A pointer to several elements.
    Array,
    /// A pointer to bytes.
    Bytes,
    /// A NUL-terminated text.
    Text,
    /// An array of characters in a structure, NUL-terminated.
    Characters,
    Callback,
    UserData,
}

/// src/ffi/interface.toml: what signatures do not say.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub blocks: BTreeMap<String, String>,
    pub in_callbacks: BTreeMap<String, String>,
    pub threads: BTreeMap<String, String>,
    pub callback_threads: BTreeMap<String, String>,
    pub nullable: BTreeMap<String, Vec<String>>,
    pub values: Values,
    pub enums: BTreeMap<String, String>,
    pub lengths: BTreeMap<String, String>,
    pub valid: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Values {
    pub never_null: Vec<String>,
}

impl Facts {
    /// How long what is shown at that place is valid.
    pub fn valid(&self, place: &str) -> Option<String> {
        let matches = |key: &&String| key.strip_suffix('*').is_some_and(|start| place.starts_with(start));
        self.valid.get(place).or_else(|| self.valid.get(self.valid.keys().find(matches)?)).cloned()
    }
}
