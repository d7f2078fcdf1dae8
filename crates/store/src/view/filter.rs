//! What rows a reader wants, decided as early as possible: by a file's statistics, by
//! its bloom filters, and by the values themselves.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, BooleanArray, cast::as_dictionary_array, types};
use arrow_schema::{DataType, TimeUnit};
use parquet::bloom_filter::Sbbf;
use parquet::file::statistics::Statistics;

/// A condition on one column; rows without a value never meet it.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// Position of the column in the table's schema.
    pub column: usize,
    /// What is asked of its value.
    pub test: Test,
}

/// A condition on a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The text is one of these.
    Texts(Vec<String>),
    /// The number lies in one of these ranges, ends included. Times are nanoseconds
    /// since the Unix epoch, false and true are 0 and 1.
    Ranges(Vec<(i128, i128)>),
}

impl Test {
    /// Whether at most one value passes, so that the column is the same in all rows.
    pub fn is_one_value(&self) -> bool {
        match self {
            Test::Texts(texts) => texts.len() <= 1,
            Test::Ranges(ranges) => match ranges[..] {
                [] => true,
                [(low, high)] => low == high,
                _ => false,
            },
        }
    }

    /// Which values pass. A column of a type that the test is not made for passes as a
    /// whole: a filter may let through too much, never too little.
    pub(crate) fn mask(&self, values: &dyn Array) -> BooleanArray {
        match (self, values.data_type()) {
            (Test::Texts(texts), DataType::Utf8) => {
                let values = values.as_string::<i32>().iter();
                values
                    .map(|v| Some(v.is_some_and(|v| is_one_of(texts, v))))
                    .collect()
            }
            (Test::Texts(_), DataType::Dictionary(..)) => {
                let dictionary = as_dictionary_array::<Int32Type>(values);
                let passing = self.mask(dictionary.values());
                let keys = dictionary.keys().iter();
                keys.map(|key| Some(key.is_some_and(|key| passing.value(key as usize))))
                    .collect()
            }
            (Test::Ranges(ranges), DataType::UInt64) => {
                let ranges = clipped(ranges, u64::MIN, u64::MAX);
                let values = values.as_primitive::<types::UInt64Type>().iter();
                values.map(|v| Some(is_within(&ranges, v))).collect()
            }
            (Test::Ranges(ranges), DataType::Int64) => {
                let ranges = clipped(ranges, i64::MIN, i64::MAX);
                let values = values.as_primitive::<types::Int64Type>().iter();
                values.map(|v| Some(is_within(&ranges, v))).collect()
            }
            (Test::Ranges(ranges), DataType::Timestamp(TimeUnit::Nanosecond, _)) => {
                let ranges = clipped(ranges, i64::MIN, i64::MAX);
                let values = values.as_primitive::<types::TimestampNanosecondType>();
                let values = values.iter();
                values.map(|v| Some(is_within(&ranges, v))).collect()
            }
            (Test::Ranges(ranges), DataType::Boolean) => {
                let ranges = clipped(ranges, 0_u64, 1);
                let values = values.as_boolean().iter();
                values
                    .map(|v| Some(is_within(&ranges, v.map(u64::from))))
                    .collect()
            }
            _ => BooleanArray::from(vec![true; values.len()]),
        }
    }

    /// Whether a column chunk with these statistics may hold a value that passes.
    pub(crate) fn may_pass(&self, statistics: &Statistics, data_type: &DataType) -> bool {
        match (self, statistics) {
            (Test::Texts(texts), Statistics::ByteArray(s)) => {
                let (Some(low), Some(high)) = (s.min_bytes_opt(), s.max_bytes_opt()) else {
                    return true;
                };
                texts
                    .iter()
                    .any(|text| (low..=high).contains(&text.as_bytes()))
            }
            (Test::Ranges(ranges), Statistics::Int64(s)) => {
                let (Some(low), Some(high)) = (s.min_opt(), s.max_opt()) else {
                    return true;
                };
                let wide = |v: i64| match data_type {
                    DataType::UInt64 => i128::from(v as u64),
                    _ => i128::from(v),
                };
                let (low, high) = (wide(*low), wide(*high));
                ranges.iter().any(|(from, to)| *from <= high && low <= *to)
            }
            _ => true,
        }
    }

    /// Whether a column chunk with this bloom filter may hold a value that passes.
    pub(crate) fn may_be_in(&self, bloom: &Sbbf) -> bool {
        match self {
            Test::Texts(texts) => texts.iter().any(|text| bloom.check(text.as_str())),
            Test::Ranges(_) => true,
        }
    }
}

fn is_one_of(texts: &[String], value: &str) -> bool {
    texts.iter().any(|text| text == value)
}

fn is_within<T: PartialOrd + Copy>(ranges: &[(T, T)], value: Option<T>) -> bool {
    value.is_some_and(|v| ranges.iter().any(|(low, high)| *low <= v && v <= *high))
}

/// The parts of ranges that lie between two bounds.
fn clipped<T>(ranges: &[(i128, i128)], least: T, most: T) -> Vec<(T, T)>
where
    T: TryFrom<i128> + Into<i128> + Copy,
{
    let clip = |(low, high): &(i128, i128)| {
        let low = T::try_from((*low).max(least.into())).ok()?;
        let high = T::try_from((*high).min(most.into())).ok()?;
        Some((low, high))
    };
    ranges.iter().filter_map(clip).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::{DictionaryArray, Int64Array, StringArray, UInt64Array};

    use super::*;

    fn check(test: &Test, values: &dyn Array, expected: &[bool]) {
        let mask: Vec<bool> = test.mask(values).iter().map(|v| v == Some(true)).collect();
        assert_eq!(mask, expected, "{test:?}");
    }

    #[test]
    fn values_pass_one_by_one() {
        let texts = Test::Texts(vec!["a".to_owned(), "c".to_owned()]);
        let values = [Some("a"), None, Some("b"), Some("c"), Some("")];
        let expected = [true, false, false, true, false];
        check(&texts, &StringArray::from_iter(values), &expected);
        let dictionary: DictionaryArray<Int32Type> = values.into_iter().collect();
        check(&texts, &dictionary, &expected);

        let above = Test::Ranges(vec![(-1, 0), (i128::from(i64::MAX), i128::MAX)]);
        let values = UInt64Array::from(vec![Some(0), Some(1), None, Some(u64::MAX)]);
        check(&above, &values, &[true, false, false, true]);
        let values = Int64Array::from(vec![-1, -2, i64::MAX, i64::MIN]);
        check(&above, &values, &[true, false, true, false]);
        let none = Test::Ranges(vec![(i128::MIN, -5), (1 << 70, 1 << 71)]);
        check(&none, &UInt64Array::from(vec![0, u64::MAX]), &[false; 2]);
        check(&none, &StringArray::from(vec!["x"]), &[true]);
    }

    #[test]
    fn statistics_rule_out_what_cannot_be_there() {
        let numbers = Statistics::int64(Some(10), Some(20), None, Some(0), false);
        let huge = Statistics::int64(Some(10), Some(-1), None, Some(0), false);
        for (range, kind, statistics, expected) in [
            ((20, 30), DataType::Int64, &numbers, true),
            ((21, 30), DataType::Int64, &numbers, false),
            (
                (i128::from(u64::MAX), 1 << 80),
                DataType::UInt64,
                &huge,
                true,
            ),
            ((0, 9), DataType::UInt64, &huge, false),
        ] {
            let test = Test::Ranges(vec![range]);
            assert_eq!(test.may_pass(statistics, &kind), expected, "{range:?}");
        }
        let texts =
            Statistics::byte_array(Some("b".into()), Some("d".into()), None, Some(0), false);
        for (text, expected) in [("a", false), ("b", true), ("c", true), ("e", false)] {
            let test = Test::Texts(vec![text.to_owned()]);
            assert_eq!(test.may_pass(&texts, &DataType::Utf8), expected, "{text}");
        }
    }
}
