//! `sentinelctl tree`: who lives on this host, and who begot whom.

use sentinel_api::v1::GetTreeRequest;

use crate::client::{self, Target};
use crate::failure::Failure;
use crate::output::Output;
use crate::{json, render};

/// Arguments of `tree`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this process, its ancestors and its descendants.
    pid: Option<u32>,
    /// Kernel threads too.
    #[arg(long)]
    kernel: bool,
}

/// The parent of all kernel threads.
const KTHREADD: u32 = 2;

/// Shows the tree.
pub async fn run(args: &Args, target: &Target, output: &mut Output) -> Result<(), Failure> {
    let mut client = client::connect(target).await?;
    let request = GetTreeRequest { pid: args.pid };
    let mut answer = client::answer(client.get_tree(request)).await?;
    if !args.kernel && args.pid.is_none() {
        answer
            .processes
            .retain(|p| !(p.exe.is_empty() && (p.pid == KTHREADD || p.parent == KTHREADD)));
    }
    if !output.json {
        return output.print(&render::tree::tree(
            &answer.processes,
            args.pid,
            &output.look,
        ));
    }
    for process in &answer.processes {
        output.line(&json::message("TreeProcess", process)?)?;
    }
    Ok(())
}
