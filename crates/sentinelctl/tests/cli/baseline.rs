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
        &["baseline", "approve", "0A1b2c3d"],
        "bash starts 0a1b2c3d is normal from now on\n",
    );
    check(
        &["baseline", "deny", "0b1b2c3d"],
        "bash starts 0b1b2c3d is never normal, and is told when it comes again\n",
    );
    check(
        &["baseline", "rollback", "4"],
        "generation 4 is in use, and what was learned since is forgotten; generations 5, 6 are gone\n",
    );
    for wrong in ["0a", "24e7775522daa79d", "../state"] {
        let refused = run(&socket, &["baseline", "approve", wrong]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(
            refused.stderr.contains("an id is 8 hexadecimal digits"),
            "{refused:?}"
        );
    }
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
            "DecideBehaviourRequest { id: \"0a1b2c3d\", approve: true }",
            "DecideBehaviourRequest { id: \"0b1b2c3d\", approve: false }",
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
