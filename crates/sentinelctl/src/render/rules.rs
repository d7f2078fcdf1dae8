//! Sigma rules: what is in use, what a check says, what a reload did.

use sentinel_api::v1::{ListRulesResponse, ReloadRulesResponse};
use sentinel_event::text::escape;

use super::table::{Row, right, styled, table, text};
use super::{BAD, DIM, GOOD, Look, WARN};

/// Every rule on a line, and how many there are.
pub fn list(answer: &ListRulesResponse, look: &Look) -> String {
    let running = answer.rules.iter().filter(|r| r.state == "running").count();
    let folders: Vec<_> = answer.folders.iter().map(|f| escape(f)).collect();
    let head = format!(
        "{running} evaluated, {} cannot match here; from {}\n",
        answer.rules.len() - running,
        folders.join(", ")
    );
    if answer.rules.is_empty() {
        return head;
    }
    let rows = answer.rules.iter().map(|rule| {
        let (style, hits) = match &*rule.state {
            "running" => (super::PLAIN, rule.hits_total.to_string()),
            _ => (DIM, String::new()),
        };
        let cells = vec![
            styled(style, rule.name.trim_start_matches("sigma:")),
            styled(style, &rule.severity),
            right(hits),
            text(&rule.title),
        ];
        let remarks = match rule.reason.is_empty() {
            true => Vec::new(),
            false => vec![rule.reason.clone()],
        };
        Row { cells, remarks }
    });
    let names = ["RULE", "SEVERITY", "HITS", "TITLE"];
    format!("{head}\n{}", table(look, &names, rows.collect()).text())
}

/// `FILE:LINE: state: title`, and on what it is evaluated or what is wrong.
pub fn checked(
    (file, line): (&str, usize),
    (title, state, reason): (&str, &str, &str),
    records: &[&str],
    look: &Look,
) -> String {
    let place = match line {
        0 => escape(file).into_owned(),
        line => format!("{}:{line}", escape(file)),
    };
    let style = match state {
        "running" => GOOD,
        "wrong" => BAD,
        _ => WARN,
    };
    let word = look.paint(style, if state == "running" { "good" } else { state });
    let title = match title.is_empty() {
        true => String::new(),
        false => format!("{}: ", escape(title)),
    };
    let rest = match reason.is_empty() {
        true if records.is_empty() => "works on other rules".to_owned(),
        true => format!("evaluated on {}", records.join(", ")),
        false => escape(reason).into_owned(),
    };
    format!("{place}: {word}: {title}{rest}")
}

/// What is in use now.
pub fn reloaded(answer: &ReloadRulesResponse) -> String {
    format!(
        "{} evaluated, {} cannot match here",
        answer.running, answer.unsupported
    )
}

#[cfg(test)]
mod tests {
    use sentinel_api::v1::Rule;

    use super::super::testing::{PLAIN, check_golden};
    use super::*;

    #[test]
    fn rules_have_a_line_each() {
        let rule = |name: &str, state: &str, reason: &str, hits_total| Rule {
            name: format!("sigma:{name}"),
            title: format!("What {name} finds \x1b[2J"),
            severity: "high".to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            hits_total,
            ..Rule::default()
        };
        let answer = ListRulesResponse {
            rules: vec![
                rule("proc_creation_lnx_x", "running", "", 12),
                rule(
                    "lnx_sshd_y",
                    "unsupported",
                    "the log of sshd is not read",
                    0,
                ),
            ],
            folders: vec![
                "/usr/share/sentinel/rules".to_owned(),
                "/etc/sentinel/rules".to_owned(),
            ],
            ..ListRulesResponse::default()
        };
        let mut shown = list(&answer, &PLAIN);
        for (state, reason, records) in [
            ("running", "", &["process_creation"][..]),
            ("running", "", &[]),
            ("unsupported", "the log of sshd is not read", &[]),
            ("wrong", "Unknown modifier 'x'", &[]),
        ] {
            let title = if state == "wrong" { "" } else { "A rule" };
            let line = checked(("/x/a.yml", 7), (title, state, reason), records, &PLAIN);
            shown.push_str(&line);
            shown.push('\n');
        }
        check_golden("rules", &shown);
    }
}
