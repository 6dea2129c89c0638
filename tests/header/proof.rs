//! A C program that is compiled only if each number, structure and signature of
//! the description is the header's.

use std::fmt::Write;

use crate::interface::{Interface, Kind, Value};

pub fn program(interface: &Interface) -> String {
    let mut program = "#include \"goaway.h\"\n#define SAME(a, b) _Static_assert((a) == (b), #a)\n".to_owned();
    let constants = interface.constants.iter().map(|constant| (&constant.name, constant.value));
    let members = interface.enums.iter().flat_map(|item| &item.members).map(|member| (&member.name, member.value));
    for (name, value) in constants.chain(members) {
        writeln!(program, "SAME({name}, {value});").expect("memory");
    }
    for item in &interface.ids {
        writeln!(program, "SAME(sizeof({}), sizeof({}));", item.name, item.r#type).expect("memory");
    }
    for item in &interface.structs {
        let name = &item.name;
        let members: String = item.members.iter().map(|value| format!("{};", declared(value))).collect();
        writeln!(program, "struct my_{name} {{ {members} }};").expect("memory");
        writeln!(program, "SAME(sizeof({name}), sizeof(struct my_{name}));").expect("memory");
        for Value { name: own, .. } in &item.members {
            let ours = format!("struct my_{name}");
            writeln!(program, "SAME(offsetof({name}, {own}), offsetof({ours}, {own}));").expect("memory");
            let same = format!("_Generic(&(({name} *)0)->{own}, __typeof__(&(({ours} *)0)->{own}): 1, default: 0)");
            writeln!(program, "SAME({same}, 1);").expect("memory");
        }
    }
    for item in &interface.callbacks {
        let name = &item.name;
        let arguments = arguments(&item.arguments);
        writeln!(program, "extern void my_{name}({arguments}); {name} check_{name} = my_{name};").expect("memory");
    }
    for item in &interface.functions {
        let (name, result) = (&item.name, &item.result.r#type);
        let arguments = arguments(&item.arguments);
        writeln!(program, "{result} (*check_{name})({arguments}) = {name};").expect("memory");
    }
    program
}

fn declared(value: &Value) -> String {
    let space = if value.r#type.ends_with('*') { "" } else { " " };
    let count = value.count.map_or(String::new(), |count| format!("[{count}]"));
    format!("{}{space}{}{count}", value.r#type, value.name)
}

fn arguments(values: &[Value]) -> String {
    assert!(values.iter().all(|value| value.kind != Kind::Void), "an argument is something");
    match values {
        [] => "void".to_owned(),
        _ => values.iter().map(declared).collect::<Vec<_>>().join(", "),
    }
}
