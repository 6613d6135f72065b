//! Which open connections a lock concerns, as far as servers show it.

use std::net::IpAddr;

use portcullis_authority::LockTarget;
use portcullis_claims::UserClaims;
use portcullis_config::{Config, permit_rules};
use portcullis_core::{AccountName, Secret};
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
            LockTarget::User(name) => user_relation(name, user, connection),
            LockTarget::Account(name) => Relation::known(
                account == name
                    || self.account_key.as_deref() == Some(account)
                    || connection.name_tag.as_deref() == Some(name),
            ),
            LockTarget::Network(network) => match connection.ip.parse::<IpAddr>() {
                Ok(address) => Relation::known(network.contains(address)),
                Err(_) => Relation::Unclear,
            },
            LockTarget::Policy(name) => policy_relation(name, connection),
            // No tag and no name of a user JWT says which issuer vouched for the login.
            LockTarget::Issuer(_) => Relation::Unclear,
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

fn user_relation(name: &str, user: &str, connection: &ConnectionInfo) -> Relation {
    if user == name {
        return Relation::Concerned;
    }
    match jwt_name(connection.jwt.as_ref()) {
        Some(named) => Relation::known(named == name),
        None if user.is_empty() || user == HIDDEN => Relation::Unclear,
        None => Relation::Other,
    }
}

fn policy_relation(name: &str, connection: &ConnectionInfo) -> Relation {
    let mut policies = connection
        .tags
        .iter()
        .filter_map(|tag| tag.strip_prefix(POLICY_TAG))
        .peekable();
    if policies.peek().is_none() {
        return Relation::Unclear;
    }
    Relation::known(policies.any(|policy| policy.eq_ignore_ascii_case(name)))
}

/// Returns the name in the user JWT that a client presented. `None` for users of the callout, whose
/// JWT servers do not show.
fn jwt_name(jwt: Option<&Secret>) -> Option<String> {
    UserClaims::decode(jwt?.expose()).ok()?.name
}

#[cfg(test)]
mod tests {
    use portcullis_authority::LockedNetwork;
    use portcullis_claims::{IssuerKey, UserFields, UserKey};

    use super::*;

    fn matching(target: LockTarget) -> Matching {
        Matching {
            target,
            account_key: Some("A-APP".to_owned()),
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
            ..connection(user.public_key(), "A-APP")
        };
        for (name, expected) in [("alice", Relation::Concerned), ("bob", Relation::Other)] {
            let locked = matching(LockTarget::User(name.to_owned()));
            assert_eq!(locked.relation(&shown), expected, "{name}");
        }
    }
}
