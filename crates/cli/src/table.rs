//! Lists: aligned columns under headings in a terminal, tab-separated lines without headings in a pipe.

use std::fmt::Write as _;

use crate::screen::{Screen, Style, columns, cut, fit, harmless};

/// Blanks between two columns.
const GAP: usize = 2;

/// Narrowest a column is cut to, so that something can still be recognised.
const NARROWEST: usize = 8;

/// A cell: text and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    style: Option<Style>,
    /// Cut, it would say something else: a time without its hour.
    whole: bool,
    /// A URL: where it must be cut, its scheme goes first, so that the host stays.
    url: bool,
}

impl Cell {
    /// A plain cell. Control characters are replaced.
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Cell { text: harmless(text.as_ref()), style: None, whole: false, url: false }
    }

    /// A coloured cell.
    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Cell { text: harmless(text.as_ref()), style: Some(style), whole: false, url: false }
    }

    /// A faint cell with a point in time. It is never cut; where it does not fit its column is left out.
    pub(crate) fn moment(text: impl AsRef<str>) -> Self {
        Cell { text: harmless(text.as_ref()), style: Some(Style::Faint), whole: true, url: false }
    }

    /// A plain cell with a URL.
    pub(crate) fn url(text: impl AsRef<str>) -> Self {
        Cell { text: harmless(text.as_ref()), style: None, whole: false, url: true }
    }

    /// The text for so many columns.
    fn within(&self, width: usize) -> &str {
        match self.text.split_once("://") {
            Some((_, rest)) if self.url && columns(&self.text) > width => rest,
            _ => &self.text,
        }
    }

    fn painted(&self, text: &str, screen: &Screen) -> String {
        self.style.map_or_else(|| text.to_owned(), |style| screen.paint(style, text))
    }
}

/// A table of which every row has as many cells as there are headings.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.headings.len(), "a row has a cell for every heading");
        self.rows.push(cells);
    }

    /// Prints the table; when there are no rows, `none` beside the output instead.
    ///
    /// # Errors
    /// When it cannot be printed.
    pub(crate) fn show(&self, screen: &Screen, none: &str) -> std::io::Result<()> {
        if self.rows.is_empty() {
            screen.note(none);
            return Ok(());
        }
        screen.print(&self.render(screen))
    }

    /// The table as text, a line for each row.
    pub(crate) fn render(&self, screen: &Screen) -> String {
        self.lines(screen, true)
    }

    /// The same without headings, for rows that follow others.
    pub(crate) fn render_rows(&self, screen: &Screen) -> String {
        self.lines(screen, false)
    }

    fn lines(&self, screen: &Screen, headings: bool) -> String {
        let mut text = String::new();
        if !screen.is_terminal() {
            for row in &self.rows {
                let cells = row.iter().map(|cell| cell.painted(&cell.text, screen));
                let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("\t"));
            }
            return text;
        }
        let widths = self.widths(screen.width());
        // The last columns say what comes next, so not many may be left out.
        if widths.len() * 3 < self.headings.len() * 2 {
            return self.stacked(screen);
        }
        if headings {
            let cells: Vec<Cell> = self.headings.iter().map(|h| Cell::styled(h, Style::Strong)).collect();
            line(&mut text, &cells, &widths, screen);
        }
        for row in &self.rows {
            line(&mut text, row, &widths, screen);
        }
        text
    }

    /// For a screen on which more than a third of the columns would be left out: what names the row on a line of its own, below it all else
    /// with its heading, over as many lines as it takes.
    fn stacked(&self, screen: &Screen) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let Some((name, others)) = row.split_first() else { continue };
            let _ = writeln!(text, "{}", name.painted(&name.text, screen));
            let mut taken = 0;
            for (heading, cell) in
                self.headings.iter().skip(1).zip(others).filter(|(_, cell)| cell.text != "-")
            {
                let heading = heading.to_lowercase();
                let room = screen.width().saturating_sub(columns(&heading) + 1 + GAP).max(NARROWEST);
                let shown = if cell.whole { cell.text.clone() } else { cut(cell.within(room), room) };
                let width = GAP + columns(&heading) + 1 + columns(&shown);
                if taken > 0 && taken + width > screen.width() {
                    text.push('\n');
                    taken = 0;
                }
                taken += width;
                let heading = screen.paint(Style::Faint, &heading);
                let _ = write!(text, "{:GAP$}{heading} {}", "", cell.painted(&shown, screen));
            }
            if taken > 0 {
                text.push('\n');
            }
        }
        text
    }

    /// Widths that fit the screen. The first column, which names the row, is never cut, for names are copied, and no
    /// time is; the widest of the others give way first. Where even that is not enough, columns are left out from the right.
    fn widths(&self, screen: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.headings.len())
            .map(|place| {
                let cells = self.rows.iter().filter_map(|row| row.get(place)).map(|cell| columns(&cell.text));
                cells.chain([columns(self.headings[place])]).max().unwrap_or(0)
            })
            .collect();
        let whole: Vec<bool> = (0..self.headings.len())
            .map(|place| {
                place == 0 || self.rows.iter().any(|row| row.get(place).is_some_and(|cell| cell.whole))
            })
            .collect();
        for shown in (2..=widths.len()).rev() {
            let mut fitted = widths[..shown].to_vec();
            loop {
                if fitted.iter().sum::<usize>() + GAP * (shown - 1) <= screen {
                    return fitted;
                }
                let gives_way = fitted.iter_mut().zip(&whole).filter(|(_, whole)| !**whole);
                match gives_way.map(|(width, _)| width).max() {
                    Some(widest) if *widest > NARROWEST => *widest -= 1,
                    Some(_) | None => break,
                }
            }
        }
        widths.truncate(1);
        widths
    }
}

fn line(text: &mut String, cells: &[Cell], widths: &[usize], screen: &Screen) {
    let last = widths.len().saturating_sub(1);
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let fitted = fit(cell.within(*width), *width);
        let fitted = if place == last { fitted.trim_end() } else { &fitted };
        text.push_str(&cell.painted(fitted, screen));
        if place < last {
            text.extend(std::iter::repeat_n(' ', GAP));
        }
    }
    let kept = text.trim_end_matches(' ').len();
    text.truncate(kept);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["COMPANY", "NAME"]);
        table.row(vec![Cell::new("acme"), Cell::new("Acme Plumbing")]);
        table.row(vec![Cell::styled("northwall", Style::Accent), Cell::new("Northwall")]);
        table
    }

    #[test]
    fn a_terminal_gets_aligned_columns_under_headings() {
        assert_eq!(
            sample().render(&Screen::terminal(80)),
            "COMPANY    NAME\nacme       Acme Plumbing\nnorthwall  Northwall\n"
        );
    }

    #[test]
    fn a_pipe_gets_tabs_and_no_headings() {
        assert_eq!(sample().render(&Screen::pipe()), "acme\tAcme Plumbing\nnorthwall\tNorthwall\n");
    }

    #[test]
    fn what_names_a_row_is_never_cut_and_columns_that_do_not_fit_are_left_out_or_stand_below() {
        let mut table = Table::new(&["DELIVERY", "STATE", "ACTION", "ACCEPTED"]);
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        table.row(vec![
            Cell::new(id),
            Cell::new("Delivered"),
            Cell::new("CheckListMigratedToProcedure"),
            Cell::new("2026-01-01 00:00:00Z"),
        ]);
        let row = |width| table.render(&Screen::terminal(width)).lines().nth(1).unwrap().to_owned();
        assert_eq!(row(70), format!("{id}  Delivered  CheckList…  2026-01-…"));
        assert_eq!(row(60), format!("{id}  Delivered  CheckListM…"));
        let stacked = format!(
            "{id}\n  state Delivered\n  action CheckListMigratedToProcedure\n  accepted 2026-01-01 00:00:00Z\n"
        );
        assert_eq!(table.render(&Screen::terminal(40)), stacked);
        assert_eq!(
            table.render_rows(&Screen::terminal(34)),
            stacked.replace("CheckListMigratedToProcedure", "CheckListMigratedToProce…")
        );
    }

    #[test]
    fn below_its_name_a_row_takes_as_few_lines_as_fit_and_says_what_each_is() {
        let mut table = Table::new(&["DELIVERY", "STATE", "SEQ", "LAST", "NEXT", "URL"]);
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let url = Cell::url("https://cmms.example/a/very/long/path/indeed");
        table.row(vec![
            Cell::new(id),
            Cell::new("Retrying"),
            Cell::new("3"),
            Cell::new("-"),
            Cell::new("in 4m 12s"),
            url,
        ]);
        assert_eq!(
            table.render(&Screen::terminal(34)),
            format!("{id}\n  state Retrying  seq 3\n  next in 4m 12s\n  url cmms.example/a/very/long/pa…\n")
        );
    }

    #[test]
    fn a_time_is_never_cut_and_a_url_keeps_its_host() {
        let mut table = Table::new(&["ID", "URL", "START", "ERROR"]);
        let url = Cell::url("https://cmms.example/a/very/long/path");
        table.row(vec![Cell::new("7"), url, Cell::moment("2026-01-01 00:00:00Z"), Cell::new("Timeout")]);
        let row = |width| table.render(&Screen::terminal(width)).lines().nth(1).unwrap().to_owned();
        assert_eq!(row(50), "7   cmms.example/a…  2026-01-01 00:00:00Z  Timeout");
        assert_eq!(row(34), "7   cmms.ex…  2026-01-01 00:00:00Z");
    }

    #[test]
    fn what_is_too_wide_is_cut_where_it_is_widest() {
        let mut table = Table::new(&["ID", "URL"]);
        table.row(vec![Cell::new("7"), Cell::new("https://cmms.example/a/very/long/path/indeed")]);
        let text = table.render(&Screen::terminal(40));
        assert_eq!(text, "ID  URL\n7   https://cmms.example/a/very/long/pa…\n");
        assert!(text.lines().all(|line| columns(line) <= 40));
    }
}
