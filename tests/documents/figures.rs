//! Figures that stand in two documents are the same in both.

use std::collections::BTreeMap;

use crate::{cells, read};

/// The rows of the first table whose head begins so, by their first cell.
fn rows(text: &str, head: &str) -> BTreeMap<String, Vec<String>> {
    let (_, table) = text.split_once(head).unwrap_or_else(|| panic!("no table with {head:?}"));
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let split = lines.map(|line| cells(line).into_iter().map(str::to_string).collect::<Vec<_>>());
    split.map(|cells| (cells[0].clone(), cells[1..].to_vec())).collect()
}

/// The speed of HTTP/2: README.md shows a part of benches/README.md.
#[test]
fn the_readme_has_the_figures_of_the_benchmark() {
    let (project, benches) = (read("README.md"), read("benches/README.md"));
    let shown = rows(&project, "| CPU microseconds | goaway");
    let measured = rows(&benches, "| load | goaway | h2-batched | hyper | nghttpd | h2o |");
    for (title, load) in [
        ("`GET`, 13 bytes", "`hello-32x32`"),
        ("`POST`, 1 KiB, echoed", "`echo-32x32`"),
        ("`GET`, 13 bytes, TLS", "`hello-32x32`, TLS, three rounds"),
    ] {
        let all = &measured[load];
        // Without h2-batched.
        let expected = [&all[0], &all[2], &all[3], &all[4]];
        assert_eq!(shown[title].iter().collect::<Vec<_>>(), expected, "README.md: {title}, benches/README.md: {load}");
    }
    let (_, idle) = project.split_once("An idle session takes ").expect("the memory of an idle session");
    let idle = idle.split(' ').next().expect("a number");
    assert!(benches.contains(&format!("{idle} KiB per session")), "benches/README.md: {idle} KiB per session");
}

/// docs/node-http2.md rounds figures of benches/node/README.md.
#[test]
fn the_document_of_node_http2_has_the_figures_of_its_benchmark() {
    let (document, benches) = (read("docs/node-http2.md"), read("benches/node/README.md"));
    let measured = &rows(&benches, "| load | goaway | stream |")["hello 32x32"];
    let time = |column: usize| -> String {
        let number: f64 = measured[column].split(' ').next().expect("a number").parse().expect("microseconds");
        format!("{number:.1}")
    };
    let (_, shown) = document.split_once("less processor time per request: ").expect("the figures");
    let shown = shown.split(" (one core").next().expect("their end");
    let expected = format!(
        "{} us with the stream API (Node.js {}), {} with the compatibility API ({}), {} with Fastify ({})",
        time(2),
        time(1),
        time(4),
        time(3),
        time(6),
        time(5)
    );
    assert_eq!(shown, expected, "docs/node-http2.md beside benches/node/README.md");
}
