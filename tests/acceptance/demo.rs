//! The product's face: the demo.

use std::process::Stdio;

use workbell_testkit::{command, wait_for};

#[test]
fn the_demo_verifies_every_notification_and_ends_with_status_0() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let output = folder.path().join("output");
    let file = std::fs::File::create(&output).expect("a file can be made");
    let mut demo = command();
    demo.args(["demo", "--exit"]).current_dir(folder.path()).stdin(Stdio::null());
    demo.stdout(file.try_clone().expect("a file can be shared")).stderr(file);
    let mut demo = demo.spawn().expect("the demo starts");
    let status = wait_for("the end of the demo", || demo.try_wait().expect("a child can be looked at"));
    let said = std::fs::read_to_string(&output).expect("the output can be read");
    assert_eq!(status.code(), Some(0), "{said}");
    for action in workbell_wire::Action::ALL {
        assert!(said.contains(action.name()), "{} is missing in {said}", action.name());
    }
    assert!(said.contains("28 actions of 28: published, delivered, verified, in order"), "{said}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder is there").flatten().collect();
    assert_eq!(left.len(), 1, "the demo leaves nothing behind: {left:?}");
}
