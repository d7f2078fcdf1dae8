//! What a program is for, by the file name of its executable and its arguments.
//!
//! A file name is weak evidence: whoever copies a shell under another name is not
//! recognised here. Rules therefore never excuse anything by these names, they only
//! use them to look closer.

use crate::words::program;

/// Programs that read commands of the system, by name without version.
const SHELLS: [&str; 15] = [
    "sh", "bash", "dash", "zsh", "ksh", "ksh93", "mksh", "fish", "ash", "csh", "tcsh", "rbash",
    "yash", "busybox", "pwsh",
];

/// Interpreters of other languages, by name without version.
const INTERPRETERS: [&str; 15] = [
    "python", "pypy", "perl", "ruby", "php", "php-cgi", "node", "nodejs", "lua", "luajit", "tclsh",
    "awk", "gawk", "mawk", "expect",
];

/// Programs that join a connection with something else.
const RELAYS: [&str; 13] = [
    "nc",
    "nc.traditional",
    "nc.openbsd",
    "ncat",
    "netcat",
    "socat",
    "openssl",
    "telnet",
    "telnet.netkit",
    "inetutils-telnet",
    "cryptcat",
    "ssh",
    "websocat",
];

/// Whether the executable is a shell.
pub fn is_shell(exe: &str) -> bool {
    named(exe, &SHELLS)
}

/// Whether the executable is a shell or an interpreter of another language.
pub fn is_interpreter(exe: &str) -> bool {
    named(exe, &SHELLS) || named(exe, &INTERPRETERS)
}

/// Whether the executable keeps a history of what is typed into it.
pub fn keeps_history(exe: &str) -> bool {
    const OTHERS: [&str; 4] = ["mysql", "mariadb", "psql", "sqlite3"];
    is_interpreter(exe) || OTHERS.contains(&program(exe))
}

/// Whether the executable runs programs of any kind in a machine of its own: what it does
/// says as little about it as about an interpreter.
pub fn is_runtime(exe: &str) -> bool {
    const RUNTIMES: [&str; 5] = ["java", "dotnet", "mono", "mono-sgen", "beam.smp"];
    RUNTIMES.contains(&program(exe))
}

/// Whether an interpreter that is no shell was given its program in its arguments or on its
/// standard input, so that it is in no file.
pub fn is_improvised(exe: &str, argv: &[Box<str>]) -> bool {
    if !is_interpreter(exe) || is_shell(exe) {
        return false;
    }
    // Its first argument is the program, unless a file is named.
    if named(exe, &["awk", "gawk", "mawk"]) {
        let names_file = |argument: &str| {
            argument.starts_with("--file") || (is_short(argument) && argument.starts_with("-f"))
        };
        return !argv.iter().skip(1).any(|argument| names_file(argument));
    }
    match source(exe, argv) {
        Source::Input => true,
        Source::Script(_) => false,
        // A module has a file.
        Source::Arguments(text) => {
            let mut pairs = argv.windows(2);
            !pairs.any(|pair| &*pair[0] == "-m" && &*pair[1] == text)
        }
    }
}

/// Whether the executable is one that people join connections with.
pub fn is_relay(exe: &str) -> bool {
    RELAYS.contains(&program(exe))
}

/// The file name is in `names`, with at most a version behind it, as in `python3.11`.
fn named(exe: &str, names: &[&str]) -> bool {
    let name = program(exe);
    let is_version = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-');
    names.contains(&name) || names.contains(&name.trim_end_matches(is_version))
}

/// Where a shell or interpreter takes its program from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// Its standard input: whoever writes there commands it.
    Input,
    /// Its arguments: the text that follows `sh -c`, `perl -e`, `python -m`.
    Arguments(&'a str),
    /// A script with this name, as it was given.
    Script(&'a str),
}

/// Options that take the next argument as a value, of shells.
const SHELL_VALUES: [&str; 6] = ["-O", "+O", "-o", "+o", "--rcfile", "--init-file"];

/// Options that take the next argument as a value, of other interpreters.
const INTERPRETER_VALUES: [&str; 9] = [
    "-W",
    "-X",
    "-I",
    "-r",
    "--require",
    "-d",
    "-S",
    "-M",
    "--import",
];

/// Options of other interpreters whose value is the program.
const PROGRAM_TEXT: [&str; 7] = ["-c", "-e", "-E", "-m", "--eval", "-p", "--print"];

/// Where the shell or interpreter `exe` with these arguments takes its program from.
pub fn source<'a>(exe: &str, argv: &'a [Box<str>]) -> Source<'a> {
    // busybox is told by its first argument what it is.
    let is_applet = argv.first().is_some_and(|name| program(name) == "busybox");
    let skipped = if is_applet { 2 } else { 1 };
    let shell = is_shell(exe);
    let php = program(exe).starts_with("php");
    let mut arguments = argv.iter().skip(skipped).map(|argument| &**argument);
    while let Some(argument) = arguments.next() {
        match argument {
            "-" | "-s" => return Source::Input,
            "--" => return arguments.next().map_or(Source::Input, Source::Script),
            "-r" if php => return Source::Arguments(arguments.next().unwrap_or("")),
            "-f" if php => {}
            option if shell && SHELL_VALUES.contains(&option) => {
                arguments.next();
            }
            option if !shell && INTERPRETER_VALUES.contains(&option) => {
                arguments.next();
            }
            // Shells let short options be joined, as in `-lc`.
            option if shell && is_short(option) && option.contains('c') => {
                let mut rest = arguments.skip_while(|argument| argument.starts_with(['-', '+']));
                return Source::Arguments(rest.next().unwrap_or(""));
            }
            option if !shell && (PROGRAM_TEXT.contains(&option) || is_joined_text(option)) => {
                return Source::Arguments(arguments.next().unwrap_or(""));
            }
            option if option.starts_with(['-', '+']) => {}
            script => return Source::Script(script),
        }
    }
    Source::Input
}

fn is_short(option: &str) -> bool {
    option.starts_with('-') && !option.starts_with("--")
}

/// Whether it is short options of Python, Perl or Ruby of which the last one takes the
/// program, as in `-uc` or `-lne`, and none before it takes a value.
fn is_joined_text(option: &str) -> bool {
    let Some(letters) = option.strip_prefix('-') else {
        return false;
    };
    let short = (2..=4).contains(&letters.len());
    let flags = letters.trim_end_matches(['c', 'e', 'E']);
    short && flags.len() + 1 == letters.len() && flags.chars().all(|c| "aBbEilnpqsuvw".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_carry_versions() {
        for exe in [
            "/usr/bin/python3.11",
            "/bin/bash",
            "/usr/bin/lua5.4",
            "/usr/bin/php8.2",
        ] {
            assert!(is_interpreter(exe), "{exe}");
        }
        for exe in [
            "/usr/bin/shred",
            "/usr/bin/basher",
            "/usr/bin/pythonista",
            "",
        ] {
            assert!(!is_interpreter(exe), "{exe}");
        }
        assert!(is_shell("/usr/bin/ksh93") && !is_shell("/usr/bin/perl"));
    }

    #[test]
    fn improvised_programs_are_in_no_file() {
        let cases: &[(&[&str], bool)] = &[
            (&["python3", "-c", "import os"], true),
            (&["python3"], true),
            (&["python3", "-m", "http.server"], false),
            (&["python3", "/opt/agent.py", "-c", "x"], false),
            (&["gawk", "BEGIN { getline < \"/inet/tcp/0/h/1\" }"], true),
            (&["awk", "-f", "report.awk"], false),
            (&["mawk", "-freport.awk"], false),
            (&["php8.2", "-r", "phpinfo();"], true),
            (&["bash", "-c", "id"], false),
            (&["curl", "-e", "x"], false),
        ];
        for (argv, expected) in cases {
            let exe = format!("/usr/bin/{}", argv[0]);
            let argv: Vec<Box<str>> = argv.iter().map(|&a| a.into()).collect();
            assert_eq!(is_improvised(&exe, &argv), *expected, "{argv:?}");
        }
    }

    #[test]
    fn programs_come_from_where_the_arguments_say() {
        use Source::{Arguments, Input, Script};
        let cases: &[(&[&str], Source)] = &[
            (&["sh"], Input),
            (&["bash", "-i"], Input),
            (&["bash", "--norc", "-i"], Input),
            (&["bash", "-s", "host"], Input),
            (&["bash", "--rcfile", "x", "-i"], Input),
            (&["busybox", "sh"], Input),
            (&["busybox", "sh", "/x"], Script("/x")),
            (&["sh", "-c", "id"], Arguments("id")),
            (&["bash", "-lc", "id"], Arguments("id")),
            (&["busybox", "sh", "-c", "id"], Arguments("id")),
            (&["bash", "-c", "--", "id"], Arguments("id")),
            (&["bash", "-e", "build.sh"], Script("build.sh")),
            (&["bash", "build.sh", "-c"], Script("build.sh")),
            (&["bash", "--", "-x"], Script("-x")),
            (&["python3", "-"], Input),
            (&["python3", "-W", "error", "x.py"], Script("x.py")),
            (&["python3", "-m", "http.server"], Arguments("http.server")),
            (&["perl", "-e", "print 1"], Arguments("print 1")),
            (&["perl", "-I", "lib", "x.pl"], Script("x.pl")),
            (&["php", "-r", "phpinfo();"], Arguments("phpinfo();")),
            (&["node", "-r", "ts", "x.js"], Script("x.js")),
            (&["python3", "-uc", "import os"], Arguments("import os")),
            (&["perl", "-lne", "print"], Arguments("print")),
            (&["perl", "-Mre", "x.pl"], Script("x.pl")),
            (&["ruby", "-rdate", "x.rb"], Script("x.rb")),
        ];
        for (argv, expected) in cases {
            let exe = format!("/usr/bin/{}", argv[0]);
            let argv: Vec<Box<str>> = argv.iter().map(|&a| a.into()).collect();
            assert_eq!(source(&exe, &argv), *expected, "{argv:?}");
        }
    }
}
