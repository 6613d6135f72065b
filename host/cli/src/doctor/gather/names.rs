//! The accounts that files name.

use std::path::Path;

use portcullis_config::Config;
use toml::de::{DeTable, DeValue};

use super::line::line_at;
use super::policy_settings;
use crate::doctor::evidence::{NamedAccount, Namer};

/// Maximum size of a file, in bytes: the largest settings that a policy can have.
const MAX_SIZE: u64 = 32 << 20;

/// Returns the accounts that settings of policies, assertions and the configuration name. Files
/// that cannot be read are problems that `portcullis check` finds.
pub(super) fn accounts(config: &Config) -> Vec<NamedAccount> {
    let mut names = in_configuration(config);
    names.extend(in_assertions(&config.policies.assertions.path));
    names.extend(in_settings(&config.policies.catalog.directory));
    names
}

/// Returns the text of a file.
pub(super) fn text_of(file: &Path) -> Option<String> {
    let content = portcullis_files::read(file, MAX_SIZE).ok()?;
    String::from_utf8(content.bytes).ok()
}

fn in_configuration(config: &Config) -> Vec<NamedAccount> {
    let named = |name: &str, key: String| NamedAccount {
        name: name.to_owned(),
        namer: Namer::Configuration,
        file: config.file.clone(),
        line: None,
        key,
    };
    let ceilings = config.ceilings.accounts.keys();
    let ceilings = ceilings.map(|name| named(name.as_str(), format!("ceilings.accounts.{name}")));
    let events = config.records.events.as_ref();
    let denials = events.and_then(|events| events.denials.as_ref());
    let denials = denials.map(|name| named(name.as_str(), "records.events.denials".to_owned()));
    ceilings.chain(denials).collect()
}

fn in_assertions(file: &Path) -> Vec<NamedAccount> {
    let text = text_of(file).unwrap_or_default();
    let Ok(root) = DeTable::parse(&text) else {
        return Vec::new();
    };
    let assertions = root.get_ref().get("assertions");
    let assertions = assertions.and_then(|list| list.get_ref().as_array());
    let named = assertions.into_iter().flatten().filter_map(|assertion| {
        let table = assertion.get_ref().as_table()?;
        let account = table.get("account")?;
        let string = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        let assertion = table.get("name").and_then(|name| string(name.get_ref()));
        Some(NamedAccount {
            name: string(account.get_ref())?,
            namer: Namer::Assertion,
            file: file.to_owned(),
            line: Some(line_at(&text, account.span().start)),
            key: format!("account of `{}`", assertion.unwrap_or_default()),
        })
    });
    named.collect()
}

/// Returns the accounts in the settings of the policies in `directory`.
fn in_settings(directory: &Path) -> Vec<NamedAccount> {
    let listing = portcullis_files::list(directory).map(|listing| listing.entries);
    let modules = listing.unwrap_or_default().into_iter();
    let modules = modules.filter(|path| path.extension().is_some_and(|it| it == "wasm"));
    let files = modules.map(|module| module.with_extension("toml"));
    files
        .flat_map(|file| {
            let text = text_of(&file).unwrap_or_default();
            let found = policy_settings::accounts(&text).into_iter();
            let named = found.map(|(name, key, line)| NamedAccount {
                name,
                namer: Namer::Settings,
                file: file.clone(),
                line: Some(line),
                key,
            });
            named.collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn accounts_are_named_by_files_with_their_places() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "assertions.toml",
            "[[assertions]]\nname = \"one\"\naccount = \"A\"\n[[assertions]]\nname = \"two\"\n",
        );
        let settings = "[settings.users.x]\nprofile = \"p\"\naccount = \"B\"\n";
        write("policies/users.wasm", "");
        write("policies/users.toml", settings);
        write("policies/orphan.toml", settings);
        let text = "[callout]\nissuer-seed-file = \"i\"\ntarget-accounts = [\"*\"]\n\
                    account = \"AUTH\"\nsystem-account = \"SYS\"\n\
                    [policies]\ndirectory = \"policies\"\n\
                    [ceilings.accounts.C]\npublish-allow = [\"a\"]\n\
                    [records.events]\nsubject = \"x.{account}\"\ndenials = \"D\"\n";
        let config = Config::parse(&directory.path().join("portcullis.toml"), text).unwrap();

        let named = accounts(&config.value);

        let shown: Vec<_> = named
            .iter()
            .map(|it| {
                let file = it.file.file_name().unwrap().to_string_lossy();
                let line = it.line.unwrap_or_default();
                format!("{} {file}:{line} {}", it.name, it.key)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "C portcullis.toml:0 ceilings.accounts.C",
                "D portcullis.toml:0 records.events.denials",
                "A assertions.toml:3 account of `one`",
                "B users.toml:3 settings.users.x.account",
            ]
        );
    }
}
