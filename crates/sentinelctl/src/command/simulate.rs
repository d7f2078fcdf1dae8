//! `sentinelctl simulate`: carries out safe attacks; works without the daemon.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use sentinel_simulate::{FAMILIES, Launcher, Variant, launch, perform, select, variant};

use super::attack_name::AttackName;
use crate::failure::Failure;
use crate::output::Output;
use crate::render::simulate::{ReportJson, VariantJson};
use crate::{json, render};

/// Arguments of `simulate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// List the attacks instead of carrying them out.
    #[arg(long)]
    list: bool,
    /// What to carry out: `all`, a family such as `fileless`, or one variant such as
    /// `fileless/memfd`.
    #[arg(value_parser = AttackName::parser(), required_unless_present = "list",
          hide_possible_values = true)]
    name: Option<String>,
}

/// The first argument of the process in which one attack happens. It is nothing to
/// type, and so it is in no help, completion or suggestion.
const CHILD: &str = "simulate-child";

/// Everything that can be named: all, families, variants.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES
        .iter()
        .fold(vec!["all"], |mut names, family| {
            names.push(family.name);
            names.extend(family.variants.iter().map(|variant| variant.name));
            names
        })
        .into_iter()
}

/// Carries out what was named, one attack after the other.
pub fn run(args: &Args, output: &mut Output) -> Result<ExitCode, Failure> {
    let name = args.name.as_deref().unwrap_or("all");
    let variants = select(name).unwrap_or_default();
    if args.list {
        list(&variants, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let launcher = launcher();
    let mut tally = render::simulate::Tally::default();
    for variant in variants {
        let report = launch(variant, &launcher);
        tally.count(&report.outcome);
        let text = match output.json {
            true => json::line(&ReportJson::from(&report))
                .map_err(|error| Failure::failed(error.to_string()))?,
            false => render::simulate::report(&report, &output.look),
        };
        output.line(&text)?;
    }
    if !output.json {
        output.line(&tally.sentence())?;
    }
    Ok(ExitCode::from(tally.exit_code()))
}

/// How the process of an attack is started: it is this program.
pub fn launcher() -> Launcher {
    Launcher {
        // Not the path, where by now another version may be installed.
        program: "/proc/self/exe".into(),
        name: "sentinelctl".into(),
        args: vec![CHILD.into()],
    }
}

fn list(variants: &[&'static Variant], output: &mut Output) -> Result<(), Failure> {
    if !output.json {
        return output.print(&render::simulate::list(variants, &output.look));
    }
    for variant in variants {
        let text = json::line(&VariantJson::from(*variant))
            .map_err(|error| Failure::failed(error.to_string()))?;
        output.line(&text)?;
    }
    Ok(())
}

/// Carries out one attack in this process, which usually becomes the payload, if
/// the arguments say that this is what the process is for.
pub fn child(mut args: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    args.next().filter(|first| first == CHILD)?;
    let name = args.next().unwrap_or_default();
    let Some(variant) = variant(&name.to_string_lossy()) else {
        eprintln!("there is no variant of this name");
        return Some(ExitCode::from(2));
    };
    Some(match perform(variant, args.next().map(PathBuf::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.status())
        }
    })
}
