//! Messages that two parsers may read differently: every combination of what is
//! known to divide them, every kind of byte in every place, and mutations.

/// What follows each message: where it is seen tells where the message ended.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: b\r\n\r\n";
const CHUNKS: &str = "5\r\nhello\r\n0\r\n\r\n";

const LENGTHS: &[&str] = &[
    "",
    "Content-Length: 15\r\n",
    "Content-Length: 0\r\n",
    "content-length: 5\r\n",
    "Content-Length: 015\r\n",
    "Content-Length: +15\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 15, 15\r\n",
    "Content-Length: 1 5\r\n",
    "Content-Length: 15\r\nContent-Length: 15\r\n",
    "Content-Length: 15\r\nContent-Length: 5\r\n",
    "Content-Length:\r\n",
    "Content-Length : 15\r\n",
    "Content-Length\t: 15\r\n",
    " Content-Length: 15\r\n",
    "Content-Length: 0xf\r\n",
    "Content-Length: 15\t \r\n",
    "Content-Length: \t15\r\n",
    "Content-Length: 18446744073709551631\r\n",
    "Content-Length: 1e1\r\n",
    "Content_Length: 15\r\n",
    "X: y\nContent-Length: 15\r\n",
    "Content-Length: 15;\r\n",
    "Content-Length: \"15\"\r\n",
    "Content-Length: 15\0\r\n",
    "Content-Length:\x0b15\r\n",
    "Content-Length: 1_5\r\n",
    "Content-Length:\r\n 15\r\n",
];

const CODINGS: &[&str] = &[
    "",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding: CHUNKED\r\n",
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked, chunked\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked, gzip\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Transfer-Encoding: chunkedx\r\n",
    "Transfer-Encoding: \"chunked\"\r\n",
    "Transfer-Encoding: chunked;q=1\r\n",
    "Transfer-Encoding: \x0bchunked\r\n",
    "Transfer-Encoding:\tchunked \r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding:\r\n",
    "Transfer-Encoding: ,chunked\r\n",
    "Transfer-Encoding: chunked,\r\n",
    "Transfer_Encoding: chunked\r\n",
    "X: y\nTransfer-Encoding: chunked\r\n",
    "X: y\rTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\0\r\n",
    "Transfer-Encoding\0: chunked\r\n",
    "TE: chunked\r\n",
];

const LINE_ENDS: &[&str] =
    &["\n", "\r", "\r\r\n", "\n\r", "\n\r\n", "\r\n\r\n", " \r\n", "\t\r\n", "\x0b\r\n", "\0\r\n", "\r\n ", ""];

const REQUEST_LINES: &[&str] = &[
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "GET /  HTTP/1.1",
    "GET\t/\tHTTP/1.1",
    "GET / HTTP/1.1 x",
    "GET /",
    "GET  /x",
    "GET",
    "",
    "GET / HTTP/1.0",
    "GET / HTTP/0.9",
    "GET / HTTP/1.2",
    "GET / HTTP/2.0",
    "GET / HTTP/1.10",
    "GET / HTTP/01.1",
    "GET / HTTP/1.",
    "GET / http/1.1",
    "GET / HTTP/1.1\x0b",
    "GET / XTTP/1.1",
    "GET / HTTP 1.1",
    "get / HTTP/1.1",
    "Get / HTTP/1.1",
    "M-SEARCH / HTTP/1.1",
    "NONE / HTTP/1.1",
    "G_T / HTTP/1.1",
    "PROPFIND / HTTP/1.1",
    "GET * HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "GET x HTTP/1.1",
    "GET ?x HTTP/1.1",
    "GET //a/b HTTP/1.1",
    "GET /a#b HTTP/1.1",
    "GET /%zz HTTP/1.1",
    "GET /\"<>`{|}\\^[] HTTP/1.1",
    "GET http://a/b?c HTTP/1.1",
    "GET HTTP://a HTTP/1.1",
    "GET http:///b HTTP/1.1",
    "GET http://a@b/ HTTP/1.1",
    "GET http://a?b HTTP/1.1",
    "GET ftp://a/ HTTP/1.1",
    "GET http://a b/ HTTP/1.1",
    "CONNECT a:443 HTTP/1.1",
    "CONNECT / HTTP/1.1",
    "CONNECT a HTTP/1.1",
    "PRI * HTTP/2.0",
    "OPTIONS http://a HTTP/1.1",
    "GET /a\u{e4} HTTP/1.1",
    "HTTP/1.1 200 OK",
];

const FIELDS: &[&str] = &[
    "Host : a",
    "Host: a b",
    "Host: a\r\nHost: a",
    "Host: a\r\nHost: b",
    "Host:",
    "Host: a/b",
    "Host: a@b",
    "Host: a:x",
    "Host: %41",
    "Host: [::1]:80",
    "Host: [::1",
    "Host: a, b",
    "X: y",
    ": y\r\nHost: a",
    "X\r\nHost: a",
    "X y: z\r\nHost: a",
    "\"X\": y\r\nHost: a",
    "X:y\r\nHost: a",
    "X:\r\nHost: a",
    "X: \t y \t \r\nHost: a",
    "X: y\r\n z\r\nHost: a",
    "X: y\r\n\tz\r\nHost: a",
    "X: y\r\n \r\nHost: a",
    "X: y\r\n\r\n",
    " X: y\r\nHost: a",
    "X: \u{e4}\r\nHost: a",
    "X:: y\r\nHost: a",
    "X;: y\r\nHost: a",
    "X: y\r\nx: z\r\nX: y\r\nHost: a",
    "Connection: close\r\nHost: a",
    "Connection: keep-alive, close\r\nHost: a",
    "Connection: upgrade\r\nUpgrade: x\r\nHost: a",
    "Connection: upgrade\r\nUpgrade: h2c\r\nHost: a",
    "Expect: 100-continue\r\nHost: a",
    "Expect: x\r\nHost: a",
    "Cookie: a\r\nCookie: b\r\nHost: a",
];

const SIZES: &[&str] = &[
    "5",
    "05",
    "0000000000000005",
    "00000000000000005",
    "0x5",
    "5 ",
    " 5",
    "5\t",
    "+5",
    "-5",
    "5.0",
    "5,5",
    "5h",
    "",
    "g",
    "100000005",
    "10000000000000005",
    "ffffffffffffffff",
    "8000000000000000",
    "7fffffffffffffff",
    "5;",
    "5;a",
    "5;a=b",
    "5 ;a",
    "5; a = b",
    "5;a=\"b\"",
    "5;a=\"b;c\"",
    "5;a=\"b\\\"c\"",
    "5;a=\"b",
    "5;a=b;c=d",
    "5;;",
    "5;=",
    "5;a\0",
    "5;a\n5",
    "5;a\rb",
    "5\0",
    "5\r",
    "5\n",
    "5;\u{e4}",
    "5;a=\"\r\nhello\r\n0\r\n\r\n\"",
];

const TRAILERS: &[&str] = &[
    "",
    "X: y\r\n",
    "X:y\r\nx: z\r\n",
    "X : y\r\n",
    "X\r\n",
    ": y\r\n",
    " X: y\r\n",
    "X: y\r\n z\r\n",
    "X: y\n",
    "X: y\r",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b\r\n",
    "X: y\0\r\n",
    "X: \u{e4}\r\n",
    "\n",
    "\r",
];

/// What is not whole: some refuse it before its end.
const BEGINNINGS: &[&str] = &[
    "GET / HTTP/1P",
    "GET / HTTP/1.11",
    "GET / HTTX",
    "\"GET / ",
    "\"GET / HTTP/1.1\r\nH",
    "GET /\t HTTP/1.1\r\nHost: a",
    "GET / HTT\tP/1.1\r\nHost: a",
    "GET / HTTP/1.1\r\n Ho",
    "GET / HTTP/1.1\r\n\\Host: a",
    "GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunk",
    "POST / HTTP/1.1\r\nContent-Length: x",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 15\r\nContent-Length: 15",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
];

/// Places where any byte is tried: `@` stands for it.
const PLACES: &[&str] = &[
    "@GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET@/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /@ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /a?b@c HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /@HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1@\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r@Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\n@Host: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX@Y: z\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX@: z\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX:@z\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y@z\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: y@\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n@\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r@",
    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1@\r\n\r\nx",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5@\r\nhello\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a@b\r\nhello\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello@\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r@0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX@: y\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: @y\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r@",
];

/// Every combination of what is in the lists.
pub fn systematic() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for length in LENGTHS {
        for coding in CODINGS {
            for fields in [[length, coding], [coding, length]] {
                texts.push(format!("POST / HTTP/1.1\r\nHost: a\r\n{}{}\r\n{CHUNKS}{NEXT}", fields[0], fields[1]));
            }
        }
        texts.push(format!("POST / HTTP/1.0\r\n{length}\r\n{CHUNKS}{NEXT}"));
    }
    texts.extend(CODINGS.iter().map(|coding| format!("POST / HTTP/1.0\r\n{coding}\r\n{CHUNKS}{NEXT}")));
    for end in LINE_ENDS {
        texts.push(format!("GET / HTTP/1.1{end}Host: a\r\n\r\n{NEXT}"));
        texts.push(format!("GET / HTTP/1.1\r\nHost: a{end}X: y\r\n\r\n{NEXT}"));
        texts.push(format!("GET / HTTP/1.1\r\nHost: a\r\n{end}{NEXT}"));
        texts.push(format!("GET / HTTP/1.1\r\nHost: a{end}{end}{NEXT}"));
        texts.push(format!("{end}GET / HTTP/1.1\r\nHost: a\r\n\r\n{NEXT}"));
        texts.push(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{end}{NEXT}"));
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        texts.push(format!("{chunked}5{end}hello\r\n0\r\n\r\n{NEXT}"));
        texts.push(format!("{chunked}5\r\nhello{end}0\r\n\r\n{NEXT}"));
        texts.push(format!("{chunked}5\r\nhello\r\n0{end}\r\n{NEXT}"));
        texts.push(format!("{chunked}5\r\nhello\r\n0\r\n{end}{NEXT}"));
        texts.push(format!("{chunked}5\r\nhello\r\n0\r\nX: y{end}\r\n{NEXT}"));
    }
    texts.extend(REQUEST_LINES.iter().map(|line| format!("{line}\r\nHost: a\r\n\r\n{NEXT}")));
    texts.extend(FIELDS.iter().map(|fields| format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n{NEXT}")));
    texts.extend(BEGINNINGS.iter().map(|begin| String::from(*begin)));
    for trailers in TRAILERS {
        for size in SIZES {
            let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            texts.push(format!("{head}{size}\r\nhello\r\n0\r\n{trailers}\r\n{NEXT}"));
        }
    }
    let mut messages: Vec<_> = texts.into_iter().map(String::into_bytes).collect();
    for place in PLACES {
        let (front, back) = place.split_once('@').expect("a place");
        // Messages, and bytes above ASCII, are alike.
        let bytes = (0..=b'A').chain(b'['..=b'a').chain(b'{'..=0x80).chain([0xff]);
        messages.extend(bytes.map(|byte| [front.as_bytes(), &[byte], back.as_bytes(), NEXT.as_bytes()].concat()));
    }
    messages
}
