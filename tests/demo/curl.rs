//! One request with curl, and its parsed response. Each curl sends one request only: curl
//! 7.88 fails at the second request on a connection with prior knowledge, with any
//! server.

use std::process::Command;

use crate::kit::Demo;
use crate::program::{self, Finished};

pub struct Answer {
    /// The header sections in the order of arrival: informational ones, the final one,
    /// trailers.
    sections: Vec<Section>,
    pub body: Vec<u8>,
}

pub struct Section {
    /// Trailers have no status.
    pub status: Option<u16>,
    pub fields: Vec<(String, String)>,
}

impl Section {
    pub fn find(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    fn parse(text: &str) -> Section {
        let mut lines = text.lines().peekable();
        let status = lines.next_if(|line| line.starts_with("HTTP/"));
        let status = status.map(|line| {
            let status = line.strip_prefix("HTTP/2 ").unwrap_or_else(|| panic!("not HTTP/2: {line}"));
            status.trim().parse().expect("a status is a number")
        });
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_string(), value.trim().to_string()))
        };
        Section { status, fields: lines.filter_map(field).collect() }
    }
}

impl Answer {
    /// The final header section.
    pub fn head(&self) -> &Section {
        let last = self.sections.iter().rfind(|section| section.status.is_some());
        last.expect("an answer has a status")
    }

    pub fn status(&self) -> u16 {
        self.head().status.expect("a head has a status")
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.head().find(name)
    }

    pub fn informational(&self) -> Vec<&Section> {
        self.sections.iter().filter(|section| matches!(section.status, Some(100..200))).collect()
    }

    /// The trailers.
    pub fn trailers(&self) -> Option<&Section> {
        self.sections.last().filter(|section| section.status.is_none())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Runs curl, whatever its result.
#[track_caller]
pub fn run(demo: &Demo, path: &str, options: &[&str], input: &[u8]) -> Finished {
    let url = format!("http://{}{path}", demo.address());
    let mut curl = Command::new("curl");
    // Without ~/.curlrc, proxies and path normalization. -D is before the options, which
    // may override it.
    curl.args(["--disable", "--noproxy", "*", "--path-as-is", "--globoff", "--silent", "--show-error"]);
    curl.args(["--http2-prior-knowledge", "--max-time", "60", "--dump-header", "/dev/stderr"]);
    program::run(curl.args(options).arg(url), input)
}

/// A request with `input` on curl's standard input. The result must be an HTTP response.
#[track_caller]
pub fn send(demo: &Demo, path: &str, options: &[&str], input: &[u8]) -> Answer {
    let Finished { code, stdout, stderr } = run(demo, path, options, input);
    assert_eq!(code, Some(0), "curl {options:?} {path}: {stderr}");
    let sections = stderr.split("\r\n\r\n").map(str::trim).filter(|text| !text.is_empty());
    Answer { sections: sections.map(Section::parse).collect(), body: stdout }
}

#[track_caller]
pub fn get(demo: &Demo, path: &str) -> Answer {
    send(demo, path, &[], b"")
}

/// A GET that must be 200 with exactly this body.
#[track_caller]
pub fn expect(demo: &Demo, path: &str, body: &str) -> Answer {
    let answer = get(demo, path);
    assert_eq!((answer.status(), answer.text().as_str()), (200, body), "{path}");
    answer
}
