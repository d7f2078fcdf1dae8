//! Callers of other hosts: TLS with certificates on both sides, and the role that the
//! names in a certificate have.

mod revocation;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

use crate::support::authority::{Authority, Files, Wanted};
use crate::support::{Daemon, PATIENCE, sentinelctl};

/// A daemon that serves the network of this host, and what its operator has.
pub struct Host {
    pub daemon: Daemon,
    dir: TempDir,
    pub port: u16,
    operators: Authority,
}

impl Host {
    fn start(test: &str) -> Option<Host> {
        Host::start_with(test, "")
    }

    /// Starts one with more lines of configuration.
    pub fn start_with(test: &str, more: &str) -> Option<Host> {
        let dir = TempDir::new().expect("a folder");
        // Free now, and in all likelihood a moment later.
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let operators = Authority::new("operators");
        operators.write(&dir.path().join("operators.pem"));
        let sensors = Authority::new("sensors");
        sensors.write(&dir.path().join("sensors.pem"));
        sensors.issue(dir.path(), "server", SERVER);
        let config = config(&dir, port, "\"CN=reader\", \"DNS=probe.example\"", ADMINS);
        let daemon = Daemon::start_with(test, &(config + more))?;
        let host = Host {
            daemon,
            dir,
            port,
            operators,
        };
        Some(host)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn issue(&self, name: &str, wanted: Wanted<'_>) -> Files {
        self.operators.issue(self.dir.path(), name, wanted)
    }

    /// Runs sentinelctl as on another host.
    fn ctl(&self, files: &Files, args: &[&str]) -> Output {
        self.ctl_trusting("sensors.pem", files, args)
    }

    fn ctl_trusting(&self, ca: &str, files: &Files, args: &[&str]) -> Output {
        self.command(ca, files, args)
            .output()
            .expect("sentinelctl runs")
    }

    fn command(&self, ca: &str, files: &Files, args: &[&str]) -> Command {
        // Where the service's socket is not, so that nothing can come from there.
        let mut command = sentinelctl(&self.path("no-socket"));
        command
            .args(["--endpoint", &format!("https://127.0.0.1:{}", self.port)])
            .arg("--cert")
            .arg(&files.cert)
            .arg("--key")
            .arg(&files.key)
            .arg("--ca")
            .arg(self.path(ca))
            .args(args);
        command
    }
}

const SERVER: Wanted<'_> = Wanted {
    common: "sensor",
    dns: "127.0.0.1",
    uri: "",
    expired: false,
};
pub const READER: Wanted<'_> = Wanted {
    common: "reader",
    dns: "",
    uri: "",
    expired: false,
};
pub const ADMIN: Wanted<'_> = Wanted {
    common: "somebody",
    dns: "",
    uri: "spiffe://example/admin",
    expired: false,
};
const ADMINS: &str = "\"URI=spiffe://example/admin\"";

fn config(dir: &TempDir, port: u16, readers: &str, admins: &str) -> String {
    let dir = dir.path().display();
    format!(
        "[service.tcp]\nlisten = \"127.0.0.1:{port}\"\ncertificate = \"{dir}/server.pem\"\n\
         key = \"{dir}/server.key\"\nclient_ca = \"{dir}/operators.pem\"\n\
         readers = [{readers}]\nadmins = [{admins}]\n"
    )
}

/// How it ended, and that it said so in one line at most.
#[track_caller]
fn check(output: &Output, code: i32, expected: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(expected), "{text:?} lacks {expected:?}");
    assert!(text.lines().count() <= 1, "{text}");
}

#[test]
fn the_names_in_a_certificate_decide() {
    let Some(host) = Host::start("the_names_in_a_certificate_decide") else {
        return;
    };
    let reader = host.issue("reader", READER);
    let probe = host.issue(
        "probe",
        Wanted {
            dns: "Probe.example",
            ..Wanted::default()
        },
    );
    let admin = host.issue("admin", ADMIN);
    // Valid, but a name of the wrong kind is none.
    let other = host.issue(
        "other",
        Wanted {
            common: "probe.example",
            dns: "reader",
            ..Wanted::default()
        },
    );
    let may_not_change = "the daemon refused: the certificate of CN=reader may not change anything: \
                          none of its names is among service.tcp.admins";
    check(&host.ctl(&reader, &["status"]), 0, "");
    check(&host.ctl(&probe, &["status"]), 0, "");
    check(&host.ctl(&reader, &["mode", "detect"]), 4, may_not_change);
    check(
        &host.ctl(&other, &["status"]),
        4,
        "may not look: none of its names",
    );
    assert_eq!(host.daemon.ctl_json(&["--json", "mode"])["mode"], "learn");
    check(&host.ctl(&admin, &["mode", "detect"]), 0, "");
    assert_eq!(host.daemon.ctl_json(&["--json", "mode"])["mode"], "detect");
    check(&host.ctl(&admin, &["doctor"]), 0, "");
    // The audit names the certificate, and nobody of this host.
    let entry = host.daemon.ctl_json(&["--json", "audit"]);
    assert_eq!(
        entry["certificate"],
        "CN=somebody, URI=spiffe://example/admin"
    );
    assert_eq!(
        (&entry["uid"], &entry["outcome"]),
        (&json!(u32::MAX), &json!("done"))
    );
    assert!(
        entry["address"]
            .as_str()
            .is_some_and(|a| a.starts_with("127.0.0.1:"))
    );
    assert!(entry.get("user").is_none_or(Value::is_null), "{entry}");
    let audit = host.ctl(&reader, &["audit"]);
    let text = String::from_utf8_lossy(&audit.stdout).into_owned();
    let by = "mode detect  done  by CN=somebody, URI=spiffe://example/admin from 127.0.0.1:";
    assert!(text.contains(by), "{text}");
    let refused = &host.daemon.ctl_json(&["--json", "status"])["access"]["refused_total"];
    assert_eq!(refused, 2);
    host.daemon.stop();
}

#[test]
fn without_a_valid_certificate_there_is_no_connection() {
    let Some(host) = Host::start("without_a_valid_certificate_there_is_no_connection") else {
        return;
    };
    let stranger = Authority::new("strangers");
    stranger.write(&host.path("strangers.pem"));
    let foreign = stranger.issue(host.dir.path(), "foreign", ADMIN);
    let expired = host.issue(
        "expired",
        Wanted {
            expired: true,
            ..ADMIN
        },
    );
    let reader = host.issue("reader", READER);
    let refused = "the daemon refused the certificate: ";
    for _ in 0..3 {
        check(
            &host.ctl(&foreign, &["status"]),
            4,
            &format!("{refused}UnknownCA"),
        );
        check(
            &host.ctl(&expired, &["status"]),
            4,
            &format!("{refused}CertificateExpired"),
        );
    }
    // The other way round: a daemon that nobody vouches for is not asked.
    let unknown = host.ctl_trusting("strangers.pem", &reader, &["status"]);
    check(
        &unknown,
        3,
        "is not believed: invalid peer certificate: UnknownIssuer",
    );
    assert_eq!(
        no_certificate(&host),
        "received fatal alert: CertificateRequired"
    );
    plain_text_is_not_answered(&host);
    check(&host.ctl(&reader, &["status"]), 0, "");
    let refused = &host.daemon.ctl_json(&["--json", "status"])["access"]["refused_total"];
    assert!(refused.as_u64() >= Some(8), "{refused}");
    host.daemon.stop();
}

/// What a client that shows no certificate is told.
fn no_certificate(host: &Host) -> String {
    let mut roots = RootCertStore::empty();
    let issuer = CertificateDer::from_pem_file(host.path("sensors.pem")).expect("PEM");
    roots.add(issuer).expect("an issuer");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let name = "127.0.0.1".try_into().expect("an address");
    let mut session = ClientConnection::new(Arc::new(config), name).expect("a session");
    let mut socket = connect(host);
    let mut stream = Stream::new(&mut session, &mut socket);
    let mut answer = [0];
    match stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\n")
        .and_then(|()| stream.read(&mut answer))
    {
        Ok(bytes) => format!("{bytes} bytes"),
        Err(error) => error.to_string(),
    }
}

fn connect(host: &Host) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", host.port)).expect("connects");
    socket.set_read_timeout(Some(PATIENCE)).expect("waits");
    socket
}

/// A client that knows nothing of TLS gets no word of HTTP/2, and one that says nothing
/// is left.
fn plain_text_is_not_answered(host: &Host) {
    let mut socket = connect(host);
    socket
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .expect("writes");
    let mut answer = Vec::new();
    // A reset is an answer too.
    let _ = socket.read_to_end(&mut answer);
    // A TLS alert at most: its type, its version, its length of two.
    assert!(
        answer.is_empty() || answer[0] == 0x15 && answer.len() == 7,
        "{answer:?}"
    );
    let mut silent = connect(host);
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0, "something was said");
}

#[test]
fn a_reload_takes_renewed_certificates_and_other_names() {
    let Some(host) = Host::start("a_reload_takes_renewed_certificates_and_other_names") else {
        return;
    };
    let reader = host.issue("reader", READER);
    let renewed = Authority::new("sensors of next year");
    renewed.write(&host.path("renewed.pem"));
    renewed.issue(host.dir.path(), "server", SERVER);
    let next_year = |args: &[&str]| host.ctl_trusting("renewed.pem", &reader, args);
    // Files are read when somebody says so.
    check(&host.ctl(&reader, &["status"]), 0, "");
    check(&next_year(&["status"]), 3, "is not believed");
    let file = host.daemon.dir.path().join("config");
    fs::write(
        &file,
        config(&host.dir, host.port, "\"CN=other\"", "\"CN=reader\""),
    )
    .expect("writes");
    let answer = host.daemon.ctl_json(&["--json", "reload"]);
    let applied = json!(["service.tcp.admins", "service.tcp.readers"]);
    assert_eq!(answer["applied"], applied);
    check(&host.ctl(&reader, &["status"]), 3, "is not believed");
    check(&next_year(&["mode", "detect"]), 0, "");
    // A key that others may read is refused, and what was there before goes on.
    let key = host.path("server.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("opens");
    check(
        &host.daemon.ctl(&["reload"]),
        1,
        "its mode is 0644, but nobody except its owner",
    );
    check(&next_year(&["status"]), 0, "");
    // One that has expired is a problem that somebody must be told.
    let ended = Wanted {
        expired: true,
        ..SERVER
    };
    fs::remove_file(&key).expect("is ours");
    renewed.issue(host.dir.path(), "server", ended);
    host.daemon.ctl_json(&["--json", "reload"]);
    check(&next_year(&["status"]), 3, "is not believed");
    let problems = &host.daemon.ctl_json(&["--json", "status"])["problems"];
    assert!(
        problems
            .to_string()
            .contains("service.tcp.certificate has expired"),
        "{problems}"
    );
    host.daemon.stop();
}

#[test]
fn many_that_show_nothing_lock_nobody_out_for_long() {
    let Some(host) = Host::start("many_that_show_nothing_lock_nobody_out_for_long") else {
        return;
    };
    let reader = host.issue("reader", READER);
    let silent: Vec<TcpStream> = (0..200).map(|_| connect(&host)).collect();
    // The socket of this host knows nothing of it.
    assert!(host.daemon.ctl(&["status"]).status.success());
    let deadline = std::time::Instant::now() + PATIENCE;
    while !host.ctl(&reader, &["status"]).status.success() {
        assert!(std::time::Instant::now() < deadline, "locked out");
        std::thread::sleep(Duration::from_millis(200));
    }
    let access = &host.daemon.ctl_json(&["--json", "status"])["access"];
    assert!(
        access["turned_away_total"].as_u64() >= Some(100),
        "{access}"
    );
    drop(silent);
    host.daemon.stop();
}
