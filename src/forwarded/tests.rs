use super::*;

const ALL: &str = "X-Forwarded-For, x-forwarded-proto,x-forwarded-host,x-forwarded-port,x-forwarded-prefix,forwarded";

/// What is read of fields that a trusted proxy at 127.0.0.1 has sent.
fn read_by(trusted: &str, fields: &[(&str, &str)]) -> Forwarded {
    let mut list = HeaderList::new();
    fields.iter().for_each(|(name, value)| list.push(name.as_bytes(), value.as_bytes(), false));
    let sender = Endpoint::Inet("127.0.0.1:9".parse().unwrap());
    let rules = Rules::parse(trusted, ALL).unwrap();
    *rules.read(&sender, &list, "http", "origin:8080").expect("a trusted sender")
}

fn read(fields: &[(&str, &str)]) -> Forwarded {
    read_by("127.0.0.1, 10.0.0.0/8, 2001:db8::/32", fields)
}

fn peer(value: &str) -> Option<String> {
    read(&[("x-forwarded-for", value)]).peer.map(String::from)
}

fn forwarded(value: &str) -> (Option<String>, Option<&'static str>, Option<String>) {
    let found = read(&[("forwarded", value)]);
    (found.peer.map(String::from), found.scheme, found.authority.map(String::from))
}

#[test]
fn addresses_are_read_from_the_right_as_far_as_they_are_trusted() {
    for (value, expected) in [
        ("192.0.2.1", "192.0.2.1:0"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1:0"),
        ("203.0.113.9,192.0.2.1,10.0.0.7 , 10.1.1.1", "192.0.2.1:0"),
        ("127.0.0.1, 192.0.2.1, 10.0.0.1", "192.0.2.1:0"),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1:0"),
        ("192.0.2.1:4711", "192.0.2.1:4711"),
        ("2001:db9::1", "[2001:db9::1]:0"),
        ("[2001:db9::1]:4711", "[2001:db9::1]:4711"),
        ("[2001:db9::1]", "[2001:db9::1]:0"),
        ("198.51.100.1, 2001:db8::5", "198.51.100.1:0"),
        ("::ffff:192.0.2.1", "192.0.2.1:0"),
        (",, 192.0.2.1 ,", "192.0.2.1:0"),
    ] {
        assert_eq!(peer(value).as_deref(), Some(expected), "{value}");
    }
    let lines = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "10.0.0.1")];
    assert_eq!(read(&lines).peer.as_deref(), Some("192.0.2.1:0"), "several lines are one list");
    assert_eq!(read_by("*", &lines).peer.as_deref(), Some("203.0.113.9:0"), "all are trusted");
}

#[test]
fn what_is_no_address_ends_the_way_and_is_ignored() {
    for bad in [
        "unknown",
        "_hidden",
        "_hidden:_port",
        "localhost",
        "1.2.3",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:+1",
        "[1.2.3.4]",
        "[::1",
        "::1]",
        "[::1]x",
        "[::1]:x",
        "a b",
        "\u{e4}",
        "_",
        "1.2.3.4:_",
        "\"1.2.3.4\"",
        "<script>",
    ] {
        assert_eq!(peer(bad), None, "{bad}");
        assert_eq!(peer(&format!("{bad}, 192.0.2.1")).as_deref(), Some("192.0.2.1:0"), "{bad}");
        assert_eq!(peer(&format!("192.0.2.1, {bad}, 10.0.0.1")).as_deref(), Some("10.0.0.1:0"), "{bad}");
    }
    assert_eq!((peer(""), peer(" , ")), (None, None));
}

#[test]
fn only_a_trusted_sender_is_heard() {
    let mut list = HeaderList::new();
    list.push(b"x-forwarded-for", b"192.0.2.1", false);
    let rules = Rules::parse("127.0.0.0/8,unix", "x-forwarded-for").unwrap();
    let read = |sender: &Endpoint| rules.read(sender, &list, "http", "");
    let inet = |text: &str| Endpoint::Inet(text.parse().unwrap());
    for good in [inet("127.0.0.2:1"), Endpoint::default(), Endpoint::Process { pid: None, uid: 0 }] {
        assert!(read(&good).is_some_and(|found| found.peer.is_some()), "{good}");
    }
    for bad in [inet("10.0.0.1:1"), inet("[::1]:1")] {
        assert!(read(&bad).is_none(), "{bad}");
    }
}

#[test]
fn only_fields_that_were_named_are_read() {
    let mut list = HeaderList::new();
    for (name, value) in
        [("forwarded", "for=192.0.2.9;host=evil"), ("x-forwarded-host", "evil"), ("x-forwarded-for", "192.0.2.1")]
    {
        list.push(name.as_bytes(), value.as_bytes(), false);
    }
    let rules = Rules::parse("*", "x-forwarded-for,x-forwarded-proto").unwrap();
    let found = rules.read(&Endpoint::default(), &list, "http", "origin").unwrap();
    assert_eq!(*found, Forwarded { peer: Some("192.0.2.1:0".into()), ..Forwarded::default() });
    for (trusted, fields) in
        [("", "forwarded"), ("10.0.0.0/33", "forwarded"), ("*", ""), ("*", "x-real-ip"), ("*,", "forwarded")]
    {
        assert!(Rules::parse(trusted, fields).is_err(), "{trusted:?} {fields:?}");
    }
}

#[test]
fn schemes_hosts_ports_and_prefixes() {
    let scheme = |value| read(&[("x-forwarded-proto", value)]).scheme;
    assert_eq!(
        (scheme("https"), scheme("HTTP"), scheme("wss"), scheme("ws")),
        (Some("https"), Some("http"), Some("https"), Some("http"))
    );
    assert_eq!((scheme("ftp"), scheme(""), scheme("https;")), (None, None, None));
    assert_eq!(scheme("http, https"), Some("https"), "that of the nearest proxy");
    let authority = |fields: &[(&str, &str)]| read(fields).authority.map(String::from);
    let host = |value| authority(&[("x-forwarded-host", value)]);
    for good in ["shop.example", "shop.example:8443", "[2001:db8::1]:1", "shop.example:443"] {
        assert_eq!(host(good).as_deref(), Some(good));
    }
    for bad in ["a b", "a/b", "a@b", ":80", "[::1", "a:b"] {
        assert_eq!(host(bad), None, "{bad}");
    }
    let with = |port, proto| authority(&[("x-forwarded-port", port), ("x-forwarded-proto", proto)]);
    assert_eq!(with("8443", "https").as_deref(), Some("origin:8443"), "in place of the port of the request");
    assert_eq!(with("443", "https").as_deref(), Some("origin"));
    assert_eq!(with("443", "http").as_deref(), Some("origin:443"));
    for bad in ["0", "65536", "x", "-1", "000080"] {
        assert_eq!(with(bad, "https"), None, "{bad}");
    }
    let both = [("x-forwarded-host", "[2001:db8::1]:1"), ("x-forwarded-port", "8443")];
    assert_eq!(authority(&both).as_deref(), Some("[2001:db8::1]:8443"));
    let prefix = |value| read(&[("x-forwarded-prefix", value)]).prefix.map(String::from);
    assert_eq!((prefix("/shop/").as_deref(), prefix("/a/b%20c").as_deref()), (Some("/shop"), Some("/a/b%20c")));
    for bad in ["/", "shop", "//evil", "/a?b", "/a b", "/\\evil", "/a#"] {
        assert_eq!(prefix(bad), None, "{bad}");
    }
}

#[test]
fn each_proxy_has_its_own_scheme_if_there_is_one_for_each() {
    let fields = [("x-forwarded-for", "203.0.113.9, 192.0.2.1, 10.0.0.1"), ("x-forwarded-proto", "http, https, http")];
    assert_eq!(read(&fields).scheme, Some("https"), "that of the client");
    let fields = [("x-forwarded-for", "192.0.2.1, 10.0.0.1"), ("x-forwarded-host", "evil, a, b")];
    assert_eq!(read(&fields).authority.as_deref(), Some("b"));
}

#[test]
fn elements_of_forwarded() {
    let some = |peer: &str| Some(peer.to_owned());
    for (value, expected) in [
        ("for=192.0.2.1", (some("192.0.2.1:0"), None, None)),
        ("For=\"192.0.2.1:47\" ; PROTO=https;by=10.0.0.1", (some("192.0.2.1:47"), Some("https"), None)),
        ("for=\"[2001:db9::1]:4711\";host=\"a:1\"", (some("[2001:db9::1]:4711"), None, some("a:1"))),
        (
            "for=203.0.113.9;proto=https, for=192.0.2.1;proto=http, for=10.0.0.1",
            (some("192.0.2.1:0"), Some("http"), None),
        ),
        ("for=\"a, for=203.0.113.9\", for=192.0.2.1", (some("192.0.2.1:0"), None, None)),
        ("for=192.0.2.1;x=\"a,b;c\\\"d\";proto=https", (some("192.0.2.1:0"), Some("https"), None)),
        ("for=unknown;proto=https", (None, Some("https"), None)),
        ("for=_secret;host=a, for=10.0.0.1;host=b", (some("10.0.0.1:0"), None, some("a"))),
        ("proto=https", (None, Some("https"), None)),
        ("for=\"_a:_b\"", (None, None, None)),
        ("for=\"19\\2.0.2.1\"", (some("192.0.2.1:0"), None, None)),
        // A client has left a quote open: what the proxy has added counts.
        ("for=\"evil, for=192.0.2.1", (some("192.0.2.1:0"), None, None)),
        ("for=\"evil, for=\"[2001:db9::1]:1\"", (some("[2001:db9::1]:1"), None, None)),
        ("for=\"evil\\, for=\"[2001:db9::1]:1\"", (some("[2001:db9::1]:1"), None, None)),
    ] {
        assert_eq!(forwarded(value), expected, "{value}");
    }
    for bad in [
        "for",
        "=a",
        "for=",
        "for=\"a",
        "for=1.2.3.4;for=5.6.7.8",
        "f r=a",
        "for=\"a\"b",
        "for==",
        ";",
        "",
        "for=\"192.0.2.1\\",
    ] {
        assert_eq!(forwarded(bad), (None, None, None), "{bad}");
        assert_eq!(forwarded(&format!("{bad}, for=192.0.2.1")).0, some("192.0.2.1:0"), "{bad}");
    }
    let both = [("forwarded", "for=192.0.2.1"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
    assert_eq!(
        read(&both),
        Forwarded { peer: Some("192.0.2.1:0".into()), ..Forwarded::default() },
        "it goes before the others"
    );
    let lines =
        [("forwarded", "for=\"evil"), ("forwarded", "for=192.0.2.1"), ("forwarded", "for=10.0.0.1;proto=https")];
    assert_eq!(read(&lines).peer.as_deref(), Some("192.0.2.1:0"));
}

/// Whatever bytes come, nothing panics, and what is read is well-formed.
#[test]
fn any_bytes_are_read_safely() {
    let seeds =
        ["for=\"[2001:db8::1]:1\";proto=https, for=_a", "10.0.0.1, [::1]:2, unknown", "https, http", "a:1, [::1]:2"];
    for seed in seeds {
        for at in 0..seed.len() {
            for byte in 1..=255u8 {
                let mut value = seed.as_bytes().to_vec();
                value[at] = byte;
                let mut list = HeaderList::new();
                NAMES.iter().for_each(|name| list.push(name.as_bytes(), &value, false));
                let rules = Rules::parse("*", ALL).unwrap();
                let found = rules.read(&Endpoint::default(), &list, "http", "a").unwrap();
                assert!(found.peer.is_none_or(|peer| peer.parse::<SocketAddr>().is_ok()));
                assert!(found.authority.is_none_or(|host| is_authority(host.as_bytes())));
            }
        }
    }
}
