//! httpx, as Python's users have it.

use std::path::Path;
use std::process::Command;

use crate::program::run;
use crate::start;

/// GET, POST and 20 requests at once on one connection.
#[test]
fn httpx_is_served() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("build/venv/bin/python");
    assert!(python.exists(), "{} is not there; run `make venv`", python.display());
    let demo = start();
    let url = format!("http://{}", demo.address());
    let finished =
        run(Command::new(python).arg(root.join("tests/demo/httpx_client.py")).arg(url), b"").expect_success();
    assert_eq!(finished.text(), "all is well\n", "{}", finished.stderr);
}
