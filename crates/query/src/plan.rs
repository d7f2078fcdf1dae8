//! What the engine will ask a table for: columns, conditions, and the order of groups.

use rusqlite::types::Value;
use rusqlite::vtab::{DistinctMode, IndexConstraintOp, IndexInfo};
use sentinel_store::view::{Filter, Test};

use crate::tables::{ColumnKind, TableInfo};
use crate::time;

/// Bits of the engine's column mask that stand for one column each; the last one
/// stands for all columns from there on.
const MASKED_COLUMNS: usize = 63;

/// The column that identifies a row.
pub(crate) const ROW_ID: &str = "seq";

/// One way in which the engine goes through a table.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The columns whose values it asks for, as positions in the table.
    pub columns: Vec<usize>,
    /// Conditions whose right sides it tells when it begins.
    pub conditions: Vec<Condition>,
    /// How it wants rows to be grouped.
    pub grouping: Option<Grouping>,
}

/// A condition on a column.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub column: usize,
    pub comparison: Comparison,
    /// Whether there is a list on the right side.
    pub is_list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Equal rows one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// As often as they occur.
    Counted,
    /// Once.
    Distinct,
}

impl Plan {
    /// Chooses what to do for the engine and tells it the cost. `is_read` knows whether
    /// the query names a column at all.
    pub fn choose(
        info: &mut IndexInfo,
        table: &TableInfo,
        rows: u64,
        is_read: impl Fn(&str) -> bool,
    ) -> rusqlite::Result<Plan> {
        let mut conditions = Vec::new();
        let mut share = 1.0;
        let candidates: Vec<(usize, usize, Comparison)> = info
            .constraints()
            .enumerate()
            .filter(|(_, c)| c.is_usable())
            .filter_map(|(i, c)| {
                let column = usize::try_from(c.column()).ok()?;
                Some((i, column, comparison(c.operator())?))
            })
            .collect();
        for (i, column, comparison) in candidates {
            let Some(column_info) = table.columns.get(column) else {
                continue;
            };
            if !can_filter(column_info.kind, comparison, info.collation(i)?) {
                continue;
            }
            let is_list = info.is_in_constraint(i)? && info.set_in_constraint(i, true)?;
            conditions.push(Condition {
                column,
                comparison,
                is_list,
            });
            // The engine still checks each row, because the filter may let through more.
            let argument = i32::try_from(conditions.len()).unwrap_or(i32::MAX);
            info.constraint_usage(i).set_argv_index(argument);
            share *= passing_share(column_info.name, comparison);
        }
        let used = info.col_used();
        let is_used = |(i, column): (usize, &str)| {
            let bit = i.min(MASKED_COLUMNS);
            used >> bit & 1 == 1 && (i < MASKED_COLUMNS || is_read(column))
        };
        let grouping = grouping(info, &conditions);
        // Under several conditions joined by OR, the engine knows a row again by its id,
        // which is `seq`.
        let needs_id = grouping.is_none() && !conditions.is_empty();
        let columns = table.columns.iter().enumerate();
        let columns =
            columns.filter(|(i, c)| is_used((*i, c.name)) || needs_id && c.name == ROW_ID);
        let plan = Plan {
            columns: columns.map(|(i, _)| i).collect(),
            grouping,
            conditions,
        };
        if plan.grouping.is_some() {
            info.set_order_by_consumed(true);
        }
        let rows = rows as f64;
        info.set_estimated_rows((rows * share) as i64 + 1);
        // A scan with conditions still reads a column; without, all that is asked for.
        let reading = if share < 1.0 { 0.2 } else { 1.0 };
        info.set_estimated_cost(1_000.0 + rows * reading + rows * share);
        Ok(plan)
    }

    /// The conditions as filters on the columns of the store's table.
    /// `values` has the right sides of each.
    pub fn filters(&self, table: &TableInfo, values: &[Vec<Value>]) -> Vec<Filter> {
        let mut filters = Vec::new();
        if !table.kinds.is_empty() {
            let kind = table.columns.iter().find(|c| c.name == "kind");
            filters.extend(kind.map(|kind| Filter {
                column: kind.source,
                test: Test::Texts(table.kinds.iter().map(|k| k.name().to_owned()).collect()),
            }));
        }
        for (condition, values) in self.conditions.iter().zip(values) {
            let column = &table.columns[condition.column];
            let test = test(column.kind, condition.comparison, values);
            filters.extend(test.map(|test| Filter {
                column: column.source,
                test,
            }));
        }
        filters
    }
}

fn comparison(operator: IndexConstraintOp) -> Option<Comparison> {
    use IndexConstraintOp as Op;
    match operator {
        Op::SQLITE_INDEX_CONSTRAINT_EQ | Op::SQLITE_INDEX_CONSTRAINT_IS => Some(Comparison::Equal),
        Op::SQLITE_INDEX_CONSTRAINT_LT => Some(Comparison::Less),
        Op::SQLITE_INDEX_CONSTRAINT_LE => Some(Comparison::LessOrEqual),
        Op::SQLITE_INDEX_CONSTRAINT_GT => Some(Comparison::Greater),
        Op::SQLITE_INDEX_CONSTRAINT_GE => Some(Comparison::GreaterOrEqual),
        _ => None,
    }
}

/// Whether the store can filter by such a condition. Texts are compared by their bytes,
/// so another collation than the column's own is left to the engine.
fn can_filter(kind: ColumnKind, comparison: Comparison, collation: &str) -> bool {
    match kind {
        ColumnKind::Text => comparison == Comparison::Equal && collation == "BINARY",
        ColumnKind::Time => collation == time::COLLATION,
        ColumnKind::Integer | ColumnKind::Boolean => true,
        ColumnKind::Json => false,
    }
}

/// About which share of the rows passes a condition.
fn passing_share(column: &str, comparison: Comparison) -> f64 {
    match (comparison, column) {
        (Comparison::Equal, "seq" | "id") => 1e-7,
        (Comparison::Equal, "exec_id" | "parent_exec_id" | "child_exec_id") => 1e-5,
        (Comparison::Equal, "path" | "addr") => 1e-4,
        (Comparison::Equal, "exe" | "pid") => 1e-3,
        (Comparison::Equal, _) => 0.05,
        (_, _) => 0.3,
    }
}

/// How the engine wants rows to be grouped, where that can be had: all columns that it
/// asks for are among those by which it groups, or are the same in every row.
fn grouping(info: &IndexInfo, conditions: &[Condition]) -> Option<Grouping> {
    let grouping = match info.distinct() {
        DistinctMode::Grouped => Grouping::Counted,
        DistinctMode::Distinct => Grouping::Distinct,
        _ => return None,
    };
    let columns: Option<Vec<usize>> = info
        .order_bys()
        .map(|order| usize::try_from(order.column()).ok())
        .collect();
    let columns = columns.filter(|columns| !columns.is_empty())?;
    let used = info.col_used();
    let is_fixed = |column: usize| {
        columns.contains(&column)
            || conditions
                .iter()
                .any(|c| c.column == column && c.comparison == Comparison::Equal && !c.is_list)
    };
    // Of the columns behind the mask nobody knows which ones are meant.
    let masked = (0..MASKED_COLUMNS).filter(|i| used >> i & 1 == 1);
    let all_fixed = masked.into_iter().all(is_fixed);
    (all_fixed && used >> MASKED_COLUMNS == 0).then_some(grouping)
}

/// The test that a condition stands for; `None` where only the engine can tell.
fn test(kind: ColumnKind, comparison: Comparison, values: &[Value]) -> Option<Test> {
    if kind == ColumnKind::Text {
        let texts = values.iter().map(|value| match value {
            Value::Text(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            _ => None,
        });
        return texts.collect::<Option<_>>().map(Test::Texts);
    }
    let ranges = values.iter().map(|value| {
        let (low, high) = match (kind, value) {
            (ColumnKind::Time, Value::Text(text)) => {
                let time_ns = time::parse(text)?;
                (time_ns.into(), time_ns.into())
            }
            (ColumnKind::Time, Value::Integer(number)) => {
                let time_ns = time::parse(&number.to_string())?;
                (time_ns.into(), time_ns.into())
            }
            (ColumnKind::Time, _) => return None,
            (_, Value::Integer(number)) => (i128::from(*number), i128::from(*number)),
            (_, Value::Real(number)) => (number.floor() as i128, number.ceil() as i128),
            _ => return None,
        };
        Some(match comparison {
            Comparison::Equal => (low, high),
            Comparison::Less | Comparison::LessOrEqual => (i128::MIN, high),
            Comparison::Greater | Comparison::GreaterOrEqual => (low, i128::MAX),
        })
    });
    ranges.collect::<Option<_>>().map(Test::Ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ColumnKind, comparison: Comparison, value: Value, expected: Option<Test>) {
        let found = test(kind, comparison, std::slice::from_ref(&value));
        assert_eq!(found, expected, "{kind:?} {value:?}");
    }

    #[test]
    fn conditions_become_tests_that_never_leave_out_too_much() {
        use Comparison::{Equal, Greater, Less};
        let ranges = |low, high| Some(Test::Ranges(vec![(low, high)]));
        let text = |text: &str| Some(Test::Texts(vec![text.to_owned()]));
        check(
            ColumnKind::Text,
            Equal,
            Value::Text("a".to_owned()),
            text("a"),
        );
        check(ColumnKind::Text, Equal, Value::Integer(7), text("7"));
        check(ColumnKind::Text, Equal, Value::Real(7.0), None);
        check(ColumnKind::Text, Equal, Value::Null, None);
        check(ColumnKind::Integer, Equal, Value::Integer(7), ranges(7, 7));
        check(
            ColumnKind::Integer,
            Less,
            Value::Real(7.5),
            ranges(i128::MIN, 8),
        );
        check(
            ColumnKind::Integer,
            Greater,
            Value::Real(7.5),
            ranges(7, i128::MAX),
        );
        check(
            ColumnKind::Integer,
            Equal,
            Value::Text("7".to_owned()),
            None,
        );
        let epoch = Value::Text("1970-01-01 00:00:01".to_owned());
        check(
            ColumnKind::Time,
            Less,
            epoch,
            ranges(i128::MIN, 1_000_000_000),
        );
        check(ColumnKind::Time, Less, Value::Text("noon".to_owned()), None);
    }
}
