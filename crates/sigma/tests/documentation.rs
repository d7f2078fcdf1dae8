//! The tables of fields in docs/rules.md are those of the code; UPDATE_GOLDEN=1 writes them.

use std::fmt::Write as _;
use std::path::Path;

use sentinel_sigma::{Record, Values, fields_of};

const BEGIN: &str = "<!-- fields -->\n";
const END: &str = "<!-- end of fields -->";

fn tables() -> String {
    let mut text = String::new();
    for record in Record::ALL {
        if record == Record::AuditRead {
            // Its fields are those of the record before it.
            continue;
        }
        let _ = writeln!(
            text,
            "### {}\n\n| field | what it is |\n|---|---|",
            record.name()
        );
        for field in fields_of(record) {
            let values = match field.values {
                Values::OneOf(values) if values.len() > 3 => {
                    let values: Vec<String> = values.iter().map(|v| format!("`{v}`")).collect();
                    format!("; one of {}", values.join(", "))
                }
                _ => String::new(),
            };
            let _ = writeln!(text, "| `{}` | {}{values} |", field.name, field.doc);
        }
        text.push('\n');
    }
    text
}

#[test]
fn the_documented_fields_are_those_that_rules_see() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let text = std::fs::read_to_string(&path).expect("is there");
    let (before, rest) = text.split_once(BEGIN).expect("has the mark");
    let (found, after) = rest.split_once(END).expect("has the mark");
    let expected = tables();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let written = format!("{before}{BEGIN}{expected}{END}{after}");
        std::fs::write(&path, written).expect("writes");
        return;
    }
    assert!(
        found == expected,
        "docs/rules.md: UPDATE_GOLDEN=1 writes the tables anew"
    );
}
