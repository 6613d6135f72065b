//! Surveys of configurations that may be invalid.

use std::env;
use std::path::Path;

use portcullis_authority::Ceilings;
use portcullis_toml::{Document, Problem, Read};

use crate::callout::Callout;
use crate::config::{Parts, read_text};
use crate::key_value::KeyValue;
use crate::log::Log;
use crate::operator::Operator;
use crate::policies::Policies;
use crate::sources::NamedSecrets;
use crate::{exchange, identity, otlp, secrets};

/// The valid parts of a configuration, and all problems of it, those of secrets included.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Table `[policies]`, if it is valid.
    pub policies: Option<Policies>,
    /// Table `[key-value]`, if it is valid.
    pub key_value: Option<KeyValue>,
    /// Table `[callout]`, if it is valid.
    pub callout: Option<Callout>,
    /// Table `[operator]`, if it is valid.
    pub operator: Read<Option<Operator>>,
    /// Table `[ceilings]`, if it is valid.
    pub ceilings: Option<Ceilings>,
    /// Table `[log]`, if it is valid.
    pub log: Option<Log>,
    /// All problems, warnings included, in the order of their lines. Those of secrets follow.
    pub problems: Vec<Problem>,
}

impl Survey {
    /// Finds all problems of `file` and of the secrets that it names. No problem hides another.
    pub fn read(file: &Path) -> Self {
        let (text, warning) = match read_text(file) {
            Ok(read) => read,
            Err(problems) => {
                return Self {
                    problems: problems.0,
                    ..Self::default()
                };
            }
        };
        let document = Document::new(file, &text);
        let named = NamedSecrets::default();
        let parts = Parts::parse(&document, &named);
        let mut problems = document.into_problems();
        problems.extend(warning);
        problems.extend(secrets::check(file, &named.all()));
        let Some(parts) = parts else {
            return Self {
                problems,
                ..Self::default()
            };
        };
        let key_value = parts.key_value.as_ref();
        let buckets = key_value.and_then(|table| table.nats.as_deref());
        let records = parts.records.as_ref();
        let records = records.and_then(|table| table.stream_nats.as_deref());
        let operator = parts.operator.as_ref().and_then(Option::as_ref);
        let nats = parts.nats.iter().map(|nats| ("nats", nats));
        let others = secrets::other_connections(buckets, records, operator);
        for (table, nats) in nats.chain(others) {
            problems.extend(secrets::check_connection(file, table, nats));
        }
        if let Some(callout) = &parts.callout {
            let environment = |name: &str| env::var_os(name);
            problems.extend(secrets::check_other_keys(file, callout, &environment));
        }
        if let (Some(records), Some(telemetry)) = (&parts.records, &parts.telemetry) {
            let collectors = secrets::collectors(&records.options, telemetry);
            problems.extend(collectors.filter_map(|(table, it)| otlp::check(file, table, it)));
        }
        if let Some(exchange) = parts.exchange {
            problems.extend(exchange::check(file, &exchange));
        }
        if let Some(Some(system)) = &parts.system {
            problems.extend(secrets::check_connection(file, "system", system));
        }
        if let Some(identity) = parts.identity {
            problems.extend(identity::check(file, &identity));
        }
        Self {
            policies: parts.policies,
            key_value: parts.key_value,
            callout: parts.callout,
            operator: parts.operator,
            ceilings: parts.ceilings,
            log: parts.log,
            problems,
        }
    }
}
