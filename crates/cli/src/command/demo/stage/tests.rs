//! Lines as they grow.

use super::super::story::{Turn, scenes};
use super::*;

/// A stage with the hiccup's scene and the next one of the same order, published at `began`.
fn two(screen: &Screen, began: Instant) -> Stage {
    let scenes = scenes();
    let hiccup = scenes.iter().position(|scene| scene.turn == Turn::Hiccup).unwrap();
    let next = scenes[hiccup + 1..].iter().find(|scene| scene.order == scenes[hiccup].order).unwrap();
    let mut stage = Stage::new(screen, Duration::from_secs(2));
    for (scene, id) in [(&scenes[hiccup], "m1"), (next, "m2")] {
        stage.enter(Line::new(scene, id.to_owned(), began));
        stage.published(id, "Queued");
    }
    stage
}

fn arrival(id: &str, attempt: u32, finding: Finding, at: Instant) -> Arrival {
    Arrival { message_id: id.to_owned(), attempt, finding, at }
}

#[test]
fn a_line_says_how_far_it_is_and_what_it_waits_for() {
    let began = Instant::now();
    let mut stage = two(&Screen::terminal(120), began);
    let after = |millis| began + Duration::from_millis(millis);
    let tail = |stage: &Stage, place: usize, millis| {
        let line = stage.render(place, after(millis));
        line[line.find("✓  ").unwrap()..].to_owned()
    };
    assert_eq!(tail(&stage, 0, 2), "✓          …");
    stage.arrived(arrival("m1", 1, Finding::Hiccup, after(3)));
    assert_eq!(tail(&stage, 0, 503), "✓          500, 1.5s");
    assert_eq!(tail(&stage, 1, 503), "✓          in line");
    stage.arrived(arrival("m1", 2, Finding::Verified { sequence: 5 }, after(2_100)));
    assert_eq!(tail(&stage, 0, 2_200), "✓          2.1 s ×2   ✓ #5");
    stage.arrived(arrival("m2", 1, Finding::Verified { sequence: 6 }, after(2_103)));
    assert!(stage.is_quiet());
}

#[test]
fn no_line_is_wider_than_the_screen() {
    for width in [60, 80, 100, 117, 118, 120, 200] {
        let screen = Screen::terminal(width);
        let began = Instant::now();
        let mut stage = two(&screen, began);
        stage.arrived(arrival(
            "m1",
            2,
            Finding::Verified { sequence: 5 },
            began + Duration::from_millis(2_100),
        ));
        for place in 0..2 {
            let line = stage.render(place, began);
            assert!(columns(&line) <= width, "{width}: {line}");
        }
        assert!(columns(stage.headings().trim_end()) <= width, "{width}");
    }
}

#[test]
fn a_pipe_gets_each_line_once_and_only_when_it_is_done() {
    let screen = Screen::pipe().captured();
    let began = Instant::now();
    let mut stage = two(&screen, began);
    stage.draw(began).unwrap();
    assert_eq!(screen.printed(), "");
    stage.arrived(arrival("m1", 1, Finding::Verified { sequence: 5 }, began + Duration::from_millis(3)));
    stage.draw(began).unwrap();
    stage.draw(began).unwrap();
    assert_eq!(screen.printed().lines().count(), 1);
    assert!(screen.printed().ends_with("✓          3.0 ms     ✓ #5\n"), "{}", screen.printed());
}

#[test]
fn a_terminal_draws_only_what_changed_and_leaves_done_lines_alone() {
    let screen = Screen::terminal(120).captured();
    let began = Instant::now();
    let mut stage = two(&screen, began);
    stage.draw(began).unwrap();
    let first = screen.printed();
    assert_eq!(first.lines().count(), 2);
    stage.draw(began).unwrap();
    assert_eq!(screen.printed(), first);
    stage.arrived(arrival("m1", 1, Finding::Verified { sequence: 5 }, began + Duration::from_millis(3)));
    stage.draw(began).unwrap();
    stage.arrived(arrival("m2", 1, Finding::Verified { sequence: 6 }, began + Duration::from_millis(4)));
    stage.draw(began).unwrap();
    let text = screen.printed();
    assert!(text[first.len()..].starts_with("\x1b[2A\r\x1b[J"), "{text:?}");
    assert_eq!(text.matches("\x1b[1A\r\x1b[J").count(), 1, "{text:?}");
    assert_eq!(text.matches("✓ #5").count(), 1, "{text:?}");
}

#[test]
fn what_is_wrong_is_said_below_the_line() {
    let screen = Screen::pipe().captured();
    let began = Instant::now();
    let mut stage = two(&screen, began);
    stage.arrived(arrival(
        "m1",
        1,
        Finding::Refused("token: expired: it was valid until then".to_owned()),
        began,
    ));
    stage.draw(began).unwrap();
    assert!(
        screen.printed().ends_with("✗\n    token: expired: it was valid until then\n"),
        "{}",
        screen.printed()
    );
    assert!(!stage.arrived(arrival("other", 1, Finding::Hiccup, began)));
}
