//! An event as the engine asks for it: fields by name, and texts to search in.

use std::borrow::Cow;
use std::cell::OnceCell;

use rsigma_eval::{Event as Asked, EventValue};
use sentinel_event::{Event, Process};

use crate::Record;
use crate::fields::{Field, Values, fields_of};

/// The command lines of one event, made once for all its records.
pub struct Lines<'a> {
    event: &'a Event,
    own: OnceCell<String>,
    parent: OnceCell<String>,
}

impl<'a> Lines<'a> {
    /// Nothing is made yet.
    pub fn new(event: &'a Event) -> Lines<'a> {
        Lines {
            event,
            own: OnceCell::new(),
            parent: OnceCell::new(),
        }
    }

    fn own(&self) -> &str {
        self.own.get_or_init(|| line(&self.event.process))
    }

    fn parent(&self) -> Option<&str> {
        let parent = self.event.process.parent.as_ref()?;
        Some(self.parent.get_or_init(|| line(parent)))
    }
}

/// The arguments as one line. A line break becomes a blank: `*` of a rule stops at line
/// breaks, and a command could hide behind one.
fn line(process: &Process) -> String {
    let mut line = process.command_line();
    if line.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        line = line.replace(['\n', '\r'], " ");
    }
    line
}

/// One event in one form.
pub struct View<'a> {
    /// The event.
    pub event: &'a Event,
    /// The form.
    pub record: Record,
    lines: &'a Lines<'a>,
}

impl<'a> View<'a> {
    /// The event of `lines` in the form `record`.
    pub fn new(lines: &'a Lines<'a>, record: Record) -> View<'a> {
        View {
            event: lines.event,
            record,
            lines,
        }
    }

    /// The process that acts.
    pub fn process(&self) -> &'a Process {
        &self.event.process
    }

    /// Its command line.
    pub fn line(&self) -> &'a str {
        self.lines.own()
    }

    /// That of its parent.
    pub fn parent_line(&self) -> Option<&'a str> {
        self.lines.parent()
    }

    /// The value of a field of the record's table.
    pub fn get(&self, field: &Field) -> Option<EventValue<'a>> {
        (field.get)(self)
    }

    /// The value of `aN` of an EXECVE record.
    fn argument(&self, name: &str) -> Option<EventValue<'a>> {
        let n = argument_number(name)?;
        let process: &'a Process = &self.event.process;
        let argument = process.argv.get(n)?;
        Some(EventValue::Str(Cow::Borrowed(argument)))
    }
}

/// The number in the name of an argument of an EXECVE record, such as `a3`.
pub fn argument_number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('a')?;
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

impl Asked for View<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        let field = fields_of(self.record).iter().find(|f| f.name == path);
        match field {
            Some(field) => self.get(field),
            None if self.record == Record::AuditExecve => self.argument(path),
            None => None,
        }
    }

    fn any_string_value(&self, wanted: &dyn Fn(&str) -> bool) -> bool {
        let mut texts = fields_of(self.record)
            .iter()
            .filter(|field| field.values == Values::Text)
            .filter_map(|field| self.get(field));
        texts.any(|value| matches!(&value, EventValue::Str(text) if wanted(text)))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        let texts = fields_of(self.record)
            .iter()
            .filter(|field| field.values == Values::Text)
            .filter_map(|field| self.get(field));
        texts
            .filter_map(|value| match value {
                EventValue::Str(text) => Some(text),
                _ => None,
            })
            .collect()
    }

    fn to_json(&self) -> serde_json::Value {
        let values = fields_of(self.record)
            .iter()
            .filter_map(|field| Some((field.name.to_owned(), self.get(field)?.to_json())));
        serde_json::Value::Object(values.collect())
    }
}
