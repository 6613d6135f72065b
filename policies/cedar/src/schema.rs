//! The schema of requests: users, accounts, profiles, and the claims that the settings declare.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cedar_policy::Schema;

use crate::settings::ClaimType;

/// The schema without the type of the claims.
const SCHEMA: &str = include_str!("schema.cedarschema");

impl ClaimType {
    /// Returns the name of the type in a schema.
    const fn in_schema(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::Long => "Long",
            Self::Bool => "Bool",
            Self::Strings => "Set<String>",
        }
    }
}

/// Returns the schema for logins with these claims. Each claim is optional. The error is Cedar's
/// message.
pub(crate) fn schema(claims: &BTreeMap<String, ClaimType>) -> Result<Schema, String> {
    let mut text = format!("{SCHEMA}\ntype Claims = {{\n");
    for (name, kind) in claims {
        // The text is in memory, so writing to it does not fail.
        let _ = writeln!(text, "  {}?: {},", quoted(name), kind.in_schema());
    }
    text.push_str("};\n");
    let schema = Schema::from_cedarschema_str(&text);
    let (schema, _) = schema.map_err(|error| error.to_string())?;
    Ok(schema)
}

/// Returns a text as a string literal of Cedar.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
