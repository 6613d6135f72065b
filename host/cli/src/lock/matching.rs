//! Which open connections a lock concerns, as far as servers show it.

use portcullis_authority::LockTarget;
use portcullis_claims::UserClaims;
use portcullis_config::{Config, permit_rules};
use portcullis_core::{AccountName, PublicKey, Secret, client_address};
use portcullis_system::ConnectionInfo;

/// What servers show in place of the token of a client, in `authorized_user`.
const HIDDEN: &str = "[REDACTED]";

/// The tag of a user JWT with the name of the policy that permitted the login.
const POLICY_TAG: &str = "policy:";

/// The relation of a connection to a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// The lock denies the login of this connection.
    Concerned,
    /// The lock is about another login.
    Other,
    /// The server does not show what the lock is about.
    Unclear,
    /// A connection of a host, of an operator or of this command, which no policy decides.
    Spared,
}

/// The accounts and users whose connections no policy decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Spared {
    /// Accounts as servers show them.
    pub(super) accounts: Vec<String>,
    /// User names and public nkeys.
    pub(super) users: Vec<String>,
}

/// The comparison of connections with the object of a lock.
#[derive(Clone, Debug)]
pub(super) struct Matching {
    target: LockTarget,
    /// The key of a locked account, in operator mode.
    account_key: Option<String>,
    /// Whether a token can say who a user is, next to any name that the client gives itself.
    has_tokens: bool,
    spared: Spared,
}

impl Matching {
    /// Creates a comparison with `target`, at the servers of a host with this configuration.
    pub(super) fn new(config: &Config, target: &LockTarget, spared: Spared) -> Self {
        let key = |name: &str| {
            let operator = config.operator.as_ref()?;
            let account = operator.accounts.get(&name.parse::<AccountName>().ok()?)?;
            Some(account.key.to_string())
        };
        Self {
            account_key: match target {
                LockTarget::Account(name) => key(name),
                _ => None,
            },
            target: target.clone(),
            has_tokens: !config.identity.issuers.is_empty(),
            spared,
        }
    }

    /// Returns how the lock relates to `connection`.
    pub(super) fn relation(&self, connection: &ConnectionInfo) -> Relation {
        let spared = &self.spared;
        let account = account_of(connection);
        let user = connection.authorized_user.as_deref().unwrap_or_default();
        if spared.accounts.iter().any(|it| it == account)
            || spared.users.iter().any(|it| it == user)
        {
            return Relation::Spared;
        }
        match &self.target {
            LockTarget::User(name) => self.user_relation(name, user, connection),
            LockTarget::Account(name) => Relation::known(
                account == name
                    || self.account_key.as_deref() == Some(account)
                    || connection.name_tag.as_deref() == Some(name),
            ),
            LockTarget::Network(network) => match client_address(&connection.ip) {
                Some(address) => Relation::known(network.contains(address)),
                None => Relation::Unclear,
            },
            LockTarget::Policy(name) => policy_relation(name, connection),
            // No tag and no name of a user JWT says which issuer vouched for the login.
            LockTarget::Issuer(_) => Relation::Unclear,
        }
    }
}

impl Matching {
    /// Returns how the lock of the user `name` relates to a connection. `user` is what servers
    /// show: what the client has presented, and first of all an nkey, which needs no proof if other
    /// credentials stand next to it. A client could otherwise hide its name.
    fn user_relation(&self, name: &str, user: &str, connection: &ConnectionInfo) -> Relation {
        if user == name {
            return Relation::Concerned;
        }
        if let Some(jwt) = &connection.jwt {
            return jwt_relation(name, jwt, connection);
        }
        let is_hidden = user.is_empty() || user == HIDDEN || user.parse::<PublicKey>().is_ok();
        if is_hidden || self.has_tokens {
            Relation::Unclear
        } else {
            Relation::Other
        }
    }
}

impl Relation {
    const fn known(is_concerned: bool) -> Self {
        if is_concerned {
            Self::Concerned
        } else {
            Self::Other
        }
    }
}

impl Spared {
    /// Returns the users of the hosts, and the callout account if no policy places logins in it.
    pub(super) fn of_hosts(config: &Config) -> Self {
        let buckets = config.key_value.nats.as_deref();
        let tables = std::iter::once(&config.nats).chain(buckets);
        let users = tables.filter_map(|nats| crate::own_user::own_user(&nats.authentication));
        let callout = portcullis::queue_group(config).account;
        let rules = permit_rules(&config.callout, config.operator.as_ref(), &config.ceilings);
        let holds_logins = rules.accounts.named().contains(&callout);
        let accounts = (!holds_logins).then(|| callout.to_string());
        Self {
            accounts: accounts.into_iter().collect(),
            users: users.collect(),
        }
    }
}

/// Returns the account of a connection as its server shows it.
pub(super) fn account_of(connection: &ConnectionInfo) -> &str {
    // Servers leave out the global account.
    connection.account.as_deref().unwrap_or("$G")
}

fn policy_relation(name: &str, connection: &ConnectionInfo) -> Relation {
    let mut policies = policies(connection).peekable();
    if policies.peek().is_none() {
        return Relation::Unclear;
    }
    Relation::known(policies.any(|policy| policy.eq_ignore_ascii_case(name)))
}

/// Returns the names of policies in the tags of the user JWT.
fn policies(connection: &ConnectionInfo) -> impl Iterator<Item = &str> {
    let tags = connection.tags.iter();
    tags.filter_map(|tag| tag.strip_prefix(POLICY_TAG))
}

/// Returns how the lock of the user `name` relates to a connection with this user JWT: of the
/// exchange, whose caller chooses the name in it, of the sentinel next to other credentials, or of
/// a user that no policy has decided about.
fn jwt_relation(name: &str, jwt: &Secret, connection: &ConnectionInfo) -> Relation {
    let Ok(claims) = UserClaims::decode(jwt.expose()) else {
        return Relation::Unclear;
    };
    if claims.name.as_deref() == Some(name) {
        return Relation::Concerned;
    }
    let account = claims.nats.issuer_account.as_ref();
    let account = account.filter(|account| !account.is_empty());
    let account = account.or(claims.issuer.as_ref());
    // The callout places the sentinel in another account than its own.
    let is_own = account.is_some_and(|account| account == account_of(connection));
    if is_own && policies(connection).next().is_none() {
        Relation::Other
    } else {
        Relation::Unclear
    }
}

#[cfg(test)]
mod tests {
    use portcullis_authority::LockedNetwork;
    use portcullis_claims::{IssuerKey, UserFields, UserKey};
    use portcullis_core::KeyKind;

    use super::*;

    fn matching(target: LockTarget) -> Matching {
        Matching {
            target,
            account_key: Some("A-APP".to_owned()),
            has_tokens: false,
            spared: Spared {
                accounts: vec!["AUTH".to_owned()],
                users: vec!["U-HOST".to_owned()],
            },
        }
    }

    fn connection(user: &str, account: &str) -> ConnectionInfo {
        ConnectionInfo {
            authorized_user: Some(user.to_owned()).filter(|user| !user.is_empty()),
            account: Some(account.to_owned()),
            ip: "192.0.2.7".to_owned(),
            ..ConnectionInfo::default()
        }
    }

    #[test]
    fn connections_are_told_apart_by_what_servers_show() {
        use Relation::{Concerned, Other, Spared, Unclear};
        let user = matching(LockTarget::User("alice".to_owned()));
        for (name, expected) in [
            ("alice", Concerned),
            ("bob", Other),
            ("", Unclear),
            (HIDDEN, Unclear),
            ("U-HOST", Spared),
        ] {
            assert_eq!(user.relation(&connection(name, "APP")), expected, "{name}");
        }
        assert_eq!(user.relation(&connection("alice", "AUTH")), Spared);
        // A client shows any nkey in place of its name, and any name next to a token.
        let nkey = PublicKey::from_bytes(KeyKind::User, [1; PublicKey::LEN]);
        let shown = connection(nkey.as_str(), "APP");
        assert_eq!(user.relation(&shown), Unclear);
        let user = Matching {
            has_tokens: true,
            ..user
        };
        assert_eq!(user.relation(&connection("bob", "APP")), Unclear);

        let account = matching(LockTarget::Account("APP".to_owned()));
        for (name, expected) in [("APP", Concerned), ("A-APP", Concerned), ("OTHER", Other)] {
            assert_eq!(account.relation(&connection("alice", name)), expected);
        }
        let tagged = ConnectionInfo {
            name_tag: Some("APP".to_owned()),
            ..connection("alice", "A-OTHER")
        };
        assert_eq!(account.relation(&tagged), Concerned);

        let network = |text: &str| text.parse::<LockedNetwork>().unwrap();
        for (text, expected) in [("192.0.2.0/24", Concerned), ("198.51.100.1", Other)] {
            let network = matching(LockTarget::Network(network(text)));
            assert_eq!(network.relation(&connection("alice", "APP")), expected);
        }
        let issuer = matching(LockTarget::Issuer("https://login.example.com".to_owned()));
        assert_eq!(issuer.relation(&connection("alice", "APP")), Unclear);
    }

    #[test]
    fn policies_are_known_by_the_tags_that_servers_show() {
        let policy = matching(LockTarget::Policy("orders".to_owned()));
        let with = |tags: &[&str]| ConnectionInfo {
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..connection("alice", "APP")
        };
        for (tags, expected) in [
            (
                &["policy:orders", "policy-version:1"][..],
                Relation::Concerned,
            ),
            (&["policy:users"], Relation::Other),
            (&["policy-version:1"], Relation::Unclear),
            (&[], Relation::Unclear),
        ] {
            assert_eq!(policy.relation(&with(tags)), expected, "{tags:?}");
        }
    }

    #[test]
    fn a_user_of_the_exchange_is_known_by_the_name_in_its_jwt() {
        let issuer = IssuerKey::from_seed(IssuerKey::generate_seed().unwrap().expose()).unwrap();
        let user = UserKey::from_seed(UserKey::generate_seed().unwrap().expose()).unwrap();
        let fields = UserFields::default();
        let mut claims = UserClaims::new(user.public_key(), fields, 1_795_300_862);
        claims.name = Some("alice".to_owned());
        let shown = ConnectionInfo {
            jwt: Some(Secret::new(claims.sign(&issuer).unwrap())),
            ..connection(user.public_key(), issuer.public_key())
        };
        let sentinel = ConnectionInfo {
            account: Some("A-APP".to_owned()),
            ..shown.clone()
        };
        let by_exchange = ConnectionInfo {
            tags: vec!["policy:orders".to_owned()],
            ..shown.clone()
        };
        for (name, native, exchanged) in [
            ("alice", Relation::Concerned, Relation::Concerned),
            ("bob", Relation::Other, Relation::Unclear),
        ] {
            let locked = matching(LockTarget::User(name.to_owned()));
            assert_eq!(locked.relation(&shown), native, "{name}");
            assert_eq!(locked.relation(&by_exchange), exchanged, "{name}");
            assert_eq!(locked.relation(&sentinel), exchanged, "{name}");
        }
    }
}
