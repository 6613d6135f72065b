//! The JSON Schema of settings files.

use serde_json::Value;

use crate::options::CatalogOptions;
use crate::settings::SettingsFile;

/// Returns the JSON Schema of settings files, `NAME.toml`. The table `[settings]` is the policy's
/// own.
pub fn settings_schema() -> Value {
    // The name stands in messages only.
    let name = "policy".parse();
    let schema =
        name.map(|name| SettingsFile::schema(&name, &CatalogOptions::new("").terms(&name)));
    schema.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settings_file_has_the_tables_that_the_host_reads() {
        let schema = settings_schema();
        let keys = |table: &Value| -> Vec<String> {
            table["properties"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect()
        };
        assert_eq!(keys(&schema), ["instances", "limits", "settings"]);
        let limits = &schema["properties"]["limits"];
        assert!(
            keys(limits).contains(&"host-call-bytes".to_owned()),
            "{limits}"
        );
        assert_eq!(limits["additionalProperties"], false);
    }
}
