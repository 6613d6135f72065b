//! The options of a catalog.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Allowed, PolicyName};
use portcullis_engine::Limits;
use portcullis_environment::{Clock, SystemClock};
use portcullis_files::{Disk, SystemDisk};

use crate::assertions::Assertions;
use crate::chain::Chain;
use crate::content::FileSource;
use crate::events::{DirectoryEvents, SystemEvents};
use crate::policy_tests::PermitCheck;
use crate::prover::choice::Prover;
use crate::signature::Publisher;
use crate::stop::Stop;
use crate::terms::{MaxLimits, PolicyGrants, Terms};

/// The sources of policies, their limits and the way in which they are proved.
#[derive(Clone, Debug)]
pub struct CatalogOptions {
    /// The watched directory.
    pub directory: PathBuf,
    /// Policies to ask first, in this order; the policies listed nowhere follow by name. A policy
    /// listed here is required: while it has no good version, no login gets past its place in the
    /// chain.
    pub order: Vec<PolicyName>,
    /// Interval at which the directory is read without an event. Default: 10 s.
    pub poll_interval: Duration,
    /// Time for which a file must not change before it is read. Default: 250 ms.
    pub debounce: Duration,
    /// Maximum size of a module, in bytes. Default: 8 MiB.
    pub max_module_size: u64,
    /// Limits of policies whose settings files set none.
    pub limits: Limits,
    /// Maximum limits that settings files may set.
    pub max_limits: MaxLimits,
    /// Extra rights of single policies, by name.
    pub grants: BTreeMap<PolicyName, PolicyGrants>,
    /// Whether a policy that `grants` does not list has the grants that its tests need: secrets,
    /// `plain:` hashes and the buckets that the tests name. For tools of authors, which put no
    /// policy in service. Default: `false`.
    pub assumes_grants: bool,
    /// Maximum time for compiling, configuring and testing a policy. Default: 2 min.
    pub load_timeout: Duration,
    /// Maximum memory of a child process that proves a version, in bytes. A proof in this process
    /// has no such limit. Default: 1 GiB.
    pub load_memory: u64,
    /// Policies that are asked about every login before any other policy, in this order. They may
    /// deny; their permits count as abstentions. They are required, like the policies in `order`.
    pub guards: Vec<PolicyName>,
    /// Chains for some logins. The first chain that fits a login decides it, and `order` does not
    /// apply. The policies of these chains are required, and decide no other logins.
    pub chains: Vec<Chain>,
    /// Additional check of what the permits of passing tests contain. `None` skips it.
    pub permit_check: Option<PermitCheck>,
    /// Assertions that the policies have to meet together before a version is put in service.
    /// `None` checks none.
    pub assertions: Option<Assertions>,
    /// Publishers that may sign modules. With `Any`, the default, modules need no signature.
    pub trusted_publishers: Allowed<Publisher>,
    /// Directory for good versions and the status, which no other host may use. `None` stores
    /// neither.
    pub state_directory: Option<PathBuf>,
    /// Maximum number of stored good versions of a policy, including the one in service. Default:
    /// 5.
    pub keep_versions: usize,
    /// The place where versions are proved: a child process or this process.
    pub prover: Prover,
    /// Whether decisions list the evaluations of policies with their questions
    /// ([`Decision::steps`](portcullis_core::Decision::steps)). Default: `false`.
    pub records_steps: bool,
    /// Signal that ends the proofs under way when the host stops.
    pub stop: Stop,
    /// Source of the time. Default: the clocks of the operating system.
    pub clock: Arc<dyn Clock>,
    /// The disk that holds the policies and the state. Default: that of the operating system.
    pub disk: Arc<dyn Disk>,
    /// The source of events about the watched directory. Default: the operating system.
    pub events: Arc<dyn DirectoryEvents>,
}

impl CatalogOptions {
    /// Returns options for the policies in `directory`, with defaults. The host stores no versions
    /// and proves versions in this process, because only the caller knows the program of a child
    /// process.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            order: Vec::new(),
            poll_interval: Duration::from_secs(10),
            debounce: Duration::from_millis(250),
            max_module_size: 8 << 20,
            limits: Limits::default(),
            max_limits: MaxLimits::default(),
            grants: BTreeMap::new(),
            assumes_grants: false,
            load_timeout: Duration::from_mins(2),
            load_memory: 1 << 30,
            guards: Vec::new(),
            chains: Vec::new(),
            permit_check: None,
            assertions: None,
            trusted_publishers: Allowed::Any,
            state_directory: None,
            keep_versions: 5,
            prover: Prover::default(),
            records_steps: false,
            stop: Stop::default(),
            clock: Arc::new(SystemClock),
            disk: Arc::new(SystemDisk),
            events: Arc::new(SystemEvents),
        }
    }

    /// Returns the disk that holds policies, with the maximum size of a module.
    pub(crate) fn source(&self) -> FileSource<'_> {
        FileSource {
            disk: &*self.disk,
            max_module: self.max_module_size,
        }
    }

    /// Returns every policy that the configuration lists, and so requires. Names may repeat.
    pub(crate) fn listed(&self) -> impl Iterator<Item = &PolicyName> {
        let chains = self.chains.iter().flat_map(|chain| &chain.policies);
        self.guards.iter().chain(chains).chain(&self.order)
    }

    /// Returns the check for the permits of `name`. `None` if no check is configured, or if the
    /// policy is only a guard, whose permits are ignored.
    pub(crate) fn permit_check(&self, name: &PolicyName) -> Option<&PermitCheck> {
        let mut deciders = self.order.iter();
        let mut chains = self.chains.iter().flat_map(|chain| &chain.policies);
        let is_guard = self.guards.contains(name)
            && !deciders.any(|decider| decider == name)
            && !chains.any(|decider| decider == name);
        self.permit_check.as_ref().filter(|_| !is_guard)
    }

    pub(crate) fn is_listed(&self, name: &PolicyName) -> bool {
        self.listed().any(|listed| listed == name)
    }

    /// Returns the rights and limits of the policy `name`.
    pub(crate) fn terms(&self, name: &PolicyName) -> Terms {
        let granted = self.grants.get(name).cloned().unwrap_or_default();
        let max_limits = granted.max_limits.unwrap_or(self.max_limits);
        Terms {
            grants: granted.grants,
            limits: self.limits.at_most(&max_limits.limits),
            max_limits,
        }
    }
}
