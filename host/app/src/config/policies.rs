//! `[policies]`: who decides.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_catalog::{Chain, Condition, MaxLimits, PolicyGrants, Publisher};
use portcullis_core::PolicyName;

use super::grants::{DECISION, MEMORY, read_grants, read_max_limits};
use super::reader::Section;
use super::values::{
    CONNECTION_TYPE, Kind, METHOD, POLICY, PUBLISHER, SIZE, SOME_TIME, TEXT, WORD,
};

/// The table `[policies]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// The watched directory.
    pub directory: PathBuf,
    /// The policies that decide first, in this order; the others follow by name. No name twice.
    pub order: Vec<PolicyName>,
    /// How often the directory is read even if nothing was reported.
    pub poll_interval: Duration,
    /// How long the directory must be quiet before it is read.
    pub debounce: Duration,
    /// The largest module that is loaded, in bytes.
    pub max_module_size: u64,
    /// How long a policy may compute for one decision, if its own settings do not say.
    pub deadline: Duration,
    /// How much memory a policy may have, in bytes, if its own settings do not say.
    pub memory: u64,
    /// `[policies.max-limits]`: the highest limits that settings files may set.
    pub max_limits: MaxLimits,
    /// `[policies.grants.NAME]`: what single policies may do beyond the ordinary, by name.
    pub grants: BTreeMap<PolicyName, PolicyGrants>,
    /// How long a policy may take to be loaded.
    pub load_timeout: Duration,
    /// How much memory loading a policy may take, in bytes.
    pub load_memory: u64,
    /// The policies that are asked about every login first, and may only deny. No name twice.
    pub guards: Vec<PolicyName>,
    /// `[policies.chains.NAME]`: the chains for some logins, by name.
    pub chains: Vec<Chain>,
    /// Who may sign modules; nobody has to if empty.
    pub trusted_publishers: Vec<Publisher>,
    /// Where good versions and the status of policies are kept.
    pub state_directory: PathBuf,
    /// How many good versions of a policy are kept, the one in service included.
    pub keep_versions: usize,
    /// Whether compiled code is kept in the state directory, for the next start.
    pub code_cache: bool,
}

/// More versions than anybody goes back.
const MOST_VERSIONS: usize = 1000;

/// The memory of the process that loads a policy, which takes some itself.
const LOAD_MEMORY: Kind<u64> = Kind {
    expected: SIZE.expected,
    parse: |text| match (SIZE.parse)(text) {
        Ok(bytes) if bytes < LEAST_LOAD_MEMORY => {
            let least = LEAST_LOAD_MEMORY >> 20;
            Err(format!("must be at least `{least}MiB`, found `{text}`"))
        }
        size => size,
    },
};

/// Less than that is not enough for any policy.
const LEAST_LOAD_MEMORY: u64 = 256 << 20;

impl Policies {
    pub(super) fn read(mut section: Section<'_>) -> Option<Self> {
        let directory = if section.has("directory") {
            section.path("directory")
        } else {
            section.setting("directory");
            Some(section.resolve("policies"))
        };
        let order = read_names(&mut section, "order");
        let poll_interval = section.value("poll-interval", &SOME_TIME, Duration::from_secs(10));
        let debounce = section.value("debounce", &SOME_TIME, Duration::from_millis(250));
        let max_module_size = section.value("max-module-size", &SIZE, 8 << 20);
        let deadline = section.value("deadline", &DECISION, Duration::from_millis(100));
        let memory = section.value("memory", &MEMORY, 16 << 20);
        let max_limits = read_max_limits(&mut section, deadline, memory);
        let base = max_limits.unwrap_or_default();
        let grants = section.section("grants");
        let grants = grants.named(&POLICY, |section| read_grants(section, base));
        let load_timeout = section.value("load-timeout", &SOME_TIME, Duration::from_mins(2));
        let load_memory = section.value("load-memory", &LOAD_MEMORY, 1 << 30);
        let guards = read_names(&mut section, "guards");
        let trusted_publishers = section.list("trusted-publishers", &PUBLISHER);
        let state_directory = if section.has("state-directory") {
            section.path("state-directory")
        } else {
            section.setting("state-directory");
            Some(section.resolve("state"))
        };
        if let (Some(directory), Some(state)) = (&directory, &state_directory)
            && state.starts_with(directory)
            && let Some(setting) = section
                .setting("state-directory")
                .or_else(|| section.setting("directory"))
        {
            setting.report(
                "the state directory lies in the policy directory: name one beside it as `state-directory`"
                    .to_owned(),
            );
        }
        let keep_versions = match section.setting("keep-versions") {
            None => Some(5),
            Some(setting) => setting.count(MOST_VERSIONS),
        };
        let code_cache = section.flag("code-cache", false);
        let chains = section.section("chains").named(&WORD, read_chain);
        if let (Some(order), Some(guards), Some(chains)) = (&order, &guards, &chains) {
            let deciders = chains.values().flat_map(|(_, policies)| policies);
            let both = guards
                .iter()
                .find(|name| order.contains(name) || deciders.clone().any(|other| other == *name));
            if let (Some(name), Some(setting)) = (both, section.setting("guards")) {
                setting.report(format!(
                    "policy `{name}` is in a chain too: a guard may only deny, so it decides nothing there"
                ));
            }
        }
        section.finish();
        let chains = chains?.into_iter().map(|(name, (logins, policies))| Chain {
            name,
            logins,
            policies,
        });
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
            chains: chains.collect(),
            trusted_publishers: trusted_publishers?,
            state_directory: state_directory?,
            keep_versions: keep_versions?,
            code_cache: code_cache?,
        })
    }
}

fn read_chain(mut section: Section<'_>) -> Option<(Condition, Vec<PolicyName>)> {
    let connection_types = section.list("connection-types", &CONNECTION_TYPE);
    let methods = section.list("methods", &METHOD);
    let issuers = section.list("issuers", &TEXT);
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
    if condition == Condition::default() {
        section.report(
            "is for no particular logins: name `connection-types`, `methods` or `issuers`, or use `order`",
        );
        return None;
    }
    section.finish();
    Some((condition, policies?))
}

/// Names of policies, none of them twice.
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
