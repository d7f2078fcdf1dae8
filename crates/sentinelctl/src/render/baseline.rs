//! What was learned, for people.

use sentinel_api::v1::{
    DiffGenerationsResponse, FitBaselineResponse, GetBaselineResponse, ListGenerationsResponse,
    NamedCount, Portrait,
};
use sentinel_event::text::escape;

use super::table::{Row, right, styled, table, text, with};
use super::unit::{bytes, counted, duration};
use super::{BAD, BOLD, DIM, Look, PLAIN};

/// The marks of a bar, from nothing to all.
const MARKS: [char; 5] = ['.', ':', '+', '*', '#'];

/// The generations, oldest first.
pub fn generations(answer: &ListGenerationsResponse, look: &Look) -> String {
    let rows = answer.generations.iter().map(|generation| {
        let mark = if generation.current { "in use" } else { "" };
        let mut cells = vec![with(BOLD, right(generation.generation)), text(mark)];
        if !generation.problem.is_empty() {
            cells.extend(["", "", "", "", "", ""].map(text));
            return Row {
                cells,
                remarks: vec![generation.problem.clone()],
            };
        }
        let sha256 = generation.sha256.get(..12).unwrap_or(&generation.sha256);
        cells.extend([
            text(&look.date(generation.fitted.as_ref())),
            right(generation.programs),
            right(generation.start_rows),
            right(generation.contact_rows),
            right(bytes(generation.bytes)),
            text(sha256),
        ]);
        Row::from(cells)
    });
    let names = [
        "GENERATION",
        "",
        "FITTED",
        "PROGRAMS",
        "STARTS",
        "CONNECTIONS",
        "SIZE",
        "SHA-256",
    ];
    let mut lines = match answer.generations.is_empty() {
        true => "no models were fitted yet; the first are after the second day\n".to_owned(),
        false => table(look, &names, rows.collect()).text(),
    };
    if !answer.verdict.is_empty() {
        lines += &format!("{}\n", escape(&answer.verdict));
    }
    lines.trim_end().to_owned()
}

/// A program, or what is in quarantine.
pub fn show(answer: &GetBaselineResponse, look: &Look) -> String {
    if !answer.portraits.is_empty() {
        let portraits = answer.portraits.iter().map(|p| portrait(p, look));
        return portraits.collect::<Vec<_>>().join("\n\n");
    }
    if answer.behaviours.is_empty() {
        return "no new behaviour waits to become normal".to_owned();
    }
    behaviours(answer, look)
}

/// What waits to become normal, and what was decided about.
fn behaviours(answer: &GetBaselineResponse, look: &Look) -> String {
    let wanted = answer.days_wanted;
    let rows = answer.behaviours.iter().map(|behaviour| {
        let style = if behaviour.state == "denied" {
            BAD
        } else {
            PLAIN
        };
        Row::from(vec![
            styled(BOLD, &behaviour.id),
            styled(style, &behaviour.state),
            text(&look.date(behaviour.first.as_ref())),
            right(format!("{} of {wanted}", behaviour.days.min(wanted))),
            right(behaviour.times),
            text(&behaviour.words),
        ])
    });
    let names = ["ID", "STATE", "FIRST SEEN", "DAYS", "TIMES", "BEHAVIOUR"];
    let mut screen = table(look, &names, rows.collect()).text();
    screen += &format!(
        "\nWhat is new is normal once it was learned on {wanted} days; 'sentinelctl baseline \
         approve ID' makes it\nnormal now, 'deny ID' never."
    );
    if answer.behaviours.iter().any(|b| b.words.contains('#')) {
        screen += " # stands for any number.";
    }
    screen
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
        format!(
            "{runs} on {days}{}, first {first}, last {last}",
            pause(portrait.pause_seconds)
        ),
    );
    let bar: String = portrait.hours.iter().map(|share| mark(*share)).collect();
    let workdays = portrait.workdays * 100.0;
    line(
        "Hours",
        format!(
            "{bar}  0 to 23 UTC, {}; {workdays:.0} % on workdays",
            hours(&portrait.hours)
        ),
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

/// How often, in words.
fn pause(seconds: f32) -> String {
    match seconds {
        s if s <= 0.0 => String::new(),
        s if s < 1.0 => ", several a second at times".to_owned(),
        s => {
            let length = duration(s.round() as u64);
            let whole = [" 0 s", " 0 min", " 0 h"];
            let length = whole
                .iter()
                .find_map(|end| length.strip_suffix(end))
                .unwrap_or(&length);
            format!(", every {length} as a rule")
        }
    }
}

/// When, in words: the hours that have at least a quarter of the most frequent one's runs.
fn hours(shares: &[f32]) -> String {
    let busy = |hour: usize| shares.get(hour % 24).is_some_and(|share| *share >= 0.25);
    let begins: Vec<usize> = (0..24).filter(|h| busy(*h) && !busy(h + 23)).collect();
    let spans = begins.iter().map(|begin| {
        let end = (*begin..begin + 24)
            .find(|hour| !busy(*hour))
            .unwrap_or(begin + 24);
        format!("{begin} to {}", end % 24)
    });
    match begins.len() {
        0 => "at any hour".to_owned(),
        1..=3 => format!("mostly {}", spans.collect::<Vec<_>>().join(" and ")),
        _ => "at scattered hours".to_owned(),
    }
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

/// What is in use again, and what is gone.
pub fn rolled_back(generation: u32, removed: &[u32]) -> String {
    let gone = match removed {
        [] => String::new(),
        [one] => format!("; generation {one} is gone"),
        many => {
            let numbers: Vec<String> = many.iter().map(u32::to_string).collect();
            format!("; generations {} are gone", numbers.join(", "))
        }
    };
    format!("generation {generation} is in use, and what was learned since is forgotten{gone}")
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
            pause_seconds: 299.6,
        };
        let shown = |portraits, behaviours| {
            show(
                &GetBaselineResponse {
                    portraits,
                    behaviours,
                    days_wanted: 3,
                },
                &PLAIN,
            )
        };
        check_golden("baseline-show", &(shown(vec![portrait], vec![]) + "\n"));
        let behaviour = |id: &str, state: &str, days, words: &str| Behaviour {
            id: id.into(),
            words: words.into(),
            first: time(0, 5),
            days,
            times: 4 * days,
            state: state.into(),
        };
        let list = vec![
            behaviour("0a1b2c3d", "new", 1, "/usr/bin/bash starts /usr/bin/base#"),
            behaviour(
                "1a1b2c3d",
                "new",
                9,
                "/usr/bin/curl connects to 10.0.0.0/24, port 80",
            ),
            behaviour("2a1b2c3d", "denied", 0, "/usr/bin/bash starts /tmp/\x1b[2J"),
        ];
        check_golden("baseline-new", &(shown(vec![], list) + "\n"));
    }

    #[test]
    fn hours_and_pauses_in_words() {
        let of = |busy: &[usize]| {
            let shares: Vec<f32> = (0..24)
                .map(|h| f32::from(u8::from(busy.contains(&h))))
                .collect();
            hours(&shares)
        };
        let cases: [(&[usize], &str); 6] = [
            (&[2], "mostly 2 to 3"),
            (&[9, 10, 11, 15], "mostly 9 to 12 and 15 to 16"),
            (&[22, 23, 0, 1], "mostly 22 to 2"),
            (&[23], "mostly 23 to 0"),
            (&[1, 4, 8, 20], "at scattered hours"),
            (&[], "at any hour"),
        ];
        for (busy, words) in cases {
            assert_eq!(of(busy), words, "{busy:?}");
        }
        assert_eq!(hours(&[1.0; 24]), "at any hour");
        assert_eq!(pause(0.0), "");
        assert_eq!(pause(300.4), ", every 5 min as a rule");
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
