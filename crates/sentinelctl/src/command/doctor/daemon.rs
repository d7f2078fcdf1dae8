//! What the daemon says about itself.

use std::path::Path;

use nix::sys::statvfs::statvfs;
use sentinel_api::v1::{
    CoverageCounts, GetConfigRequest, GetConfigResponse, Remote, StatusRequest, StatusResponse,
};

use super::{Finding, State};
use crate::client::{self, Target};
use crate::failure::{Failure, Kind};
use crate::render::coverage::last::sentence;
use crate::render::unit::bytes;

/// Asks it, and judges the answer.
pub async fn daemon(target: &Target) -> Vec<Finding> {
    match ask(target).await {
        Ok((status, config)) => judge(&status, &config, matches!(target, Target::Socket(_))),
        Err(failure) => vec![unreachable(&failure)],
    }
}

async fn ask(target: &Target) -> Result<(StatusResponse, GetConfigResponse), Failure> {
    let mut client = client::connect(target).await?;
    let status = client::answer(client.status(StatusRequest {})).await?;
    let config = client::answer(client.get_config(GetConfigRequest {})).await?;
    Ok((status, config))
}

fn unreachable(failure: &Failure) -> Finding {
    let advice = match failure.advice() {
        "" => "systemctl status sentinel",
        advice => advice,
    };
    let state = match failure.kind() {
        Kind::Refused => State::Unknown,
        _ => State::Bad,
    };
    Finding::new("daemon", state, failure.problem(), advice)
}

fn judge(status: &StatusResponse, config: &GetConfigResponse, is_here: bool) -> Vec<Finding> {
    let mut findings = vec![Finding::good(
        "daemon",
        format!("version {} answers", status.version),
    )];
    findings.extend(status.problems.iter().map(|problem| {
        Finding::new(
            "daemon",
            State::Bad,
            problem,
            "sentinelctl status --all shows the figures",
        )
    }));
    findings.push(hooks(status));
    findings.extend(status.remote.as_ref().map(remote));
    findings.push(coverage(status.coverage.as_ref()));
    if is_here {
        findings.extend(disk(status, config));
    }
    findings
}

/// Whether somebody has tried what it sees.
fn coverage(counts: Option<&CoverageCounts>) -> Finding {
    let Some(counts) = counts else {
        let found = "nobody has tried yet whether attacks are caught here";
        let advice = "sudo sentinelctl coverage, which takes seconds and is harmless";
        return Finding::new("coverage", State::Unknown, found, advice);
    };
    let found = sentence(counts);
    match counts.missed + counts.failed {
        0 => Finding::good("coverage", found),
        _ => {
            let advice = "sentinelctl coverage --last shows which, and why";
            Finding::new("coverage", State::Warn, found, advice)
        }
    }
}

/// What has ended, or is about to, is among the problems.
fn remote(remote: &Remote) -> Finding {
    let day = |time: Option<&prost_types::Timestamp>| {
        time.and_then(|time| jiff::Timestamp::new(time.seconds, time.nanos).ok())
            .map_or("unknown".to_owned(), |time| {
                time.strftime("%Y-%m-%d").to_string()
            })
    };
    let mut found = format!(
        "{} is served; its certificate ends on {}, the first issuer of clients on {}",
        remote.listen,
        day(remote.certificate_until.as_ref()),
        day(remote.client_ca_until.as_ref()),
    );
    if let due @ Some(_) = remote.client_crl_until.as_ref() {
        found += &format!(", a new revocation list is due on {}", day(due));
    }
    Finding::good("remote", found)
}

/// Blind observations are among the problems; here it is about what works less well.
fn hooks(status: &StatusResponse) -> Finding {
    let running: Vec<_> = status
        .hooks
        .iter()
        .filter(|h| h.state == "running")
        .collect();
    let blind = running
        .iter()
        .filter(|hook| !hook.blind_to.is_empty())
        .count();
    if blind == 0 {
        return Finding::good(
            "hooks",
            format!("{} run, none with a blind spot", running.len()),
        );
    }
    Finding::new(
        "hooks",
        State::Warn,
        format!("{} run, {blind} of them with a blind spot", running.len()),
        "sentinelctl status --all names each; a kernel with CONFIG_FUNCTION_TRACER has better ones",
    )
}

fn disk(status: &StatusResponse, config: &GetConfigResponse) -> Option<Finding> {
    let store = status.store.as_ref()?;
    let number = |key: &str| {
        let mut settings = config.settings.iter();
        settings.find(|s| s.key == key)?.value.parse::<u64>().ok()
    };
    let space = statvfs(Path::new(&store.path)).ok()?;
    let free = space.blocks_available() * space.fragment_size();
    let limit = number("store.retention_bytes").unwrap_or(0);
    let reserve = number("store.min_free_bytes").unwrap_or(0);
    Some(room(&store.path, free, store.size_bytes, limit, reserve))
}

fn room(path: &str, free: u64, used: u64, limit: u64, reserve: u64) -> Finding {
    let found = format!("{path}: {} of history, {} free", bytes(used), bytes(free));
    if free < reserve {
        let advice = "nothing is written until there is more room: free some, or lower \
                      store.retention_bytes and restart";
        return Finding::new("disk", State::Bad, found, advice);
    }
    let growth = limit.saturating_sub(used);
    if limit > 0 && free - reserve < growth {
        let advice = format!(
            "history may still grow by {}, for which there is no room: lower store.retention_bytes",
            bytes(growth)
        );
        return Finding::new("disk", State::Warn, found, advice);
    }
    Finding::good("disk", found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_history_may_still_take() {
        let check = |free, used, limit, reserve, state| {
            assert_eq!(
                room("/x", free, used, limit, reserve).state,
                state,
                "{free} {used}"
            );
        };
        check(100, 10, 50, 20, State::Good);
        check(55, 10, 50, 20, State::Warn);
        check(19, 10, 50, 20, State::Bad);
        check(20, 50, 50, 20, State::Good);
        check(21, 10, 0, 20, State::Good);
    }

    #[test]
    fn a_daemon_that_is_not_there_comes_with_the_next_step() {
        let finding = unreachable(&Failure::not_running("no socket at /x"));
        assert_eq!(finding.found, "the daemon is not running: no socket at /x");
        assert!(finding.advice.starts_with("start it with"), "{finding:?}");
        let finding = unreachable(&Failure::denied("/x"));
        assert_eq!(
            (finding.state, &*finding.found),
            (State::Unknown, "permission denied on /x")
        );
    }
}
