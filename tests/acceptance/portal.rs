//! The portal in a real browser: Debian's chromium, driven by playwright; axe on every page.

use std::process::Output;

use workbell_testkit::{checkout, node, workbell};

#[track_caller]
fn run(script: &str, arguments: &[&str]) {
    let binary = workbell().display().to_string();
    let script = checkout().join("tests/portal").join(script);
    let arguments: Vec<_> = [binary.as_str()].iter().chain(arguments).copied().collect();
    let Output { status, stdout, stderr } = node(&script, &arguments, b"");
    let (said, errors) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{}: {status}\n{said}\n{errors}", script.display());
}

#[test]
fn people_do_in_the_portal_what_the_book_says() {
    run("stories.mjs", &[]);
}

#[test]
fn every_page_is_good_in_both_themes_and_widths() {
    run("looks.mjs", &[]);
}

#[test]
fn everything_can_be_done_with_a_keyboard_alone() {
    run("keyboard.mjs", &[]);
}

#[test]
fn nobody_does_in_the_portal_what_they_may_not() {
    run("guards.mjs", &[]);
}

#[test]
fn the_link_of_the_demo_leads_into_its_portal() {
    run("demo.mjs", &[]);
}

#[test]
fn the_book_shows_every_page_and_how_to_repair_an_endpoint() {
    let folder = checkout().join("target/ci/pictures");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let book = checkout().join("docs/src");
    run("pictures.mjs", &[&folder.display().to_string(), &book.display().to_string()]);
}
