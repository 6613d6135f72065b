//! The setup of a server, as far as its verdict on a response depends on it.

use portcullis_core::ConnectionType;

use crate::account::AccountClaims;
use crate::user::{ResponseRule, SubjectRule, TimeRule, UserTemplate};

/// The facts of one login that a server's verdict depends on.
#[derive(Clone, Copy, Debug)]
pub struct LoginFacts<'a> {
    /// User of the request, `U…`.
    pub user_nkey: &'a str,
    /// Server that sent the request, `N…`.
    pub server_id: &'a str,
    /// User as the request shows it (`client_info.user`).
    pub client_user: Option<&'a str>,
    /// Address of the client as the request shows it (`client_info.host`).
    pub client_host: Option<&'a str>,
    /// Connection type, as far as the request tells: MQTT and leafnodes over WebSocket look like
    /// those over TCP. `None` if it is not known; the verdict then does not enforce connection
    /// types.
    pub connection_type: Option<ConnectionType>,
    /// Whether the connection comes through a proxy that the server trusts. No request says so.
    pub proxied: bool,
    /// Whether the reply arrived sealed to the server's xkey.
    pub sealed: bool,
}

/// A server's mode, with the facts that its verdict depends on.
#[derive(Clone, Copy, Debug)]
pub enum ServerMode<'a> {
    /// Config mode: accounts and users are in the server's configuration.
    Config {
        /// Key `issuer` of the `auth_callout` block, `A…`.
        issuer: &'a str,
        /// Names of the server's accounts. `None` if they are not known.
        accounts: Option<&'a [&'a str]>,
    },
    /// Operator mode: accounts and users are JWTs under an operator.
    Operator(OperatorView<'a>),
}

/// The accounts of a server in operator mode.
#[derive(Clone, Copy, Debug)]
pub struct OperatorView<'a> {
    /// Account that sent the request: the one with external authorization.
    pub callout: &'a AccountView,
    /// Other accounts that the server finds.
    pub accounts: &'a [AccountView],
    /// Whether the operator's JWT has `strict_signing_key_usage`. An account's own key then signs
    /// no users.
    pub strict_signing_keys: bool,
}

/// The parts of an account's JWT that a verdict depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// Public key of the account, `A…`.
    pub key: String,
    /// Name of the account.
    pub name: String,
    /// Tags of the account.
    pub tags: Vec<String>,
    /// Signing keys of the account.
    pub signing_keys: Vec<SigningKeyView>,
    /// Other accounts into which the callout may place users (`authorization.allowed_accounts`).
    /// `None` if they are not known, which allows all.
    pub allowed_accounts: Option<Vec<String>>,
}

/// A signing key of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningKeyView {
    /// Public key, `A…`.
    pub key: String,
    /// Role that the key signs for. `None` for a plain key.
    pub scope: Option<ScopeView>,
}

/// The role of a scoped signing key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeView {
    /// Name of the role.
    pub role: String,
    /// Template of the role. `None` if it is not known.
    pub template: Option<RoleTemplate>,
}

/// The parts of a user JWT or a role's template that servers enforce on users of auth callout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleTemplate {
    /// Publish permissions, with placeholders such as `{{name()}}`.
    pub publish: SubjectRule,
    /// Subscribe permissions, with placeholders.
    pub subscribe: SubjectRule,
    /// Permission to reply.
    pub responses: Option<ResponseRule>,
    /// Whether users must connect through a trusted proxy.
    pub proxy_required: bool,
    /// Networks that the user may come from, in CIDR notation; empty for any. Enforced from 2.14.10
    /// and 2.15.3 on.
    pub sources: Vec<String>,
    /// Times of day at which the user may be connected; empty for always. Those of a role are
    /// enforced from 2.14.9 and 2.15.2 on.
    pub times: Vec<TimeRule>,
    /// Time zone of `times`, by its IANA name. `None` selects the server's own.
    pub times_location: Option<String>,
    /// Connection types that the user may have; empty for any. Enforced from 2.14.9 and 2.15.2 on.
    pub connection_types: Vec<String>,
    /// Maximum number of subscriptions; unlimited if `None`. Enforced from 2.14.10 and 2.15.3 on.
    pub subscriptions: Option<u64>,
    /// Maximum size of a message, in bytes; unlimited if `None`. Enforced from 2.14.10 and 2.15.3
    /// on.
    pub payload: Option<u64>,
}

impl<'a> OperatorView<'a> {
    /// Returns the account of this key, as the server looks it up.
    pub(crate) fn account(&self, key: &str) -> Option<&'a AccountView> {
        std::iter::once(self.callout)
            .chain(self.accounts)
            .find(|account| account.key == key)
    }

    /// Returns whether `issuer` signs users of `account`, and with which role.
    pub(crate) fn signer<'b>(&self, account: &'b AccountView, issuer: &str) -> Signer<'b> {
        // The server enters the account's own key last, so that it hides a scope of that key.
        if !self.strict_signing_keys && account.key == issuer {
            return Signer::Plain;
        }
        match account.signing_keys.iter().find(|key| key.key == issuer) {
            None => Signer::Unknown,
            Some(SigningKeyView { scope: None, .. }) => Signer::Plain,
            Some(SigningKeyView {
                scope: Some(scope), ..
            }) => Signer::Scoped(scope),
        }
    }
}

impl AccountView {
    /// Returns whether the callout of this account may place users into `account`.
    pub(crate) fn may_place_into(&self, account: &str) -> bool {
        match self.allowed_accounts.as_deref() {
            None => true,
            Some([any]) if any == "*" => true,
            Some(allowed) => allowed.iter().any(|allowed| allowed == account),
        }
    }
}

/// Converts an account JWT to a view without unknown parts. Without `authorization`, no other
/// account is allowed.
impl From<&AccountClaims> for AccountView {
    fn from(account: &AccountClaims) -> Self {
        let keys = account.nats.signing_keys.iter();
        let signing_keys = keys.map(|(key, scope)| SigningKeyView {
            key: key.to_owned(),
            scope: scope.map(|scope| ScopeView {
                role: scope.role.clone(),
                template: Some((&scope.template).into()),
            }),
        });
        Self {
            key: account.subject.clone().unwrap_or_default(),
            name: account.name.clone().unwrap_or_default(),
            tags: account.nats.tags.clone(),
            signing_keys: signing_keys.collect(),
            allowed_accounts: Some(account.nats.authorization.allowed_accounts.clone()),
        }
    }
}

impl From<&UserTemplate> for RoleTemplate {
    fn from(template: &UserTemplate) -> Self {
        let permissions = template.permissions.clone();
        Self {
            publish: permissions.publish,
            subscribe: permissions.subscribe,
            responses: permissions.responses,
            proxy_required: template.proxy_required,
            sources: template.sources.clone(),
            times: template.times.clone(),
            times_location: template.times_location.clone(),
            connection_types: template.allowed_connection_types.clone(),
            subscriptions: u64::try_from(template.subs).ok(),
            payload: u64::try_from(template.payload).ok(),
        }
    }
}

/// The relation of an issuer to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer<'a> {
    /// The issuer is no key of the account.
    Unknown,
    /// The issuer is the account's own key, or a signing key without scope.
    Plain,
    /// The issuer is a scoped signing key.
    Scoped(&'a ScopeView),
}
