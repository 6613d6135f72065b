//! Options of the catalog, the mirror and the rules for permits.

use portcullis_authority::{AccountIssuer, Ceilings, PermitRules, TargetAccounts};
use portcullis_catalog::{
    Assertions, CatalogOptions, HeldPermit, PermitCheck, PermittedLogin, Prover, Stop,
};
use portcullis_core::AccountName;
use portcullis_engine::CodeCacheOptions;

use crate::callout::Callout;
use crate::key_value::KeyValue;
use crate::operator::{Operator, SigningAccount};
use crate::policies::Policies;
use crate::survey::Survey;

/// The valid tables of a configuration about policies.
#[derive(Clone, Debug)]
pub struct PolicyTables {
    /// Table `[policies]`.
    pub policies: Policies,
    /// Table `[key-value]`.
    pub key_value: Option<KeyValue>,
    /// Rules for permits, from `[callout]`, `[operator]` and `[ceilings]`.
    pub rules: Option<PermitRules>,
}

impl PolicyTables {
    /// Returns the tables of `survey`. `None` without `[policies]`.
    pub fn of(survey: Survey) -> Option<Self> {
        let rules = match (&survey.callout, &survey.operator, &survey.ceilings) {
            (Some(callout), Some(operator), Some(ceilings)) => {
                Some(permit_rules(callout, operator.as_ref(), ceilings))
            }
            _ => None,
        };
        Some(Self {
            policies: survey.policies?,
            key_value: survey.key_value,
            rules,
        })
    }

    /// Returns the options for inspecting policies without serving: no state is kept, and no last
    /// good version replaces a refused one. `prover` loads and tests the policies. Assertions are
    /// not checked while policies are loaded: see [`assertions`](Self::assertions).
    pub fn options(&self, prover: &Prover) -> CatalogOptions {
        CatalogOptions {
            state_directory: None,
            assertions: None,
            ..catalog_options(&self.policies, self.rules.clone(), prover)
        }
    }

    /// Returns the operator's assertions. `None` if the tables that have the host's own rules are
    /// invalid.
    pub fn assertions(&self) -> Option<Assertions> {
        let rules = self.rules.clone()?;
        Some(assertions(&self.policies, rules))
    }
}

fn assertions(policies: &Policies, rules: PermitRules) -> Assertions {
    Assertions::new(
        policies.assertions.clone(),
        move |request, policy, permit| {
            let permit = rules.hold(request, policy, permit)?;
            Ok(HeldPermit {
                account: rules.name_of(permit.account()).to_string(),
                filter: PermitRules::filter_of(request.server.version.as_deref()),
                permit,
            })
        },
    )
}

/// Returns the options of the catalog. `rules` apply to the permits in policies' tests and to those
/// of the logins in assertions. `prover`
/// loads and tests the policies.
pub fn catalog_options(
    policies: &Policies,
    rules: Option<PermitRules>,
    prover: &Prover,
) -> CatalogOptions {
    let check = |rules: PermitRules| {
        PermitCheck::new(move |policy, login: &PermittedLogin| {
            rules.check(policy, &login.permit, login.server_version.as_deref())
        })
    };
    CatalogOptions {
        assertions: rules.clone().map(|rules| assertions(policies, rules)),
        permit_check: rules.map(check),
        state_directory: Some(policies.state_directory.clone()),
        prover: prover.clone(),
        // Clones share their signal, and each host stops alone.
        stop: Stop::default(),
        ..policies.catalog.clone()
    }
}

/// Returns the options of the serving host's code cache. `None` if it is disabled.
pub fn code_cache_options(policies: &Policies) -> Option<CodeCacheOptions> {
    let directory = policies.state_directory.join("code");
    policies
        .code_cache
        .then(|| CodeCacheOptions::new(directory))
}

/// Returns the rules for permits. They need no keys to say which permits can be signed.
pub fn permit_rules(
    callout: &Callout,
    operator: Option<&Operator>,
    ceilings: &Ceilings,
) -> PermitRules {
    let unkeyed = |account: &SigningAccount| AccountIssuer {
        key: account.key.clone(),
        issuer: account.seed.is_some().then_some(()),
        roles: account
            .roles
            .keys()
            .map(|role| (role.clone(), ()))
            .collect(),
    };
    let signing = |operator: &Operator| {
        let accounts = operator.accounts.iter();
        accounts
            .map(|(name, account)| (name.clone(), unkeyed(account)))
            .collect()
    };
    PermitRules {
        accounts: target_accounts(callout, operator),
        ceilings: ceilings.clone(),
        expiry: callout.expiry,
        signing: operator.map(signing),
        new_accounts: operator
            .and_then(|operator| operator.first_login.as_ref())
            .map(|table| table.names.clone())
            .unwrap_or_default(),
        requested_accounts: operator
            .and_then(|operator| operator.account_requests.as_ref())
            .map(|table| table.names.clone())
            .unwrap_or_default(),
    }
}

/// Returns the target accounts. In operator mode, every configured account is one by default.
fn target_accounts(callout: &Callout, operator: Option<&Operator>) -> TargetAccounts {
    let mut accounts = match (&callout.target_accounts, operator) {
        (Some(accounts), _) => accounts.clone(),
        (None, Some(operator)) => TargetAccounts::Only(operator.accounts.keys().cloned().collect()),
        (None, None) => TargetAccounts::default(),
    };
    if let Some(operator) = operator {
        accounts.bar(special_names(callout, operator));
    }
    accounts
}

/// Returns the names that the configuration of operator mode has for the callout account and the
/// system account.
fn special_names(callout: &Callout, operator: &Operator) -> impl Iterator<Item = AccountName> {
    let is_special = move |account: &SigningAccount| {
        account.key == operator.account
            || callout.group.account == *account.key.as_str()
            || callout.system_account == *account.key.as_str()
    };
    let accounts = operator.accounts.iter();
    accounts
        .filter(move |(_, account)| is_special(account))
        .map(|(name, _)| name.clone())
}
