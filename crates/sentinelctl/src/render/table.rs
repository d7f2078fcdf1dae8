//! Aligned columns, with colour or without.

use anstyle::Style;
use sentinel_event::text::escape;

use super::{BOLD, Look, PLAIN};

/// Blanks between two columns.
const GAP: usize = 2;

/// One cell of a table.
pub struct Cell {
    text: String,
    style: Style,
    right: bool,
}

/// Text, escaped.
pub fn text(text: &str) -> Cell {
    styled(PLAIN, text)
}

/// Text in a style, escaped.
pub fn styled(style: Style, text: &str) -> Cell {
    Cell {
        text: escape(text).into_owned(),
        style,
        right: false,
    }
}

/// A number or size, which stands on the right.
pub fn right(text: impl ToString) -> Cell {
    Cell {
        text: text.to_string(),
        style: PLAIN,
        right: true,
    }
}

/// The same cell in another style.
pub fn with(style: Style, cell: Cell) -> Cell {
    Cell { style, ..cell }
}

/// Lines with their visible lengths, which colours hide from `len`.
pub struct Block(Vec<(usize, String)>);

/// One row: its cells, and remarks such as a reason, which have no fixed length.
pub struct Row {
    pub cells: Vec<Cell>,
    pub remarks: Vec<String>,
}

impl From<Vec<Cell>> for Row {
    fn from(cells: Vec<Cell>) -> Row {
        let remarks = Vec::new();
        Row { cells, remarks }
    }
}

/// A table under a header of bold names. Remarks are a last column where all of them
/// fit on the terminal, and lines below their rows where not.
pub fn table(look: &Look, names: &[&str], rows: Vec<Row>) -> Block {
    let mut rows = rows;
    let mut names = names.to_vec();
    let remarks: Vec<String> = rows.iter().map(|row| row.remarks.join("; ")).collect();
    let widest = remarks
        .iter()
        .map(|remark| escape(remark).chars().count())
        .max();
    let columns: usize = widths(&names, &rows).iter().map(|width| width + GAP).sum();
    let fits = |widest| look.width.is_none_or(|width| columns + widest <= width);
    if widest.is_some_and(|widest| widest > 0 && fits(widest)) {
        names.push("REMARKS");
        for (row, remark) in rows.iter_mut().zip(remarks) {
            row.cells.push(text(&remark));
            row.remarks.clear();
        }
    }
    // A name stands on the side on which its column does.
    let rightward = |i: usize| rows.first().is_some_and(|row| row.cells[i].right);
    let head = names.iter().enumerate().map(|(i, name)| Cell {
        text: (*name).to_owned(),
        style: BOLD,
        right: rightward(i),
    });
    let widths = widths(&names, &rows);
    let mut lines = vec![line(look, &head.collect::<Vec<_>>(), &widths)];
    for row in &rows {
        lines.push(line(look, &row.cells, &widths));
        for remark in &row.remarks {
            let remark = format!("  {}", escape(remark));
            lines.push((remark.chars().count(), remark));
        }
    }
    Block(lines)
}

/// The width of each column.
fn widths(names: &[&str], rows: &[Row]) -> Vec<usize> {
    let cells = |i: usize| {
        rows.iter()
            .map(move |row| row.cells[i].text.chars().count())
    };
    let columns = names.iter().enumerate();
    columns
        .map(|(i, name)| cells(i).fold(name.chars().count(), usize::max))
        .collect()
}

fn line(look: &Look, row: &[Cell], widths: &[usize]) -> (usize, String) {
    // Empty cells at the end are left out, so that no line ends in blanks.
    let used = row
        .iter()
        .rposition(|cell| !cell.text.is_empty())
        .map_or(0, |last| last + 1);
    let mut out = String::new();
    let mut length = 0;
    for (i, (cell, width)) in row.iter().zip(widths).take(used).enumerate() {
        let blanks = " ".repeat(width - cell.text.chars().count());
        let text = look.paint(cell.style, &cell.text);
        if i > 0 {
            out.push_str(&" ".repeat(GAP));
            length += GAP;
        }
        length += width;
        if cell.right {
            out.push_str(&blanks);
            out.push_str(&text);
        } else if i + 1 < used {
            out.push_str(&text);
            out.push_str(&blanks);
        } else {
            out.push_str(&text);
            length -= blanks.len();
        }
    }
    (length, out)
}

impl Block {
    /// The blocks one below the other, an empty line between them.
    pub fn stack(blocks: Vec<Block>) -> Block {
        let mut lines = Vec::new();
        for block in blocks {
            if !lines.is_empty() {
                lines.push((0, String::new()));
            }
            lines.extend(block.0);
        }
        Block(lines)
    }

    /// This block with another on its right where both fit, below it where not.
    pub fn beside(self, other: Block, look: &Look) -> Block {
        const MARGIN: usize = 4;
        let widest = |block: &Block| block.0.iter().map(|(length, _)| *length).max().unwrap_or(0);
        let column = widest(&self) + MARGIN;
        if look
            .width
            .is_none_or(|width| column + widest(&other) > width)
        {
            return Block::stack(vec![self, other]);
        }
        let height = self.0.len().max(other.0.len());
        let (mut left, mut right) = (self.0.into_iter(), other.0.into_iter());
        let rows = (0..height).map(|_| {
            let (length, text) = left.next().unwrap_or_default();
            match right.next() {
                Some((more, beside)) if more > 0 => {
                    let blanks = " ".repeat(column - length);
                    (column + more, format!("{text}{blanks}{beside}"))
                }
                _ => (length, text),
            }
        });
        Block(rows.collect())
    }

    /// The lines as one text.
    pub fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (_, line)| {
            text.push_str(line);
            text.push('\n');
            text
        })
    }
}
