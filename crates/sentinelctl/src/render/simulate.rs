//! What can be simulated, and what became of it.

use std::time::SystemTime;

use jiff::Timestamp;
use sentinel_event::text::escape;
use sentinel_simulate::{Expected, FAMILIES, Failure, Outcome, Report, Variant};
use serde::Serialize;

use super::table::{Block, Row, styled, table, text};
use super::{BAD, BOLD, DIM, GOOD, Look, WARN};

/// Columns for the name of a variant.
const NAME: usize = 34;

/// The variants under their families.
pub fn list(variants: &[&'static Variant], look: &Look) -> String {
    let blocks = FAMILIES.iter().filter_map(|family| {
        let prefix = format!("{}/", family.name);
        let own = variants
            .iter()
            .filter(|variant| variant.name.starts_with(&prefix));
        let rows: Vec<_> = own
            .map(|variant| {
                let name = styled(BOLD, variant.name);
                let expected = styled(DIM, &expected(variant.expected));
                Row {
                    cells: vec![name, expected, text(variant.summary)],
                    remarks: vec![variant.steps.to_owned()],
                }
            })
            .collect();
        let heading = format!("{}: {}", family.name, family.summary);
        (!rows.is_empty()).then(|| (heading, table(look, &["NAME", "EXPECTED", "WHAT"], rows)))
    });
    let texts =
        blocks.map(|(heading, block): (String, Block)| format!("{heading}\n{}", block.text()));
    texts.collect::<Vec<_>>().join("\n")
}

fn expected(expected: Expected) -> String {
    match expected {
        Expected::Alert(_, severity) => format!("{severity} alert"),
        Expected::Event(kind) => format!("{kind} event"),
    }
}

/// One outcome on one line.
pub fn report(report: &Report, look: &Look) -> String {
    let (style, word) = match &report.outcome {
        Outcome::Ran { .. } => (GOOD, "ran"),
        Outcome::Not(Failure::NotPossible(_)) => (WARN, "not possible"),
        Outcome::Not(Failure::Broken(_)) => (BAD, "failed"),
    };
    let detail = match &report.outcome {
        Outcome::Ran { proof, .. } => {
            let pid = report.pid.unwrap_or_default();
            format!("pid {pid}, {}", escape(proof))
        }
        Outcome::Not(failure) => escape(&failure.to_string()).into_owned(),
    };
    let word = look.paint(style, &format!("{word:<12}"));
    format!("{:<NAME$}  {word}  {detail}", report.variant.name)
}

/// A variant for scripts.
#[derive(Debug, Serialize)]
pub struct VariantJson {
    name: &'static str,
    summary: &'static str,
    steps: &'static str,
    techniques: Vec<TechniqueJson>,
    expected: ExpectedJson,
}

#[derive(Debug, Serialize)]
struct TechniqueJson {
    id: &'static str,
    legacy_id: &'static str,
    name: &'static str,
}

/// What is expected, for scripts.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ExpectedJson {
    Alert {
        detection: &'static str,
        min_severity: &'static str,
    },
    Event {
        kind: &'static str,
    },
}

/// What became of a variant, for scripts.
#[derive(Debug, Serialize)]
pub struct ReportJson {
    time: Option<String>,
    name: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(flatten)]
    sight: Option<SightJson>,
    steps: &'static str,
    expected: ExpectedJson,
}

/// What /proc showed of the payload, and how it ended.
#[derive(Debug, Serialize)]
struct SightJson {
    proof: String,
    exe: String,
    argv: Vec<String>,
    exit_code: i32,
}

impl From<&Variant> for VariantJson {
    fn from(variant: &Variant) -> VariantJson {
        let techniques = variant.techniques.iter().map(|technique| TechniqueJson {
            id: &technique.id,
            legacy_id: &technique.legacy_id,
            name: &technique.name,
        });
        VariantJson {
            name: variant.name,
            summary: variant.summary,
            steps: variant.steps,
            techniques: techniques.collect(),
            expected: variant.expected.into(),
        }
    }
}

impl From<Expected> for ExpectedJson {
    fn from(expected: Expected) -> ExpectedJson {
        match expected {
            Expected::Alert(detection, severity) => ExpectedJson::Alert {
                detection,
                min_severity: severity.name(),
            },
            Expected::Event(kind) => ExpectedJson::Event { kind: kind.name() },
        }
    }
}

impl From<&Report> for ReportJson {
    fn from(report: &Report) -> ReportJson {
        let (outcome, because, sight) = match &report.outcome {
            Outcome::Ran {
                proof,
                exe,
                argv,
                exit_code,
            } => {
                let sight = SightJson {
                    proof: proof.clone(),
                    exe: exe.to_string_lossy().into_owned(),
                    argv: argv.clone(),
                    exit_code: *exit_code,
                };
                ("ran", None, Some(sight))
            }
            Outcome::Not(failure) => {
                let outcome = match failure {
                    Failure::NotPossible(_) => "not_possible",
                    Failure::Broken(_) => "failed",
                };
                (outcome, Some(failure.to_string()), None)
            }
        };
        ReportJson {
            time: rfc3339(report.started),
            name: report.variant.name,
            outcome,
            because,
            pid: report.pid,
            sight,
            steps: report.variant.steps,
            expected: report.variant.expected.into(),
        }
    }
}

fn rfc3339(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| time.to_string())
}

/// How many variants ended in which way.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    ran: u64,
    not_possible: u64,
    failed: u64,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Ran { .. } => self.ran += 1,
            Outcome::Not(Failure::NotPossible(_)) => self.not_possible += 1,
            Outcome::Not(Failure::Broken(_)) => self.failed += 1,
        }
    }

    /// The closing line.
    pub fn sentence(&self) -> String {
        let mut parts = vec![format!("{} ran", self.ran)];
        if self.not_possible > 0 {
            parts.push(format!("{} not possible here", self.not_possible));
        }
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        let sentence = parts.join(", ");
        match self.ran {
            0 => sentence,
            _ => sentence + "; 'sentinelctl alerts' shows what the sensor made of it",
        }
    }

    /// 0 if something ran and nothing failed.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.ran == 0 || self.failed > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::testing::{PLAIN, check_golden};
    use sentinel_simulate::{select, variant};

    fn ended(outcome: Outcome) -> Report {
        Report {
            variant: variant("fileless/dev-shm").expect("it exists"),
            started: SystemTime::UNIX_EPOCH,
            pid: Some(77),
            outcome,
        }
    }

    fn outcomes() -> [Outcome; 3] {
        [
            Outcome::Ran {
                proof: "executable /dev/shm/x\x1b[2J".into(),
                exe: "/dev/shm/x\x1b[2J".into(),
                argv: vec!["cat".into()],
                exit_code: 0,
            },
            Outcome::Not(Failure::NotPossible("/dev/shm is mounted noexec".into())),
            Outcome::Not(Failure::Broken("the payload did not answer in time".into())),
        ]
    }

    #[test]
    fn every_outcome_has_its_line() {
        let lines = outcomes().map(|outcome| report(&ended(outcome), &PLAIN) + "\n");
        check_golden("simulate-reports", &lines.concat());
    }

    #[test]
    fn every_outcome_has_its_json() {
        let values = outcomes().map(|outcome| ReportJson::from(&ended(outcome)));
        let lines = values.map(|value| serde_json::to_string_pretty(&value).expect("JSON") + "\n");
        check_golden("simulate-json", &lines.concat());
    }

    #[test]
    fn the_list_names_every_variant() {
        let all = select("all").expect("all is a name");
        let text = list(&all, &PLAIN);
        for variant in all {
            assert!(
                text.contains(variant.name) && text.contains(variant.steps),
                "{}",
                variant.name
            );
        }
        let one = list(&select("reflective").expect("it exists"), &PLAIN);
        assert!(!one.contains("fileless"), "{one}");
    }

    #[test]
    fn only_a_run_without_failures_succeeds() {
        let code = |ran, not_possible, failed| {
            Tally {
                ran,
                not_possible,
                failed,
            }
            .exit_code()
        };
        assert_eq!(code(1, 5, 0), 0);
        assert_eq!(code(0, 1, 0), 1);
        assert_eq!(code(5, 0, 1), 1);
    }
}
