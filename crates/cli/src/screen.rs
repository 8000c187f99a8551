//! Where output goes: a terminal with colours and a width, or a pipe that wants plain text.
//!
//! Colours follow `--color`, NO_COLOR (<https://no-color.org>) and whether a terminal is there.

use std::io::{self, IsTerminal as _, Write as _};

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    // No doc comments: they would turn the help of every command into a page.
    Auto,
    Always,
    Never,
}

/// What a piece of text means; colours follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading.
    Heading,
    /// What the eye should find first.
    Strong,
    /// Beside the point.
    Faint,
    /// As it should be.
    Good,
    /// Wants attention, will mend itself.
    Warning,
    /// Wrong.
    Bad,
    /// A name that ties lines together.
    Accent,
    /// One of several names that tie lines together, each in its own colour.
    Tint(u8),
}

/// Colours that are told apart on dark and on light ground.
const TINTS: [&str; 6] = ["36", "35", "34", "96", "95", "39"];

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Style::Heading => "1;4",
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Warning => "33",
            Style::Bad => "1;31",
            Style::Accent => "36",
            Style::Tint(number) => TINTS[number as usize % TINTS.len()],
        }
    }
}

/// Width that is assumed where no terminal tells one.
const WIDTH_ELSEWHERE: usize = 120;

/// Width below which a terminal is taken to have this one. 20: a time is never cut and has as many.
const NARROWEST: usize = 20;

/// A place for output.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// Whether text is coloured.
    color: bool,
    /// Whether a person looks at it.
    terminal: bool,
    /// Columns.
    width: usize,
    /// Rows; `None` where nothing scrolls.
    height: Option<usize>,
    /// Where tests find what was printed.
    #[cfg(test)]
    printed: Option<std::sync::Arc<std::sync::Mutex<String>>>,
    /// Where tests find what was noted.
    #[cfg(test)]
    noted: std::sync::Arc<std::sync::Mutex<String>>,
}

impl Screen {
    /// Standard output as it is now.
    pub(crate) fn of_stdout(color: ColorChoice) -> Self {
        let terminal = io::stdout().is_terminal();
        Screen::of(color, terminal, terminal_size::terminal_size_of(io::stdout()))
    }

    /// Standard error as it is now.
    pub(crate) fn of_stderr(color: ColorChoice) -> Self {
        let terminal = io::stderr().is_terminal();
        Screen::of(color, terminal, terminal_size::terminal_size_of(io::stderr()))
    }

    fn of(
        color: ColorChoice,
        terminal: bool,
        size: Option<(terminal_size::Width, terminal_size::Height)>,
    ) -> Self {
        let asked_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Screen {
            color: match color {
                ColorChoice::Always => true,
                ColorChoice::Never => false,
                ColorChoice::Auto => terminal && !asked_off && !dumb,
            },
            terminal: terminal && !dumb,
            width: size.map_or(WIDTH_ELSEWHERE, |(width, _)| usize::from(width.0).max(NARROWEST)),
            height: size.map(|(_, height)| usize::from(height.0)),
            #[cfg(test)]
            printed: None,
            #[cfg(test)]
            noted: std::sync::Arc::default(),
        }
    }

    /// A pipe, for tests.
    #[cfg(test)]
    pub(crate) fn pipe() -> Self {
        Screen {
            color: false,
            terminal: false,
            width: WIDTH_ELSEWHERE,
            height: None,
            printed: None,
            noted: std::sync::Arc::default(),
        }
    }

    /// A terminal without colours, for tests.
    #[cfg(test)]
    pub(crate) fn terminal(width: usize) -> Self {
        Screen { terminal: true, width, height: Some(50), ..Screen::pipe() }
    }

    /// This screen, keeping what is printed.
    #[cfg(test)]
    pub(crate) fn captured(mut self) -> Self {
        self.printed = Some(std::sync::Arc::default());
        self
    }

    /// What was printed on a captured screen.
    #[cfg(test)]
    pub(crate) fn printed(&self) -> String {
        self.printed.as_ref().map(|kept| kept.lock().unwrap().clone()).unwrap_or_default()
    }

    /// What was noted beside it.
    #[cfg(test)]
    pub(crate) fn noted(&self) -> String {
        self.noted.lock().unwrap().clone()
    }

    /// Whether a person looks at it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether text is coloured.
    pub(crate) fn has_color(&self) -> bool {
        self.color
    }

    /// Columns.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub(crate) fn height(&self) -> Option<usize> {
        self.height
    }

    /// `text` in the colours of `style`, or as it is.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_owned()
        }
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// When nobody reads it any more, or the disk is full.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        #[cfg(test)]
        if let Some(kept) = &self.printed {
            kept.lock().unwrap().push_str(text);
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes a line to standard error, beside the result.
    pub(crate) fn note(&self, line: &str) {
        #[cfg(test)]
        self.noted.lock().unwrap().push_str(&format!("{line}\n"));
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Columns that a text takes in a terminal.
pub(crate) fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

/// `text`, cut to `width` columns; a cut is shown as `…`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut taken = 0;
    for character in text.chars() {
        let next = unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if taken + next + 1 > width {
            break;
        }
        taken += next;
        kept.push(character);
    }
    if width > 0 {
        kept.push('…');
    }
    kept
}

/// `text`, cut or filled with blanks to exactly `width` columns.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let mut fitted = cut(text, width);
    let missing = width.saturating_sub(columns(&fitted));
    fitted.extend(std::iter::repeat_n(' ', missing));
    fitted
}

/// `text` over several lines of at most `width` columns, those after the first indented by `indent`.
pub(crate) fn wrap(text: &str, width: usize, indent: usize) -> String {
    let words = text.trim_start_matches(' ');
    let mut taken = text.len() - words.len();
    let mut wrapped = " ".repeat(taken);
    for (place, word) in words.split(' ').enumerate() {
        let next = columns(word);
        if place > 0 && taken + 1 + next > width {
            wrapped.push('\n');
            wrapped.push_str(&" ".repeat(indent));
            taken = indent;
        } else if place > 0 {
            wrapped.push(' ');
            taken += 1;
        }
        wrapped.push_str(word);
        taken += next;
    }
    wrapped
}

/// `text` without control characters, so that what came from elsewhere cannot steer the terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_takes_exactly_the_columns_it_may() {
        assert_eq!(cut("leaking pipe", 12), "leaking pipe");
        assert_eq!(cut("leaking pipe", 8), "leaking…");
        assert_eq!(columns(&cut("水漏れがする", 6)), 5);
        assert_eq!(fit("水漏れがする", 6), "水漏… ");
        assert_eq!(fit("ab", 4), "ab  ");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(wrap("one two three four", 9, 2), "one two\n  three\n  four");
        assert_eq!(wrap("one two", 80, 2), "one two");
        assert_eq!(wrap("  one two", 7, 2), "  one\n  two");
    }

    #[test]
    fn a_pipe_gets_no_colours_and_a_terminal_does() {
        assert_eq!(Screen::pipe().paint(Style::Good, "ok"), "ok");
        let screen = Screen { color: true, ..Screen::pipe() };
        assert_eq!(screen.paint(Style::Good, "ok"), "\x1b[32mok\x1b[0m");
    }

    #[test]
    fn control_characters_from_elsewhere_do_not_reach_the_terminal() {
        assert_eq!(harmless("a\x1b[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
