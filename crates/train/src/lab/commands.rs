//! `lab commands`: by what the column holds, command lines or windows of names.

use anyhow::{Result, bail, ensure};

use super::report::Report;
use super::{Task, input, lines, windows};

pub(super) fn measure(task: &Task, column: &str, group: Option<&str>) -> Result<Report> {
    let data_type = task.train.column(column)?.data_type();
    let train = &task.train.name;
    if input::is_list(data_type) {
        return windows::measure(task, column, group);
    }
    ensure!(
        input::is_text(data_type),
        "column {column:?} of {train} holds {data_type}, not command lines or lists of command names"
    );
    if group.is_some() {
        bail!("--group is for lists of command names, and column {column:?} holds command lines");
    }
    lines::measure(task, column)
}
