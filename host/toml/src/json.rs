//! Values as JSON has them.

use std::ops::Range;

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

/// Turns the dates inside `value` into texts, because JSON has none. The value can then be
/// deserialized into JSON.
///
/// # Errors
///
/// Fails at the first number that JSON does not have.
///
/// ```
/// use portcullis_toml::make_json;
/// use toml::de::DeValue;
///
/// let mut value = DeValue::parse("[2026-01-01, { a = [1, inf] }]").unwrap();
/// let error = make_json(&mut value).unwrap_err();
/// assert_eq!(error.path, "[1].a[1]");
/// ```
pub fn make_json(value: &mut Spanned<DeValue<'_>>) -> Result<(), NotJson> {
    let span = value.span();
    let wrong = |message| {
        Err(NotJson {
            span,
            path: String::new(),
            message,
        })
    };
    match value.get_mut() {
        DeValue::String(_) | DeValue::Boolean(_) => Ok(()),
        DeValue::Integer(number) => {
            let (text, radix) = (number.as_str(), number.radix());
            let fits = i64::from_str_radix(text, radix).is_ok()
                || u64::from_str_radix(text, radix).is_ok();
            if fits { Ok(()) } else { wrong(TOO_LARGE) }
        }
        DeValue::Float(number) => {
            let is_named = number.as_str().contains(['n', 'i']);
            match number.as_str().parse::<f64>() {
                Ok(value) if value.is_finite() => Ok(()),
                _ if is_named => wrong(NOT_FINITE),
                _ => wrong(TOO_LARGE),
            }
        }
        DeValue::Datetime(time) => {
            let text = time.to_string();
            *value.get_mut() = DeValue::String(text.into());
            Ok(())
        }
        DeValue::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                make_json(item).map_err(|error| error.inside(&format!("[{index}]")))?;
            }
            Ok(())
        }
        DeValue::Table(table) => {
            for (key, item) in table.iter_mut() {
                make_json(item).map_err(|error| error.inside(key.get_ref()))?;
            }
            Ok(())
        }
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
