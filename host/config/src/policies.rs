//! Table `[policies]`: the policies that decide.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_catalog::{CatalogOptions, Chain, Condition, MaxLimits, PolicyGrants, Publisher};
use portcullis_core::{Allowed, PolicyName};
use portcullis_toml::kinds::{SIZE, SOME_TIME, TEXT, WORD};
use portcullis_toml::{Kind, Section};

use crate::allowed::read_allowed;
use crate::grants::{DECISION, MEMORY, read_grants, read_max_limits};
use crate::links::real_path;
use crate::values::{CONNECTION_TYPE, METHOD, POLICY, PUBLISHER};

/// The table `[policies]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Watched directory. Default: `policies`.
    pub directory: PathBuf,
    /// Policies that decide first, in this order, without duplicates. The others follow by name.
    pub order: Vec<PolicyName>,
    /// Interval of reads of the directory without a reported change. Default: 10 s.
    pub poll_interval: Duration,
    /// Time without changes after which the directory is read. Default: 250 ms.
    pub debounce: Duration,
    /// Maximum size of a module, in bytes. Default: 8 MiB.
    pub max_module_size: u64,
    /// Time limit of a policy for one decision, if its own settings set none. Default: 100 ms.
    pub deadline: Duration,
    /// Memory limit of a policy, in bytes, if its own settings set none. Default: 16 MiB.
    pub memory: u64,
    /// Table `[policies.max-limits]`: upper bounds on the limits in settings files.
    pub max_limits: MaxLimits,
    /// Tables `[policies.grants.NAME]`: grants of single policies, by name.
    pub grants: BTreeMap<PolicyName, PolicyGrants>,
    /// Time limit of loading a policy. Default: 2 min.
    pub load_timeout: Duration,
    /// Memory limit of loading a policy, in bytes. Default: 1 GiB.
    pub load_memory: u64,
    /// Policies that the host asks first about every login, and that may only deny. Without
    /// duplicates.
    pub guards: Vec<PolicyName>,
    /// Tables `[policies.chains.NAME]`: chains for some logins, by name.
    pub chains: Vec<Chain>,
    /// Publishers that may sign modules. With `Any`, the default, modules need no signature.
    pub trusted_publishers: Allowed<Publisher>,
    /// Directory of good versions and of the status of policies. Default: `state`.
    pub state_directory: PathBuf,
    /// Number of good versions that are kept for a policy, the one in service included. Default: 5.
    pub keep_versions: usize,
    /// Whether compiled code is cached in the state directory for the next start. Default: false.
    pub code_cache: bool,
}

/// Maximum of `keep-versions`, far more than a rollback needs.
const MAX_VERSIONS: usize = 1000;

/// A memory limit of the process that loads a policy. The process itself takes some of it.
const LOAD_MEMORY: Kind<u64> = Kind {
    expected: SIZE.expected,
    parse: |text| match (SIZE.parse)(text) {
        Ok(bytes) if bytes < MIN_LOAD_MEMORY => {
            let least = MIN_LOAD_MEMORY >> 20;
            Err(format!("must be at least `{least}MiB`, found `{text}`"))
        }
        size => size,
    },
};

/// Minimum of `load-memory`, in bytes. With less, no policy could be loaded.
const MIN_LOAD_MEMORY: u64 = 256 << 20;

impl Policies {
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let directory = if section.has("directory") {
            section.path("directory")
        } else {
            section.setting("directory");
            Some(section.resolve("policies"))
        };
        let order = read_names(&mut section, "order");
        let defaults = CatalogOptions::new(directory.clone().unwrap_or_default());
        let poll_interval = section.value("poll-interval", &SOME_TIME, defaults.poll_interval);
        let debounce = section.value("debounce", &SOME_TIME, defaults.debounce);
        let max_module_size = section.value("max-module-size", &SIZE, defaults.max_module_size);
        let deadline = section.value("deadline", &DECISION, defaults.limits.deadline);
        let memory = u64::try_from(defaults.limits.memory).unwrap_or(u64::MAX);
        let memory = section.value("memory", &MEMORY, memory);
        let max_limits = read_max_limits(&mut section, deadline, memory);
        let base = max_limits.unwrap_or_default();
        let grants = section.section("grants");
        let grants = grants.named(&POLICY, |section| read_grants(section, base));
        let load_timeout = section.value("load-timeout", &SOME_TIME, defaults.load_timeout);
        let load_memory = section.value("load-memory", &LOAD_MEMORY, defaults.load_memory);
        let guards = read_names(&mut section, "guards");
        let trusted_publishers = read_allowed(&mut section, "trusted-publishers", &PUBLISHER);
        let state_directory = read_state_directory(&mut section, directory.as_deref());
        let keep_versions = match section.setting("keep-versions") {
            None => Some(defaults.keep_versions),
            Some(setting) => setting.count(MAX_VERSIONS),
        };
        let code_cache = section.flag("code-cache", false);
        let chains = read_chains(&mut section);
        if let (Some(order), Some(guards), Some(chains)) = (&order, &guards, &chains) {
            report_guard_in_chain(&mut section, order, guards, chains);
        }
        section.finish();
        Some(Self {
            directory: directory?,
            order: order?,
            poll_interval: poll_interval?,
            debounce: debounce?,
            max_module_size: max_module_size?,
            deadline: deadline?,
            memory: memory?,
            max_limits: max_limits?,
            grants: grants?,
            load_timeout: load_timeout?,
            load_memory: load_memory?,
            guards: guards?,
            chains: chains?,
            trusted_publishers: trusted_publishers?,
            state_directory: state_directory?,
            keep_versions: keep_versions?,
            code_cache: code_cache?,
        })
    }
}

/// Reads the state directory, and reports one that lies in the policy directory.
fn read_state_directory(section: &mut Section<'_>, directory: Option<&Path>) -> Option<PathBuf> {
    let state_directory = if section.has("state-directory") {
        section.path("state-directory")
    } else {
        section.setting("state-directory");
        Some(section.resolve("state"))
    };
    if let (Some(directory), Some(state)) = (directory, &state_directory)
        && real_path(state).starts_with(real_path(directory))
        && let Some(setting) = section
            .setting("state-directory")
            .or_else(|| section.setting("directory"))
    {
        setting.report(
            "the state directory lies in the policy directory: name one beside it as `state-directory`"
                .to_owned(),
        );
    }
    state_directory
}

/// Reads the chains for some logins, by name.
fn read_chains(section: &mut Section<'_>) -> Option<Vec<Chain>> {
    let chains = section.section("chains").named(&WORD, read_chain)?;
    let chains = chains.into_iter();
    let chains = chains.map(|(name, (logins, policies))| Chain {
        name,
        logins,
        policies,
    });
    Some(chains.collect())
}

/// Reports a guard that a chain lists too.
fn report_guard_in_chain(
    section: &mut Section<'_>,
    order: &[PolicyName],
    guards: &[PolicyName],
    chains: &[Chain],
) {
    let deciders = || chains.iter().flat_map(|chain| &chain.policies).chain(order);
    let Some(name) = guards
        .iter()
        .find(|guard| deciders().any(|name| name == *guard))
    else {
        return;
    };
    if let Some(setting) = section.setting("guards") {
        setting.report(format!(
            "policy `{name}` is in a chain too: a guard may only deny, so it decides nothing there"
        ));
    }
}

fn read_chain(mut section: Section<'_>) -> Option<(Condition, Vec<PolicyName>)> {
    let connection_types = read_allowed(&mut section, "connection-types", &CONNECTION_TYPE);
    let methods = read_allowed(&mut section, "methods", &METHOD);
    let issuers = read_allowed(&mut section, "issuers", &TEXT);
    let policies = if section.has("policies") {
        read_names(&mut section, "policies")
    } else {
        section.report_missing(
            "policies",
            "required: the policies that decide these logins",
        );
        None
    };
    let condition = Condition {
        connection_types: connection_types?,
        methods: methods?,
        issuers: issuers?,
    };
    if condition == Condition::ANY {
        section.report(
            "is for no particular logins: name `connection-types`, `methods` or `issuers`, or use `order`",
        );
        return None;
    }
    section.finish();
    Some((condition, policies?))
}

/// Reads names of policies without duplicates.
fn read_names(section: &mut Section<'_>, key: &'static str) -> Option<Vec<PolicyName>> {
    let Some(setting) = section.setting(key) else {
        return Some(Vec::new());
    };
    let names = setting.list(&POLICY)?;
    let twice = names
        .iter()
        .enumerate()
        .find(|(index, name)| names.iter().take(*index).any(|other| other == *name));
    if let Some((_, name)) = twice {
        setting.report(format!("names policy `{name}` twice"));
        return None;
    }
    Some(names)
}
