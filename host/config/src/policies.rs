//! Table `[policies]`: the policies that decide.

use std::path::{Path, PathBuf};

use portcullis_catalog::{AssertionsFile, CatalogOptions, Chain, Condition};
use portcullis_core::PolicyName;
use portcullis_engine::Limits;
use portcullis_toml::kinds::{SIZE, SOME_TIME, TEXT, WORD};
use portcullis_toml::{InvalidValue, Kind, Section};

use crate::allowed::read_allowed;
use crate::grants::{DECISION, MEMORY, read_grants, read_max_limits};
use crate::links::real_path;
use crate::values::{CLIENT_KIND, CONNECTION_TYPE, METHOD, POLICY, PUBLISHER};

/// The table `[policies]`.
#[derive(Clone, Debug)]
pub struct Policies {
    /// Options of the catalog. They keep no state, and check permits in policies' tests by no rules
    /// of the host: [`catalog_options`](crate::catalog_options) adds both. Default of `directory`:
    /// `policies`.
    pub catalog: CatalogOptions,
    /// Directory of good versions and of the status of policies. Default: `state`.
    pub state_directory: PathBuf,
    /// The file of the operator's assertions. Default: `assertions.toml` next to the configuration,
    /// if it exists.
    pub assertions: AssertionsFile,
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
            let bound = format!("at least `{least}MiB`");
            Err(InvalidValue::out_of_range(bound, text))
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
        let memory = section.value("memory", &MEMORY, defaults.limits.memory);
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
        let assertions = read_assertions(&mut section);
        let code_cache = section.flag("code-cache", false);
        let chains = read_chains(&mut section);
        if let (Some(order), Some(guards), Some(chains)) = (&order, &guards, &chains) {
            report_guard_in_chain(&mut section, order, guards, chains);
        }
        section.finish();
        Some(Self {
            catalog: CatalogOptions {
                directory: directory?,
                order: order?,
                poll_interval: poll_interval?,
                debounce: debounce?,
                max_module_size: max_module_size?,
                limits: Limits {
                    deadline: deadline?,
                    memory: memory?,
                    ..defaults.limits
                },
                max_limits: max_limits?,
                grants: grants?,
                load_timeout: load_timeout?,
                load_memory: load_memory?,
                guards: guards?,
                chains: chains?,
                trusted_publishers: trusted_publishers?,
                keep_versions: keep_versions?,
                ..defaults
            },
            state_directory: state_directory?,
            assertions: assertions?,
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
            "the state directory lies in the policy directory: name one next to it as `state-directory`"
                .to_owned(),
        );
    }
    state_directory
}

/// Reads the path of the assertions. A path that the configuration names has to exist when the
/// assertions are checked.
fn read_assertions(section: &mut Section<'_>) -> Option<AssertionsFile> {
    let is_required = section.has("assertions");
    let path = if is_required {
        section.path("assertions")
    } else {
        section.setting("assertions");
        Some(section.resolve("assertions.toml"))
    };
    Some(AssertionsFile {
        path: path?,
        is_required,
    })
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
    let client_kinds = read_allowed(&mut section, "client-kinds", &CLIENT_KIND);
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
        client_kinds: client_kinds?,
        connection_types: connection_types?,
        methods: methods?,
        issuers: issuers?,
    };
    if condition == Condition::ANY {
        section.report(
            "is for no particular logins: name `client-kinds`, `connection-types`, `methods` or `issuers`, or use `order`",
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
