//! Texts of others, to be looked at: what would not be seen, or would turn the text around, is shown as a sign.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_seen() {
        assert_eq!(plain("a\u{0}b\u{1b}[31m\r\n\tc"), "a\u{2400}b\u{241b}[31m\n\tc");
        assert_eq!(plain("ab\u{202e}cd\u{85}"), "ab\u{27e8}U+202E\u{27e9}cd\u{27e8}U+0085\u{27e9}");
        assert_eq!(plain("<b>ü</b>"), "<b>ü</b>");
    }
}
