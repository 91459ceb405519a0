//! Tables in a terminal.

use unicode_width::UnicodeWidthStr as _;

use crate::escape::OneLine;

/// What stands where a value is absent.
pub const ABSENT: &str = "—";
const GAP: &str = "  ";

/// Rows under headings, in columns as wide as their widest cell.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A column: its heading, and on which side its cells stand.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    heading: &'static str,
    side: Side,
}

/// A value on one line.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    tone: Tone,
}

/// How a value strikes the reader, where there are colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// Not at all.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Doubtful,
    /// Wrong.
    Bad,
    /// Of little weight.
    Faint,
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self {
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells that are missing at its end are absent; surplus ones aren't shown.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines, without an end of line after the last.
    pub fn render(&self, colour: bool) -> String {
        let absent = Cell::optional(None);
        let cell = |row: &[Cell], index| row.get(index).cloned().unwrap_or_else(|| absent.clone());
        let mut columns = Vec::new();
        for (index, column) in self.columns.iter().enumerate() {
            let heading = Cell {
                text: column.heading.to_owned(),
                tone: Tone::Faint,
            };
            let cells = self.rows.iter().map(|row| cell(row, index));
            let cells: Vec<_> = std::iter::once(heading).chain(cells).collect();
            columns.push(aligned(&cells, column.side, colour));
        }
        let line = |row: usize| {
            let cells = columns.iter().filter_map(|column| column.get(row));
            let cells: Vec<_> = cells.map(String::as_str).collect();
            cells.join(GAP).trim_end().to_owned()
        };
        let lines: Vec<_> = (0..=self.rows.len()).map(line).collect();
        lines.join("\n")
    }
}

impl Column {
    /// A column of texts, which stand on the left.
    pub const fn text(heading: &'static str) -> Self {
        let side = Side::Left;
        Self { heading, side }
    }

    /// A column of numbers, which stand on the right.
    pub const fn number(heading: &'static str) -> Self {
        let side = Side::Right;
        Self { heading, side }
    }
}

impl Cell {
    /// A value. What would not stay on its line is escaped.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self {
            text: OneLine(text.as_ref()).to_string(),
            tone: Tone::Plain,
        }
    }

    /// A value, or a dash.
    pub fn optional(text: Option<String>) -> Self {
        text.map_or_else(|| Self::new(ABSENT).toned(Tone::Faint), Self::new)
    }

    /// The same in another tone.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }

    fn painted(&self, colour: bool) -> String {
        let code = match self.tone {
            Tone::Plain => None,
            Tone::Good => Some("32"),
            Tone::Doubtful => Some("33"),
            Tone::Bad => Some("31"),
            Tone::Faint => Some("2"),
        };
        match code.filter(|_| colour) {
            Some(code) => format!("\u{1b}[{code}m{}\u{1b}[0m", self.text),
            None => self.text.clone(),
        }
    }
}

fn aligned(cells: &[Cell], side: Side, colour: bool) -> Vec<String> {
    let widest = cells.iter().map(|cell| cell.text.width()).max();
    let padded = |cell: &Cell| {
        let missing = widest.unwrap_or(0).saturating_sub(cell.text.width());
        let (painted, space) = (cell.painted(colour), " ".repeat(missing));
        match side {
            Side::Left => format!("{painted}{space}"),
            Side::Right => format!("{space}{painted}"),
        }
    };
    cells.iter().map(padded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers() -> Table {
        let mut table = Table::new([
            Column::text("provider"),
            Column::number("p50"),
            Column::text("status"),
        ]);
        table.push(["DeepInfra", "221.5", "healthy"].map(Cell::new));
        table.push([Cell::new("模型"), Cell::optional(None), Cell::new("down")]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        insta::assert_snapshot!(providers().render(false), @r"
        provider     p50  status
        DeepInfra  221.5  healthy
        模型           —  down
        ");
    }

    #[test]
    fn colours_change_no_width() {
        let mut table = providers();
        table.push([
            Cell::new("Lepton"),
            Cell::new("9"),
            Cell::new("down").toned(Tone::Bad),
        ]);
        let painted = table.render(true);
        assert!(painted.contains("\u{1b}[31mdown\u{1b}[0m"), "{painted}");
        let mut plain = painted;
        for code in ["\u{1b}[31m", "\u{1b}[2m", "\u{1b}[0m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, table.render(false));
    }

    #[test]
    fn a_short_row_ends_in_dashes_and_a_long_one_is_cut() {
        let mut table = Table::new([Column::text("a"), Column::number("b")]);
        table.push([Cell::new("x")]);
        table.push(["y", "2", "surplus"].map(Cell::new));
        insta::assert_snapshot!(table.render(false), @r"
        a  b
        x  —
        y  2
        ");
    }

    #[test]
    fn a_cell_stays_on_its_line() {
        let mut table = Table::new([Column::text("name")]);
        table.push([Cell::new("a\nb\u{1b}[2J")]);
        assert_eq!(table.render(false), "name\na\\nb\\u{1b}[2J");
    }
}
