//! Real callers of other users and groups; needs root to become them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Daemon, sentinelctl};

/// Groups that every Debian has; the users who take them here own nothing.
const CONFIG: &str = "[service]\nread_group = \"games\"\nadmin_group = \"tape\"\n";
const GAMES: &str = "60";
const TAPE: &str = "26";
const NOBODY: &str = "65534";

fn start(test: &str) -> Option<Daemon> {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let named = groups.contains("games:x:60:") && groups.contains("tape:x:26:");
    let setpriv = Command::new("setpriv").arg("--version").output();
    if !named || !setpriv.is_ok_and(|output| output.status.success()) {
        println!("skipped: {test}: this machine has not the groups and the setpriv of Debian");
        return None;
    }
    let daemon = Daemon::start_with(test, CONFIG)?;
    // Others must reach the socket and a program that speaks to it.
    fs::set_permissions(daemon.dir.path(), fs::Permissions::from_mode(0o755)).expect("opens");
    let ctl = sentinelctl(&daemon.socket());
    fs::copy(ctl.get_program(), daemon.dir.path().join("ctl")).expect("copies");
    Some(daemon)
}

/// Runs sentinelctl as nobody with the given ids.
fn run_as(daemon: &Daemon, gid: &str, groups: &str, args: &[&str]) -> Output {
    let groups = match groups {
        "" => "--clear-groups".to_owned(),
        groups => format!("--groups={groups}"),
    };
    Command::new("setpriv")
        .args(["--reuid", NOBODY, "--regid", gid, &groups])
        .arg(daemon.dir.path().join("ctl"))
        .arg("--socket")
        .arg(daemon.socket())
        .args(args)
        .output()
        .expect("setpriv runs")
}

#[test]
fn groups_decide_who_may_ask_and_who_may_change() {
    let Some(daemon) = start("groups_decide_who_may_ask_and_who_may_change") else {
        return;
    };
    let check = |gid, groups, args: &[&str], refused: &str| {
        let output = run_as(&daemon, gid, groups, args);
        let text = String::from_utf8_lossy(&output.stderr);
        let code = if refused.is_empty() { 0 } else { 4 };
        assert_eq!(
            output.status.code(),
            Some(code),
            "{gid} {groups} {args:?}: {text}"
        );
        assert!(text.contains(refused), "{text:?} lacks {refused:?}");
        assert!(text.lines().count() <= 1, "{text}");
    };
    let may_not_look = "user 65534 may not look, only root and the group 'games' may";
    let may_not_change = "user 65534 may not change anything, only root and the group 'tape' may";
    check(NOBODY, "", &["status"], may_not_look);
    check(NOBODY, "", &["mode", "detect"], may_not_change);
    check(NOBODY, "", &["alerts", "--follow"], may_not_look);
    check(NOBODY, GAMES, &["status"], "");
    check(GAMES, "", &["audit"], "");
    check(NOBODY, GAMES, &["mode", "detect"], may_not_change);
    assert_eq!(daemon.ctl_json(&["--json", "mode"])["mode"], "learn");
    check(NOBODY, &format!("7,{TAPE}"), &["mode", "detect"], "");
    assert_eq!(daemon.ctl_json(&["--json", "mode"])["mode"], "detect");
    daemon.stop();
}

#[test]
fn changes_are_audited_and_refusals_are_not() {
    let Some(daemon) = start("changes_are_audited_and_refusals_are_not") else {
        return;
    };
    assert!(
        !run_as(&daemon, NOBODY, GAMES, &["mode", "detect"])
            .status
            .success()
    );
    assert!(
        run_as(&daemon, NOBODY, TAPE, &["mode", "detect"])
            .status
            .success()
    );
    assert!(daemon.ctl(&["mode", "learn"]).status.success());
    let daemon = daemon.restart();
    let output = daemon.ctl(&["--json", "audit"]);
    let entries: Vec<Value> = String::from_utf8(output.stdout)
        .expect("text")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(entries.len(), 2, "{entries:?}");
    for (entry, (uid, user, detail)) in entries
        .iter()
        .zip([(65534, "nobody", "detect"), (0, "root", "learn")])
    {
        assert_eq!(entry["uid"], uid);
        assert_eq!(entry["user"], user);
        assert_eq!(
            (&entry["action"], &entry["detail"]),
            (&"mode".into(), &detail.into())
        );
        assert_eq!(entry["outcome"], "done");
        assert!(entry["pid"].as_u64().is_some_and(|pid| pid > 1));
    }
    daemon.stop();
}
