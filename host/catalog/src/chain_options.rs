//! The chains of policies and the host's own rules, which can be replaced while the host runs.

use std::sync::Arc;

use portcullis_core::PolicyName;

use crate::assertions::Assertions;
use crate::chain::Chain;
use crate::loader::Loader;
use crate::options::CatalogOptions;
use crate::policy_tests::PermitCheck;
use crate::unit_error::UnitError;

/// The options of a catalog that can be replaced while it runs. Each field is the one of
/// [`CatalogOptions`] with the same name.
#[derive(Clone, Debug)]
pub struct ChainOptions {
    /// Policies to ask first.
    pub order: Vec<PolicyName>,
    /// Policies that are asked about every login before any other policy.
    pub guards: Vec<PolicyName>,
    /// Chains for some logins.
    pub chains: Vec<Chain>,
    /// Additional check of what the permits of passing tests contain.
    pub permit_check: Option<PermitCheck>,
    /// Assertions that the policies have to meet together.
    pub assertions: Option<Assertions>,
}

/// A reason why chains cannot replace those in service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableChains {
    /// Required policies have no good version.
    #[error("required policies have no good version, so no login would get past them: {}", listed(.0))]
    Missing(Vec<PolicyName>),
    /// The policies fail an assertion.
    #[error("the policies in service would fail an assertion")]
    Assertion(#[from] UnitError),
}

impl From<CatalogOptions> for ChainOptions {
    fn from(options: CatalogOptions) -> Self {
        Self {
            order: options.order,
            guards: options.guards,
            chains: options.chains,
            permit_check: options.permit_check,
            assertions: options.assertions,
        }
    }
}

impl Loader {
    /// Replaces the chains. Fails, and changes nothing, if the policies in service do not fit them.
    pub(crate) fn replace_chains(&mut self, chains: ChainOptions) -> Result<(), UnusableChains> {
        let missing_before: Vec<_> = self.snapshot().missing().cloned().collect();
        let former = Arc::clone(self.shared_options());
        let new = Arc::new(CatalogOptions {
            order: chains.order,
            guards: chains.guards,
            chains: chains.chains,
            permit_check: chains.permit_check,
            assertions: chains.assertions,
            ..self.options().clone()
        });
        self.set_options(Arc::clone(&new));
        let mut missing: Vec<_> = self.snapshot().missing().cloned().collect();
        // A policy that was missing before, and an assertion that failed before, must not keep the
        // operator from changing anything else.
        missing.retain(|name| !missing_before.contains(name));
        let asserted = self.asserted();
        self.set_options(former);
        if !missing.is_empty() {
            return Err(UnusableChains::Missing(missing));
        }
        match asserted {
            Err(error) if self.asserted().is_ok() => return Err(error.into()),
            Err(_) => {}
            Ok(()) => self.open_again(),
        }
        self.set_options(new);
        Ok(())
    }
}

fn listed(names: &[PolicyName]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
