//! What it costs to read a head, beside httparse with what would have to be done
//! behind it: `cargo test --release --lib h1::tests::speed -- --ignored --nocapture`.

use std::hint::black_box;

use super::*;
use crate::testing::nanoseconds;

const HEAD: &[u8] = b"GET /assets/app/main.js?v=1712345678 HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    Connection: keep-alive\r\n\
    sec-ch-ua: \"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Accept: */*\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Referer: https://www.example.com/articles/2024/04/05/title\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; _ga=GA1.2.1234567890.1712345678\r\n\r\n";

fn through_httparse() -> RequestHead {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    assert!(request.parse(black_box(HEAD)).unwrap().is_complete());
    let mut list = HeaderList::new();
    request.headers.iter().for_each(|field| list.push(field.name.as_bytes(), field.value, false));
    RequestHead {
        version: Version::Http11,
        method: Method::from_bytes(request.method.unwrap().as_bytes()).unwrap(),
        scheme: None,
        authority: None,
        path: request.path.unwrap().as_bytes().to_vec(),
        protocol: None,
        upgrade: None,
        fields: list,
        pseudo_order: 0,
        has_sensitive: false,
    }
}

#[test]
#[ignore = "it measures, and proves nothing"]
fn nanoseconds_per_head() {
    let limits = Limits { header_list_bytes: 16 << 10, header_fields: 100 };
    let head = |engine: &mut Http1| {
        let Ok((_, Some(Event::Request { head, .. }))) = engine.receive(black_box(HEAD), &mut Output::default()) else {
            panic!("no request")
        };
        head
    };
    assert_eq!(*head(&mut Http1::new(limits)), through_httparse());
    let ours = nanoseconds(|| drop(black_box(head(&mut Http1::new(limits)))));
    let only = nanoseconds(|| {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        black_box(request.parse(black_box(HEAD)).unwrap());
    });
    let theirs = nanoseconds(|| drop(black_box(Box::new(through_httparse()))));
    println!("{} bytes: {ours:.0} ns; httparse {theirs:.0} ns, {only:.0} ns without our structure", HEAD.len());

    let fields =
        list(&[("content-type", "text/plain"), ("content-length", "13"), ("date", "Thu, 01 Jan 1970 00:00:00 GMT")]);
    let mut out = Output::default();
    let cycle = nanoseconds(|| {
        let mut engine = Http1::new(limits);
        drop(black_box(head(&mut engine)));
        out.take();
        engine.send_head(1, ResponseHead { is_whole: true, ..response(StatusCode::OK, &fields) }, &mut out);
        engine.send_data(1, Data::Borrowed(b"Hello, World!"), true, &mut out);
    });
    println!("with its response: {cycle:.0} ns");
}
