//! `sentinelctl baseline`: what was learned, and what is to count as normal.

use clap::Subcommand;
use sentinel_api::v1::{
    DecideBehaviourRequest, DiffGenerationsRequest, FitBaselineRequest, GetBaselineRequest,
    ListGenerationsRequest, RollBackRequest,
};

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Arguments of `baseline`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the generations of models that are kept, and what was said of the last ones
    List,
    /// Show what is known of a program; without one, new behaviour that does not count as
    /// normal yet, and what was decided about
    Show {
        /// The program: when it runs, who starts it, how often, as whom, whom it talks to; a
        /// path, or a name without folders.
        #[arg(long, value_name = "PATH")]
        exe: Option<String>,
    },
    /// List the programs that one generation knows and another does not
    Diff {
        /// The earlier generation.
        #[arg(value_name = "A")]
        old: u32,
        /// The later generation.
        #[arg(value_name = "B")]
        new: u32,
    },
    /// Let new behaviour count as normal from now on
    Approve {
        /// Its id, as `baseline show` lists it.
        #[arg(value_parser = id)]
        id: String,
    },
    /// Let behaviour never count as normal, and tell of it each time that it comes again
    Deny {
        /// Its id, as `baseline show` lists it.
        #[arg(value_parser = id)]
        id: String,
    },
    /// Fit models now instead of in the coming night, and train the networks
    Fit,
    /// Go back to an earlier generation, with everything that was learned until then; later
    /// ones are removed
    Rollback {
        /// The generation, as `baseline list` lists it.
        generation: u32,
    },
}

/// An id as `baseline show` lists it.
fn id(text: &str) -> Result<String, String> {
    match text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase()),
        false => {
            Err("an id is 8 hexadecimal digits, as 'sentinelctl baseline show' lists it".to_owned())
        }
    }
}

/// Shows or changes what was asked for.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    match &args.action {
        Action::List => {
            let answer = client::answer(client.list_generations(ListGenerationsRequest {})).await?;
            if output.json {
                return output.line(&json::message("ListGenerationsResponse", &answer)?);
            }
            output.line(&render::baseline::generations(&answer, &output.look))
        }
        Action::Show { exe } => {
            let exe = exe.clone().unwrap_or_default();
            let answer = client::answer(client.get_baseline(GetBaselineRequest { exe })).await?;
            if output.json {
                return output.line(&json::message("GetBaselineResponse", &answer)?);
            }
            output.line(&render::baseline::show(&answer, &output.look))
        }
        Action::Diff { old, new } => {
            let request = DiffGenerationsRequest {
                old: *old,
                new: *new,
            };
            let answer = client::answer(client.diff_generations(request)).await?;
            if output.json {
                return output.line(&json::message("DiffGenerationsResponse", &answer)?);
            }
            output.line(&render::baseline::diff(&answer))
        }
        Action::Approve { id } | Action::Deny { id } => {
            let approve = matches!(args.action, Action::Approve { .. });
            let request = DecideBehaviourRequest {
                id: id.clone(),
                approve,
            };
            let answer = client::answer(client.decide_behaviour(request)).await?;
            if output.json {
                return output.line(&json::message("DecideBehaviourResponse", &answer)?);
            }
            let done = if approve {
                "is normal from now on"
            } else {
                "is never normal, and is told when it comes again"
            };
            output.line(&format!(
                "{} {done}",
                sentinel_event::text::escape(&answer.words)
            ))
        }
        Action::Fit => {
            let answer = client::answer(client.fit_baseline(FitBaselineRequest {})).await?;
            if output.json {
                return output.line(&json::message("FitBaselineResponse", &answer)?);
            }
            output.line(&render::baseline::fitted(&answer))
        }
        Action::Rollback { generation } => {
            let request = RollBackRequest {
                generation: *generation,
            };
            let answer = client::answer(client.roll_back(request)).await?;
            if output.json {
                return output.line(&json::message("RollBackResponse", &answer)?);
            }
            output.line(&render::baseline::rolled_back(*generation, &answer.removed))
        }
    }
}
