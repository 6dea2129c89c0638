//! The routes with a short response, through curl.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::curl::{self, Answer};
use crate::kit::SLACK;
use crate::kit::json::Value;
use crate::{start, takes_any_method};

#[test]
fn hello() {
    let demo = start();
    let answer = curl::expect(&demo, "/", "Hello, World!");
    assert_eq!(answer.field("content-length"), Some("13"));
    let kind = answer.field("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain"), "{kind:?}");
}

/// HEAD has the same fields as GET. `exchange` shows that there is no body.
#[test]
fn hello_asked_with_head() {
    let demo = start();
    let answer = curl::send(&demo, "/", &["--head", "--output", "/dev/null"], b"");
    assert_eq!((answer.status(), answer.field("content-length")), (200, Some("13")));
}

#[test]
fn slow_answers_after_a_second() {
    let demo = start();
    let start = Instant::now();
    curl::expect(&demo, "/slow", "slow");
    let took = start.elapsed();
    let second = Duration::from_secs(1);
    assert!(took >= second && took < second + SLACK, "{took:?}");
}

#[test]
fn hang_never_answers() {
    let demo = start();
    let finished = curl::run(&demo, "/hang", &["--max-time", "1.5"], b"");
    assert_eq!(finished.code, Some(28), "curl ran out of patience: {}", finished.stderr);
    assert!(finished.stdout.is_empty() && !finished.stderr.contains("HTTP/"), "{}", finished.stderr);
    curl::expect(&demo, "/", "Hello, World!");
}

#[test]
fn trailers_come_after_the_body() {
    let demo = start();
    let answer = curl::expect(&demo, "/trailers", "ok");
    let trailers = answer.trailers().expect("there are trailers");
    assert_eq!(trailers.fields, [("x-checksum".to_string(), "1".to_string())]);
    assert_eq!(answer.field("x-checksum"), None, "not in the head");
}

#[test]
fn headers_come_back_in_order_of_arrival() {
    let demo = start();
    let options = ["--user-agent", "me", "--header", "zebra: 1", "--header", "ant: two words", "--header", "Mole: 3"];
    let answer = curl::send(&demo, "/headers", &options, b"");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text(), "user-agent: me\naccept: */*\nzebra: 1\nant: two words\nmole: 3\n");
}

/// Also repeated fields.
#[test]
fn repeated_headers_stand_where_they_came() {
    let demo = start();
    let options = ["--user-agent", "me", "--header", "b: 1", "--header", "a: 2", "--header", "b: 3"];
    let answer = curl::send(&demo, "/headers", &options, b"");
    assert_eq!(answer.text(), "user-agent: me\naccept: */*\nb: 1\na: 2\nb: 3\n");
}

/// Each as received. In the records of a queue, which Python and Node.js use, they are
/// together at the position of the first. ASGI joins them in its scope, as RFC 9113,
/// section 8.2.3, requires for a generic application.
#[test]
fn cookies_stand_where_they_came() {
    let demo = start();
    let mut client = demo.open();
    let fields = [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/headers"),
        (":authority", "demo"),
        ("a", "1"),
        ("cookie", "b=2"),
        ("c", "3"),
        ("cookie", "d=4"),
    ];
    let stream = client.request_of(&fields, true);
    let response = client.response(stream);
    let text = String::from_utf8_lossy(&response.body).into_owned();
    // ASGI and WSGI show the authority as a field, too.
    let text = text.strip_prefix("host: demo\n").unwrap_or(&text).to_string();
    let expected = [
        "a: 1\ncookie: b=2\nc: 3\ncookie: d=4\n",
        "a: 1\ncookie: b=2\ncookie: d=4\nc: 3\n",
        "a: 1\ncookie: b=2; d=4\nc: 3\n",
    ];
    client.check(expected.contains(&text.as_str()), &text);
}

#[test]
fn early_hints_come_before_the_answer() {
    let demo = start();
    let answer = curl::expect(&demo, "/early", "early");
    let informational = answer.informational();
    assert_eq!(informational.len(), 1, "one 103");
    assert_eq!(informational[0].status, Some(103));
    let link = informational[0].find("link").unwrap_or_default();
    assert!(link.starts_with('<') && link.contains(">;"), "{link:?}");
}

#[test]
fn users_are_told_their_id() {
    let demo = start();
    for (path, id) in [
        ("/users/42", "42"),
        ("/users/a%2Fb", "a/b"),
        ("/users/J%C3%BCrgen%20%2f", "Jürgen /"),
        ("/users/100%25", "100%"),
        ("/users/a+b", "a+b"),
        ("/users/%41?id=no", "A"),
    ] {
        curl::expect(&demo, path, id);
    }
}

#[test]
fn bad_escapes_are_refused() {
    let demo = start();
    for path in ["/users/%", "/users/%2", "/users/%zz", "/users/a%2xb", "/users/%ff", "/users/%C3"] {
        assert_eq!(curl::get(&demo, path).status(), 400, "{path}");
    }
    curl::expect(&demo, "/users/1", "1");
}

/// A session that asks for the list is in it with its current state.
#[test]
fn sessions_list_the_one_that_asks() {
    let demo = start();
    let answer = curl::get(&demo, "/sessions");
    assert_eq!(answer.status(), 200);
    let kind = answer.field("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/json"), "{kind:?}");
    let sessions = Value::parse(&answer.text()).unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
    let [session] = sessions.list().expect("an array") else { panic!("not one session: {}", answer.text()) };
    let text = |name| session.get(name).and_then(Value::text).map(str::to_string);
    let number = |name| session.get(name).and_then(Value::number);
    assert!(text("peer").expect("a peer").starts_with("127.0.0.1:"));
    assert!((1..1 << 53).contains(&number("id").expect("an id")), "exact in JavaScript");
    assert_eq!((text("state").as_deref(), number("requests")), (Some("open"), Some(1)), "{}", answer.text());
    assert!(number("open_streams").is_some(), "how many is seen in `cancel`");
}

#[test]
fn a_failing_handler_fails_alone() {
    let demo = start();
    for _ in 0..3 {
        assert_eq!(curl::get(&demo, "/panic").status(), 500);
    }
    curl::expect(&demo, "/", "Hello, World!");
}

#[test]
fn nowhere_is_not_found() {
    let demo = start();
    for path in ["/nowhere", "/users", "/users/", "/users/a/b", "/echo/more", "/Slow", "/big/"] {
        assert_eq!(curl::get(&demo, path).status(), 404, "{path}");
    }
    let posted = curl::send(&demo, "/nowhere", &["--request", "POST"], b"");
    assert_eq!(posted.status(), 404);
}

/// curl 7.88 fails if RST_STREAM(NO_ERROR) arrives before it has sent its body. It has
/// time to send it, or to see that it is not needed.
#[test]
fn an_upload_that_nobody_reads_does_not_cost_the_answer() {
    let demo = start();
    for round in 0..5 {
        for length in [10, 60_000, 200_000, 2_000_000] {
            let body = vec![b'x'; length];
            let options = ["--data-binary", "@-", "--max-time", "10"];
            let posted = curl::send(&demo, "/nowhere", &options, &body);
            assert_eq!(posted.status(), 404, "round {round}, {length} bytes");
            if length <= 200_000 {
                let read = curl::send(&demo, "/", &[&options[..], &["--request", "GET"]].concat(), &body);
                assert_eq!(read.text(), "Hello, World!", "round {round}, {length} bytes");
            }
        }
    }
}

#[test]
fn another_method_is_not_allowed() {
    let demo = start();
    for (method, path) in [("POST", "/"), ("DELETE", "/users/1"), ("PUT", "/big"), ("BREW", "/slow")] {
        if method == "BREW" && !takes_any_method() {
            continue;
        }
        let answer = curl::send(&demo, path, &["--request", method], b"");
        assert_eq!(answer.status(), 405, "{method} {path}");
        let allow = answer.field("allow").expect("405 comes with allow").to_string();
        let allowed: Vec<&str> = allow.split(',').map(str::trim).collect();
        assert!(allowed.contains(&"GET") && !allowed.contains(&method), "{method} {path}: {allow:?}");
    }
}

#[test]
fn every_answer_has_its_date() {
    let demo = start();
    for path in ["/", "/echo", "/trailers", "/sessions", "/panic", "/nowhere", "/users/%"] {
        let answer = curl::get(&demo, path);
        check_date(&answer, path);
    }
}

/// The date of the response is that of now, in the format of RFC 9110, section 5.6.7.
#[track_caller]
fn check_date(answer: &Answer, path: &str) {
    let dates = answer.head().fields.iter().filter(|(name, _)| name == "date");
    let dates: Vec<&str> = dates.map(|(_, value)| value.as_str()).collect();
    let [date] = dates[..] else { panic!("not one date at {path}: {dates:?}") };
    let seconds = unix_time(date).unwrap_or_else(|| panic!("malformed at {path}: {date:?}"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64;
    assert!((now - seconds).abs() <= SLACK.as_secs() as i64, "{path}: {date:?} is not now");
}

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT`, and nothing else.
fn unix_time(date: &str) -> Option<i64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const WEEKDAYS: &str = "ThuFriSatSunMonTueWed";
    let number = |at: std::ops::Range<usize>| date.get(at)?.parse::<i64>().ok();
    let month = MONTHS.find(date.get(8..11)?)? as i64 / 3;
    let (year, day) = (number(12..16)?, number(5..7)?);
    let days = days_since_1970(year, month, day);
    let (hour, minute, second) = (number(17..19)?, number(20..22)?, number(23..25)?);
    let weekday = &WEEKDAYS[days as usize % 7 * 3..][..3];
    let same = format!(
        "{weekday}, {day:02} {} {year} {hour:02}:{minute:02}:{second:02} GMT",
        &MONTHS[month as usize * 3..][..3]
    );
    (date == same).then_some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// `month` begins at 0.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let leap_day = i64::from(is_leap && month > 1);
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969) + BEFORE[month as usize] + leap_day + day - 1
}

#[test]
fn dates_are_read_strictly() {
    assert_eq!(unix_time("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
    assert_eq!(unix_time("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
    for bad in [
        "Mon, 06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "",
    ] {
        assert_eq!(unix_time(bad), None, "{bad:?}");
    }
}
