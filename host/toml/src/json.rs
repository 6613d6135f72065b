//! Values as JSON has them.

use std::ops::Range;

use serde_json::{Number, Value};
use toml::Spanned;
use toml::de::DeValue;

/// A value that JSON does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Position of the value in its file.
    pub span: Range<usize>,
    /// Path of the value in the one that was read, such as `a.b[0]`. Empty for that one itself.
    pub path: String,
    /// What is wrong, and the way out, in one line.
    pub message: &'static str,
}

const NOT_FINITE: &str =
    "`nan` and `inf` are no numbers of JSON: write a number, or leave the key out";
const TOO_LARGE: &str = "a number of more than 64 bits: write it as a text";

/// Returns `value` as JSON. Dates become texts, because JSON has none. Does not copy the value
/// first: settings may have a hundred thousand tables, which take hundreds of megabytes.
///
/// # Errors
///
/// Fails at the first number that JSON does not have.
///
/// ```
/// use portcullis_toml::to_json;
/// use toml::de::DeValue;
///
/// let value = DeValue::parse("[2026-01-01, { a = [1, 0x10] }]").unwrap();
/// assert_eq!(to_json(&value).unwrap().to_string(), r#"["2026-01-01",{"a":[1,16]}]"#);
///
/// let value = DeValue::parse("[2026-01-01, { a = [1, inf] }]").unwrap();
/// assert_eq!(to_json(&value).unwrap_err().path, "[1].a[1]");
/// ```
pub fn to_json(value: &Spanned<DeValue<'_>>) -> Result<Value, NotJson> {
    let wrong = |message| NotJson {
        span: value.span(),
        path: String::new(),
        message,
    };
    match value.get_ref() {
        DeValue::String(text) => Ok(Value::from(text.as_ref())),
        DeValue::Boolean(flag) => Ok(Value::from(*flag)),
        DeValue::Datetime(time) => Ok(Value::from(time.to_string())),
        DeValue::Integer(number) => {
            let (text, radix) = (number.as_str(), number.radix());
            let signed = i64::from_str_radix(text, radix).map(Value::from);
            let number = signed.or_else(|_| u64::from_str_radix(text, radix).map(Value::from));
            number.map_err(|_| wrong(TOO_LARGE))
        }
        DeValue::Float(number) => {
            let text = number.as_str();
            let finite = text.parse().ok().and_then(Number::from_f64);
            let is_named = text.contains(['n', 'i']);
            let problem = if is_named { NOT_FINITE } else { TOO_LARGE };
            finite.map(Value::Number).ok_or_else(|| wrong(problem))
        }
        DeValue::Array(items) => {
            let items = items.iter().enumerate().map(|(index, item)| {
                to_json(item).map_err(|error| error.inside(&format!("[{index}]")))
            });
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, item)| {
                let key = key.get_ref();
                let item = to_json(item).map_err(|error| error.inside(key))?;
                Ok((key.to_string(), item))
            });
            entries.collect::<Result<_, _>>().map(Value::Object)
        }
    }
}

/// Turns the dates inside `value` into texts, because JSON has none. The value can then be
/// deserialized into JSON.
///
/// # Errors
///
/// Fails at the first number that JSON does not have.
pub fn make_json(value: &mut Spanned<DeValue<'_>>) -> Result<(), NotJson> {
    to_json(value)?;
    write_dates(value);
    Ok(())
}

fn write_dates(value: &mut Spanned<DeValue<'_>>) {
    match value.get_mut() {
        DeValue::Datetime(time) => {
            let text = time.to_string();
            *value.get_mut() = DeValue::String(text.into());
        }
        DeValue::Array(items) => items.iter_mut().for_each(write_dates),
        DeValue::Table(table) => table.iter_mut().for_each(|(_, item)| write_dates(item)),
        DeValue::String(_) | DeValue::Boolean(_) | DeValue::Integer(_) | DeValue::Float(_) => {}
    }
}

impl NotJson {
    /// Adds the step from the value around.
    fn inside(self, step: &str) -> Self {
        let is_joined = self.path.is_empty() || self.path.starts_with('[');
        let dot = if is_joined { "" } else { "." };
        Self {
            path: format!("{step}{dot}{}", self.path),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<String, (String, &'static str)> {
        let mut value = DeValue::parse(text).unwrap();
        match make_json(&mut value) {
            Ok(()) => Ok(format!("{:?}", value.get_ref())),
            Err(error) => Err((error.path, error.message)),
        }
    }

    #[test]
    fn numbers_that_json_lacks_are_named_with_their_path() {
        for (text, path, message) in [
            ("nan", "", NOT_FINITE),
            ("-inf", "", NOT_FINITE),
            ("1e400", "", TOO_LARGE),
            ("18446744073709551616", "", TOO_LARGE),
            ("-9223372036854775809", "", TOO_LARGE),
            ("{ a = { b = [1, +inf] } }", "a.b[1]", NOT_FINITE),
            ("[[0, nan]]", "[0][1]", NOT_FINITE),
        ] {
            assert_eq!(made(text), Err((path.to_owned(), message)), "{text}");
        }
    }

    #[test]
    fn other_values_stay_and_dates_become_texts() {
        for text in ["18446744073709551615", "0x8000", "1_000.5", "true", "'nan'"] {
            let before = format!("{:?}", DeValue::parse(text).unwrap().get_ref());
            assert_eq!(made(text), Ok(before), "{text}");
        }
        for text in ["2026-01-02", "2026-01-02T03:04:05Z", "03:04:05"] {
            let mut value = DeValue::parse(text).unwrap();
            make_json(&mut value).unwrap();
            assert_eq!(value.get_ref().as_str(), Some(text));
        }
    }
}
