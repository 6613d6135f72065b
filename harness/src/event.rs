//! A line of the host's log.

use std::fmt;

use serde_json::Value;

/// A line of the host's JSON log.
#[derive(Clone)]
pub struct Event {
    line: String,
    fields: Value,
}

impl Event {
    /// Parses a line. A line that is not JSON has no fields.
    pub(crate) fn read(line: String) -> Self {
        let fields = serde_json::from_str(&line).unwrap_or_default();
        Self { line, fields }
    }

    /// Returns the line as it was written.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Returns whether the line has this message.
    pub fn says(&self, message: &str) -> bool {
        self.text("message") == message
    }

    /// Returns a field that holds text; empty if the field is absent.
    pub fn text(&self, field: &str) -> &str {
        self.fields
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Returns a field that holds a number; `None` if the field is absent. Numbers written as text
    /// count too.
    pub fn number(&self, field: &str) -> Option<u64> {
        let value = self.fields.get(field)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }

    /// Returns the number of refused requests that the line stands for.
    pub fn refusals(&self) -> u64 {
        if self.says("request refused") {
            1
        } else {
            self.number("refusal.count").unwrap_or(0)
        }
    }

    /// Returns whether the line is the decision on the login of the connection named `client`, or
    /// with this MQTT client id.
    pub fn decides(&self, client: &str) -> bool {
        let is = |field| self.text(field) == client;
        self.says("authorization decided") && (is("client.name") || is("client.mqtt_id"))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_at_the_top_level() {
        let line = r#"{"message":"policy loaded","policy.name":"a","policy.generation":3}"#;
        let event = Event::read(line.to_owned());
        assert!(event.says("policy loaded"));
        assert_eq!(event.text("policy.name"), "a");
        assert_eq!(event.number("policy.generation"), Some(3));
        assert_eq!(event.text("file"), "");
    }

    #[test]
    fn a_line_that_is_not_json_has_no_fields() {
        let event = Event::read("thread panicked".to_owned());
        assert_eq!(event.line(), "thread panicked");
        assert!(!event.says("thread panicked"));
    }
}
