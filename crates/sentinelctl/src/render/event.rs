//! One event on one line.

use sentinel_api::v1::Event;
use sentinel_event::text::escape;

use super::{DIM, KIND, Look, cut, target};

/// Columns for the executable; longer ones push the rest to the right.
const PROCESS: usize = 24;
/// The least that is shown of a target, however narrow the terminal.
const TARGET: usize = 20;

/// `time kind pid user process -> target`, cut to the width of the terminal.
pub fn line(event: &Event, look: &Look) -> String {
    let clock = look.clock(event.time.as_ref());
    let kind = format!("{:<8}", escape(&event.kind));
    let user = match &event.user {
        Some(user) => escape(user).into_owned(),
        None => event.uid.to_string(),
    };
    // Kernel threads have no executable, and what was lost has no process at all.
    let process = match (event.exe.is_empty(), event.comm.is_empty()) {
        (false, _) => escape(&event.exe).into_owned(),
        (true, false) => format!("[{}]", escape(&event.comm)),
        (true, true) => "-".to_owned(),
    };
    let who = format!("{:>7} {user:<8} {process:<PROCESS$}", event.pid);
    let mut target = target::target(event);
    if let Some(width) = look.width {
        let used = [&clock, &kind, &who].map(|part| part.chars().count());
        let blanks_and_arrow = 6;
        let left = width.saturating_sub(used.iter().sum::<usize>() + blanks_and_arrow);
        target = cut(&target, left.max(TARGET));
    }
    let clock = look.paint(DIM, &clock);
    let kind = look.paint(KIND, &kind);
    let arrow = look.paint(DIM, "->");
    format!("{clock} {kind} {who} {arrow} {target}")
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{PLAIN, check_golden, time};

    fn event(kind: &str, exe: &str) -> Event {
        Event {
            time: time(0, 5),
            kind: kind.into(),
            pid: 4321,
            exe: exe.into(),
            user: Some("root".into()),
            count: 1,
            ..Default::default()
        }
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn one_of_each() -> Vec<Event> {
        let memory = |kind| Event {
            prot: Some("r-x".into()),
            backing: Some("anonymous".into()),
            length: Some(4096),
            ..event(kind, "/usr/bin/node")
        };
        vec![
            Event {
                argv: strings(&["curl", "-H", "A: b", "", "it's", "http://localhost"]),
                ..event("exec", "/usr/bin/curl")
            },
            Event {
                argv: strings(&["/sbin/init"]),
                ..event("process", "/usr/lib/systemd/systemd")
            },
            Event {
                child: Some(4322),
                user: None,
                uid: 1000,
                ..event("fork", "/usr/bin/bash")
            },
            Event {
                code: Some(2),
                run_ns: Some(12_345_678),
                ..event("exit", "/usr/bin/ls")
            },
            Event {
                signal: Some(9),
                run_ns: Some(90_000_000_000),
                ..event("exit", "/usr/bin/ls")
            },
            Event {
                addr: Some("127.0.0.1".into()),
                port: Some(80),
                result: -115,
                ..event("connect", "/usr/bin/curl")
            },
            Event {
                addr: Some("2001:db8::1".into()),
                port: Some(443),
                result: -111,
                ..event("connect", "/usr/bin/curl")
            },
            Event {
                local_addr: Some("10.0.0.1".into()),
                port: Some(22),
                addr: Some("10.0.0.2".into()),
                peer_port: Some(50_000),
                ..event("accept", "/usr/sbin/sshd")
            },
            Event {
                access: Some("rw".into()),
                path: Some("/var/lib/a file".into()),
                count: 17,
                ..event("open", "/usr/lib/postgresql/15/bin/postgres")
            },
            Event {
                path: Some("memfd:x".into()),
                ..event("memfd", "/usr/bin/python3.11")
            },
            Event {
                path: Some("/usr/lib/libc.so.6".into()),
                backing: Some("file".into()),
                length: Some(1_500_000),
                ..memory("mmap")
            },
            Event {
                old_prot: Some("rw-".into()),
                ..memory("mprotect")
            },
            Event {
                count: 17,
                ring: Some("bulk".into()),
                lost_kind: Some("open".into()),
                ..event("lost", "")
            },
            Event {
                count: 0,
                ..event("lost", "")
            },
            Event {
                flags: strings(&["truncated", "compat"]),
                ..event("newer", "/bin/x")
            },
        ]
    }

    #[test]
    fn every_kind_has_its_line() {
        let lines = one_of_each()
            .into_iter()
            .map(|event| line(&event, &PLAIN) + "\n");
        check_golden("events", &lines.collect::<String>());
    }

    #[test]
    fn no_data_reaches_the_terminal_as_it_is() {
        let evil = "\x1b[2J\r\n\u{202e}";
        let mut events = one_of_each();
        for event in &mut events {
            event.kind += evil;
            event.exe += evil;
            event.comm += evil;
            event.user = Some(evil.into());
            event.argv = strings(&[evil, "\x1b]0;title\x07 x"]);
            event.flags = strings(&[evil]);
            for text in [
                &mut event.addr,
                &mut event.local_addr,
                &mut event.access,
                &mut event.path,
                &mut event.prot,
                &mut event.old_prot,
                &mut event.backing,
                &mut event.ring,
                &mut event.lost_kind,
            ] {
                *text = Some(evil.into());
            }
        }
        // The kinds themselves too, or each would be shown as an unknown one.
        let kinds = one_of_each().into_iter().map(|event| event.kind);
        let known = events.clone().into_iter().zip(kinds);
        let known = known.map(|(event, kind)| Event { kind, ..event });
        for event in known.chain(events.clone()) {
            let line = line(&event, &PLAIN);
            assert_eq!(escape(&line), line, "{event:?}");
        }
    }

    #[test]
    fn a_terminal_gets_lines_that_fit() {
        let mut event = event("exec", "/usr/bin/curl");
        event.argv = vec!["x".repeat(32_000)];
        let look = Look {
            width: Some(100),
            ..PLAIN
        };
        let narrow = line(&event, &look);
        assert_eq!(narrow.chars().count(), 100);
        assert!(narrow.ends_with('…'));
        assert!(line(&event, &PLAIN).len() > 32_000);
    }
}
