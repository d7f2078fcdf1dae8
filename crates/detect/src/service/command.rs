//! What a server has a shell do, reduced to what stays the same from one run to the
//! next.

use sentinel_event::{Exec, Process};

use crate::{intrusive, programs, words};

/// What a shell was started for.
pub enum Command<'a> {
    /// To do what it is sent.
    Input,
    /// A command line.
    Line(&'a str),
    /// A script.
    Script(&'a str),
}

impl<'a> Command<'a> {
    /// What the arguments of `shell` say.
    pub fn of(shell: &'a Process, exec: &'a Exec) -> Command<'a> {
        if exec.interpreter.is_some() {
            return Command::Script(&exec.filename);
        }
        match programs::source(&shell.exe, &shell.argv) {
            programs::Source::Input => Command::Input,
            programs::Source::Script(script) => Command::Script(script),
            programs::Source::Arguments(line) => Command::Line(line),
        }
    }

    /// What stays the same: the first word, and whether there is more than one
    /// command; of a script its folder when its name carries a number, else its path.
    pub fn shape(&self) -> String {
        match self {
            Command::Input => "input".to_owned(),
            Command::Line(line) => {
                let first = line.split_whitespace().next().unwrap_or("");
                let compound = line.contains([';', '|', '&', '`', '<', '>']) || line.contains("$(");
                format!("line {} {compound}", words::program(first))
            }
            Command::Script(path) => {
                let numbered = words::program(path).contains(|c: char| c.is_ascii_digit());
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("script {}", if numbered { folder } else { path })
            }
        }
    }

    /// Whether a word of the command line is one that intruders begin with.
    pub fn is_intrusive(&self) -> bool {
        matches!(self, Command::Line(line) if intrusive::is_line(line))
    }

    /// The command, as it follows `started a shell` in a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Command::Input => " without a command".to_owned(),
            Command::Line(line) => format!(" for \"{}\"", words::shown(line)),
            Command::Script(path) => format!(" for the script {}", words::shown(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn shapes_forget_what_changes() {
        let same = [
            ("convert a.png b.jpg", "convert c.png d.jpg"),
            ("/usr/bin/cp x y", "cp 1 2"),
        ];
        for (a, b) in same {
            assert_eq!(Command::Line(a).shape(), Command::Line(b).shape());
        }
        assert_ne!(
            Command::Line("cp a b").shape(),
            Command::Line("cp a b; id").shape()
        );
        assert_eq!(
            Command::Script("/tmp/jenkins12.sh").shape(),
            Command::Script("/tmp/jenkins99.sh").shape()
        );
    }
}
