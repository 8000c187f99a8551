//! Texts of others, to be looked at: what would not be seen, or would turn the text around, is shown as a sign.

use serde::de::IgnoredAny;

/// Deepest step to the right: 32, so that what is nested without end stays as large as it came.
const MOST_INDENTED: usize = 32;

/// The text with its control characters made visible; line ends and tabs stay.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => shown.push(letter),
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + u32::from(letter)).unwrap_or('\u{fffd}')),
            '\u{7f}' => shown.push('\u{2421}'),
            // C1, marks of direction and what has no width.
            '\u{80}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => shown.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", u32::from(letter))),
            _ => shown.push(letter),
        }
    }
    shown
}

/// A JSON text with each member on a line of its own; `None` when it is none, or has nothing to break.
pub(super) fn indented(text: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut shown = String::with_capacity(text.len() * 2);
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    let mut letters = text.chars().peekable();
    let line = |shown: &mut String, depth: usize| {
        shown.push('\n');
        shown.push_str(&"  ".repeat(depth.min(MOST_INDENTED)));
    };
    while let Some(letter) = letters.next() {
        if is_text {
            shown.push(letter);
            is_text = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                shown.push(letter);
                while letters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if letters.peek().is_some_and(|next| !matches!(next, '}' | ']')) {
                    depth += 1;
                    line(&mut shown, depth);
                } else {
                    shown.extend(letters.next());
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut shown, depth);
                shown.push(letter);
            }
            ',' => {
                shown.push(letter);
                line(&mut shown, depth);
            }
            ':' => shown.push_str(": "),
            letter => {
                shown.push(letter);
                is_text = letter == '"';
            }
        }
    }
    Some(plain(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_seen() {
        assert_eq!(plain("a\u{0}b\u{1b}[31m\r\n\tc"), "a\u{2400}b\u{241b}[31m\n\tc");
        assert_eq!(plain("ab\u{202e}cd\u{85}"), "ab\u{27e8}U+202E\u{27e9}cd\u{27e8}U+0085\u{27e9}");
        assert_eq!(plain("<b>ü</b>"), "<b>ü</b>");
    }

    #[test]
    fn json_is_broken_into_lines_and_nothing_else_changes() {
        let text = r#"{"a":{ },"b":[1.50,"x, {\"y\": \\"],"c":[ ],"d":{"e":null}}"#;
        let lines = "{\n  \"a\": {},\n  \"b\": [\n    1.50,\n    \"x, {\\\"y\\\": \\\\\"\n  ],\n  \"c\": [],\n  \"d\": {\n    \"e\": null\n  }\n}";
        assert_eq!(indented(text).as_deref(), Some(lines));
        assert_eq!(indented("{\"a\":"), None);
        assert_eq!(indented("<html>"), None);
        assert_eq!(indented("\"text\""), None);
    }
}
