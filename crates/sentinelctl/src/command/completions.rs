//! `sentinelctl completions` and `sentinelctl man`: from the same definitions as the help.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use clap_complete::Shell;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::cli;
use crate::failure::Failure;
use crate::output::Output;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    pub shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder, which must exist.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

/// Writes a page for each command; those who make packages call this.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut command = cli::command().disable_help_subcommand(true);
    command.build();
    pages(&command, &args.dir)
        .map_err(|error| Failure::failed(format!("writing to {}: {error}", args.dir.display())))
}

fn pages(command: &clap::Command, dir: &Path) -> io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        pages(sub, dir)?;
    }
    let page = clap_mangen::Man::new(command.clone())
        .date(date())
        .source(concat!("Sentinel ", env!("CARGO_PKG_VERSION")))
        .manual("Sentinel");
    page.generate_to(dir).map(|_| ())
}

/// When the pages were made, or when those who build reproducibly say so.
fn date() -> String {
    let told = env::var("SOURCE_DATE_EPOCH").ok();
    let told = told.and_then(|seconds| Timestamp::from_second(seconds.parse().ok()?).ok());
    let date = told.unwrap_or_else(Timestamp::now);
    date.to_zoned(TimeZone::UTC).date().to_string()
}

/// Prints a script for the shell.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = cli::command();
    clap_complete::generate(args.shell, &mut command, "sentinelctl", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Fish {
        script += &fish_values(&command);
    }
    output.print(&script)
}

/// For fish, the values that arguments without a dash may have: what writes the other lines
/// leaves them out.
fn fish_values(command: &clap::Command) -> String {
    let mut lines = String::new();
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let values = sub
            .get_positionals()
            .flat_map(|arg| arg.get_possible_values());
        let shown = values.filter(|value| !value.is_hide_set());
        let names: Vec<String> = shown.map(|value| value.get_name().to_owned()).collect();
        if !names.is_empty() {
            lines += &format!(
                "complete -c sentinelctl -n \"__fish_sentinelctl_using_subcommand {}\" -f -a \"{}\"\n",
                sub.get_name(),
                names.join(" ")
            );
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fish_offers_the_values_of_plain_arguments() {
        let lines = fish_values(&cli::command());
        let of = |name: &str| {
            let begin = format!("__fish_sentinelctl_using_subcommand {name}\" -f -a \"");
            let found = lines.lines().find(|line| line.contains(&begin));
            found
                .unwrap_or_else(|| panic!("{name}: {lines}"))
                .to_owned()
        };
        assert!(of("mode").ends_with("-a \"learn detect\""), "{lines}");
        assert!(of("completions").contains(" fish "), "{lines}");
        for name in ["simulate", "coverage"] {
            assert!(of(name).contains(" fileless/memfd"), "{lines}");
        }
    }
}
