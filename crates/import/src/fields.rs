//! Typed access to the keys of one JSON object. Each key is taken out as it is read,
//! so what is left at the end is what nobody knew.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value};

/// A JSON object that is being read.
pub struct Fields(Map<String, Value>);

/// Why a line is no event, in words.
pub type Reason = String;

impl Fields {
    /// Parses one line.
    pub fn parse(line: &[u8]) -> Result<Fields, Reason> {
        match serde_json::from_slice(line) {
            Ok(Value::Object(map)) => Ok(Fields(map)),
            Ok(_) => Err("not a JSON object".to_owned()),
            // The line number within the line is always 1 and would mislead.
            Err(error) if error.line() == 1 => {
                let text = error.to_string();
                let text = text.split(" at line ").next().unwrap_or(&text);
                Err(format!("not JSON: {text} at column {}", error.column()))
            }
            Err(error) => Err(format!("not JSON: {error}")),
        }
    }

    /// The keys that were not read.
    pub fn left_over(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Takes keys out that are known but say nothing here.
    pub fn ignore<'a>(&mut self, keys: impl IntoIterator<Item = &'a str>) {
        for key in keys {
            self.0.remove(key);
        }
    }

    /// A value of any type; `null` counts as absent.
    fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, Reason> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong(key, "a text", &other)),
        }
    }

    pub fn required_text(&mut self, key: &str) -> Result<String, Reason> {
        self.text(key)?.ok_or_else(|| missing(key))
    }

    /// An absolute path, or a memfd's name; an empty one, as kernel threads have it,
    /// counts as absent.
    pub fn absolute_path(&mut self, key: &str) -> Result<Option<String>, Reason> {
        match self.text(key)?.filter(|path| !path.is_empty()) {
            Some(path) if !path.starts_with('/') && !path.starts_with("memfd:") => {
                Err(format!("{key}: \"{path}\" is not an absolute path"))
            }
            path => Ok(path),
        }
    }

    pub fn u64(&mut self, key: &str) -> Result<Option<u64>, Reason> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| wrong(key, "a whole number of 0 or more", &value)),
        }
    }

    /// As [`Fields::u64`], leaving the key in place for another reader.
    pub fn peek_u64(&self, key: &str) -> Result<Option<u64>, Reason> {
        match self.0.get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| wrong(key, "a whole number of 0 or more", value)),
        }
    }

    pub fn i64(&mut self, key: &str) -> Result<Option<i64>, Reason> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| wrong(key, "a whole number", &value)),
        }
    }

    /// A whole number that fits `T`.
    pub fn number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<Option<T>, Reason> {
        match self.u64(key)? {
            None => Ok(None),
            Some(number) => T::try_from(number)
                .map(Some)
                .map_err(|_| format!("{key}: {number} is too large")),
        }
    }

    pub fn required_number<T: TryFrom<u64>>(&mut self, key: &str) -> Result<T, Reason> {
        self.number(key)?.ok_or_else(|| missing(key))
    }

    pub fn bool(&mut self, key: &str) -> Result<Option<bool>, Reason> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(wrong(key, "true or false", &other)),
        }
    }

    /// A list of texts; numbers in it are taken as their digits.
    pub fn texts(&mut self, key: &str) -> Result<Option<Vec<String>>, Reason> {
        let values = match self.take(key) {
            None => return Ok(None),
            Some(Value::Array(values)) => values,
            Some(other) => return Err(wrong(key, "a list of texts", &other)),
        };
        let texts = values.into_iter().map(|value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(wrong(key, "a list of texts", &other)),
        });
        texts.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// A list of exactly three texts, one for each standard stream; an empty list counts
    /// as absent.
    pub fn three(&mut self, key: &str) -> Result<Option<[String; 3]>, Reason> {
        let Some(texts) = self.texts(key)? else {
            return Ok(None);
        };
        let length = texts.len();
        if length == 0 {
            return Ok(None);
        }
        let three = texts.try_into();
        three
            .map(Some)
            .map_err(|_| format!("{key}: expected three texts, found {length}"))
    }

    /// RFC 3339 as nanoseconds since the Unix epoch.
    pub fn time(&mut self, key: &str) -> Result<Option<i64>, Reason> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let time: jiff::Timestamp = to_nanoseconds(&text)
            .parse()
            .map_err(|_| format!("{key}: \"{text}\" is not an RFC 3339 time"))?;
        i64::try_from(time.as_nanosecond())
            .map(Some)
            .map_err(|_| format!("{key}: \"{text}\" is out of range"))
    }

    pub fn required_time(&mut self, key: &str) -> Result<i64, Reason> {
        self.time(key)?.ok_or_else(|| missing(key))
    }

    pub fn address(&mut self, key: &str) -> Result<Option<IpAddr>, Reason> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let parsed = text.parse().map(Some);
        parsed.map_err(|_| format!("{key}: \"{text}\" is not an IP address"))
    }

    /// One of a fixed set of names.
    pub fn named<T>(
        &mut self,
        key: &str,
        from_name: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Reason> {
        match self.text(key)? {
            None => Ok(None),
            Some(name) => from_name(&name)
                .map(Some)
                .ok_or_else(|| format!("{key}: \"{name}\" is not known")),
        }
    }
}

/// A time without what is finer than a nanosecond, which RFC 3339 allows and nobody counts.
fn to_nanoseconds(time: &str) -> Cow<'_, str> {
    let Some((whole, fraction)) = time.split_once('.') else {
        return Cow::Borrowed(time);
    };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    match digits {
        0..=9 => Cow::Borrowed(time),
        _ => Cow::Owned(format!("{whole}.{}{}", &fraction[..9], &fraction[digits..])),
    }
}

/// An address with port, or nothing when the text is empty.
pub fn socket_address(key: &str, text: &str) -> Result<Option<SocketAddr>, Reason> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.parse().map(Some);
    parsed.map_err(|_| format!("{key}: \"{text}\" is not an address with port"))
}

pub fn missing(key: &str) -> Reason {
    format!("{key} is missing")
}

fn wrong(key: &str, expected: &str, value: &Value) -> Reason {
    format!("{key}: expected {expected}, found {value}")
}
