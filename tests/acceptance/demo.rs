//! The product's face: the demo.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use workbell_testkit::{Platform, command, wait_for};

/// Starts the demo in this folder; what it says goes to `output` there.
fn start(folder: &Path, words: &[&str]) -> Child {
    let file = std::fs::File::create(folder.join("output")).expect("a file can be made");
    let mut demo: Command = command();
    demo.args(words).current_dir(folder).stdin(Stdio::null());
    demo.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
    demo.spawn().expect("the demo starts")
}

fn said(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("output")).expect("the output can be read")
}

#[test]
fn the_demo_verifies_every_notification_and_ends_with_status_0() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut demo = start(folder.path(), &["demo", "--exit"]);
    let status = wait_for("the end of the demo", || demo.try_wait().expect("a child can be looked at"));
    let said = said(folder.path());
    assert_eq!(status.code(), Some(0), "{said}");
    for action in workbell_wire::Action::ALL {
        assert!(said.contains(action.name()), "{} is missing in {said}", action.name());
    }
    assert!(said.contains("28 actions of 28: published, delivered, verified, in order"), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder is there").flatten().collect();
    assert_eq!(left.len(), 1, "the demo leaves nothing behind: {left:?}");
}

#[test]
fn the_demo_stays_up_and_prints_a_link_that_signs_in_to_the_portal() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut demo = start(folder.path(), &["demo"]);
    let link = wait_for("the link", || {
        let said = said(folder.path());
        let link = said.split_whitespace().find(|word| word.contains("/portal/link/"))?;
        said.ends_with('\n').then(|| link.to_owned())
    });
    let (address, path) =
        link.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a link has a path");
    let page = Platform::new(address.parse().expect("an address"), "no key").get(&format!("/{path}"));
    let text = String::from_utf8_lossy(&page.body).into_owned();
    // It would stay up for ever; asked to stop, it takes its folder away.
    let asked = Command::new("kill").arg(demo.id().to_string()).status().expect("kill can be started");
    assert!(asked.success());
    wait_for("the end of the demo", || demo.try_wait().expect("a child can be looked at"));
    assert_eq!(page.status, 200, "{text}");
    assert!(text.contains("Choose a password"), "{text}");
}
