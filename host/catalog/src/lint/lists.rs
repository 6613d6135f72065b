//! The lists of subjects in settings and permits.

use portcullis_core::{PermissionSubject, Permissions};
use toml::de::{DeArray, DeTable, DeValue};

use crate::lines::line_at;

/// A subject or an account, with its line.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) text: String,
    /// Line in the settings. `None` in a permit.
    pub(super) line: Option<usize>,
}

/// The subjects of one side.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    pub(super) allow: Vec<Entry>,
    pub(super) deny: Vec<Entry>,
}

/// The subjects of a table of settings or of a permit.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    pub(super) publish: Side,
    pub(super) subscribe: Side,
    /// The subjects of the intent `request`.
    pub(super) requests: Vec<Entry>,
    /// Whether the intents have the inbox of the login.
    pub(super) has_private_inbox: bool,
}

/// The lists of settings.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// Those of each table with `publish` or `subscribe`.
    pub(super) profiles: Vec<Lists>,
    pub(super) accounts: Vec<Entry>,
}

impl Settings {
    /// Returns the lists anywhere in the settings of a file. Empty if the text is not TOML, which
    /// another check reports.
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        if let Ok(root) = DeTable::parse(text)
            && let Some(settings) = root.get_ref().get("settings")
        {
            found.walk(text, settings.get_ref());
        }
        found
    }

    /// Returns the lists of all tables together: a policy may combine them.
    pub(super) fn together(&self) -> Lists {
        let mut all = Lists::default();
        for profile in &self.profiles {
            all.publish.extend(&profile.publish);
            all.subscribe.extend(&profile.subscribe);
            all.has_private_inbox |= profile.has_private_inbox;
        }
        all
    }

    fn walk(&mut self, text: &str, value: &DeValue<'_>) {
        let table = match value {
            DeValue::Table(table) => table,
            DeValue::Array(items) => {
                return items
                    .iter()
                    .for_each(|item| self.walk(text, item.get_ref()));
            }
            _ => return,
        };
        let mut lists = Lists::default();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("publish", DeValue::Table(side)) => lists.publish.add(text, side),
                ("subscribe", DeValue::Table(side)) => lists.subscribe.add(text, side),
                ("intents", DeValue::Table(intents)) => lists.add_intents(text, intents),
                ("account", DeValue::String(account)) => self.accounts.push(Entry {
                    text: account.to_string(),
                    line: Some(line_at(text, value.span().start)),
                }),
                (_, value) => self.walk(text, value),
            }
        }
        self.profiles.push(lists);
    }
}

impl Lists {
    pub(super) fn of_permissions(permissions: &Permissions) -> Self {
        let entries = |subjects: &[PermissionSubject]| {
            let entry = |subject: &PermissionSubject| Entry {
                text: subject.as_str().to_owned(),
                line: None,
            };
            subjects.iter().map(entry).collect()
        };
        let side = |permission: &portcullis_core::SubjectPermission| Side {
            allow: entries(&permission.allow),
            deny: entries(&permission.deny),
        };
        Self {
            publish: side(&permissions.publish),
            subscribe: side(&permissions.subscribe),
            ..Self::default()
        }
    }

    fn add_intents(&mut self, text: &str, intents: &DeTable<'_>) {
        for (key, value) in intents {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("request", DeValue::Array(subjects)) => {
                    self.requests.extend(entries(text, subjects));
                }
                ("private-inbox", DeValue::Boolean(true)) => self.has_private_inbox = true,
                _ => {}
            }
        }
    }
}

/// Returns the texts of a list.
fn entries(text: &str, list: &DeArray<'_>) -> impl Iterator<Item = Entry> {
    list.iter().filter_map(move |item| {
        Some(Entry {
            text: item.get_ref().as_str()?.to_owned(),
            line: Some(line_at(text, item.span().start)),
        })
    })
}

impl Side {
    fn extend(&mut self, other: &Self) {
        self.allow.extend(other.allow.iter().cloned());
        self.deny.extend(other.deny.iter().cloned());
    }

    fn add(&mut self, text: &str, side: &DeTable<'_>) {
        for (key, value) in side {
            let list = match key.get_ref().as_ref() {
                "allow" => &mut self.allow,
                "deny" => &mut self.deny,
                _ => continue,
            };
            if let DeValue::Array(subjects) = value.get_ref() {
                list.extend(entries(text, subjects));
            }
        }
    }
}
