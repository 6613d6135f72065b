//! `portcullis schema`: the JSON Schemas of the files that people write, and of what hosts write.

use std::path::Path;

use clap::ValueEnum;
use portcullis_catalog::{
    CatalogOptions, Prover, assertions_schema, module_schema, settings_schema, tests_schema,
};
use portcullis_config::Config;
use portcullis_core::{DecisionRecord, LoginEvent};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

use crate::check::idle_engine;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::inspect::existing;
use crate::output::{Output, render_json};

/// The dialect of the schemas, which editors for TOML know.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The configuration, portcullis.toml.
    Config,
    /// The settings of a policy, NAME.toml.
    Settings,
    /// The tests of a policy, NAME.tests.toml.
    Tests,
    /// The assertions of the operator, assertions.toml.
    Assertions,
    /// A decision record, one line of a file or one message of a stream.
    DecisionRecord,
    /// A login event, one message for an application's account.
    LoginEvent,
}

/// Returns the schema of a kind of file. With a module, `[settings]` has the keys of its settings;
/// `prover` loads the module.
///
/// # Errors
///
/// Fails if `module` is given for another file than its settings, or if it does not say what its
/// settings are.
pub(crate) fn print(
    kind: SchemaOf,
    module: Option<&Path>,
    prover: &Prover,
) -> Result<Output, Failure> {
    let mut schema = schema(kind);
    if let Some(module) = module {
        if kind != SchemaOf::Settings {
            let error = anyhow::anyhow!("`--module` goes with `settings`");
            return Err(Failure::new(ExitCode::Usage, error));
        }
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("settings".to_owned(), settings_of(module, prover)?);
        }
    }
    render_json(&schema).map(Output::success)
}

/// Returns the schema of a module's own settings.
fn settings_of(module: &Path, prover: &Prover) -> Result<Value, Failure> {
    let bad = |error| Failure::new(ExitCode::BadPolicies, error);
    let unusable = |problem: &str| {
        let file = module.display();
        bad(anyhow::anyhow!("`{file}`: {problem}"))
    };
    existing(module)?;
    let options = CatalogOptions {
        prover: prover.clone(),
        ..CatalogOptions::new(".")
    };
    let found = module_schema(&idle_engine(None)?, module, &options);
    let schema = found.map_err(|error| bad(error.into()))?;
    let schema = schema.map_err(|problem| unusable(&one_line(&problem)))?;
    schema.ok_or_else(|| {
        unusable("it does not say what its settings are: build it with a newer portcullis-sdk")
    })
}

fn schema(kind: SchemaOf) -> Value {
    let (title, mut schema) = match kind {
        SchemaOf::Config => ("portcullis.toml", Config::schema()),
        SchemaOf::Settings => ("NAME.toml", settings_schema()),
        SchemaOf::Tests => ("NAME.tests.toml", tests_schema()),
        SchemaOf::Assertions => ("assertions.toml", assertions_schema()),
        SchemaOf::DecisionRecord => ("decision record", DecisionRecord::schema()),
        SchemaOf::LoginEvent => ("login event", LoginEvent::schema()),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("$schema".to_owned(), DIALECT.into());
        schema.insert("title".to_owned(), json!(title));
    }
    schema
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        SchemaOf::Config,
        include_str!("../../../docs/reference/schemas/config.json")
    )]
    #[case(
        SchemaOf::Settings,
        include_str!("../../../docs/reference/schemas/settings.json")
    )]
    #[case(
        SchemaOf::Tests,
        include_str!("../../../docs/reference/schemas/tests.json")
    )]
    #[case(
        SchemaOf::Assertions,
        include_str!("../../../docs/reference/schemas/assertions.json")
    )]
    #[case(
        SchemaOf::DecisionRecord,
        include_str!("../../../docs/reference/schemas/decision-record.json")
    )]
    #[case(
        SchemaOf::LoginEvent,
        include_str!("../../../docs/reference/schemas/login-event.json")
    )]
    fn the_reference_has_the_schema(#[case] kind: SchemaOf, #[case] page: &str) {
        let page: Value = serde_json::from_str(page).unwrap();
        let name = kind.to_possible_value().unwrap();
        let name = name.get_name();
        assert_eq!(
            page,
            schema(kind),
            "run `portcullis schema {name} > docs/reference/schemas/{name}.json`"
        );
    }
}
