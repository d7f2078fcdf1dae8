//! `sentinelctl rules`: the Sigma rules of the daemon, their reload, and the check of a
//! rule file, which needs no daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use sentinel_api::v1::{ListRulesRequest, ReloadRulesRequest, Rule};
use sentinel_event::text::escape;
use sentinel_sigma::{Standing, load_files};

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Arguments of `rules`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the rules in use: what they match, and why some cannot
    List(ListArgs),
    /// Say what is wrong with rule files; works without the daemon
    Check {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Let the daemon read its rules again; one that is wrong refuses them all
    Reload,
}

#[derive(Debug, Default, clap::Args)]
struct ListArgs {
    /// Only rules in this state.
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(["running", "unsupported"]))]
    state: Option<String>,
    /// Only rules that matched.
    #[arg(long)]
    hit: bool,
}

impl ListArgs {
    fn wants(&self, rule: &Rule) -> bool {
        let state = self.state.as_ref().is_none_or(|state| *state == rule.state);
        state && (!self.hit || rule.hits_total > 0)
    }
}

impl Args {
    /// The files to check, which takes no daemon.
    pub fn checks(&self) -> Option<&[PathBuf]> {
        match &self.action {
            Some(Action::Check { files }) => Some(files),
            _ => None,
        }
    }
}

/// Lists the rules, or has them read again.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    match &args.action {
        None => list(&ListArgs::default(), target, output).await,
        Some(Action::List(args)) => list(args, target, output).await,
        Some(Action::Reload) => reload(target, output).await,
        Some(Action::Check { files }) => check(files, output).map(|_| ()),
    }
}

async fn list(args: &ListArgs, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let mut answer = client::answer(client.list_rules(ListRulesRequest {})).await?;
    answer.rules.retain(|rule| args.wants(rule));
    if output.json {
        for rule in &answer.rules {
            output.line(&json::message("Rule", rule)?)?;
        }
    } else {
        output.print(&render::rules::list(&answer, &output.look))?;
    }
    for problem in &answer.problems {
        output.note(&format!("not in use: {}", escape(problem)));
    }
    Ok(())
}

async fn reload(target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let answer = client::answer(client.reload_rules(ReloadRulesRequest {})).await?;
    match output.json {
        true => output.line(&json::message("ReloadRulesResponse", &answer)?),
        false => output.line(&render::rules::reloaded(&answer)),
    }
}

/// One rule of a file that was checked, or what is wrong with a file.
#[derive(serde::Serialize)]
struct Checked<'a> {
    file: String,
    line: usize,
    name: &'a str,
    title: &'a str,
    state: &'a str,
    reason: &'a str,
    records: Vec<&'static str>,
}

/// Says of each rule in the files whether it is good and can match.
pub fn check(files: &[PathBuf], output: &mut Output) -> Result<ExitCode, Failure> {
    let loaded = load_files(files);
    let rules = loaded.set.rules();
    let mut checked: Vec<Checked> = Vec::new();
    for rule in rules.iter() {
        checked.push(Checked {
            file: rule.file.display().to_string(),
            line: rule.line,
            name: &rule.name,
            title: &rule.title,
            state: rule.standing.name(),
            reason: rule.standing.reason(),
            records: match &rule.standing {
                Standing::Evaluated(records) => records.iter().map(|r| r.name()).collect(),
                _ => Vec::new(),
            },
        });
    }
    for problem in &loaded.problems {
        checked.push(Checked {
            file: problem.file.display().to_string(),
            line: problem.line,
            name: "",
            title: "",
            state: "wrong",
            reason: &problem.reason,
            records: Vec::new(),
        });
    }
    for one in &checked {
        let text = match output.json {
            true => json::line(one).map_err(|error| Failure::failed(error.to_string()))?,
            false => {
                let place = (&*one.file, one.line);
                render::rules::checked(
                    place,
                    (one.title, one.state, one.reason),
                    &one.records,
                    &output.look,
                )
            }
        };
        output.line(&text)?;
    }
    Ok(match loaded.problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
