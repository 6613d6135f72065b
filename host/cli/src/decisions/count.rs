//! `portcullis decisions count`: the number of logins by user, address, class and so on.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};
use portcullis_core::{DecisionRecord, RecordedAccess, SourceNetwork, client_address};
use serde_json::json;

use super::filter::{FilterArguments, network};
use super::list::{short, user};
use super::source::SourceArguments;
use super::{ExitCode, Failure, Print};
use crate::policy::time;
use crate::system::table::{self, Align};

/// Number of addresses that a line of the table names.
const SHOWN: usize = 3;

/// The arguments of `portcullis decisions count`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct CountArguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    filter: FilterArguments,
    /// The fact to count by.
    #[arg(long, value_name = "FACT")]
    by: Fact,
    /// Only lines with logins from at least this number of addresses.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    min_addresses: usize,
    /// Only lines whose logins all came from this address or network. The filters come first, so
    /// leave out `--address`.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    only_from: Option<SourceNetwork>,
    /// Print JSON, one line of the table a line, with every address.
    #[arg(long)]
    json: bool,
}

/// A fact that logins are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fact {
    /// The principal, the user name or the user that the server shows.
    User,
    /// The address of the client.
    Address,
    /// The account of the permit.
    Account,
    /// The policy that decided.
    Policy,
    /// The class of the denial. Of logins without a denial, the outcome.
    Class,
    /// The outcome.
    Outcome,
    /// The method of the identity.
    Method,
    /// The version of the policy that decided, as the column VERSION of `list` shows it.
    Version,
    /// The server that asked.
    Server,
}

/// The logins with the same value of a fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    logins: u64,
    addresses: BTreeSet<String>,
    /// The time of the first and of the last login, in seconds since the Unix epoch.
    times: Option<(u64, u64)>,
}

/// The groups by the value of the fact. Logins without the fact have an empty value.
type Groups = BTreeMap<String, Group>;

/// Prints the number of logins by a fact, the highest first.
///
/// # Errors
///
/// Fails if the records cannot be read.
pub(super) async fn run(arguments: CountArguments, print: Print) -> Result<ExitCode, Failure> {
    let CountArguments {
        source,
        filter,
        by,
        min_addresses,
        only_from,
        json: is_json,
    } = arguments;
    let filter = filter.filter();
    let mut groups = Groups::new();
    source
        .read(&filter, |record| {
            if filter.fits(&record) {
                groups.entry(value(by, &record)).or_default().add(&record);
            }
        })
        .await?;
    groups.retain(|_, group| {
        group.addresses.len() >= min_addresses
            && only_from.is_none_or(|network| group.came_from(network))
    });
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by_key(|(_, group)| std::cmp::Reverse(group.logins));
    if is_json {
        for (value, group) in &rows {
            print(&format!("{}\n", as_json(by, value, group)))?;
        }
    } else {
        print(&render(by, &rows))?;
    }
    Ok(ExitCode::Success)
}

/// Returns the value of a fact. Empty if the login has none.
fn value(by: Fact, record: &DecisionRecord) -> String {
    let login = &record.login;
    match by {
        Fact::User => user(record).to_owned(),
        Fact::Address => login.client.host.clone().unwrap_or_default(),
        Fact::Account => {
            let access = record.access.as_ref();
            access.map_or("", RecordedAccess::account_name).to_owned()
        }
        Fact::Policy => {
            let policy = record.policy.as_ref();
            policy.map(|it| it.name.clone()).unwrap_or_default()
        }
        Fact::Class => {
            let class = record.class.clone();
            class.unwrap_or_else(|| record.outcome.as_str().to_owned())
        }
        Fact::Outcome => record.outcome.as_str().to_owned(),
        Fact::Method => login.identity.method.clone(),
        Fact::Version => {
            let policy = record.policy.as_ref();
            policy.map(|it| short(&it.version)).unwrap_or_default()
        }
        Fact::Server => login.server.name.clone(),
    }
}

impl Group {
    fn add(&mut self, record: &DecisionRecord) {
        self.logins = self.logins.saturating_add(1);
        self.addresses.extend(record.login.client.host.clone());
        let at = record.received_at;
        let (first, last) = self.times.unwrap_or((at, at));
        self.times = Some((first.min(at), last.max(at)));
    }

    /// Returns whether every login came from `network`. Without an address, none did.
    fn came_from(&self, network: SourceNetwork) -> bool {
        let addresses = self.addresses.iter();
        let mut addresses = addresses.map(|address| client_address(address));
        !self.addresses.is_empty()
            && addresses.all(|it| it.is_some_and(|address| network.contains(address)))
    }

    /// Returns the number of addresses and the first of them.
    fn shown_addresses(&self) -> String {
        let shown: Vec<_> = self.addresses.iter().take(SHOWN).cloned().collect();
        let number = self.addresses.len();
        let more = if number > SHOWN { ", …" } else { "" };
        if shown.is_empty() {
            number.to_string()
        } else {
            format!("{number}: {}{more}", shown.join(", "))
        }
    }

    fn shown_times(&self) -> [String; 2] {
        let times = self.times.map(|(first, last)| [time(first), time(last)]);
        times.unwrap_or_default()
    }
}

impl Fact {
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Address => "address",
            Self::Account => "account",
            Self::Policy => "policy",
            Self::Class => "class",
            Self::Outcome => "outcome",
            Self::Method => "method",
            Self::Version => "version",
            Self::Server => "server",
        }
    }
}

fn render(by: Fact, rows: &[(String, Group)]) -> String {
    let heading = by.as_str().to_ascii_uppercase();
    let columns = [
        (heading.as_str(), Align::Left),
        ("LOGINS", Align::Right),
        ("FIRST", Align::Left),
        ("LAST", Align::Left),
        ("ADDRESSES", Align::Left),
    ];
    let rows = rows.iter().map(|(value, group)| {
        let [first, last] = group.shown_times();
        let value = if value.is_empty() { "-" } else { value };
        [
            value.to_owned(),
            group.logins.to_string(),
            first,
            last,
            group.shown_addresses(),
        ]
    });
    table::render(columns, &rows.collect::<Vec<_>>())
}

fn as_json(by: Fact, value: &str, group: &Group) -> serde_json::Value {
    let [first, last] = group.shown_times();
    json!({
        (by.as_str()): (!value.is_empty()).then_some(value),
        "logins": group.logins,
        "addresses": group.addresses,
        "first": first,
        "last": last,
    })
}

#[cfg(test)]
mod tests;
