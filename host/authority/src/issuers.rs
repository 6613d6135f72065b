//! The keys that the host signs with, and the accounts that they sign for.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use portcullis_claims::{
    AccountView, IssuerKey, OperatorView, PublicKey, ScopeView, ServerMode, SigningKeyView,
};
use portcullis_core::{AccountName, Permit};

/// The keys that sign responses and user JWTs. The servers' configuration determines the mode.
#[derive(Debug)]
pub enum Issuers {
    /// Config mode: one key, `auth_callout.issuer` of the servers, signs everything.
    Config(IssuerKey),
    /// Operator mode: the callout account signs responses, and each target account signs its own
    /// users.
    Operator(Box<OperatorIssuers>),
}

/// The keys of operator mode (decentralised authentication).
#[derive(Debug)]
pub struct OperatorIssuers {
    account: PublicKey,
    response: Arc<IssuerKey>,
    accounts: BTreeMap<AccountName, AccountIssuer>,
    /// The callout account and the others, as the server knows them.
    views: (AccountView, Vec<AccountView>),
    /// Accounts that were added later, each with issuers that know this account only. A login then
    /// looks at one account, however many there are.
    added: RwLock<BTreeMap<AccountName, Arc<Issuers>>>,
}

/// The keys that sign the users of one target account. `K` is `()` where only the presence of keys
/// matters.
#[derive(Clone, Debug)]
pub struct AccountIssuer<K = IssuerKey> {
    /// The account's public key, `A…`.
    pub key: PublicKey,
    /// The account's own key or one of its plain signing keys. `None` if only roles sign.
    pub issuer: Option<K>,
    /// Scoped signing keys, by role. The permissions of a user come from the role's template in the
    /// account JWT.
    pub roles: BTreeMap<String, K>,
}

/// The signer of one user JWT.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UserIssuer<'a> {
    /// Config mode.
    Config(&'a IssuerKey),
    /// Operator mode: for `account`, with a key whose scope may give the permissions.
    Operator {
        account: &'a PublicKey,
        issuer: &'a IssuerKey,
        scoped: bool,
    },
}

/// The reason for which no key signs for a permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoIssuer {
    /// The permit names a role in config mode, which has no roles.
    #[error("the permit asks for role `{0}`, which exists in operator mode only")]
    RoleInConfigMode(String),
    /// The host has no key for the account.
    #[error("no signing key for account `{0}`; add it under [operator.accounts]")]
    Account(AccountName),
    /// The host has no key for the role.
    #[error("account `{account}` has no signing key for role `{role}`; it has {}", listed(.known))]
    Role {
        /// The account.
        account: AccountName,
        /// The role that the permit asks for.
        role: String,
        /// The roles that have a key.
        known: Vec<String>,
    },
    /// The account is signed for by role only, and the permit names no role.
    #[error("account `{account}` is signed for by role only, and the permit names none; it has {}", listed(.known))]
    NoRole {
        /// The account.
        account: AccountName,
        /// The roles that have a key.
        known: Vec<String>,
    },
    /// The permit has permissions in addition to those of the role.
    #[error(
        "the permit names permissions of its own, but those of role `{0}` come from its template; servers refuse both"
    )]
    PermissionsBesideRole(String),
    /// The permit has times, limits or a proxy in addition to those of the role.
    #[error(
        "the permit bounds the login by times or limits, or demands a proxy, but role `{0}` brings what its template says; put \
         it there"
    )]
    BoundsBesideRole(String),
}

impl Issuers {
    /// Returns the subject of the requests that these keys answer: the issuer in config mode, the
    /// callout account's key in operator mode.
    pub fn request_subject(&self) -> &str {
        match self {
            Self::Config(issuer) => issuer.public_key(),
            Self::Operator(operator) => operator.account.as_str(),
        }
    }

    /// Returns the server's view of these keys. The view lacks the settings of the server that the
    /// host cannot know, such as the accounts that the callout may name.
    pub fn server_mode(&self) -> ServerMode<'_> {
        match self {
            Self::Config(issuer) => ServerMode::Config {
                issuer: issuer.public_key(),
                accounts: None,
            },
            Self::Operator(operator) => ServerMode::Operator(OperatorView {
                callout: &operator.views.0,
                accounts: &operator.views.1,
                strict_signing_keys: false,
            }),
        }
    }

    /// Returns the key that signs responses.
    pub fn response(&self) -> &IssuerKey {
        match self {
            Self::Config(issuer) => issuer,
            Self::Operator(operator) => &operator.response,
        }
    }

    /// Returns the callout account that a response must name. `None` in config mode, and if the
    /// account's own key signs responses.
    pub fn response_account(&self) -> Option<&str> {
        match self {
            Self::Config(_) => None,
            Self::Operator(operator) => {
                let account = operator.account.as_str();
                (operator.response.public_key() != account).then_some(account)
            }
        }
    }

    /// Returns the signer of the user JWT of `permit`.
    pub(crate) fn for_permit(&self, permit: &Permit) -> Result<UserIssuer<'_>, NoIssuer> {
        match self {
            Self::Config(issuer) => match permit.role() {
                None => Ok(UserIssuer::Config(issuer)),
                Some(role) => Err(NoIssuer::RoleInConfigMode(role.to_owned())),
            },
            Self::Operator(operator) => operator.for_permit(permit),
        }
    }

    /// Returns the issuers of the account of `permit`, if the account was added later.
    pub(crate) fn added(&self, permit: &Permit) -> Option<Arc<Self>> {
        match self {
            Self::Config(_) => None,
            Self::Operator(operator) => operator.added(permit.account()),
        }
    }
}

impl OperatorIssuers {
    /// Creates the keys of the callout account `account` and of the target accounts by name.
    /// `response` is the account's own key or one of its signing keys, and signs responses.
    pub fn new(
        account: PublicKey,
        response: IssuerKey,
        accounts: BTreeMap<AccountName, AccountIssuer>,
    ) -> Self {
        Self::with_response(account, Arc::new(response), accounts)
    }

    fn with_response(
        account: PublicKey,
        response: Arc<IssuerKey>,
        accounts: BTreeMap<AccountName, AccountIssuer>,
    ) -> Self {
        let views = views(&account, &response, &accounts);
        Self {
            account,
            response,
            accounts,
            views,
            added: RwLock::default(),
        }
    }

    /// Adds the keys of an account, or replaces those that were added before. The accounts that
    /// [`OperatorIssuers::new`] was given stay as they are.
    pub fn add(&self, name: AccountName, issuer: AccountIssuer) {
        let accounts = BTreeMap::from([(name.clone(), issuer)]);
        let (account, response) = (self.account.clone(), Arc::clone(&self.response));
        let one = Self::with_response(account, response, accounts);
        let one = Arc::new(Issuers::Operator(Box::new(one)));
        self.added.write().insert(name, one);
    }

    /// Removes the keys of an account that was added.
    pub fn remove(&self, name: &AccountName) {
        self.added.write().remove(name);
    }

    fn added(&self, account: &AccountName) -> Option<Arc<Issuers>> {
        match named(&self.accounts, account) {
            None => self.added.read().get(account).cloned(),
            Some(_) => None,
        }
    }

    /// Returns the keys that sign the users of an account, given by its name or by its key. `None`
    /// if the host has no such account.
    pub fn account(&self, account: &AccountName) -> Option<&AccountIssuer> {
        named(&self.accounts, account).map(|(_, issuer)| issuer)
    }

    fn for_permit(&self, permit: &Permit) -> Result<UserIssuer<'_>, NoIssuer> {
        let (account, issuer) = for_permit(&self.accounts, permit)?;
        Ok(UserIssuer::Operator {
            account: &account.key,
            issuer,
            scoped: permit.role().is_some(),
        })
    }
}

/// Returns the name and the issuer of the account that is given by its name or by its key.
pub(crate) fn named<'a, K>(
    accounts: &'a BTreeMap<AccountName, AccountIssuer<K>>,
    account: &AccountName,
) -> Option<(&'a AccountName, &'a AccountIssuer<K>)> {
    accounts.get_key_value(account).or_else(|| {
        accounts
            .iter()
            .find(|(_, issuer)| account == issuer.key.as_str())
    })
}

/// Returns the account of `permit` and the key that signs it.
pub(crate) fn for_permit<'a, K>(
    accounts: &'a BTreeMap<AccountName, AccountIssuer<K>>,
    permit: &Permit,
) -> Result<(&'a AccountIssuer<K>, &'a K), NoIssuer> {
    let (name, account) = named(accounts, permit.account())
        .ok_or_else(|| NoIssuer::Account(permit.account().clone()))?;
    let key = match permit.role() {
        Some(role) => account.for_role(name, role, permit)?,
        None => account.plain(name)?,
    };
    Ok((account, key))
}

impl<K> AccountIssuer<K> {
    fn for_role(&self, name: &AccountName, role: &str, permit: &Permit) -> Result<&K, NoIssuer> {
        let issuer = self.roles.get(role).ok_or_else(|| NoIssuer::Role {
            account: name.clone(),
            role: role.to_owned(),
            known: self.role_names(),
        })?;
        let bounded = !permit.times().is_any() || permit.requires_proxy() || permit.has_limits();
        if permit.names_permissions() {
            Err(NoIssuer::PermissionsBesideRole(role.to_owned()))
        } else if bounded {
            // A scoped user JWT carries no bounds, so the server would not see them.
            Err(NoIssuer::BoundsBesideRole(role.to_owned()))
        } else {
            Ok(issuer)
        }
    }

    fn plain(&self, name: &AccountName) -> Result<&K, NoIssuer> {
        self.issuer.as_ref().ok_or_else(|| NoIssuer::NoRole {
            account: name.clone(),
            known: self.role_names(),
        })
    }

    fn role_names(&self) -> Vec<String> {
        self.roles.keys().cloned().collect()
    }
}

impl AccountIssuer {
    fn view(&self, name: &AccountName) -> AccountView {
        let plain = self.issuer.iter().map(|issuer| SigningKeyView {
            key: issuer.public_key().to_owned(),
            scope: None,
        });
        let scoped = self.roles.iter().map(|(role, issuer)| SigningKeyView {
            key: issuer.public_key().to_owned(),
            scope: Some(ScopeView {
                role: role.clone(),
                template: None,
            }),
        });
        AccountView {
            key: self.key.as_str().to_owned(),
            name: name.to_string(),
            signing_keys: plain.chain(scoped).collect(),
            ..AccountView::default()
        }
    }
}

impl UserIssuer<'_> {
    /// Returns the key.
    pub(crate) const fn key(&self) -> &IssuerKey {
        match self {
            Self::Config(issuer) | Self::Operator { issuer, .. } => issuer,
        }
    }
}

fn views(
    callout: &PublicKey,
    response: &IssuerKey,
    accounts: &BTreeMap<AccountName, AccountIssuer>,
) -> (AccountView, Vec<AccountView>) {
    let is_callout = |(_, account): &(&AccountName, &AccountIssuer)| account.key == *callout;
    let mut view = accounts.iter().find(is_callout).map_or_else(
        || AccountView {
            key: callout.as_str().to_owned(),
            ..AccountView::default()
        },
        |(name, account)| account.view(name),
    );
    if response.public_key() != callout.as_str() {
        view.signing_keys.push(SigningKeyView {
            key: response.public_key().to_owned(),
            scope: None,
        });
    }
    let others = accounts
        .iter()
        .filter(|named| !is_callout(named))
        .map(|(name, account)| account.view(name));
    (view, others.collect())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        format!("`{}`", names.join("`, `"))
    }
}

#[cfg(test)]
mod tests;
