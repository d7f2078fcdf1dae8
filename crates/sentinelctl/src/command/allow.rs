//! `sentinelctl allow`: alerts that are counted and not raised.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};
use sentinel_api::v1::{
    AddAllowRuleRequest, AllowRule, GetAlertRequest, ListAllowRulesRequest, RemoveAllowRuleRequest,
};

use super::detection_name;
use crate::client::{self, Client, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render, when};

const AFTER_HELP: &str = "\
Examples:
  sentinelctl allow from 00d1b2c3e4f50617 --reason 'our deployment' --expires 30d
  sentinelctl allow add --detection persistence --exe /opt/deploy/bin/agent \\
      --path '/etc/cron.d/*' --reason 'it plans its own jobs'
  sentinelctl allow remove 1f2e3d4c

All that a rule names has to fit. An executable is told by its path, its inode or its
digest, never by the name that a process gives itself.";

/// Arguments of `allow`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Allow what fits all of these
    Add(AddArgs),
    /// List what is allowed, and how often it was
    List,
    /// Allow it no more
    Remove {
        /// The id of the rule, 8 hexadecimal digits.
        id: String,
    },
    /// Allow the executable of an alert what the alert says
    From {
        /// The id of the alert, 16 hexadecimal digits.
        #[arg(value_parser = super::alerts::id)]
        alert: String,
        #[command(flatten)]
        why: Why,
    },
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Only alerts of this detection, such as persistence or sigma:NAME.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "",
        hide_default_value = true
    )]
    detection: String,
    /// Only of processes that run this executable, by its absolute path.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true
    )]
    exe: String,
    /// Only of the very file that is at --exe now, by its inode: not of one that replaces it.
    #[arg(long, requires = "exe")]
    same_file: bool,
    /// Only of executables with this SHA-256, 64 hexadecimal digits.
    #[arg(
        long,
        value_name = "DIGEST",
        default_value = "",
        hide_default_value = true
    )]
    sha256: String,
    /// Only of processes that descend from this executable.
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true
    )]
    ancestor: String,
    /// Only about files like this: '*' within a name, '**' across folders.
    #[arg(
        long,
        value_name = "GLOB",
        default_value = "",
        hide_default_value = true
    )]
    path: String,
    /// Only of processes of this user, by name or number.
    #[arg(
        long,
        value_name = "USER",
        default_value = "",
        hide_default_value = true
    )]
    user: String,
    #[command(flatten)]
    why: Why,
}

#[derive(Debug, clap::Args)]
struct Why {
    /// Why; it is kept with the rule and in the audit.
    #[arg(long, short = 'r', value_name = "TEXT")]
    reason: String,
    /// For how long: 30d, 12h, or until '2026-12-24'.
    #[arg(long, value_name = "TIME", value_parser = when::parse_ahead)]
    expires: Option<when::Moment>,
}

/// Shows or changes what is allowed.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    // What is wrong with what was typed is said without a daemon.
    let wanted = match &args.action {
        Some(Action::Add(args)) => Some(rule(args)?),
        _ => None,
    };
    let mut client = client::connect(target).await?;
    match (&args.action, wanted) {
        (Some(Action::Add(_)), Some(rule)) => {
            if !rule.detection.is_empty() {
                detection_name::check(&mut client, &rule.detection).await?;
            }
            add(&mut client, rule, output).await
        }
        (Some(Action::From { alert, why }), _) => {
            let rule = from(&mut client, alert, why).await?;
            add(&mut client, rule, output).await
        }
        (Some(Action::Remove { id }), _) => {
            let request = RemoveAllowRuleRequest { id: id.to_owned() };
            let removed = client::answer(client.remove_allow_rule(request)).await?;
            print(&removed, "not allowed any more", output)
        }
        (Some(Action::List | Action::Add(_)) | None, _) => list(&mut client, output).await,
    }
}

async fn list(client: &mut Client, output: &mut Output) -> Result<(), Failure> {
    let answer = client::answer(client.list_allow_rules(ListAllowRulesRequest {})).await?;
    if output.json {
        for rule in &answer.rules {
            output.line(&json::message("AllowRule", rule)?)?;
        }
        return Ok(());
    }
    if answer.rules.is_empty() {
        output.note("nothing is allowed");
        return Ok(());
    }
    output.print(&render::allow::list(&answer.rules, &output.look))
}

async fn add(client: &mut Client, rule: AllowRule, output: &mut Output) -> Result<(), Failure> {
    let request = AddAllowRuleRequest { rule: Some(rule) };
    let added = client::answer(client.add_allow_rule(request)).await?;
    print(&added, "allowed", output)
}

fn print(rule: &AllowRule, deed: &str, output: &mut Output) -> Result<(), Failure> {
    match output.json {
        true => output.line(&json::message("AllowRule", rule)?),
        false => output.line(&render::allow::line(rule, deed, &output.look)),
    }
}

fn rule(args: &AddArgs) -> Result<AllowRule, Failure> {
    let file = match args.same_file {
        true => Some(identity(Path::new(&args.exe))?),
        false => None,
    };
    Ok(AllowRule {
        detection: args.detection.clone(),
        exe: args.exe.clone(),
        exe_device: file.map(|(device, _)| device),
        exe_inode: file.map(|(_, inode)| inode),
        sha256: args.sha256.clone(),
        ancestor: args.ancestor.clone(),
        path: args.path.clone(),
        user: args.user.clone(),
        expires: args.why.expires,
        reason: args.why.reason.clone(),
        ..AllowRule::default()
    })
}

/// Device, in the kernel's form, and inode number of a file.
fn identity(path: &Path) -> Result<(u64, u64), Failure> {
    let found = std::fs::metadata(path)
        .map_err(|error| Failure::failed(format!("looking at {}: {error}", path.display())))?;
    let device = found.dev();
    Ok(((major(device) << 20) | minor(device), found.ino()))
}

/// What the alert says of its executable.
async fn from(client: &mut Client, id: &str, why: &Why) -> Result<AllowRule, Failure> {
    let request = GetAlertRequest { id: id.to_owned() };
    let alert = client::answer(client.get_alert(request)).await?;
    if !alert.exe.starts_with('/') {
        return Err(
            Failure::failed(format!("the alert {id} is about no executable with a path"))
                .hint("name what to allow with 'sentinelctl allow add'"),
        );
    }
    Ok(AllowRule {
        detection: alert.detection,
        exe: alert.exe,
        user: alert.user.unwrap_or_else(|| alert.uid.to_string()),
        expires: why.expires,
        reason: why.reason.clone(),
        from_alert: alert.id,
        ..AllowRule::default()
    })
}
