//! The page that takes a token apart is run as it stands: each block of commands prints what stands below it.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use workbell_testkit::checkout;

/// The blocks of a page: commands, each with what they print.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut commands: Option<String> = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if !line.starts_with("```") {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        match (line, commands.take()) {
            ("```sh", None) => commands = Some(block),
            ("```text", Some(commands)) => blocks.push((commands, block)),
            (other, _) => panic!("{other} does not follow what it should"),
        }
    }
    assert_eq!(commands, None, "each has its output");
    blocks
}

#[test]
fn each_step_prints_what_the_page_says() {
    let read = |path: &str| fs::read_to_string(checkout().join(path)).expect("it is in the checkout");
    let vector = |name: &str| -> Value {
        serde_json::from_str(&read(&format!("crates/wire/vectors/{name}.json"))).expect("it is JSON")
    };
    let (token, signed) = (vector("tokens/documented"), vector("signatures/one-secret"));
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let folder = tempfile::tempdir().expect("there is room");
    let body = STANDARD.decode(text(&signed["body"])).expect("it is base64");
    for (name, contents) in [
        ("token.txt", text(&token["token"]).into_bytes()),
        ("certificates.pem", text(&token["certificates"]).into_bytes()),
        ("body.json", body),
    ] {
        fs::write(folder.path().join(name), contents).expect("it can be written");
    }
    let page = read("docs/src/verify-a-token.md");
    let blocks = blocks(&page);
    assert_eq!(blocks.len(), 5);
    let mark = "--- end of block ---";
    let script: String = blocks.iter().map(|(commands, _)| format!("{commands}\necho '{mark}'\n")).collect();
    let shell = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("there is bash");
    let said = String::from_utf8_lossy(&shell.stderr);
    assert!(shell.status.success(), "{said}");
    let printed = String::from_utf8(shell.stdout).expect("it is text");
    let printed: Vec<&str> =
        printed.split(mark).map(str::trim_end).map(|it| it.trim_start_matches('\n')).collect();
    for ((commands, expected), printed) in blocks.iter().zip(printed) {
        assert_eq!(printed, expected, "{commands}");
    }
    for (name, value) in
        [("endpoint", "0198f0a0-0000-7000-8000-000000000001"), ("destination", "https://cmms.example:8443")]
    {
        assert_eq!(token["expect"][name], value);
        assert!(page.contains(&format!("`{value}`")), "the page names the {name}");
    }
}
