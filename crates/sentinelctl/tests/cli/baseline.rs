//! `sentinelctl baseline`, and modes for a time.

use crate::daemon::{Daemon, Knowledge};
use crate::run::{ok, run};

#[test]
fn every_action_asks_for_what_was_typed() {
    let daemon = Daemon::start(Knowledge::default());
    let socket = daemon.socket();
    let check = |args: &[&str], expected: &str| assert_eq!(ok(&socket, args), expected, "{args:?}");
    check(
        &["baseline", "list"],
        "no models were fitted yet; the first are after the second day\n",
    );
    check(
        &["baseline", "show"],
        "no new behaviour waits to become normal\n",
    );
    check(
        &["baseline", "diff", "3", "5"],
        "both know the same programs\n",
    );
    check(
        &["baseline", "approve", "0a"],
        "bash starts 0a is normal from now on\n",
    );
    check(&["baseline", "deny", "0b"], "bash starts 0b is forgotten\n");
    check(&["baseline", "rollback", "4"], "generation 4 is in use\n");
    check(
        &["baseline", "fit"],
        "tonight's models are in use \\x1b[2J\n\
         being trained: recurrent network; `sentinelctl status --all` tells when they are in use\n",
    );
    ok(&socket, &["mode", "learn", "--for", "36h"]);
    let refused = run(&socket, &["baseline", "show", "--exe", "/usr/bin/none"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("/usr/bin/none"), "{refused:?}");
    assert_eq!(
        daemon.asked(),
        [
            "ListGenerationsRequest",
            "GetBaselineRequest { exe: \"\" }",
            "DiffGenerationsRequest { old: 3, new: 5 }",
            "DecideBehaviourRequest { id: \"0a\", approve: true }",
            "DecideBehaviourRequest { id: \"0b\", approve: false }",
            "RollBackRequest { generation: 4 }",
            "FitBaselineRequest",
            "SetModeRequest { mode: Learn, for_seconds: 129600 }",
            "GetBaselineRequest { exe: \"/usr/bin/none\" }",
        ]
    );
}

#[test]
fn what_is_kept_of_attacks_is_shown_and_nobody_attacked() {
    let daemon = Daemon::start(Knowledge::default());
    let socket = daemon.socket();
    let text = ok(&socket, &["coverage", "--last"]);
    assert!(
        text.contains("fileless/memfd  caught   event  4.2"),
        "{text}"
    );
    assert!(text.contains("reported by root\\x1b[2J at"), "{text}");
    assert_eq!(daemon.asked(), ["GetCoverageRequest"]);
    let both = run(&socket, &["coverage", "--last", "fileless"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}
