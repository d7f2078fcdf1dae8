//! From lines to events: checks, sorts, counts what could not be used.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};

use sentinel_event::Event;

use crate::event::Events;
use crate::line::Line;
use crate::order::Order;

/// The longest line that is read, in bytes. Arguments are kept up to 32 KiB, which
/// JSON may write six times as long.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Bad lines that are kept with their reason; more are only counted.
const BAD_LINES_KEPT: usize = 1_000;

/// A line that is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for BadLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.number, self.reason)
    }
}

impl std::error::Error for BadLine {}

/// What became of the lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Events made.
    pub events_total: u64,
    /// Lines that are no event.
    pub bad_total: u64,
    /// The first thousand of them, with reasons.
    pub bad: Vec<BadLine>,
    /// Keys that nobody knew, with how often they occurred.
    pub unknown_keys: BTreeMap<String, u64>,
    /// Events of each host; of no name where a line gives none.
    pub hosts: BTreeMap<String, u64>,
}

/// Turns lines into events, as a stream: hand in lines, take out events that no
/// later line can precede any more, finish.
#[derive(Default)]
pub struct Importer {
    order: Order,
    events: Events,
    report: Report,
    lines_total: u64,
}

impl Importer {
    /// Hands in one line without its line end. Blank lines are nothing, and so is a byte
    /// order mark in front of the first.
    ///
    /// # Errors
    /// The line is no event; the importer has counted it and goes on.
    pub fn line(&mut self, number: u64, text: &[u8]) -> Result<(), BadLine> {
        let text = match number {
            1 => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
            _ => text,
        };
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let parsed = if text.len() > LINE_BYTES_MAX {
            Err(format!("longer than {LINE_BYTES_MAX} bytes"))
        } else {
            Line::parse(text)
        };
        let taken = parsed.and_then(|line| self.take(line));
        taken.map_err(|reason| {
            let bad = BadLine { number, reason };
            self.report.bad_total += 1;
            if self.report.bad.len() < BAD_LINES_KEPT {
                self.report.bad.push(bad.clone());
            }
            bad
        })
    }

    fn take(&mut self, mut line: Line) -> Result<(), String> {
        for key in std::mem::take(&mut line.unknown_keys) {
            *self.report.unknown_keys.entry(key).or_insert(0) += 1;
        }
        // Counted across files, each of which begins with line 1.
        self.lines_total += 1;
        match self.order.push(self.lines_total, line) {
            true => Ok(()),
            false => Err("more than ten minutes earlier than a line before it".to_owned()),
        }
    }

    /// Appends the events whose place in time is settled.
    pub fn drain(&mut self, out: &mut Vec<Event>) {
        while let Some(line) = self.order.pop_settled() {
            self.emit(line, out);
        }
    }

    /// Appends all events that are left, and reports.
    pub fn finish(mut self, out: &mut Vec<Event>) -> Report {
        while let Some(line) = self.order.pop() {
            self.emit(line, out);
        }
        self.report
    }

    fn emit(&mut self, line: Line, out: &mut Vec<Event>) {
        let host = line.host.clone().unwrap_or_default();
        if let Some(event) = self.events.make(line) {
            self.report.events_total += 1;
            *self.report.hosts.entry(host).or_insert(0) += 1;
            out.push(event);
        }
    }
}

/// Reads everything from `input`. Bad lines are in the report.
///
/// # Errors
/// Only those of reading `input`.
pub fn read_all(mut input: impl BufRead) -> std::io::Result<(Vec<Event>, Report)> {
    let mut importer = Importer::default();
    let mut events = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        // One byte more than allowed is enough to know that a line is too long.
        let limit = LINE_BYTES_MAX as u64 + 2;
        if input.by_ref().take(limit).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let whole = line.pop_if(|byte| *byte == b'\n').is_some();
        if !whole && line.len() > LINE_BYTES_MAX {
            skip_line(&mut input)?;
        }
        // The reason is kept in the report.
        let _ = importer.line(number, &line);
        importer.drain(&mut events);
    }
    let report = importer.finish(&mut events);
    Ok((events, report))
}

/// Reads on to the end of the line without keeping it.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let (used, done) = match end {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
