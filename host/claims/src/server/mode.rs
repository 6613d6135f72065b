//! How a server is set up, as far as its verdict on a response depends on it.

use portcullis_core::ConnectionType;

use crate::account::AccountClaims;
use crate::user::{ResponseRule, SubjectRule, TimeRule, UserTemplate};

/// Who asks whom about whom.
#[derive(Clone, Copy, Debug)]
pub struct LoginFacts<'a> {
    /// The user the request is about, `U…`.
    pub user_nkey: &'a str,
    /// The server that asked, `N…`.
    pub server_id: &'a str,
    /// The user as the request shows it (`client_info.user`).
    pub client_user: Option<&'a str>,
    /// The client's address as the request shows it (`client_info.host`).
    pub client_host: Option<&'a str>,
    /// How the connection reaches the server, as far as the request tells: MQTT and leafnodes over
    /// WebSocket look like those over TCP. `None` if that is not known; then the verdict does not
    /// hold the login to connection types.
    pub connection_type: Option<ConnectionType>,
    /// Whether the connection comes through a proxy that the server trusts. No request says so.
    pub proxied: bool,
    /// Whether the reply arrived sealed to the server's xkey.
    pub sealed: bool,
}

/// A server's mode, with what its verdict depends on.
#[derive(Clone, Copy, Debug)]
pub enum ServerMode<'a> {
    /// Accounts and users in the server's configuration.
    Config {
        /// The `issuer` of the `auth_callout` block, `A…`.
        issuer: &'a str,
        /// The names of the server's accounts; none if that is not known.
        accounts: Option<&'a [&'a str]>,
    },
    /// Accounts and users in JWTs, under an operator.
    Operator(OperatorView<'a>),
}

/// The accounts of a server in operator mode.
#[derive(Clone, Copy, Debug)]
pub struct OperatorView<'a> {
    /// The account that the request came from: the one with external authorization.
    pub callout: &'a AccountView,
    /// The other accounts that the server finds.
    pub accounts: &'a [AccountView],
    /// Whether the operator's JWT has `strict_signing_key_usage`: an account's own key signs no users then.
    pub strict_signing_keys: bool,
}

/// What of an account's JWT matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountView {
    /// The account's public key, `A…`.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its signing keys.
    pub signing_keys: Vec<SigningKeyView>,
    /// `authorization.allowed_accounts`: into which other accounts the callout may place users; none if that is
    /// not known, which counts as all.
    pub allowed_accounts: Option<Vec<String>>,
}

/// A signing key of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SigningKeyView {
    /// The public key, `A…`.
    pub key: String,
    /// The role that it signs for; none if it is not scoped.
    pub scope: Option<ScopeView>,
}

/// A scoped signing key's role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeView {
    /// Its name.
    pub role: String,
    /// What its users may do; none if that is not known.
    pub template: Option<RoleTemplate>,
}

/// What of a user JWT or of a role's template servers enforce on callout users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleTemplate {
    /// Publish permissions, with templates such as `{{name()}}`.
    pub publish: SubjectRule,
    /// Subscribe permissions, with templates.
    pub subscribe: SubjectRule,
    /// Permission to reply.
    pub responses: Option<ResponseRule>,
    /// Whether users must come through a trusted proxy.
    pub proxy_required: bool,
    /// Networks that the user may come from, in CIDR notation; any if empty. Enforced from 2.14.10
    /// and 2.15.3 on.
    pub sources: Vec<String>,
    /// Times of day at which the user may be connected; always if empty. A role's are enforced from
    /// 2.14.9 and 2.15.2 on.
    pub times: Vec<TimeRule>,
    /// Time zone of `times`, by its IANA name; the server's own if `None`.
    pub times_location: Option<String>,
    /// Connection types that the user may have; any if empty. Enforced from 2.14.9 and 2.15.2 on.
    pub connection_types: Vec<String>,
    /// Most subscriptions; unlimited if `None`. Enforced from 2.14.10 and 2.15.3 on.
    pub subscriptions: Option<u64>,
    /// Largest message in bytes; unlimited if `None`. Enforced from 2.14.10 and 2.15.3 on.
    pub payload: Option<u64>,
}

impl<'a> OperatorView<'a> {
    /// The account of this key, as the server looks it up.
    pub(crate) fn account(&self, key: &str) -> Option<&'a AccountView> {
        std::iter::once(self.callout)
            .chain(self.accounts)
            .find(|account| account.key == key)
    }

    /// Whether `issuer` signs users of `account`, and with which role.
    pub(crate) fn signer<'b>(&self, account: &'b AccountView, issuer: &str) -> Signer<'b> {
        // The account's own key is entered last, and hides a scope of that key.
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
    /// Whether the callout of this account may place users into `account`.
    pub(crate) fn may_place_into(&self, account: &str) -> bool {
        match self.allowed_accounts.as_deref() {
            None => true,
            Some([any]) if any == "*" => true,
            Some(allowed) => allowed.iter().any(|allowed| allowed == account),
        }
    }
}

/// Nothing is left open: without `authorization` no other account is allowed.
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

/// What an issuer is to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer<'a> {
    /// None of its keys.
    Unknown,
    /// Its own key, or a signing key without scope.
    Plain,
    /// A scoped signing key.
    Scoped(&'a ScopeView),
}
