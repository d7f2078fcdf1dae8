//! What can go wrong with a query, each as one sentence for the person who asked.

use rusqlite::{Error, ErrorCode};
use sentinel_store::StoreError;

use crate::tables;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The query is wrong.
    #[error("{0}")]
    Sql(String),
    /// The query would change something.
    #[error("only queries are allowed, the history is read-only: {0} is refused")]
    ReadOnly(String),
    /// The query needs more memory than it may take.
    #[error(
        "the query needs more than {0} MiB of memory; ask for fewer rows, for example with \
         --since, or allow more with --memory-limit"
    )]
    Memory(u64),
    /// The query took longer than it may.
    #[error("the query was cancelled after {0} seconds (--timeout)")]
    Timeout(f64),
    /// The history cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed.
    #[error("the query failed: {0}")]
    Engine(String),
}

impl Fault {
    /// What the engine says about a query, in the words of the person who asked.
    pub(crate) fn of(error: &Error, memory_bytes: u64) -> Fault {
        match error {
            Error::SqlInputError {
                msg, sql, offset, ..
            } => {
                let before = usize::try_from(*offset).ok().and_then(|o| sql.get(..o));
                let place = before.map(|text| text.chars().count() + 1);
                Fault::Sql(wrong_sql(msg, place))
            }
            Error::MultipleStatement => Fault::Sql("only one query at a time is allowed".into()),
            Error::SqliteFailure(code, message) => match (code.code, message) {
                (ErrorCode::OutOfMemory, _) => Fault::Memory(memory_bytes >> 20),
                (ErrorCode::Unknown, Some(message)) => Fault::Sql(wrong_sql(message, None)),
                (_, Some(message)) => Fault::Engine(message.clone()),
                (_, None) => Fault::Engine(error.to_string()),
            },
            other => Fault::Engine(other.to_string()),
        }
    }
}

/// A complaint of the engine with its place and what was probably meant.
fn wrong_sql(message: &str, place: Option<usize>) -> String {
    let mut sentence = match place {
        Some(place) => format!("the query is wrong at character {place}: {message}"),
        None => format!("the query is wrong: {message}"),
    };
    if let Some(meant) = suggestion(message) {
        sentence.push_str(&format!("; did you mean '{meant}'?"));
    } else if message.starts_with("no such") {
        sentence.push_str("; --tables shows what there is");
    }
    sentence
}

/// The table or column whose name is closest to the unknown one.
fn suggestion(message: &str) -> Option<&'static str> {
    let tables = tables::all();
    let (name, known): (&str, Vec<&'static str>) =
        if let Some(name) = message.strip_prefix("no such column: ") {
            let columns = tables.iter().flat_map(|t| &t.columns);
            (name, columns.map(|c| c.name).collect())
        } else {
            let name = message.strip_prefix("no such table: ")?;
            (name, tables.iter().map(|t| t.name).collect())
        };
    let name = name.split(" - ").next()?.rsplit('.').next()?;
    let name = name.trim_matches('"').to_lowercase();
    closest(&name, known)
}

/// The name that was probably meant, where one of those that are known is near enough.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known));
    let (distance, closest) = distances.min()?;
    (distance <= 1 + name.chars().count() / 4).then_some(closest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_get_the_closest_known_one() {
        for (message, expected) in [
            ("no such column: exce_id", Some("exec_id")),
            ("no such column: e.EXEE", Some("exe")),
            ("no such column: whatever", None),
            ("no such table: exec", Some("execs")),
            ("no such function: nope", None),
        ] {
            assert_eq!(suggestion(message), expected, "{message}");
        }
        let sentence = wrong_sql("no such column: whatever", Some(8));
        let expected = "the query is wrong at character 8: no such column: whatever; \
                        --tables shows what there is";
        assert_eq!(sentence, expected);
    }
}
