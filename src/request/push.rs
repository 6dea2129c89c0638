//! Server push (RFC 9113, section 8.4): a request that the host makes on behalf of its
//! peer, and responds to.
//!
//! It has an id at once, on any thread. The session's task sends the PUSH_PROMISE when
//! it next handles the request that the push belongs to.

use http::{Method, Uri};

use super::{Head, REQUESTS, Request, change, field, forget};
use crate::engine::RequestHead;
use crate::error::{Error, Result};
use crate::header_list::HeaderList;
use crate::table::SlotAllocator;

/// The pseudo-header fields as the host passes them (section 8.3.1).
#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
}

/// Pushes a request of these fields for request `id`. The pseudo-header fields come
/// first. Returns the id of the pushed request.
pub fn push<'a>(id: u64, fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>) -> Result<u64> {
    let (pseudo, fields) = read(fields)?;
    let pushed = change(id, |request| {
        check(request)?;
        let head = pseudo.head(request.head(), fields)?;
        Ok(Request::pushed(request, head))
    })?;
    let session = pushed.session.clone();
    session.push_begins()?;
    let entered = SlotAllocator::new(REQUESTS.here()?).insert(|_| pushed);
    let entered = entered.ok_or_else(|| Error::TooLarge("there are no ids left".into()));
    let owned = entered.and_then(|pushed| {
        let owned = change(id, |request| {
            request.pushes.push(pushed);
            Ok(pushed)
        });
        owned.inspect_err(|_| forget(pushed))
    });
    owned.inspect_err(|_| session.push_is_over())
}

/// Whether a push is allowed for it.
fn check(request: &Request) -> Result<()> {
    if !request.session.takes_pushes() {
        return Err(Error::State("the peer takes no pushed responses"));
    }
    if request.stream.is_multiple_of(2) {
        return Err(Error::State("a pushed request pushes nothing itself"));
    }
    if request.response.has_ended() {
        return Err(Error::State("the response has ended"));
    }
    match request.drain_left_ms() {
        Some(_) => Err(Error::State("the session drains")),
        None => Ok(()),
    }
}

fn read<'a>(fields: impl Iterator<Item = Result<(&'a [u8], &'a [u8])>>) -> Result<(Pseudo<'a>, HeaderList)> {
    let (mut pseudo, mut section) = (Pseudo::default(), HeaderList::new());
    for given in fields {
        let (name, value) = given?;
        if name.first() != Some(&b':') {
            field::append(&mut section, name, value)?;
        } else if !section.is_empty() {
            return Err(Error::invalid("a pseudo-header field stands behind an ordinary one"));
        } else if pseudo.place(name)?.replace(value).is_some() {
            return Err(Error::invalid(format_args!("{} is given twice", String::from_utf8_lossy(name))));
        }
    }
    // Section 8.4.1: a promised request has no body.
    if section.get_all(b"content-length").any(|length| length != b"0") {
        return Err(Error::invalid("a pushed request has no body"));
    }
    Ok((pseudo, section))
}

impl<'a> Pseudo<'a> {
    fn place(&mut self, name: &[u8]) -> Result<&mut Option<&'a [u8]>> {
        match name {
            b":method" => Ok(&mut self.method),
            b":scheme" => Ok(&mut self.scheme),
            b":authority" => Ok(&mut self.authority),
            b":path" => Ok(&mut self.path),
            _ => {
                let name = String::from_utf8_lossy(name);
                Err(Error::invalid(format_args!("{name} is no pseudo-header field of a pushed request")))
            }
        }
    }

    /// The head of a request that is pushed for a request with the given head.
    fn head(&self, parent: &Head, fields: HeaderList) -> Result<Head> {
        // Section 8.4: a promised request is safe and cacheable.
        let method = match self.method {
            Some(b"GET") => Method::GET,
            Some(b"HEAD") => Method::HEAD,
            Some(_) => return Err(Error::invalid("what is pushed is a GET or a HEAD")),
            None => return Err(Error::invalid("a pushed request needs a :method")),
        };
        let path = self.path.filter(|path| path.starts_with(b"/"));
        let path = path.ok_or_else(|| Error::invalid("a pushed request needs a :path that begins with a slash"))?;
        let authority = self.authority.unwrap_or(parent.received_authority().as_bytes());
        if authority.contains(&b'@') {
            return Err(Error::invalid("the authority contains user information"));
        }
        let uri = Uri::builder()
            .scheme(self.scheme.unwrap_or(parent.received_scheme().as_bytes()))
            .authority(authority)
            .path_and_query(path)
            .build()
            .map_err(|why| Error::invalid(format_args!("a pushed request's target: {why}")))?;
        let head = RequestHead {
            method,
            scheme: uri.scheme_str().map(Into::into),
            authority: uri.authority().map(|authority| authority.as_str().into()),
            path: uri.path_and_query().map(|path| path.as_str().into()).unwrap_or_default(),
            fields,
            ..RequestHead::default()
        };
        Ok(Head::new(Box::new(head), Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Result<Head> {
        let (scheme, authority) = (Some("http".into()), Some("example.com".into()));
        let parent = RequestHead { scheme, authority, path: b"/a".to_vec(), ..RequestHead::default() };
        let given = fields.iter().map(|(name, value)| Ok((name.as_bytes(), value.as_bytes())));
        let (pseudo, section) = read(given)?;
        pseudo.head(&Head::new(Box::new(parent), Vec::new()), section)
    }

    #[test]
    fn what_is_not_said_is_as_of_the_request() {
        let pushed = head(&[(":method", "GET"), (":path", "/b?c"), ("accept", "*/*")]).unwrap();
        assert_eq!((pushed.scheme(), pushed.authority()), ("http", "example.com"));
        assert_eq!((pushed.path(), pushed.query(), pushed.fields().len()), (&b"/b"[..], &b"c"[..], 1));
        let said = [(":authority", "a:1"), (":scheme", "https"), (":path", "/"), (":method", "HEAD")];
        let pushed = head(&said).unwrap();
        assert_eq!((pushed.scheme(), pushed.authority(), pushed.method()), ("https", "a:1", &Method::HEAD));
    }

    #[test]
    fn what_nobody_may_push_is_refused() {
        let (method, path) = ((":method", "GET"), (":path", "/"));
        let cases: [&[(&str, &str)]; 14] = [
            &[],
            &[method],
            &[path],
            &[(":method", "POST"), path],
            &[(":method", "get"), path],
            &[method, (":path", "")],
            &[method, (":path", "*")],
            &[method, (":path", "/a b")],
            &[method, path, path],
            &[method, path, (":status", "200")],
            &[method, ("a", "b"), path],
            &[method, path, (":authority", "me@a")],
            &[method, path, ("content-length", "1")],
            &[method, path, ("connection", "close")],
        ];
        for fields in cases {
            assert!(matches!(head(fields), Err(Error::Invalid(_))), "{fields:?}");
        }
        head(&[method, path, ("content-length", "0")]).unwrap();
    }
}
