//! Certificates that were revoked, and lists that say so.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use super::*;

/// Somebody of another host who follows the events.
struct Follower(Child);

impl Follower {
    fn start(host: &Host, files: &Files) -> Follower {
        let mut command = host.command("sensors.pem", files, &["events", "--follow", "--json"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sentinelctl starts");
        // This process runs programs all the time, so there is always something to tell.
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("is piped"));
        while line.is_empty() {
            assert!(host.daemon.ctl(&["mode"]).status.success());
            lines.read_line(&mut line).expect("reads");
        }
        // Somebody goes on reading: it must end because it is told to, not for lack of a reader.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Follower(child)
    }

    fn follows(&mut self) -> bool {
        self.0.try_wait().expect("is ours").is_none()
    }

    #[track_caller]
    fn must_end(mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.follows() {
            assert!(Instant::now() < deadline, "the connection goes on");
            std::thread::sleep(Duration::from_millis(50));
        }
        let status = self.0.wait().expect("is ours");
        assert_eq!(status.code(), Some(3), "it ended by itself");
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn whoever_is_revoked_is_out_from_the_reload_on() {
    let Some(host) = Host::start("whoever_is_revoked_is_out_from_the_reload_on") else {
        return;
    };
    let bob = host.issue("bob", READER);
    let ann = host.issue("ann", ADMIN);
    let mut of_bob = Follower::start(&host, &bob);
    let mut of_ann = Follower::start(&host, &ann);
    let list = host.path("operators.crl");
    let reload = |readers: &str, admins: &str| {
        let file = host.daemon.dir.path().join("config");
        let line = format!("client_crl = \"{}\"\n", list.display());
        let text = config(&host.dir, host.port, readers, admins) + &line;
        fs::write(&file, text).expect("writes");
        host.daemon.ctl(&["--json", "reload"])
    };
    // A list without him changes nothing.
    host.operators.revoke(&list, &[], false);
    let answer = reload("\"CN=reader\"", ADMINS);
    check(&answer, 0, "");
    assert!(String::from_utf8_lossy(&answer.stdout).contains("service.tcp.client_crl"));
    check(&host.ctl(&bob, &["status"]), 0, "");
    assert!(of_bob.follows() && of_ann.follows());

    host.operators.revoke(&list, &[&bob], false);
    check(&host.ctl(&bob, &["status"]), 0, "");
    check(&reload("\"CN=reader\"", ADMINS), 0, "");
    let refused = "the daemon refused the certificate: CertificateRevoked";
    check(&host.ctl(&bob, &["status"]), 4, refused);
    check(&host.ctl(&ann, &["status"]), 0, "");
    of_bob.must_end();
    assert!(of_ann.follows(), "she was not revoked");

    // Nor does anybody stay whose name is taken away.
    check(&reload("\"CN=reader\"", "\"CN=nobody\""), 0, "");
    of_ann.must_end();
    host.daemon.stop();
}

#[test]
fn lists_that_do_not_fit_are_told() {
    let Some(host) = Host::start("lists_that_do_not_fit_are_told") else {
        return;
    };
    let ann = host.issue("ann", ADMIN);
    let list = host.path("operators.crl");
    let file = host.daemon.dir.path().join("config");
    let line = format!("client_crl = \"{}\"\n", list.display());
    let text = config(&host.dir, host.port, "\"CN=reader\"", ADMINS) + &line;
    fs::write(&file, text).expect("writes");
    // One that is none is refused, and what was there before goes on.
    fs::write(&list, "nothing").expect("writes");
    let reload = || host.daemon.ctl(&["reload"]);
    check(&reload(), 1, "holds no revocation list in PEM");
    let damaged = "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n";
    fs::write(&list, damaged).expect("writes");
    check(
        &reload(),
        1,
        "operators.crl: holds a list that cannot be read",
    );
    check(&host.ctl(&ann, &["status"]), 0, "");
    // One that should have been replaced is a problem that somebody must be told of.
    host.operators.revoke(&list, &[], true);
    check(&reload(), 0, "");
    let status = host.daemon.ctl_json(&["--json", "status"]);
    let problems = status["problems"].to_string();
    assert!(problems.contains("client_crl is out of date"), "{problems}");
    assert_eq!(status["remote"]["client_crl_until"], "2021-01-01T00:00:00Z");
    check(&host.ctl(&ann, &["status"]), 0, "");
    // With a list of somebody else, nobody can tell who was revoked.
    Authority::new("strangers").revoke(&list, &[], false);
    check(&reload(), 0, "");
    check(
        &host.ctl(&ann, &["status"]),
        4,
        "the daemon refused the certificate",
    );
    host.daemon.stop();
}
