//! Whether a rule can match at all on a record: its condition, decided over what the
//! fields of the record can be. A field that a record does not have, or a value that a
//! field never takes, makes a selection constant; what stays open is taken as open.

use std::borrow::Cow;
use std::collections::HashMap;

use rsigma_eval::{
    CompiledDetection, CompiledDetectionItem, CompiledMatcher, CompiledRule, Event, EventValue,
};
use rsigma_parser::{ConditionExpr, Quantifier};

use crate::Record;
use crate::fields::{Values, fields_of};
use crate::view::argument_number;

/// What a part of a rule can come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// It can be true.
    pub can_hold: bool,
    /// It can be false.
    pub can_fail: bool,
    /// Why it cannot be true, for people; empty when it can.
    pub why: String,
}

impl Reach {
    const OPEN: Reach = Reach {
        can_hold: true,
        can_fail: true,
        why: String::new(),
    };

    fn constant(holds: bool, why: impl FnOnce() -> String) -> Reach {
        Reach {
            can_hold: holds,
            can_fail: !holds,
            why: if holds { String::new() } else { why() },
        }
    }

    fn not(self) -> Reach {
        Reach {
            can_hold: self.can_fail,
            can_fail: self.can_hold,
            why: match self.can_fail {
                true => String::new(),
                false => "what it excludes is always so".to_owned(),
            },
        }
    }

    fn all(parts: impl IntoIterator<Item = Reach>) -> Reach {
        let mut whole = Reach::constant(true, String::new);
        for part in parts {
            if whole.can_hold && !part.can_hold {
                whole.why = part.why;
            }
            whole.can_hold &= part.can_hold;
            whole.can_fail |= part.can_fail;
        }
        whole
    }

    fn any(parts: impl IntoIterator<Item = Reach>) -> Reach {
        let mut whole = Reach::constant(false, String::new);
        for part in parts {
            if whole.why.is_empty() {
                whole.why = part.why;
            }
            whole.can_hold |= part.can_hold;
            whole.can_fail &= part.can_fail;
        }
        if whole.can_hold {
            whole.why.clear();
        }
        whole
    }
}

/// What the rule can come to on `record`.
pub fn of_rule(rule: &CompiledRule, record: Record) -> Reach {
    let conditions = rule.conditions.iter();
    Reach::any(conditions.map(|condition| of_condition(condition, &rule.detections, record)))
}

/// What a condition can come to.
fn of_condition(
    condition: &ConditionExpr,
    named: &HashMap<String, CompiledDetection>,
    record: Record,
) -> Reach {
    match condition {
        ConditionExpr::And(parts) => {
            Reach::all(parts.iter().map(|part| of_condition(part, named, record)))
        }
        ConditionExpr::Or(parts) => {
            Reach::any(parts.iter().map(|part| of_condition(part, named, record)))
        }
        ConditionExpr::Not(part) => of_condition(part, named, record).not(),
        ConditionExpr::Identifier(name) => match named.get(name) {
            Some(detection) => of_detection(detection, record),
            None => Reach::constant(false, || format!("there is no selection {name}")),
        },
        ConditionExpr::Selector {
            quantifier,
            pattern,
        } => {
            let mut names: Vec<&String> = named
                .keys()
                .filter(|name| pattern.matches_detection_name(name))
                .collect();
            // The reason must not depend on the order of a hash map.
            names.sort();
            let parts = names.iter().map(|name| of_detection(&named[*name], record));
            match quantifier {
                Quantifier::All => Reach::all(parts),
                Quantifier::Any | Quantifier::Count(1) => Reach::any(parts),
                Quantifier::Count(_) => Reach::OPEN,
            }
        }
    }
}

/// What a selection can come to.
pub fn of_detection(detection: &CompiledDetection, record: Record) -> Reach {
    match detection {
        CompiledDetection::AllOf(items) => {
            Reach::all(items.iter().map(|item| of_item(item, record)))
        }
        CompiledDetection::AnyOf(parts) => {
            Reach::any(parts.iter().map(|part| of_detection(part, record)))
        }
        CompiledDetection::And(parts) => {
            Reach::all(parts.iter().map(|part| of_detection(part, record)))
        }
        CompiledDetection::Keywords(_) => Reach::OPEN,
        CompiledDetection::Conditional { named, condition } => {
            of_condition(condition, named, record)
        }
        CompiledDetection::ArrayMatch { field, .. } => {
            Reach::constant(false, || format!("`{field}` is no list here"))
        }
    }
}

fn of_item(item: &CompiledDetectionItem, record: Record) -> Reach {
    let Some(name) = &item.field else {
        return Reach::OPEN;
    };
    let field = fields_of(record).iter().find(|field| field.name == name);
    let is_argument = record == Record::AuditExecve && argument_number(name).is_some();
    match (field.map(|field| field.values), item.exists) {
        (Some(Values::OneOf(values)), None) => {
            let holds = |value: &&&str| item.matcher.matches(&text(value), &Nothing);
            let can_hold = values.iter().any(|value| holds(&value));
            let can_fail = !values.iter().all(|value| holds(&value));
            let why = match can_hold {
                true => String::new(),
                false => format!("`{name}` is never {}", wanted(&item.matcher)),
            };
            Reach {
                can_hold,
                can_fail,
                why,
            }
        }
        (Some(_), _) => Reach::OPEN,
        (None, _) if is_argument => Reach::OPEN,
        (None, Some(exists)) => Reach::constant(!exists, || unknown(name)),
        (None, None) => Reach::constant(matches!(item.matcher, CompiledMatcher::Null), || {
            unknown(name)
        }),
    }
}

fn unknown(name: &str) -> String {
    format!("the field `{name}` is not known")
}

fn wanted(matcher: &CompiledMatcher) -> String {
    let pattern = matcher.describe().pattern.unwrap_or_default();
    format!("`{pattern}`")
}

fn text(text: &str) -> EventValue<'_> {
    EventValue::Str(Cow::Borrowed(text))
}

/// An event that has no field.
struct Nothing;

impl Event for Nothing {
    fn get_field(&self, _: &str) -> Option<EventValue<'_>> {
        None
    }

    fn any_string_value(&self, _: &dyn Fn(&str) -> bool) -> bool {
        false
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// Whether the rule asks for the field anywhere, also within what it excludes.
pub fn mentions(rule: &CompiledRule, name: &str) -> bool {
    rule.detections.values().any(|part| asks(part, name))
}

fn asks(detection: &CompiledDetection, name: &str) -> bool {
    match detection {
        CompiledDetection::AllOf(items) => {
            items.iter().any(|item| item.field.as_deref() == Some(name))
        }
        CompiledDetection::AnyOf(parts) | CompiledDetection::And(parts) => {
            parts.iter().any(|part| asks(part, name))
        }
        CompiledDetection::Keywords(_) => false,
        CompiledDetection::Conditional { named, .. } => named.values().any(|part| asks(part, name)),
        CompiledDetection::ArrayMatch { field, body, .. } => field == name || asks(body, name),
    }
}
