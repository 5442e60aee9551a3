//! Tables as people read them: columns that line up, Chinese counted as the two cells it takes, no rules.

use comfy_table::{CellAlignment, Table, TableStyle};

/// Columns, their heads, and which of them hold numbers (right-aligned).
#[derive(Debug)]
pub(crate) struct Columns {
    table: Table,
    right: Vec<usize>,
}

impl Columns {
    /// A table with these heads.
    pub(crate) fn new(heads: impl IntoIterator<Item = String>) -> Self {
        let mut columns = Self::bare();
        columns.table.set_header(heads.into_iter().collect::<Vec<_>>());
        columns
    }

    /// A table without heads.
    pub(crate) fn bare() -> Self {
        let mut table = Table::new();
        table.load_style(TableStyle::new());
        Self { table, right: Vec::new() }
    }

    /// Numbers line up on the right.
    pub(crate) fn right(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.right.extend(columns);
        self
    }

    /// One row more.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells.into_iter().collect::<Vec<_>>());
    }

    /// The table, one line a row, without trailing space.
    pub(crate) fn render(mut self) -> String {
        for index in self.right {
            if let Some(column) = self.table.column_mut(index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let mut text = self.table.trim_fmt();
        text.push('\n');
        text
    }
}

/// `2.1 GiB`, `9 KiB`, `512 B`.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        let whole = n >> shift;
        if whole >= 10 {
            return format!("{whole} {unit}");
        }
        if whole > 0 {
            let tenth = ((n - (whole << shift)) * 10) >> shift;
            return format!("{whole}.{tenth} {unit}");
        }
    }
    format!("{n} B")
}

/// A number, or a dash for none: an empty cell is ambiguous and a row of zeros is hard to scan.
pub(crate) fn count(n: u64) -> String {
    if n == 0 { "–".to_owned() } else { n.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_and_latin_columns_line_up() {
        let mut columns = Columns::new(["对端".to_owned(), "n".to_owned()]).right([1]);
        columns.row(["内蒙古".to_owned(), "31".to_owned()]);
        columns.row(["hub".to_owned(), "4".to_owned()]);
        assert_eq!(columns.render(), " 对端     n\n 内蒙古  31\n hub      4\n");
    }

    #[test]
    fn sizes_have_one_unit() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(9 * 1024), "9.0 KiB");
        assert_eq!(bytes(50 << 30), "50 GiB");
        assert_eq!(bytes((21 << 30) / 10), "2.0 GiB");
        assert_eq!(count(0), "–");
    }
}
