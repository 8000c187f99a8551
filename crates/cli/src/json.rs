//! JSON as it came from the interface, untouched for programs and indented for people.

use crate::screen::Screen;

/// Blanks for each level.
const INDENT: usize = 2;

/// `json` for `screen`: indented in a terminal, the same bytes elsewhere; one line feed at the end.
pub(crate) fn for_screen(json: &str, screen: &Screen) -> String {
    let json = json.trim_end();
    if screen.is_terminal() { format!("{}\n", indented(json)) } else { format!("{json}\n") }
}

/// A JSON text over several lines; member order, numbers and escapes stay as they are.
pub(crate) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                text.push('"');
                let mut escaped = false;
                for inner in characters.by_ref() {
                    text.push(inner);
                    match inner {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                while characters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                text.push(character);
                if let Some(close) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(close);
                } else {
                    depth += 1;
                    line_feed(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line_feed(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                line_feed(&mut text, depth);
            }
            ':' => text.push_str(": "),
            white if white.is_ascii_whitespace() => {}
            other => text.push(other),
        }
    }
    text
}

fn line_feed(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n(' ', depth * INDENT));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_changes_only_the_white_space_between_members() {
        let json = r#"{"b":1.10,"a":[{},[ ],"x, \"y\": {"],"n":null}"#;
        let text = indented(json);
        assert_eq!(
            text,
            "{\n  \"b\": 1.10,\n  \"a\": [\n    {},\n    [],\n    \"x, \\\"y\\\": {\"\n  ],\n  \"n\": null\n}"
        );
        assert_eq!(indented(&text), text);
    }

    #[test]
    fn a_pipe_gets_the_bytes_of_the_interface() {
        assert_eq!(for_screen("{\"a\":1.10}", &Screen::pipe()), "{\"a\":1.10}\n");
        assert_eq!(for_screen("{\"a\":1.10}", &Screen::terminal(80)), "{\n  \"a\": 1.10\n}\n");
    }
}
