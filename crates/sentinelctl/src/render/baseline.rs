//! What was learned, for people.

use sentinel_api::v1::{
    DiffGenerationsResponse, FitBaselineResponse, GetBaselineResponse, ListGenerationsResponse,
    NamedCount, Portrait,
};
use sentinel_event::text::escape;

use super::unit::{bytes, counted};
use super::{BAD, BOLD, DIM, Look};

/// The marks of a bar, from nothing to all.
const MARKS: [char; 5] = ['.', ':', '+', '*', '#'];

/// The generations, oldest first.
pub fn generations(answer: &ListGenerationsResponse, look: &Look) -> String {
    let mut lines = Vec::new();
    for generation in &answer.generations {
        let mark = if generation.current { "*" } else { " " };
        let number = look.paint(BOLD, &format!("{:>6}", generation.generation));
        if !generation.problem.is_empty() {
            lines.push(format!(
                "{mark} {number}  {}",
                look.paint(BAD, &escape(&generation.problem))
            ));
            continue;
        }
        lines.push(format!(
            "{mark} {number}  {}, {} programs, fitted on {} starts and {} connections, {}, sha256 {}",
            look.date(generation.fitted.as_ref()),
            generation.programs,
            generation.start_rows,
            generation.contact_rows,
            bytes(generation.bytes),
            escape(generation.sha256.get(..12).unwrap_or(&generation.sha256)),
        ));
    }
    if lines.is_empty() {
        lines.push("no models were fitted yet; the first are after the second day".to_owned());
    }
    if !answer.verdict.is_empty() {
        lines.push(escape(&answer.verdict).into_owned());
    }
    lines.join("\n")
}

/// A program, or what is in quarantine.
pub fn show(answer: &GetBaselineResponse, look: &Look) -> String {
    if !answer.portraits.is_empty() {
        let portraits = answer.portraits.iter().map(|p| portrait(p, look));
        return portraits.collect::<Vec<_>>().join("\n\n");
    }
    let lines = answer.behaviours.iter().map(|behaviour| {
        let id = look.paint(BOLD, &escape(&behaviour.id));
        let first = look.date(behaviour.first.as_ref());
        format!("{id}  {}, first seen {first}", escape(&behaviour.words))
    });
    let lines: Vec<String> = lines.collect();
    match lines.is_empty() {
        true => "no new behaviour waits to become normal".to_owned(),
        false => lines.join("\n"),
    }
}

fn portrait(portrait: &Portrait, look: &Look) -> String {
    let mut lines = vec![look.paint(BOLD, &escape(&portrait.program))];
    let mut line = |name: &str, value: String| lines.push(format!("  {name:<12}{value}"));
    let runs = counted(portrait.runs.into(), "run");
    let days = counted(portrait.days.into(), "day");
    let (first, last) = (
        look.date(portrait.first.as_ref()),
        look.date(portrait.last.as_ref()),
    );
    line(
        "Runs",
        format!("{runs} on {days}, first {first}, last {last}"),
    );
    let bar: String = portrait.hours.iter().map(|share| mark(*share)).collect();
    let workdays = portrait.workdays * 100.0;
    line(
        "Hours",
        format!("{bar}  0 to 23 UTC, {workdays:.0} % on workdays"),
    );
    for (name, list) in [
        ("Started by", &portrait.parents),
        ("As", &portrait.users),
        ("In", &portrait.units),
        ("Talks to", &portrait.networks),
        ("Ports", &portrait.ports),
    ] {
        if !list.is_empty() {
            line(name, named(list));
        }
    }
    if portrait.connections == 0 {
        line("Talks to", look.paint(DIM, "nobody so far"));
    }
    lines.join("\n")
}

fn mark(share: f32) -> char {
    let at = (share.clamp(0.0, 1.0) * (MARKS.len() - 1) as f32).ceil() as usize;
    MARKS[at.min(MARKS.len() - 1)]
}

fn named(list: &[NamedCount]) -> String {
    let each = list
        .iter()
        .map(|entry| format!("{} ({})", escape(&entry.name), entry.count));
    each.collect::<Vec<_>>().join(", ")
}

/// What was said of models that were fitted now.
pub fn fitted(answer: &FitBaselineResponse) -> String {
    let mut lines = vec![escape(&answer.verdict).into_owned()];
    if !answer.ordered.is_empty() {
        lines.push(format!(
            "being trained: {}; `sentinelctl status --all` tells when they are in use",
            escape(&answer.ordered.join(", "))
        ));
    }
    lines.join("\n")
}

/// What came and what went.
pub fn diff(answer: &DiffGenerationsResponse) -> String {
    let lines = |sign: char, list: &[NamedCount]| -> Vec<String> {
        let line =
            |entry: &NamedCount| format!("{sign} {} ({} runs)", escape(&entry.name), entry.count);
        list.iter().map(line).collect()
    };
    let mut all = lines('+', &answer.added);
    all.extend(lines('-', &answer.removed));
    match all.is_empty() {
        true => "both know the same programs".to_owned(),
        false => all.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PLAIN, check_golden, time};
    use super::*;
    use sentinel_api::v1::{Behaviour, Generation};

    fn count(name: &str, count: u32) -> NamedCount {
        let name = name.to_owned();
        NamedCount { name, count }
    }

    #[test]
    fn a_program_tells_when_by_whom_and_whereto() {
        let portrait = Portrait {
            program: "/usr/bin/curl".into(),
            runs: 2016,
            days: 7,
            first: time(0, 5),
            last: time(6, 5),
            hours: (0..24).map(|hour| hour as f32 / 23.0).collect(),
            workdays: 0.7143,
            parents: vec![
                count("/usr/bin/bash check.sh", 2000),
                count("/usr/bin/bash", 16),
            ],
            users: vec![count("uid 0", 2016)],
            units: vec![count("cron.service", 2016)],
            networks: vec![count("10.0.0.0/24", 2000)],
            ports: vec![count("9091", 2000)],
            connections: 2000,
        };
        let shown = |portraits, behaviours| {
            show(
                &GetBaselineResponse {
                    portraits,
                    behaviours,
                },
                &PLAIN,
            )
        };
        check_golden("baseline-show", &(shown(vec![portrait], vec![]) + "\n"));
        let behaviour = Behaviour {
            id: "0a1b2c3d".into(),
            words: "/usr/bin/bash starts /tmp/\x1b[2J".into(),
            first: time(0, 5),
        };
        let text = shown(vec![], vec![behaviour]);
        assert!(text.starts_with("0a1b2c3d  /usr/bin/bash starts") && !text.contains('\x1b'));
    }

    #[test]
    fn generations_and_differences() {
        let generation = |number, problem: &str| Generation {
            generation: number,
            current: number == 5,
            fitted: time(0, 5),
            programs: 120,
            start_rows: 3000,
            contact_rows: 900,
            bytes: 2 << 20,
            sha256: "deadbeef".repeat(8),
            problem: problem.into(),
        };
        let list = ListGenerationsResponse {
            generations: vec![generation(4, "it is damaged"), generation(5, "")],
            verdict: "tonight's models are in use".into(),
        };
        check_golden("baseline-list", &(generations(&list, &PLAIN) + "\n"));
        let answer = DiffGenerationsResponse {
            added: vec![count("/usr/bin/rg", 12)],
            removed: vec![count("/usr/bin/ack", 3)],
        };
        assert_eq!(
            diff(&answer),
            "+ /usr/bin/rg (12 runs)\n- /usr/bin/ack (3 runs)"
        );
    }
}
