//! What the doctor found: one line a thing, what to do below it.

use sentinel_event::text::escape;

use super::{BAD, BOLD, DIM, GOOD, Look, WARN};
use crate::command::doctor::{Finding, State};

/// Every finding, and a sentence at the end.
pub fn report(findings: &[Finding], look: &Look) -> String {
    let mut out = String::new();
    for finding in findings {
        let (word, style) = match finding.state {
            State::Good => ("good", GOOD),
            State::Warn => ("warn", WARN),
            State::Bad => ("bad", BAD),
            State::Unknown => ("?", DIM),
        };
        let word = look.paint(style, &format!("{word:<5}"));
        out += &format!("{word} {:<9} {}\n", finding.check, escape(&finding.found));
        if !finding.advice.is_empty() {
            let advice = look.paint(BOLD, &escape(&finding.advice));
            out += &format!("{:<16}-> {advice}\n", "");
        }
    }
    let count = |state| findings.iter().filter(|f| f.state == state).count();
    out += &match (count(State::Bad), count(State::Warn)) {
        (0, 0) => "\nNothing keeps Sentinel from its work.\n".to_owned(),
        (0, warn) => format!("\nSentinel works; {warn} could be better.\n"),
        (bad, _) => format!("\n{bad} of these must be mended.\n"),
    };
    out
}
