//! One alert on one line, and one alert in full.

use sentinel_api::v1::{Alert, Technique};
use sentinel_event::text::escape;

use super::target::command_line;
use super::unit::counted;
use super::{BOLD, DIM, Look, WARN, severity_style};

/// `time severity id summary`.
pub fn line(alert: &Alert, look: &Look) -> String {
    let time = look.paint(DIM, &look.date(alert.time.as_ref()));
    let severity = format!("{:<8}", escape(&alert.severity));
    let severity = look.paint(severity_style(&alert.severity), &severity);
    let (id, summary) = (escape(&alert.id), escape(&alert.summary));
    let dealt_with = match alert.acknowledged {
        Some(_) => look.paint(DIM, " [acknowledged]"),
        None => String::new(),
    };
    format!("{time}  {severity}  {id}  {summary}{dealt_with}")
}

/// Everything about an alert.
pub fn show(alert: &Alert, look: &Look) -> String {
    let mut out = Vec::new();
    let severity = escape(&alert.severity).to_uppercase();
    let severity = look.paint(severity_style(&alert.severity), &severity);
    let summary = look.paint(BOLD, &escape(&alert.summary));
    out.push(format!("{severity}  {summary}"));
    out.push(String::new());
    out.extend(facts(alert, look));
    out.push(String::new());
    out.push(look.paint(BOLD, "Process"));
    out.extend(tree(alert, look));
    if !alert.evidence.is_empty() {
        out.push(String::new());
        out.push(look.paint(BOLD, "Evidence"));
        for evidence in &alert.evidence {
            let clock = look.paint(DIM, &look.clock(evidence.time.as_ref()));
            let text = escape(&evidence.text);
            out.push(format!("  {clock}  {text} (event {})", evidence.seq));
        }
    }
    if !alert.anomaly.is_empty() {
        out.push(String::new());
        out.push(look.paint(BOLD, "Numbers"));
        let lines = alert.anomaly.iter();
        out.extend(lines.map(|line| format!("  {}", escape(line))));
    }
    if !alert.suggestions.is_empty() {
        out.push(String::new());
        out.push(look.paint(BOLD, "Look further"));
        let commands = alert.suggestions.iter();
        out.extend(commands.map(|command| format!("  {}", escape(command))));
    }
    out.join("\n") + "\n"
}

fn facts(alert: &Alert, look: &Look) -> Vec<String> {
    let mut out = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            out.push(format!("  {name:<12}{value}"));
        }
    };
    fact(
        "Id",
        format!("{}, number {} of this host", escape(&alert.id), alert.seq),
    );
    fact(
        "Time",
        look.time(alert.time.as_ref(), "%Y-%m-%d %H:%M:%S%.3f %Z"),
    );
    fact("Host", escape(&alert.host).into_owned());
    let (detection, confidence) = (escape(&alert.detection), alert.confidence);
    fact("Detection", format!("{detection}, {confidence} % sure"));
    fact("Why", escape(&alert.reason).into_owned());
    fact("Package", escape(alert.package()).into_owned());
    fact("SHA-256", escape(alert.exe_sha256()).into_owned());
    if let Some(known) = &alert.acknowledged {
        let user = match (&known.user, &known.certificate) {
            (_, Some(names)) => escape(names).into_owned(),
            (Some(user), None) => escape(user).into_owned(),
            (None, None) => format!("uid {}", known.uid),
        };
        let when = look.date(known.time.as_ref());
        let note = escape(&known.note);
        fact("Dealt with", format!("by {user}, {when}: {note}"));
    }
    for (i, technique) in alert.techniques.iter().enumerate() {
        fact(if i == 0 { "Techniques" } else { "" }, name(technique));
    }
    if !alert.incident.is_empty() {
        let count = counted(alert.count, "finding");
        fact(
            "Incident",
            format!("{}, {count} so far", escape(&alert.incident)),
        );
    }
    if alert.lost_nearby > 0 {
        let lost = counted(alert.lost_nearby, "event");
        let text = format!("{lost} in the minute before; what they were is not known");
        fact("Lost", look.paint(WARN, &text));
    }
    out
}

fn name(technique: &Technique) -> String {
    let (id, name) = (escape(&technique.id), escape(&technique.name));
    if technique.legacy_id.is_empty() || technique.legacy_id == technique.id {
        return format!("{id} {name}");
    }
    format!(
        "{id} {name} (before ATT&CK v19: {})",
        escape(&technique.legacy_id)
    )
}

/// The process at fault below its ancestors, oldest first.
fn tree(alert: &Alert, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut depth = 0;
    let mut branch = |text: String| {
        let indent = match depth {
            0 => "  ".to_owned(),
            depth => format!("  {}└─ ", "   ".repeat(depth - 1)),
        };
        lines.push(indent + &text);
        depth += 1;
    };
    for ancestor in alert.ancestors.iter().rev() {
        let exe = escape(known(&ancestor.exe));
        branch(format!("{exe} {}", pid(ancestor.pid, look)));
    }
    let style = severity_style(&alert.severity);
    let exe = look.paint(style, &escape(known(&alert.exe)));
    let user = match &alert.user {
        Some(user) => format!("user {} (uid {})", escape(user), alert.uid),
        None => format!("uid {}", alert.uid),
    };
    let exec_id = escape(&alert.exec_id);
    let pid = pid(alert.pid, look);
    branch(format!("{exe} {pid}, {user}, exec_id {exec_id}"));
    if !alert.argv.is_empty() {
        let indent = " ".repeat(2 + 3 * (depth - 1));
        lines.push(format!("{indent}{}", command_line(&alert.argv)));
    }
    lines
}

fn pid(pid: u32, look: &Look) -> String {
    look.paint(DIM, &format!("(pid {pid})"))
}

/// Of a process that was there before the sensor, the executable may be unknown.
fn known(exe: &str) -> &str {
    if exe.is_empty() { "?" } else { exe }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{PLAIN, check_golden, time};
    use sentinel_api::v1::{Ancestor, Evidence};

    fn technique(id: &str, legacy_id: &str, name: &str) -> Technique {
        Technique {
            id: id.into(),
            legacy_id: legacy_id.into(),
            name: name.into(),
        }
    }

    fn full() -> Alert {
        let ancestors = [
            (4320, "/usr/bin/bash"),
            (900, "/usr/sbin/sshd"),
            (1, "/sbin/init"),
        ];
        Alert {
            time: time(0, 5),
            id: "0123456789abcdef".into(),
            seq: 7,
            host: "web1".into(),
            detection: "fileless_execution".into(),
            severity: "high".into(),
            confidence: 95,
            summary: "bash executed a program from memory (memfd:x)".into(),
            reason: "the executable is an anonymous file in memory".into(),
            techniques: vec![
                technique("T1620", "T1620", "Reflective Code Loading"),
                technique("T1685.006", "T1070.002", "Clear Linux or Mac System Logs"),
            ],
            pid: 4321,
            exec_id: "fedcba9876543210".into(),
            exe: "memfd:x".into(),
            argv: vec!["x".into(), "two words".into()],
            uid: 0,
            user: Some("root".into()),
            ancestors: ancestors
                .map(|(pid, exe)| Ancestor {
                    pid,
                    exe: exe.into(),
                    ..Default::default()
                })
                .into(),
            evidence: vec![Evidence {
                seq: 99,
                time: time(0, 5),
                text: "exec of memfd:x".into(),
            }],
            acknowledged: None,
            lost_nearby: 17,
            incident: "00000000deadbeef".into(),
            count: 4,
            suggestions: vec!["sentinelctl tree 4321".into()],
            package: None,
            exe_sha256: Some("9f".repeat(32)),
            anomaly: vec!["p.forest=1.0e-6".into()],
        }
    }

    #[test]
    fn an_alert_in_full() {
        check_golden("alert-show", &show(&full(), &PLAIN));
    }

    #[test]
    fn an_alert_with_nothing_in_it_is_shown_without_a_panic() {
        check_golden("alert-empty", &show(&Alert::default(), &PLAIN));
    }

    #[test]
    fn an_alert_on_one_line() {
        check_golden("alert-line", &(line(&full(), &PLAIN) + "\n"));
    }

    #[test]
    fn no_data_reaches_the_terminal_as_it_is() {
        let evil = || "\x1b[2J\r\n\u{9b}31m".to_owned();
        let alert = Alert {
            package: Some(evil()),
            exe_sha256: Some(evil()),
            id: evil(),
            host: evil(),
            detection: evil(),
            severity: evil(),
            summary: evil(),
            reason: evil(),
            techniques: vec![technique(&evil(), "\x1b[1m", &evil())],
            exec_id: evil(),
            exe: evil(),
            argv: vec![evil()],
            user: Some(evil()),
            ancestors: vec![Ancestor {
                exe: evil(),
                ..Default::default()
            }],
            evidence: vec![Evidence {
                text: evil(),
                ..Default::default()
            }],
            incident: evil(),
            suggestions: vec![evil()],
            anomaly: vec![evil()],
            ..full()
        };
        for text in [line(&alert, &PLAIN), show(&alert, &PLAIN)] {
            let text = text.replace('\n', " ");
            assert_eq!(escape(&text), text);
        }
    }
}
