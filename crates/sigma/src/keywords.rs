//! Values without a field, made ready for the engine. Sigma searches them anywhere in a
//! log line; the engine holds a value with wildcards against the whole line, and a number
//! against lines that are numbers. Here both become what is searched for.

use rsigma_parser::{Detection, DetectionItem, SigmaRule, SigmaString, SigmaValue};
use rsigma_parser::{SpecialChar, StringPart};

/// Rewrites the values of `rule` that name no field.
pub fn loosen(rule: &mut SigmaRule) {
    rule.detection.named.values_mut().for_each(detection);
}

fn detection(part: &mut Detection) {
    match part {
        Detection::Keywords(values) => values.iter_mut().for_each(value),
        Detection::AllOf(items) => items.iter_mut().for_each(item),
        Detection::AnyOf(parts) | Detection::And(parts) => parts.iter_mut().for_each(detection),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {}
    }
}

fn item(item: &mut DetectionItem) {
    let all_only = item
        .field
        .modifiers
        .iter()
        .all(|m| *m == rsigma_parser::Modifier::All);
    if item.field.is_keyword() && all_only {
        item.values.iter_mut().for_each(value);
    }
}

fn value(value: &mut SigmaValue) {
    match value {
        SigmaValue::Integer(number) => *value = SigmaValue::from_raw_string(&number.to_string()),
        SigmaValue::String(text) if text.contains_wildcards() => open(text),
        _ => {}
    }
}

/// Puts a wildcard at both ends.
fn open(text: &mut SigmaString) {
    let many = || StringPart::Special(SpecialChar::WildcardMulti);
    if text.parts.first() != Some(&many()) {
        text.parts.insert(0, many());
    }
    if text.parts.last() != Some(&many()) {
        text.parts.push(many());
    }
}
