//! Families of samples in Prometheus' text format.

use std::fmt::Write;

/// The page so far.
#[derive(Default)]
pub struct Page(pub String);

impl Page {
    /// A family of samples, each with its labels. Families without samples are left out.
    pub fn family<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Vec<(&'a str, &'a str)>, u64)>,
    ) {
        let kind = match name.ends_with("_total") {
            true => "counter",
            false => "gauge",
        };
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let out = &mut self.0;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# HELP sentinel_{name} {help}");
        let _ = writeln!(out, "# TYPE sentinel_{name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            let _ = writeln!(out, "sentinel_{name}{labels} {value}");
        }
    }

    /// One figure of the whole.
    pub fn one(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, help, [(vec![], value)]);
    }

    /// Figures of one thing.
    pub fn of<T>(&mut self, thing: &T, figures: &[Figure<T>]) {
        for (name, help, get) in figures {
            self.one(name, help, get(thing));
        }
    }

    /// Figures of each of several things, which `label` tells apart by their names.
    pub fn each<T>(&mut self, label: &str, things: &[(&str, &T)], figures: &[Figure<T>]) {
        for (name, help, get) in figures {
            let samples = things.iter();
            let samples = samples.map(|(thing, it)| (vec![(label, *thing)], get(it)));
            self.family(name, help, samples);
        }
    }
}

/// Its name, what it is, and where it is found.
pub type Figure<T> = (&'static str, &'static str, fn(&T) -> u64);

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
