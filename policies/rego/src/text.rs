//! The policy of `NAME.rego`: parsed, compiled, and asked.

use std::cell::RefCell;
use std::net::IpAddr;

use anyhow::{Result, bail};
use ipnet::IpNet;
use portcullis_sdk::template::escape;
use portcullis_sdk::{SettingsError, log};
use regorus::{Engine, Value};

use crate::input::Input;
use crate::settings::Settings;

/// The rule that decides.
pub(crate) const ENTRY_POINT: &str = "data.portcullis.permit";

/// The key of the settings that holds the text. The host replaces it by the file's name in errors.
const KEY: &str = "rego-text";

/// The name of the text in the interpreter's messages.
const FILE: &str = "text.rego";

/// Parts of errors that the text has for every login. The interpreter finds them where it gets to.
const DEFECTS: [&str; 2] = ["could not find function", "recursion detected"];

/// A compiled policy. A decision changes the interpreter, which the host discards afterwards.
pub(crate) struct Text(RefCell<Engine>);

impl Text {
    /// Compiles the text of the settings.
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        if settings.rego_text.trim().is_empty() {
            let problem = "no policy, so no login is permitted: write it into `NAME.rego`, next to the module";
            return Err(SettingsError::at(KEY, problem));
        }
        let engine = compile(&settings.rego_text);
        let mut engine = engine.map_err(|error| SettingsError::at(KEY, located(&error)))?;
        let data = serde_json::Value::Object(settings.data.clone()).to_string();
        engine
            .add_data_json(&data)
            .map_err(|error| SettingsError::at("data", one_line(&error.to_string())))?;
        let text = Self(RefCell::new(engine));
        text.warm_up()?;
        Ok(text)
    }

    /// Asks about a made-up login. The interpreter analyses the policy at its first question, and
    /// the host keeps the result for all logins because this is part of `configure`.
    fn warm_up(&self) -> Result<(), SettingsError> {
        let entry_point = ENTRY_POINT.into();
        let compiled = self.0.borrow_mut().compile_with_entrypoint(&entry_point);
        compiled.map_err(|error| SettingsError::at(KEY, located(&error)))?;
        // The made-up login lacks most facts, so other errors say nothing about real ones.
        if let Err(error) = self.permit(&Input::default())
            && DEFECTS.iter().any(|defect| error.contains(defect))
        {
            return Err(SettingsError::at(KEY, error));
        }
        // Nor do its lines.
        let _ = self.0.borrow_mut().take_prints();
        Ok(())
    }

    /// Evaluates the entry point. Returns its value as JSON; `None` if it is undefined.
    ///
    /// # Errors
    ///
    /// Fails with the reason of a denial.
    pub(crate) fn permit(&self, input: &Input) -> Result<Option<String>, String> {
        let input = serde_json::to_string(input).map_err(|error| error.to_string())?;
        let mut engine = self.0.borrow_mut();
        let value = engine
            .set_input_json(&input)
            .and_then(|()| engine.eval_rule(ENTRY_POINT.to_owned()));
        for line in engine.take_prints().unwrap_or_default() {
            log::debug(one_line(&line));
        }
        match value {
            Ok(Value::Undefined) => Ok(None),
            Ok(value) => value
                .to_json_str()
                .map(Some)
                .map_err(|error| located(&error)),
            Err(error) => Err(located(&error)),
        }
    }
}

fn compile(text: &str) -> Result<Engine> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.set_gather_prints(true);
    engine.add_extension("portcullis.token".to_owned(), 1, Box::new(token))?;
    // The interpreter's own function needs the standard library, which brings a clock.
    engine.add_extension("net.cidr_contains".to_owned(), 2, Box::new(cidr_contains))?;
    let package = engine.add_policy(FILE.to_owned(), text.to_owned())?;
    if package != "data.portcullis" {
        bail!("the package is `{package}`: begin the text with `package portcullis`");
    }
    if !engine.has_declared_rule_rooted_at(FILE, "permit")? {
        bail!("no rule `permit`, so no login is permitted: the permit is its value");
    }
    Ok(engine)
}

/// Returns a text as one token of a subject: the function `portcullis.token`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the interpreter hands values over"
)]
fn token(arguments: Vec<Value>) -> Result<Value> {
    match arguments.as_slice() {
        [Value::String(text)] if !text.is_empty() => Ok(Value::from(escape(text))),
        _ => bail!("`portcullis.token` takes one text that is not empty"),
    }
}

/// Returns whether a network contains an address or a network: OPA's function `net.cidr_contains`.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the interpreter hands values over"
)]
fn cidr_contains(arguments: Vec<Value>) -> Result<Value> {
    let [Value::String(network), Value::String(part)] = arguments.as_slice() else {
        bail!("`net.cidr_contains` takes two texts");
    };
    let (Some(network), Some(part)) = (self::network(network), self::network(part)) else {
        bail!(
            "`net.cidr_contains` takes a network such as `10.0.0.0/8`, and an address or a network"
        );
    };
    Ok(Value::Bool(network.contains(&part)))
}

fn network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(address)
}

/// Returns an error as `line 3, column 7: …`. The interpreter draws the line between the two.
fn located(error: &anyhow::Error) -> String {
    let error = format!("{error:#}");
    let found = error.split_once(&format!("--> {FILE}:"));
    let found = found.and_then(|(_, rest)| {
        let (place, rest) = rest.split_once('\n')?;
        let (line, column) = place.split_once(':')?;
        let (_, message) = rest.split_once("error: ")?;
        Some(format!("line {line}, column {column}: {message}"))
    });
    // A longer message draws other places too, of which the line and the column are enough.
    one_line(&found.unwrap_or(error)).replace(&format!("--> {FILE}:"), "line ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
