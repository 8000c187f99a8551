//! Hostile targets: none of them is dialled.
//!
//! Each is parsed and, if it is a URL at all, sent to through a scripted resolver and a dialer that records.

use std::fmt::Write;
use std::net::SocketAddr;

use tokio::time::advance;
use workbell_egress::{Class, Failure, IDLE_LIMIT, Policy, Reach, Request, Target};

use crate::stage::{OK, PUBLIC, Stage, failure, hook, request, status};

/// Literal targets and what each must be refused as: a class of address, or the refusal of its text.
const LITERALS: [(&str, &str); 112] = [
    // loopback, in the spellings that URL parsers take for an IPv4 address
    ("http://127.0.0.1/", "Loopback"),
    ("http://127.0.0.1:8080/", "Loopback"),
    ("http://127.255.255.254/", "Loopback"),
    ("http://127.1/", "Loopback"),
    ("http://127.0.1/", "Loopback"),
    ("http://2130706433/", "Loopback"),
    ("http://0x7f000001/", "Loopback"),
    ("http://0x7F.0x0.0x0.0x1/", "Loopback"),
    ("http://0177.0.0.1/", "Loopback"),
    ("http://017700000001/", "Loopback"),
    ("http://0x7f.1/", "Loopback"),
    ("http://127.0.0.1./", "Loopback"),
    ("http://127%2E0.0.1/", "Loopback"),
    ("http://１２７.０.０.１/", "Loopback"),
    ("http://⑫⑦.0.0.1/", "Loopback"),
    ("http://①②⑦.0.0.1/", "Loopback"),
    ("http://127。0。0。1/", "Loopback"),
    ("https://[::1]/", "Loopback"),
    ("https://[0:0:0:0:0:0:0:1]/", "Loopback"),
    ("https://[0000::0001]:8443/", "Loopback"),
    // private
    ("http://10.0.0.1/", "Private"),
    ("http://10.1/", "Private"),
    ("http://0x0a000001/", "Private"),
    ("http://012.0.0.1/", "Private"),
    ("http://167772161/", "Private"),
    ("http://172.16.0.1/", "Private"),
    ("http://172.31.255.255/", "Private"),
    ("http://192.168.0.1/", "Private"),
    ("http://192.168.257/", "Private"),
    ("http://0xc0a80001/", "Private"),
    ("https://[fc00::1]/", "Private"),
    ("https://[fdff:ffff::1]/", "Private"),
    ("https://[fec0::1]/", "Private"),
    // link-local and metadata
    ("http://169.254.1.1/", "LinkLocal"),
    ("https://[fe80::1]/", "LinkLocal"),
    ("https://[febf::1]/", "LinkLocal"),
    ("https://[fe80::a9fe:a9fe]/", "LinkLocal"),
    ("http://169.254.169.254/latest/meta-data/", "Metadata"),
    ("http://0xa9fea9fe/latest/meta-data/", "Metadata"),
    ("http://2852039166/", "Metadata"),
    ("http://0251.0376.0251.0376/", "Metadata"),
    ("http://169.254.43518/", "Metadata"),
    ("http://169.254.170.2/v2/credentials", "Metadata"),
    ("http://100.100.100.200/latest/meta-data", "Metadata"),
    ("http://168.63.129.16/machine", "Metadata"),
    ("http://192.0.0.192/opc/v1", "Metadata"),
    ("http://[fd00:ec2::254]/latest/meta-data/", "Metadata"),
    ("http://[fd20:ce::254]/computeMetadata/v1/", "Metadata"),
    // the rest of the special-purpose registries
    ("http://100.64.0.1/", "Cgnat"),
    ("http://100.127.255.255/", "Cgnat"),
    ("http://224.0.0.1/", "Multicast"),
    ("http://239.255.255.250/", "Multicast"),
    ("https://[ff02::1]/", "Multicast"),
    ("https://[ff0e::1]/", "Multicast"),
    ("http://192.0.2.1/", "Documentation"),
    ("http://198.51.100.1/", "Documentation"),
    ("http://203.0.113.1/", "Documentation"),
    ("https://[2001:db8::1]/", "Documentation"),
    ("https://[3fff::1]/", "Documentation"),
    ("http://198.18.0.1/", "Benchmark"),
    ("http://198.19.255.255/", "Benchmark"),
    ("https://[2001:2::1]/", "Benchmark"),
    ("http://0.0.0.0/", "Reserved"),
    ("http://0/", "Reserved"),
    ("http://0.0.0.1/", "Reserved"),
    ("http://192.0.0.1/", "Reserved"),
    ("http://192.88.99.1/", "Reserved"),
    ("http://240.0.0.1/", "Reserved"),
    ("http://255.255.255.255/", "Reserved"),
    ("https://[::]/", "Reserved"),
    ("https://[100::1]/", "Reserved"),
    ("https://[2001:10::1]/", "Reserved"),
    ("https://[2001:20::1]/", "Reserved"),
    ("https://[4000::1]/", "Reserved"),
    ("https://[5f00::1]/", "Reserved"),
    // IPv6 that carries IPv4: mapped, translated, compatible, NAT64, 6to4, Teredo, ISATAP
    ("https://[::ffff:127.0.0.1]/", "Loopback"),
    ("https://[::ffff:7f00:1]/", "Loopback"),
    ("https://[0:0:0:0:0:ffff:10.0.0.1]/", "Private"),
    ("https://[::ffff:169.254.169.254]/", "Metadata"),
    ("https://[::ffff:0:10.0.0.1]/", "Private"),
    ("https://[::127.0.0.1]/", "Loopback"),
    ("https://[::10.0.0.1]/", "Private"),
    ("https://[::8.8.8.8]/", "Reserved"),
    ("https://[64:ff9b::127.0.0.1]/", "Loopback"),
    ("https://[64:ff9b::a9fe:a9fe]/", "Metadata"),
    ("https://[64:ff9b::c0a8:1]/", "Private"),
    ("https://[64:ff9b:1::10.0.0.1]/", "Private"),
    ("https://[64:ff9b:1:a00:0:100::]/", "Private"),
    ("https://[64:ff9b:1::]/", "Reserved"),
    ("https://[2002:7f00:1::]/", "Loopback"),
    ("https://[2002:a00:1::1]/", "Private"),
    ("https://[2002:a9fe:a9fe::1]/", "Metadata"),
    ("https://[2001:0:808:808::f5ff:fffe]/", "Private"),
    ("https://[2001:0:a00:1::f7f7:f7f7]/", "Private"),
    ("https://[2001:0:808:808::80ff:fffe]/", "Loopback"),
    ("https://[2606:4700::5efe:10.0.0.1]/", "Private"),
    ("https://[2606:4700::200:5efe:127.0.0.1]/", "Loopback"),
    ("https://[fe80::5efe:8.8.8.8]/", "LinkLocal"),
    // texts that two parsers read differently
    ("http://[fe80::1%25eth0]/", "ZoneId"),
    ("http://[::1%25lo]/", "ZoneId"),
    ("http://user:pass@example.com/", "UserInfo"),
    ("http://hooks.example.com@127.0.0.1/", "UserInfo"),
    ("http://127.0.0.1\\@hooks.example.com/", "Character"),
    ("http://hooks.example.com#@127.0.0.1/", "Fragment"),
    ("http://hooks.example.com\t.evil/", "Character"),
    ("file:///etc/passwd", "Scheme"),
    ("gopher://127.0.0.1:6379/_FLUSHALL", "Scheme"),
    // ports that browsers block
    ("http://hooks.example.com:22/", "Port"),
    ("http://hooks.example.com:25/", "Port"),
    ("http://hooks.example.com:6000/", "Port"),
    ("http://hooks.example.com:6667/", "Port"),
    ("http://hooks.example.com:10080/", "Port"),
];

#[tokio::test(start_paused = true)]
async fn no_hostile_literal_is_dialled() {
    let mut table = String::new();
    for (url, expected) in LITERALS {
        let stage = Stage::new();
        stage.answering(OK);
        let (by_configuration, by_dialling) = refusals(&stage, url).await;
        let dialled = stage.dialled();
        if by_configuration != expected || by_dialling != expected || !dialled.is_empty() {
            writeln!(table, "{url:<50} {expected:<14} {by_configuration:<14} {by_dialling:<14} {dialled:?}")
                .expect("written");
        }
    }
    let heading = ["target", "expected", "configured", "sent", "dialled"];
    let [a, b, c, d, e] = heading;
    assert!(table.is_empty(), "\n{a:<50} {b:<14} {c:<14} {d:<14} {e}\n{table}");
}

/// What a URL is refused as, at configuration and when it is sent to.
async fn refusals(stage: &Stage, url: &str) -> (String, String) {
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => {
            let text = format!("{error:?}");
            let name = text.split(['(', ' ']).next().unwrap_or_default().to_owned();
            return (name.clone(), name);
        }
    };
    let class = |result: Result<(), Failure>| match result {
        Err(Failure::AddressRefused(refusal)) => refusal.class.name().to_owned(),
        other => format!("{other:?}"),
    };
    let configured = class(Policy::public().judge_target(&target));
    let attempted = stage.pool().send(request(url)).await;
    (configured, class(attempted.result.map(|_| ())))
}

#[tokio::test(start_paused = true)]
async fn a_name_with_one_bad_address_is_refused_as_a_whole() {
    let good = PUBLIC;
    for (bad, class) in [
        ("127.0.0.1", Class::Loopback),
        ("10.0.0.1", Class::Private),
        ("169.254.169.254", Class::Metadata),
        ("100.64.0.1", Class::Cgnat),
        ("::1", Class::Loopback),
        ("fd00:ec2::254", Class::Metadata),
        ("::ffff:10.0.0.1", Class::Private),
        ("64:ff9b::a00:1", Class::Private),
        ("2002:c0a8:1::1", Class::Private),
        ("0.0.0.0", Class::Reserved),
    ] {
        for addresses in [vec![bad], vec![good, bad], vec![bad, good], vec![good, good, bad, good]] {
            let stage = Stage::new();
            stage.answering(OK);
            stage.name("mixed.example.com", &[&addresses]);
            let attempted = stage.pool().send(request("http://mixed.example.com/")).await;
            let Err(Failure::AddressRefused(refusal)) = attempted.result else {
                panic!("{addresses:?}: {:?}", attempted.result)
            };
            assert_eq!(refusal.class, class, "{addresses:?}");
            assert_eq!((stage.dialled(), attempted.address), (vec![], None), "{addresses:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_changes_its_mind_is_judged_at_every_dial() {
    let stage = Stage::new();
    stage.name("rebinding.example.com", &[&[PUBLIC], &["127.0.0.1"], &[PUBLIC]]);
    stage.answering(OK);
    stage.answering(OK);
    let pool = stage.pool();
    let public: SocketAddr = format!("{PUBLIC}:80").parse().expect("an address");
    let first = pool.send(request("http://rebinding.example.com/")).await;
    assert_eq!((status(&first), stage.dialled()), (200, vec![public]));
    advance(IDLE_LIMIT).await;
    let second = pool.send(request("http://rebinding.example.com/")).await;
    assert_eq!((failure(&second), stage.dialled()), ("AddressRefused", vec![public]));
    let third = pool.send(request("http://rebinding.example.com/")).await;
    assert_eq!((status(&third), stage.dialled()), (200, vec![public, public]));
    assert_eq!(stage.looked_up().len(), 3, "one look-up per dial, and it is that answer which is dialled");
}

#[tokio::test(start_paused = true)]
async fn the_resend_on_a_fresh_connection_is_judged_like_any_other() {
    let stage = Stage::new();
    stage.name("rebinding.example.com", &[&[PUBLIC], &["10.0.0.1"]]);
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(OK).await;
        wire.head().await.expect("closes without an answer");
    });
    let pool = stage.pool();
    assert_eq!(status(&pool.send(request("http://rebinding.example.com/")).await), 200);
    let second = pool.send(request("http://rebinding.example.com/")).await;
    assert_eq!((failure(&second), second.reconnected), ("AddressRefused", true));
    assert_eq!(stage.dialled().len(), 1);
}

fn judge(policy: &Policy, address: &str) -> Result<(), Class> {
    policy.judge(address.parse().expect("an address")).map_err(|refusal| refusal.class)
}

#[test]
fn allow_wins_over_the_built_in_list_and_deny_over_allow() {
    let mut policy = Policy::public();
    policy.allow = vec!["10.0.0.0/8".parse().expect("a net"), "fd12::/16".parse().expect("a net")];
    policy.deny = vec!["10.9.0.0/16".parse().expect("a net"), "93.184.0.0/16".parse().expect("a net")];
    assert_eq!(judge(&policy, "10.1.2.3:80"), Ok(()));
    assert_eq!(judge(&policy, "[::ffff:10.1.2.3]:80"), Ok(()));
    assert_eq!(judge(&policy, "[64:ff9b::10.1.2.3]:80"), Ok(()));
    assert_eq!(judge(&policy, "[fd12::1]:80"), Ok(()));
    assert_eq!(judge(&policy, "[fd13::1]:80"), Err(Class::Private));
    assert_eq!(judge(&policy, "192.168.0.1:80"), Err(Class::Private));
    for denied in ["10.9.0.1:80", "[::ffff:10.9.0.1]:80", "[64:ff9b::10.9.0.1]:80", "[2002:a09:1::]:80"] {
        assert_eq!(judge(&policy, denied), Err(Class::Denied(policy.deny[0])), "{denied}");
    }
    assert_eq!(judge(&policy, "93.184.215.14:443"), Err(Class::Denied(policy.deny[1])));
    assert_eq!(judge(&policy, "10.1.2.3:22"), Err(Class::Port), "no setting opens a blocked port");
}

#[test]
fn an_entry_wider_than_a_carrier_does_not_speak_for_what_is_carried() {
    let mut policy = Policy::public();
    policy.allow = vec!["2000::/3".parse().expect("a net")];
    assert_eq!(judge(&policy, "[2002:a00:1::1]:80"), Err(Class::Private));
    assert_eq!(judge(&policy, "[2606:4700::5efe:10.0.0.1]:80"), Err(Class::Private));
    policy.allow = vec!["2002:a00::/24".parse().expect("a net")];
    assert_eq!(judge(&policy, "[2002:a00:1::1]:80"), Ok(()));
}

#[test]
fn own_sockets_are_refused_even_inside_an_allowed_range() {
    let mut policy = Policy { allow_loopback: true, ..Policy::public() };
    policy.own = vec!["127.0.0.1:8080".parse().expect("an address")];
    for own in [
        "127.0.0.1:8080",
        "[::ffff:127.0.0.1]:8080",
        "[64:ff9b::127.0.0.1]:8080",
        "0.0.0.0:8080",
        "[::]:8080",
    ] {
        assert_eq!(judge(&policy, own), Err(Class::OwnSocket), "{own}");
    }
    assert_eq!(judge(&policy, "127.0.0.1:8081"), Ok(()));
    assert_eq!(judge(&policy, "127.0.0.2:8080"), Ok(()), "another address of the machine is another socket");
    for wildcard in ["0.0.0.0:8080", "[::]:8080"] {
        policy.own = vec![wildcard.parse().expect("an address")];
        for own in ["127.0.0.1:8080", "127.9.9.9:8080", "[::1]:8080", "0.0.0.0:8080"] {
            assert_eq!(judge(&policy, own), Err(Class::OwnSocket), "{own} of {wildcard}");
        }
        assert_eq!(judge(&policy, "127.0.0.1:8081"), Ok(()));
        assert_eq!(judge(&policy, &format!("{PUBLIC}:8080")), Ok(()));
    }
}

#[test]
fn the_reach_of_an_owner_is_loopback_and_private_only() {
    let policy = Policy::open();
    assert_eq!(policy.reach, Reach::Owner);
    for address in
        ["127.0.0.1:3000", "[::1]:3000", "10.0.0.1:80", "192.168.1.1:80", "[fd12::1]:80", "100.64.0.1:80"]
    {
        assert_eq!(judge(&policy, address), Ok(()), "{address}");
    }
    assert_eq!(judge(&policy, "169.254.169.254:80"), Err(Class::Metadata));
    assert_eq!(judge(&policy, "[fd00:ec2::254]:80"), Err(Class::Metadata));
    assert_eq!(judge(&policy, "224.0.0.1:80"), Err(Class::Multicast));
}

#[test]
fn a_refusal_names_the_setting_that_would_allow_the_address() {
    let text = |address: &str| {
        Policy::public().judge(address.parse().expect("an address")).expect_err("refused").to_string()
    };
    assert_eq!(
        text("127.0.0.1:80"),
        "127.0.0.1 is a loopback address; the setting `egress.allow` with 127.0.0.1/32 \
         or `workbell serve --allow-loopback` would allow it"
    );
    assert_eq!(
        text("[64:ff9b::a00:1]:80"),
        "64:ff9b::a00:1 leads to 10.0.0.1, a private address; the setting `egress.allow` with 10.0.0.1/32 \
         would allow it"
    );
    assert_eq!(text("93.184.215.14:25"), "port 25 is refused as browsers refuse it; no setting allows it");
}

#[tokio::test(start_paused = true)]
async fn plain_http_is_refused_when_the_setting_says_so() {
    let stage = Stage::new();
    stage.answering(OK);
    let policy = Policy { allow_http: false, ..Policy::public() };
    let attempted = stage.client(policy).pool(1).send(Request { ..hook() }).await;
    assert_eq!((failure(&attempted), stage.dialled()), ("SchemeRefused", vec![]));
    assert_eq!(stage.looked_up(), Vec::<String>::new());
}
