//! What is the URL of an endpoint and what is not.

use proptest::prelude::*;
use workbell_egress::{Host, Target, UrlError};

#[test]
fn the_derived_parts_are_those_of_the_parsed_url() {
    for (text, origin, host, path) in [
        ("http://Hooks.Example.COM", "http://hooks.example.com", "hooks.example.com", "/"),
        ("https://example.com:443/a?b=c", "https://example.com", "example.com", "/a?b=c"),
        ("http://example.com:443/", "http://example.com:443", "example.com:443", "/"),
        ("https://example.com:8443/x/../y", "https://example.com:8443", "example.com:8443", "/y"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example", "xn--bcher-kva.example", "/%C3%A4"),
        ("http://0x7f000001:8080/", "http://127.0.0.1:8080", "127.0.0.1:8080", "/"),
        ("http://[2606:4700:0:0::1]:8080/?", "http://[2606:4700::1]:8080", "[2606:4700::1]:8080", "/?"),
        ("https://example.com./", "https://example.com.", "example.com.", "/"),
        ("HTTPS://a_b.example/{x}|y", "https://a_b.example", "a_b.example", "/%7Bx%7D|y"),
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(target.origin(), origin, "{text}");
        assert_eq!(target.host_header(), host, "{text}");
        assert_eq!(target.path_and_query(), path, "{text}");
    }
}

#[test]
fn what_is_no_endpoint_url_is_refused_with_its_reason() {
    let long = format!("https://example.com/{}", "x".repeat(2048));
    let label = format!("https://{}.example/", "x".repeat(64));
    for (text, error) in [
        ("", UrlError::Scheme),
        ("ftp://example.com/", UrlError::Scheme),
        ("file:///etc/passwd", UrlError::Scheme),
        ("gopher://example.com/", UrlError::Scheme),
        ("//example.com/", UrlError::Scheme),
        ("http:example.com", UrlError::Scheme),
        ("https:/example.com", UrlError::Scheme),
        ("javascript:alert(1)", UrlError::Scheme),
        ("http://", UrlError::Host),
        ("http:///path", UrlError::Host),
        ("http://?x", UrlError::Host),
        ("http://a..b/", UrlError::Host),
        ("http://.example/", UrlError::Host),
        ("http://./", UrlError::Host),
        (label.as_str(), UrlError::Host),
        ("http://user@example.com/", UrlError::UserInfo),
        ("http://user:pass@example.com/", UrlError::UserInfo),
        ("http://@example.com/", UrlError::UserInfo),
        ("http://:@example.com/", UrlError::UserInfo),
        ("http://example.com@127.0.0.1/", UrlError::UserInfo),
        ("http://example.com/#x", UrlError::Fragment),
        ("http://example.com#@127.0.0.1/", UrlError::Fragment),
        ("http://[fe80::1%25eth0]/", UrlError::ZoneId),
        ("http://[fe80::1%eth0]/", UrlError::ZoneId),
        (" http://example.com/", UrlError::Character),
        ("http://exa mple.com/", UrlError::Character),
        ("http://example.com/a\tb", UrlError::Character),
        ("http://example.com/\r\nX: y", UrlError::Character),
        ("http://example.com\\@127.0.0.1/", UrlError::Character),
        ("http://example.com:22/", UrlError::Port(22)),
        ("http://example.com:0/", UrlError::Port(0)),
        ("https://example.com:6667/", UrlError::Port(6667)),
        (long.as_str(), UrlError::TooLong),
    ] {
        assert_eq!(Target::parse(text).expect_err(text), error, "{text}");
    }
    for text in [
        "http://[::1/",
        "http://example.com:99999/",
        "http://1.2.3.4.5/",
        "http://0x100000000/",
        "http://a<b/",
    ] {
        assert!(matches!(Target::parse(text), Err(UrlError::Syntax(_))), "{text}");
    }
}

#[test]
fn an_address_is_recognised_however_it_is_spelled() {
    for text in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0X7F.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://0x7f.0.0.0x1/",
        "http://127.0.0.1./",
        "http://127%2e0%2e0%2e1/",
        "http://１２７.０.０.１/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
    ] {
        let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(*target.host(), Host::Address([127, 0, 0, 1].into()), "{text}");
    }
}

proptest! {
    #[test]
    fn a_target_reads_back_as_itself(text in "https?://[a-zA-Z0-9.:\\[\\]%@/?#\u{fc}\u{3002}|{}^`<>\"'_~!$&()*+,;=-]{1,40}") {
        if let Ok(target) = Target::parse(&text) {
            let again = Target::parse(target.as_str()).expect("its own text");
            prop_assert_eq!(again.host(), target.host());
            prop_assert_eq!(again.origin(), target.origin());
            prop_assert_eq!(again.path_and_query(), target.path_and_query());
            prop_assert!(target.path_and_query().bytes().all(|b| b.is_ascii_graphic()));
        }
    }
}
