//! Commands that another program of Sentinel carries out: its output and its exit code are
//! ours.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, Stdio};

use sentinel_event::text::escape;

use crate::failure::{Failure, Report};

/// What a program may say on standard error before its end; what comes after is passed over.
const COMPLAINT_BYTES: usize = 1 << 16;

/// Becomes the program. Where JSON was asked for, stays beside it to say as JSON what it says
/// as text of its failure.
pub fn become_it(mut command: Command, json: bool) -> Result<ExitCode, Failure> {
    let program = command.get_program().to_owned();
    let starting = |error| {
        let program = program.to_string_lossy();
        Failure::failed(format!("starting {}: {error}", escape(&program)))
    };
    if !json {
        return Err(starting(command.exec()));
    }
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(starting)?;
    let mut words = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            if words.len() < COMPLAINT_BYTES {
                words += &String::from_utf8_lossy(&line);
                words.push('\n');
            }
        }
    }
    let status = child.wait().map_err(starting)?;
    // As a shell says it of a program that was killed.
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    let code = code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    for line in said(&words, code) {
        eprintln!("{line}");
    }
    Ok(ExitCode::from(code))
}

/// What was said as text, as lines of JSON: the last of a program that failed is why. One that
/// says nothing has told all by its results.
fn said(words: &str, code: u8) -> Vec<String> {
    if code != 0 && words.starts_with("error: ") {
        return vec![Report::of_usage(words, code)];
    }
    let mut lines: Vec<&str> = words.lines().filter(|line| !line.is_empty()).collect();
    let failure = if code == 0 { None } else { lines.pop() };
    let notes = lines
        .into_iter()
        .map(|line| serde_json::json!({ "note": unnamed(line) }).to_string());
    let report = failure.map(|line| {
        Report {
            error: unnamed(line),
            hint: "",
            code,
        }
        .to_string()
    });
    notes.chain(report).collect()
}

/// Without the name of the program, or the word note, which stand before what people read.
fn unnamed(line: &str) -> &str {
    let named = ["sentinel: ", "sentinelctl: ", "sentinel-train: ", "note: "];
    let unnamed = named.iter().find_map(|name| line.strip_prefix(name));
    unnamed.unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_other_programs_say_becomes_json() {
        let cases: [(&str, u8, &[&str]); 5] = [
            ("", 0, &[]),
            ("sentinel: 3 alerts\n", 0, &[r#"{"note":"3 alerts"}"#]),
            (
                "left out: a\nsentinel: no \"b\"\n",
                1,
                &[
                    r#"{"note":"left out: a"}"#,
                    r#"{"error":"no \"b\"","hint":"","code":1}"#,
                ],
            ),
            ("", 1, &[]),
            (
                "error: unexpected argument '--x'\n\n  tip: use '--y'\n\nUsage: lab\n",
                2,
                &[r#"{"error":"unexpected argument '--x'","hint":"use '--y'","code":2}"#],
            ),
        ];
        for (words, code, expected) in cases {
            assert_eq!(said(words, code), expected, "{words:?} {code}");
        }
    }
}
