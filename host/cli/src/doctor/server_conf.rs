//! The parts of nats-server's configuration that concern a callout.

mod syntax;
mod value;

use std::path::Path;

use value::{Map, Value};

pub(crate) use syntax::Spans;

/// The parts of nats-server's configuration that concern a callout.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServerConf {
    /// Whether the server trusts an operator, so that accounts come from JWTs.
    pub(crate) operator_mode: bool,
    /// The block `auth_callout`. `None` if it is absent.
    pub(crate) callout: Option<CalloutConf>,
    /// The accounts, those that every server has included.
    pub(crate) accounts: Vec<String>,
    /// The system account. Default: `$SYS`.
    pub(crate) system_account: String,
    /// The time for a login. `None` if the file does not set it, or not as a number of seconds.
    pub(crate) timeout: Option<f64>,
    /// The maximum length of a protocol line, in bytes. `None` if the file does not set it.
    pub(crate) max_control_line: Option<u64>,
}

/// The block `auth_callout`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CalloutConf {
    /// The public key that answers have to be signed by.
    pub(crate) issuer: String,
    /// The account of the services. Default: `$G`.
    pub(crate) account: String,
    /// The users that the server does not ask about: names and public nkeys.
    pub(crate) auth_users: Vec<String>,
    /// The public key that requests are encrypted for.
    pub(crate) xkey: Option<String>,
}

/// Reads the file and those that it includes.
///
/// # Errors
///
/// Fails with a description of the first problem.
pub(crate) fn read(file: &Path) -> Result<ServerConf, String> {
    let map = syntax::read(file).map_err(|error| error.to_string())?;
    Ok(ServerConf::from(&map))
}

/// Reads `text` as the content of the file.
///
/// # Errors
///
/// Fails as [`read`] does.
pub(crate) fn read_text(file: &Path, text: &str) -> Result<ServerConf, String> {
    let (map, _) = syntax::read_text(file, text).map_err(|error| error.to_string())?;
    Ok(ServerConf::from(&map))
}

/// Returns the places of the values in `text`, the content of the file.
///
/// # Errors
///
/// Fails as [`read`] does.
pub(crate) fn spans(file: &Path, text: &str) -> Result<Spans, String> {
    let read = syntax::read_text(file, text).map_err(|error| error.to_string())?;
    Ok(read.1)
}

impl From<&Map> for ServerConf {
    fn from(map: &Map) -> Self {
        let authorization = map.map(&["authorization"]);
        let callout = authorization.and_then(|block| block.map(&["auth_callout"]));
        let mut accounts = vec!["$G".to_owned()];
        match map.get(&["accounts"]) {
            Some(Value::Map(named)) => accounts.extend(named.keys().map(str::to_owned)),
            _ => accounts.extend(map.texts(&["accounts"])),
        }
        let system = map.text(&["system_account", "system"]);
        let system = system.unwrap_or("$SYS").to_owned();
        accounts.push(system.clone());
        accounts.dedup();
        let timeout = authorization.and_then(|block| block.text(&["timeout"]));
        Self {
            operator_mode: map.get(&["operator", "operators", "root"]).is_some(),
            callout: callout.map(CalloutConf::from),
            accounts,
            system_account: system,
            max_control_line: map.text(&["max_control_line"]).and_then(size),
            timeout: timeout.and_then(|text| text.trim_end_matches('s').parse().ok()),
        }
    }
}

/// Parses a size such as `4096`, `4K` or `1MB`.
fn size(text: &str) -> Option<u64> {
    let size: bytesize::ByteSize = text.parse().ok()?;
    Some(size.as_u64())
}

impl From<&Map> for CalloutConf {
    fn from(map: &Map) -> Self {
        let text = |keys: &[&str]| map.text(keys).map(str::to_owned);
        Self {
            issuer: text(&["issuer"]).unwrap_or_default(),
            account: text(&["account", "acc"]).unwrap_or_else(|| "$G".to_owned()),
            auth_users: map.texts(&["auth_users", "users"]),
            xkey: text(&["xkey", "key"]),
        }
    }
}
