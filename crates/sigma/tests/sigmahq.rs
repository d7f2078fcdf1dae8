//! Every Linux rule of SigmaHQ either is evaluated, and on what, or says why it cannot
//! match. The rules are looked for in the folder `SENTINEL_SIGMA_RULES`, else in
//! `shared/sigma` beside the project; they are not part of it.

mod common;

use std::fmt::Write as _;
use std::path::Path;

use sentinel_sigma::{RuleSet, Standing, load};

const GOLDEN: &str = "tests/golden/sigmahq.txt";

fn listing(set: &RuleSet) -> String {
    let mut lines: Vec<String> = set
        .rules()
        .iter()
        .map(|rule| match &rule.standing {
            Standing::Evaluated(records) => {
                let names: Vec<&str> = records.iter().map(|r| r.name()).collect();
                format!("{} | {}", rule.name, names.join(", "))
            }
            Standing::Unsupported(reason) => format!("{} | unsupported: {reason}", rule.name),
            other => format!("{} | {}", rule.name, other.name()),
        })
        .collect();
    lines.sort();
    let unsupported = |line: &&String| line.contains("| unsupported");
    let count = lines.iter().filter(unsupported).count();
    let mut text = format!(
        "{} of {} rules are evaluated\n",
        lines.len() - count,
        lines.len()
    );
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

#[test]
fn every_rule_is_evaluated_or_says_why_not() {
    let Some(folder) = common::sigmahq() else {
        println!("skipped: every_rule_is_evaluated_or_says_why_not: no rules of SigmaHQ here");
        return;
    };
    let loaded = load(&[folder]);
    let problems: Vec<String> = loaded.problems.iter().map(|p| p.to_string()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let found = listing(&loaded.set);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &found).expect("writes");
    }
    let expected = std::fs::read_to_string(Path::new(GOLDEN)).expect("is there");
    assert!(found == expected, "{GOLDEN} says otherwise:\n{found}");
}
