//! Who changed what is recorded with the address it came from: the caller's, also behind a proxy that is trusted.

use serde_json::{Value, json};
use workbell_testkit::{Installation, Platform};

/// Creates a company over a proxy that says this.
fn create(platform: &Platform, key: &str, company: &str, forwarding: &[(&str, &str)]) {
    let bearer = format!("Bearer {key}");
    let mut headers = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    headers.extend(forwarding);
    let body = json!({ "CompanyId": company, "Name": company }).to_string();
    platform.send("POST", "/v1/companies", &headers, body.as_bytes()).expect("an answer").with(201);
}

/// The address that a company was created from.
fn address_of(platform: &Platform, company: &str) -> Value {
    let records = platform.get(&format!("/v1/audit?Subject={company}&Act=CompanyCreated")).with(200);
    records["Items"][0]["Address"].clone()
}

fn key(installation: &Installation) -> String {
    let key = std::fs::read_to_string(installation.data_dir().join("platform.key"));
    key.expect("the platform key").trim().to_owned()
}

#[test]
fn only_a_trusted_proxy_says_where_a_change_comes_from() {
    let forwarding = [("X-Forwarded-For", "198.51.100.9, 192.0.2.7")];
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    create(&platform, &key(&installation), "direct", &forwarding);
    assert_eq!(address_of(&platform, "direct"), "127.0.0.1", "nobody is trusted");
    server.kill();

    let installation = installation.set("proxy.trusted", "127.0.0.0/8");
    let server = installation.start();
    let platform = server.platform();
    create(&platform, &key(&installation), "behind", &forwarding);
    assert_eq!(address_of(&platform, "behind"), "192.0.2.7", "the first is only what the caller claims");
    create(
        &platform,
        &key(&installation),
        "rfc7239",
        &[("Forwarded", "for=\"[2001:db8::7]:4711\";proto=https")],
    );
    assert_eq!(address_of(&platform, "rfc7239"), "2001:db8::7");
    assert_eq!(address_of(&platform, "direct"), "127.0.0.1", "kept over the kill");

    let output = installation.run(&[
        "audit",
        "list",
        "--company",
        "behind",
        "--server",
        &format!("http://{}", server.address()),
    ]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("PlatformKey\t192.0.2.7\tCompanyCreated\tbehind"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
