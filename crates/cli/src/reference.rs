//! The page "Commands" of the book, written from the command line itself, so that `--help` and the page say the same.
//!
//! What a command is for, its options and its examples stand with the command. Only what has links into the book stands
//! here: the beginning of the page and a note for some commands.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use crate::arguments::Arguments;

/// What stands before the commands.
const BEGINNING: &str = include_str!("reference/beginning.md");

/// More about some commands, with links into the book.
const NOTES: &[(&str, &str)] = &[
    ("demo", "The pages of [the portal](portal.md) are there to look around in afterwards."),
    ("serve", "[Settings](settings.md) names every setting, [Running it](running.md) what to know about it."),
    ("publish", "See [publishing](publishing.md)."),
    ("company", "See [configuration](configuration.md)."),
    ("branch", "See [configuration](configuration.md)."),
    ("endpoint", "See [configuration](configuration.md), and [how to repair one](repair-an-endpoint.md)."),
    ("client", "See [configuration](configuration.md), and [the Direct API](direct-api.md)."),
    ("person", "They sign in to [the portal](portal.md); `create` and `link` print a link that works once."),
    ("work-order", "See [work orders](work-orders.md)."),
    ("customer", "See [what customers demand](work-orders.md#what-customers-demand)."),
    (
        "queue",
        "See [delivery](delivery.md) for the states and for what a delivery waits for, and [dead letters](dead-letters.md).",
    ),
    ("replay", "See [replay](replay.md)."),
    ("jobs", "See [dead letters](dead-letters.md#bring-all-of-them-back-a-job), and [erase](erase.md)."),
    ("log", "See [the communication log](log.md)."),
    ("keys", "See [rotation](keys.md#signing-keys)."),
    ("actions", "See [actions](actions.md)."),
    ("alerts", "See [alerts](alerts.md)."),
    ("audit", "See [the audit](audit.md)."),
    ("emulate", "See [the emulator](emulator.md)."),
    ("listen", "See [test without a public URL](listen.md)."),
    ("check", "See [check a receiver](check.md)."),
    ("verify", "See [verify a token](verify-a-token.md)."),
    ("doctor", "See [running it](running.md#is-all-well)."),
    ("backup", "See [backup](retention.md#backup)."),
    ("compact", "What was [erased](erase.md) leaves the file, too."),
    ("export", "See [moving](retention.md#moving)."),
    ("import", "See [moving](retention.md#moving)."),
    ("bench", "See [speed](speed.md)."),
];

/// Headings of options that many commands have; they stand once, at the beginning of the page.
const COMMON: [&str; 2] = ["Service", "Display"];

/// The whole page.
pub(crate) fn page() -> String {
    let mut root = Arguments::command();
    root.build();
    let mut text = BEGINNING.to_owned();
    text.push_str("\n| command | |\n|---|---|\n");
    for command in commands(&root) {
        let path = path(command);
        let anchor = path.replace(' ', "-");
        let _ = writeln!(text, "| [`{path}`](#{anchor}) | {} |", about(command));
    }
    for command in commands(&root) {
        section(&mut text, command);
    }
    text
}

fn commands(parent: &Command) -> impl Iterator<Item = &Command> {
    parent.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn path(command: &Command) -> String {
    command.get_bin_name().unwrap_or(command.get_name()).to_owned()
}

fn about(command: &Command) -> String {
    prose(&command.get_about().map(ToString::to_string).unwrap_or_default())
}

fn section(text: &mut String, command: &Command) {
    let _ = write!(text, "\n## `{}`\n\n{}.", path(command), about(command));
    if let Some((_, note)) = NOTES.iter().find(|(name, _)| *name == command.get_name()) {
        let _ = write!(text, " {note}");
    }
    text.push('\n');
    if commands(command).next().is_none() {
        usage(text, command);
        options(text, command);
    }
    for act in commands(command) {
        let _ = writeln!(text, "\n### `{}`\n\n{}.{}", path(act), about(act), aliases(act));
        usage(text, act);
        options(text, act);
    }
    examples(text, command);
}

fn aliases(command: &Command) -> String {
    let names: Vec<_> = command.get_visible_aliases().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!(" Also: {}.", names.join(", ")) }
}

fn usage(text: &mut String, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let lines: Vec<_> = usage.lines().map(str::trim).collect();
    let _ = write!(text, "\n```text\n{}\n```\n", lines.join("\n"));
}

fn options(text: &mut String, command: &Command) {
    let is_own = |argument: &&Arg| {
        !argument.is_hide_set()
            && !matches!(argument.get_id().as_str(), "help" | "version")
            && !argument.get_help_heading().is_some_and(|heading| COMMON.contains(&heading))
    };
    let mut own: Vec<_> = command.get_arguments().filter(is_own).collect();
    if own.is_empty() {
        return;
    }
    // What has no name comes first, as in the usage.
    own.sort_by_key(|argument| !argument.is_positional());
    text.push_str("\n| | |\n|---|---|\n");
    for argument in own {
        let short = argument.get_short().map(|letter| format!("`-{letter}`, ")).unwrap_or_default();
        // Flags with a value name the value; a bar would end the cell.
        let name = argument.to_string().replace('|', "\\|");
        let _ = writeln!(text, "| {short}`{name}` | {} |", meaning(argument));
    }
}

/// What an argument is for, what it can be and what it is when nobody says.
fn meaning(argument: &Arg) -> String {
    let mut text = prose(&argument.get_help().map(ToString::to_string).unwrap_or_default());
    if argument.get_action().takes_values() {
        let values = argument.get_possible_values();
        let values: Vec<_> =
            values.iter().filter(|it| !it.is_hide_set()).map(|it| format!("`{}`", it.get_name())).collect();
        if !values.is_empty() {
            let _ = write!(text, "; {}", values.join(", "));
        }
        let defaults = argument.get_default_values();
        if !defaults.is_empty() && !argument.is_hide_default_value_set() {
            let defaults: Vec<_> =
                defaults.iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
            let _ = write!(text, " (default {})", defaults.join(", "));
        }
    }
    if let Some(variable) = argument.get_env() {
        let _ = write!(text, " (variable `{}`)", variable.to_string_lossy());
    }
    text
}

fn examples(text: &mut String, command: &Command) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (examples, rest) = split(&help);
    if !examples.is_empty() {
        let _ = write!(text, "\nExamples:\n\n```sh\n{}\n```\n", with_comments(&examples).join("\n"));
    }
    for paragraph in rest {
        let _ = write!(text, "\n{}\n", as_is(paragraph));
    }
}

/// The same lines as a shell takes them: what is said beside a call is a comment.
fn with_comments(examples: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in examples {
        let call = line.split("  ").next().unwrap_or_default();
        let beside = line[call.len()..].trim_start();
        let goes_on = call.is_empty() && lines.last().is_some_and(|before| before.contains("  # "));
        lines.push(match beside {
            "" => (*line).to_owned(),
            _ if goes_on || call.contains("workbell ") => {
                format!("{call}{}# {beside}", " ".repeat(line.len() - call.len() - beside.len()))
            }
            _ => (*line).to_owned(),
        });
    }
    lines
}

/// The lines of the examples in the text behind a help, and the paragraphs that follow.
fn split(help: &str) -> (Vec<&str>, Vec<&str>) {
    let mut paragraphs = help.split("\n\n").map(|paragraph| paragraph.trim_matches('\n'));
    let examples = paragraphs.next().unwrap_or_default();
    let lines = examples.lines().skip(1).map(|line| line.strip_prefix("  ").unwrap_or(line));
    (lines.collect(), paragraphs.filter(|paragraph| !paragraph.is_empty()).collect())
}

/// A text of a help as Markdown: what would be markup stands as it is.
fn prose(text: &str) -> String {
    as_is(text.trim().trim_end_matches('.'))
}

fn as_is(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;

    /// Every command that does something, as a path such as `workbell queue list`.
    fn leaves(root: &Command) -> Vec<String> {
        let mut leaves = Vec::new();
        for command in commands(root) {
            let acts: Vec<_> = commands(command).map(path).collect();
            leaves.extend(if acts.is_empty() { vec![path(command)] } else { acts });
        }
        leaves
    }

    /// What stands in the examples behind `workbell`, cut before comments, pipes and redirections.
    fn calls(root: &Command) -> Vec<String> {
        let mut calls = Vec::new();
        for command in root.get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in split(&help).0 {
                let start = line.rfind("| workbell ").map_or(0, |at| at + 2);
                let line = &line[start..];
                let Some(at) = line.find("workbell ") else { continue };
                let is_call = line[..at].split_whitespace().all(|word| word.contains('='));
                let ends = ["  ", " > ", " < ", " | "].map(|end| line[at..].find(end).unwrap_or(usize::MAX));
                let end = ends.into_iter().min().unwrap_or(usize::MAX).min(line.len() - at);
                if is_call {
                    calls.push(line[at..at + end].trim().to_owned());
                }
            }
        }
        calls
    }

    /// A call cut into words as a shell does.
    fn words(call: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for letter in call.chars() {
            match (quote, letter) {
                (None, '\'' | '"') => quote = Some(letter),
                (Some(open), letter) if open == letter => quote = None,
                (None, ' ') => words.push(String::new()),
                (_, letter) => words.last_mut().unwrap().push(letter),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_has_an_example() {
        let mut root = Arguments::command();
        root.build();
        let calls = calls(&root);
        let lacking: Vec<_> = leaves(&root)
            .into_iter()
            .filter(|leaf| !calls.iter().any(|call| *call == *leaf || call.starts_with(&format!("{leaf} "))))
            .collect();
        assert!(lacking.is_empty(), "{lacking:?}");
    }

    #[test]
    fn every_example_is_a_command_line_that_can_be_given() {
        let mut root = Arguments::command();
        root.build();
        for call in calls(&root) {
            let given =
                words(&call.replace("$(date +%F)", "today")).into_iter().map(|word| match word.as_str() {
                    "whsec_..." => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
                    id if id.ends_with("_ID") || id == "ID" => {
                        "01890a5d-ac96-774b-bcce-b302099a8057".to_owned()
                    }
                    _ => word,
                });
            if let Err(error) = Arguments::try_parse_from(given) {
                panic!("{call}\n{error}");
            }
        }
    }

    #[test]
    fn every_note_is_of_a_command() {
        let root = Arguments::command();
        for (name, _) in NOTES {
            assert!(root.find_subcommand(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_page_of_the_book_is_up_to_date() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/commands.md");
        let committed = std::fs::read_to_string(file).unwrap();
        assert!(committed == page(), "docs/src/commands.md is not what the code says: cargo xtask generate");
    }
}
