//! The routes: which handler serves a method and a path.

use std::borrow::Cow;
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::check::Check;
use crate::error::{Error, Result};
use crate::queue::Queue;
use crate::refusal::Refusal;

/// Called with the request's id, on the thread of its session.
pub type Handler = Arc<dyn Fn(u64) + Send + Sync>;

/// The receiver of the requests of a route.
pub enum Target {
    Handler(Handler),
    /// A queue, with the tag for its records.
    Queue(Arc<Queue>, u32),
    /// A health check, to which the library responds.
    Check(Check),
}

impl Target {
    pub fn is_check(&self) -> bool {
        matches!(self, Self::Check(_))
    }
}

/// Patterns and their handlers. Filled before the server starts, then only read.
#[derive(Default)]
pub struct Routes {
    /// Maps a path to an index of `paths`.
    tree: matchit::Router<usize>,
    paths: Vec<Path>,
    /// Receives what no pattern matches.
    catch_all: Option<Target>,
    /// Receives each CONNECT that no path pattern matches.
    tunnels: Option<Target>,
    /// Whether any target receives CONNECT.
    any_connect: bool,
}

/// One path pattern with its handlers.
struct Path {
    pattern: String,
    named: Vec<(Method, Target)>,
    any: Option<Target>,
}

/// A target and the path's parameters, percent-decoded.
pub struct Match<'a> {
    pub target: &'a Target,
    pub params: Vec<(String, String)>,
}

impl Routes {
    /// Adds a target for `METHOD /path/{name}/{*rest}`. The method `*` is every
    /// method, the pattern `*` alone is whatever no other pattern matches. Neither
    /// includes CONNECT, whose responses open tunnels: it must be named, and
    /// `CONNECT *` is each CONNECT that no path pattern matches.
    pub fn register(&mut self, pattern: &str, target: Target) -> Result<()> {
        if pattern == "*" {
            return fill(&mut self.catch_all, target, pattern);
        }
        if pattern == "CONNECT *" {
            self.any_connect = true;
            return fill(&mut self.tunnels, target, pattern);
        }
        let (method, path) = pattern
            .split_once(' ')
            .filter(|(_, path)| path.starts_with('/'))
            .ok_or_else(|| Error::invalid(format_args!("{pattern:?} is not of the form \"METHOD /path\"")))?;
        let named = Method::from_bytes(method.as_bytes())
            .map_err(|_| Error::invalid(format_args!("{method:?} in {pattern:?} is no method")))?;
        let path = self.path(path)?;
        if method == "*" {
            return fill(&mut path.any, target, pattern);
        }
        let method = named;
        if path.named.iter().any(|(known, _)| *known == method) {
            return Err(taken(pattern));
        }
        let is_connect = method == Method::CONNECT;
        path.named.push((method, target));
        self.any_connect |= is_connect;
        Ok(())
    }

    /// Whether any target receives CONNECT.
    pub fn has_connect(&self) -> bool {
        self.any_connect
    }

    /// Finds the target of a request, or the refusal by the library.
    pub fn find(&self, method: &Method, path: &[u8]) -> std::result::Result<Match<'_>, Refusal> {
        let without_params = |target| Match { target, params: Vec::new() };
        let path = &*as_text(path);
        if *method == Method::CONNECT {
            return self.find_tunnel(path);
        }
        let Ok(found) = self.tree.at(path) else {
            return self.catch_all.as_ref().map(without_params).ok_or(Refusal::Status(StatusCode::NOT_FOUND, None));
        };
        let path = &self.paths[*found.value];
        if let Some(target) = path.find(method) {
            return Ok(Match { target, params: decode_all(&found.params)? });
        }
        let not_allowed = || Refusal::Status(StatusCode::METHOD_NOT_ALLOWED, Some(path.allow()));
        self.catch_all.as_ref().map(without_params).ok_or_else(not_allowed)
    }

    /// The same for CONNECT, which names a path only if it is an extended one
    /// (RFC 8441, section 4).
    fn find_tunnel(&self, path: &str) -> std::result::Result<Match<'_>, Refusal> {
        let found = self.tree.at(path).ok().map(|found| (&self.paths[*found.value], found.params));
        if let Some((path, params)) = &found
            && let Some(target) = path.named(&Method::CONNECT)
        {
            return Ok(Match { target, params: decode_all(params)? });
        }
        let refusal = || match &found {
            _ if path.is_empty() => Refusal::Status(StatusCode::NOT_IMPLEMENTED, None),
            None => Refusal::Status(StatusCode::NOT_FOUND, None),
            Some((path, _)) => Refusal::Status(StatusCode::METHOD_NOT_ALLOWED, Some(path.allow())),
        };
        self.tunnels.as_ref().map(|target| Match { target, params: Vec::new() }).ok_or_else(refusal)
    }

    /// Whether exactly that path has a target for that method.
    pub fn has(&self, method: &Method, path: &str) -> bool {
        self.paths.iter().any(|known| known.pattern == path && known.named(method).is_some())
    }

    fn path(&mut self, pattern: &str) -> Result<&mut Path> {
        let known = self.paths.iter().position(|path| path.pattern == pattern);
        let at = known.unwrap_or(self.paths.len());
        if known.is_none() {
            self.tree.insert(pattern, at).map_err(|why| Error::invalid(format_args!("{pattern:?}: {why}")))?;
            self.paths.push(Path { pattern: pattern.to_owned(), named: Vec::new(), any: None });
        }
        Ok(&mut self.paths[at])
    }
}

impl Path {
    /// HEAD uses the handler of GET (RFC 9110, section 9.3.2) unless it has its own.
    fn find(&self, method: &Method) -> Option<&Target> {
        let from_get = || (*method == Method::HEAD).then(|| self.named(&Method::GET)).flatten();
        self.named(method).or_else(from_get).or(self.any.as_ref())
    }

    fn named(&self, wanted: &Method) -> Option<&Target> {
        self.named.iter().find(|(known, _)| known == wanted).map(|(_, target)| target)
    }

    /// The value of `allow` (RFC 9110, section 10.2.1).
    fn allow(&self) -> String {
        let mut methods: Vec<&str> = self.named.iter().map(|(method, _)| method.as_str()).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        methods.join(", ")
    }
}

fn fill(place: &mut Option<Target>, target: Target, pattern: &str) -> Result<()> {
    if place.is_some() {
        return Err(taken(pattern));
    }
    *place = Some(target);
    Ok(())
}

fn taken(pattern: &str) -> Error {
    Error::invalid(format_args!("{pattern:?} has a handler already"))
}

/// The path as text. Bytes that are not UTF-8 are percent-encoded, which is
/// equivalent (RFC 3986, section 2.1): no pattern contains them, but a parameter may.
fn as_text(path: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(path) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(path.utf8_chunks().fold(String::new(), |text, chunk| {
            let encoded = chunk.invalid().iter().map(|byte| format!("%{byte:02X}"));
            text + chunk.valid() + &encoded.collect::<String>()
        })),
    }
}

fn decode_all(params: &matchit::Params<'_, '_>) -> std::result::Result<Vec<(String, String)>, Refusal> {
    if params.is_empty() {
        return Ok(Vec::new());
    }
    params
        .iter()
        .map(|(name, value)| Some((name.to_owned(), decode(value)?)))
        .collect::<Option<Vec<_>>>()
        .ok_or(Refusal::Status(StatusCode::BAD_REQUEST, None))
}

/// Percent-decodes (RFC 3986, section 2.1). `None` if an escape is not two
/// hexadecimal digits, or if the result is not UTF-8.
fn decode(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (mut rest, mut decoded) = (text.as_bytes(), Vec::with_capacity(text.len()));
    while let [first, tail @ ..] = rest {
        rest = match (*first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                decoded.push(digit(*high)? << 4 | digit(*low)?);
                tail
            }
            (b'%', _) => return None,
            (byte, tail) => {
                decoded.push(byte);
                tail
            }
        };
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() -> Target {
        Target::Handler(Arc::new(|_| {}))
    }

    fn routes(patterns: &[&str]) -> Routes {
        let mut routes = Routes::default();
        patterns.iter().for_each(|pattern| routes.register(pattern, handler()).unwrap());
        routes
    }

    fn status(routes: &Routes, method: Method, path: &str) -> u16 {
        match routes.find(&method, path.as_bytes()) {
            Ok(_) => 200,
            Err(Refusal::Status(status, _)) => status.as_u16(),
        }
    }

    #[test]
    fn methods_and_paths_choose() {
        let routes = routes(&["GET /", "POST /", "* /any", "GET /users/{id}", "GET /files/{*rest}"]);
        assert_eq!(status(&routes, Method::GET, "/"), 200);
        assert_eq!(status(&routes, Method::HEAD, "/"), 200, "HEAD from GET");
        assert_eq!(status(&routes, Method::DELETE, "/any"), 200);
        assert_eq!(status(&routes, Method::GET, "/nowhere"), 404);
        assert_eq!(status(&routes, Method::GET, "*"), 404);
        let Err(Refusal::Status(code, allow)) = routes.find(&Method::PUT, b"/") else { panic!() };
        assert_eq!((code.as_u16(), allow.unwrap().as_str()), (405, "GET, POST, HEAD"));
    }

    #[test]
    fn parameters_are_decoded() {
        let routes = routes(&["GET /users/{id}", "GET /files/{*rest}"]);
        let param = |path: &str| routes.find(&Method::GET, path.as_bytes()).map(|found| found.params[0].1.clone());
        assert_eq!(param("/users/J%C3%BCrgen%20%2f").unwrap(), "Jürgen /");
        assert_eq!(param("/files/a/b").unwrap(), "a/b");
        for bad in ["/users/%", "/users/%2", "/users/%zz", "/users/%ff"] {
            assert_eq!(param(bad), Err(Refusal::Status(StatusCode::BAD_REQUEST, None)), "{bad}");
        }
    }

    #[test]
    fn paths_are_any_bytes() {
        let with = routes(&["GET /users/{id}", "GET /\u{e4}/b", "GET /\"a\"", "* /any/{*rest}", "GET /%FE"]);
        let found = |path: &[u8]| with.find(&Method::GET, path).map(|found| found.params);
        let status = |code| Err(Refusal::Status(code, None));
        let id = |id: &str| vec![("id".to_owned(), id.to_owned())];
        assert_eq!(found(b"/users/\xc3\xa4<`>").ok(), Some(id("\u{e4}<`>")), "the same as percent-encoded");
        assert_eq!(found("/\u{e4}/b".as_bytes()).ok(), Some(Vec::new()));
        assert_eq!(found(b"/\"a\"").ok(), Some(Vec::new()));
        for bad in [&b"/users/\xff"[..], b"/users/a\xc3", b"/users/%ff", b"/any/a/\xfe/\xc3\xa4"] {
            assert_eq!(found(bad).map(drop), status(StatusCode::BAD_REQUEST), "{bad:?}");
        }
        assert_eq!(found(b"/users/%e4\xff%").map(drop), status(StatusCode::BAD_REQUEST));
        assert_eq!(found(b"/\xff/b").map(drop), status(StatusCode::NOT_FOUND));
        let with = routes(&["GET /users/{id}", "*"]);
        for path in [&b"/\xff"[..], b"/users\xff/a", b"\xff"] {
            assert!(with.find(&Method::GET, path).is_ok(), "{path:?} is for who takes all");
        }
    }

    #[test]
    fn a_catch_all_takes_the_rest() {
        let routes = routes(&["GET /", "*"]);
        assert_eq!(status(&routes, Method::GET, "/nowhere"), 200);
        assert_eq!(status(&routes, Method::PUT, "/"), 200);
        assert_eq!(status(&routes, Method::OPTIONS, "*"), 200);
    }

    #[test]
    fn a_tunnel_is_for_who_names_it() {
        let with = routes(&["GET /", "* /any", "CONNECT /chat/{room}", "*"]);
        assert!(with.has_connect());
        assert_eq!(status(&with, Method::CONNECT, ""), 501);
        assert_eq!(status(&with, Method::CONNECT, "/any"), 405);
        assert_eq!(status(&with, Method::CONNECT, "/"), 405);
        assert_eq!(status(&with, Method::CONNECT, "/nowhere"), 404);
        let found = with.find(&Method::CONNECT, b"/chat/a%20b").unwrap_or_else(|_| panic!());
        assert_eq!(found.params, [("room".to_owned(), "a b".to_owned())]);
        let with = routes(&["GET /", "CONNECT *"]);
        for path in ["", "/", "/nowhere"] {
            assert_eq!(status(&with, Method::CONNECT, path), 200, "{path:?}");
        }
        assert_eq!(status(&with, Method::GET, "/nowhere"), 404);
        assert!(!routes(&["* /", "*"]).has_connect());
    }

    #[test]
    fn bad_patterns_are_refused() {
        let mut routes = routes(&["GET /a/{x}", "*", "CONNECT *"]);
        for bad in [
            "",
            "/",
            "GET",
            "GET a",
            "G(T /",
            "GET /{",
            "GET /{a}{b}",
            "GET /a/{x}",
            "GET /a/{y}",
            "*",
            "CONNECT *",
            "GET *",
        ] {
            assert!(matches!(routes.register(bad, handler()), Err(Error::Invalid(_))), "{bad:?}");
        }
    }
}
