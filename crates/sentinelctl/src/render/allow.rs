//! What is allowed.

use sentinel_api::v1::AllowRule;
use sentinel_event::text::escape;

use super::table::{Row, right, styled, table, text};
use super::{DIM, GOOD, Look};

/// Every rule on a line, its reason below.
pub fn list(rules: &[AllowRule], look: &Look) -> String {
    let rows = rules.iter().map(|rule| {
        let style = if rule.expired { DIM } else { super::PLAIN };
        let cells = vec![
            styled(style, &rule.id),
            right(rule.suppressed_total),
            text(&until(rule, look)),
            styled(style, &named(rule)),
        ];
        let by = format!("{}: {}", rule.created_by, rule.reason);
        Row {
            cells,
            remarks: vec![by],
        }
    });
    let names = ["ID", "KEPT BACK", "UNTIL", "WHAT"];
    table(look, &names, rows.collect()).text()
}

/// `allowed ID: what`.
pub fn line(rule: &AllowRule, deed: &str, look: &Look) -> String {
    let until = match until(rule, look) {
        text if text.is_empty() => text,
        text => format!(", until {text}"),
    };
    let deed = look.paint(GOOD, deed);
    format!(
        "{deed} {}: {}{until}",
        escape(&rule.id),
        escape(&named(rule))
    )
}

fn until(rule: &AllowRule, look: &Look) -> String {
    match (&rule.expires, rule.expired) {
        (None, _) => String::new(),
        (Some(_), true) => "expired".to_owned(),
        (expires, false) => look.date(expires.as_ref()),
    }
}

/// All that the rule names.
fn named(rule: &AllowRule) -> String {
    let file = rule.exe_inode.map(|inode| format!("inode {inode}"));
    let parts = [
        ("", &rule.detection),
        ("by ", &rule.exe),
        ("", &file.unwrap_or_default()),
        ("sha256 ", &rule.sha256),
        ("below ", &rule.ancestor),
        ("of ", &rule.path),
        ("as ", &rule.user),
    ];
    let named: Vec<String> = parts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(word, text)| format!("{word}{text}"))
        .collect();
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PLAIN, check_golden, time};
    use super::*;

    #[test]
    fn what_is_allowed_has_a_line_each() {
        let rules = [
            AllowRule {
                id: "1f2e3d4c".to_owned(),
                detection: "persistence".to_owned(),
                exe: "/opt/\x1b[2J/agent".to_owned(),
                exe_inode: Some(4711),
                path: "/etc/cron.d/*".to_owned(),
                reason: "our own".to_owned(),
                created_by: "root".to_owned(),
                suppressed_total: 12,
                ..AllowRule::default()
            },
            AllowRule {
                id: "00000001".to_owned(),
                ancestor: "/usr/bin/ci".to_owned(),
                user: "ci".to_owned(),
                expires: time(100_000_000, 0),
                reason: "builds".to_owned(),
                created_by: "ann".to_owned(),
                ..AllowRule::default()
            },
            AllowRule {
                id: "00000002".to_owned(),
                sha256: "07".repeat(32),
                expires: time(0, 0),
                expired: true,
                reason: "a test".to_owned(),
                created_by: "uid 1001".to_owned(),
                ..AllowRule::default()
            },
        ];
        let mut shown = list(&rules, &PLAIN);
        shown.push_str(&line(&rules[1], "allowed", &PLAIN));
        shown.push('\n');
        check_golden("allow", &shown);
    }
}
