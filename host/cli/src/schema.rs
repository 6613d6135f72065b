//! `portcullis schema`: the JSON Schemas of the files that people write.

use clap::ValueEnum;
use portcullis_catalog::{settings_schema, tests_schema};
use portcullis_config::Config;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::Output;

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
}

/// Returns the schema of a kind of file.
///
/// # Errors
///
/// Fails if the schema is not JSON, which is a fault of the program.
pub(crate) fn print(kind: SchemaOf) -> Result<Output, Failure> {
    let text = serde_json::to_string_pretty(&schema(kind)).map_err(Failure::internal)?;
    Ok(Output::success(format!("{text}\n")))
}

fn schema(kind: SchemaOf) -> Value {
    let (title, mut schema) = match kind {
        SchemaOf::Config => ("portcullis.toml", Config::schema()),
        SchemaOf::Settings => ("NAME.toml", settings_schema()),
        SchemaOf::Tests => ("NAME.tests.toml", tests_schema()),
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
