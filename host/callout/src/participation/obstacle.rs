//! The obstacles to deciding logins.

use std::fmt;

use portcullis_connect::RequiredPermission;
use portcullis_core::AccountName;

/// The reason for which the host cannot decide logins, or servers do not ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// No login is permitted, for this reason: the authorizer cannot decide, the locks are unknown,
    /// or records find no room.
    CannotDecide(String),
    /// The server has not said in which account the host is.
    Unconfirmed,
    /// The host is in another account than the configuration says.
    WrongAccount {
        /// The account of the connection.
        actual: String,
        /// The configured account.
        expected: AccountName,
    },
    /// The host's user lacks a permission without which it receives no login or answers none.
    NotPermitted(RequiredPermission),
    /// The last requests were meant for a host with another issuer, key or clock.
    Mismatched {
        /// The reason of the last refusal, as in metrics.
        reason: &'static str,
    },
    /// No request was meant for this host yet, and at least one was for a host with another issuer,
    /// key or clock. The host still takes part: another server may send the next one.
    Unmatched {
        /// The reason of the last refusal, as in metrics.
        reason: &'static str,
    },
    /// Servers rejected the last permits, for a reason that blames the host's keys or accounts.
    PermitsRejected {
        /// The reason that a server gave.
        reason: Box<str>,
    },
    /// The server does not show that it hands logins to services in this account. The host still
    /// takes part: other servers may, and servers with `allowed_accounts` do not show it.
    NotAsked {
        /// The account.
        account: String,
    },
    /// A login that the host made itself did not arrive at the host. The host still takes part, as
    /// with [`Self::NotAsked`].
    ProbeLost {
        /// The address of the server that refused the login.
        server: String,
    },
}

/// The effect of an obstacle on the logins that the host takes, in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// The host decides logins.
    None,
    /// The host decides logins, and servers may or may not accept the decisions.
    Doubt,
    /// The host admits no client, but each client is denied at once.
    Failure,
    /// The host cannot answer at all.
    Silence,
}

impl Obstacle {
    /// Returns whether the host should leave the queue group while other hosts are in it.
    pub(super) fn blocks(&self) -> bool {
        self.effect() != Effect::None
    }

    /// Returns whether the host denies the logins that it takes.
    pub(super) const fn denies(&self) -> bool {
        matches!(self, Self::CannotDecide(_) | Self::Mismatched { .. })
    }

    pub(super) const fn effect(&self) -> Effect {
        match self {
            Self::NotAsked { .. } | Self::ProbeLost { .. } | Self::Unmatched { .. } => Effect::None,
            Self::Unconfirmed | Self::WrongAccount { .. } => Effect::Doubt,
            Self::CannotDecide(_) | Self::Mismatched { .. } | Self::PermitsRejected { .. } => {
                Effect::Failure
            }
            Self::NotPermitted(_) => Effect::Silence,
        }
    }
}

/// Writes a name for machines and a sentence for people.
impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CannotDecide(reason) => write!(formatter, "cannot-decide: {reason}"),
            Self::Unconfirmed => formatter.write_str(
                "unconfirmed: the server does not say in which account the host is; allow its user to publish \
                 `$SYS.REQ.USER.INFO` and to subscribe to its own inbox",
            ),
            Self::WrongAccount { actual, expected } => write!(
                formatter,
                "wrong-account: the host is in account `{actual}`, and `account` in its configuration says \
                 `{expected}`; is its user one of the server's auth_users?"
            ),
            Self::NotPermitted(lacks) => write!(
                formatter,
                "not-permitted: the host's user may not {} `{}`, and without it the host cannot {}",
                lacks.side, lacks.subject, lacks.purpose
            ),
            Self::Mismatched { reason } => write!(
                formatter,
                "mismatched: the last requests were meant for another host, reason `{reason}`; compare issuer, \
                 xkey and clock with the server's"
            ),
            Self::Unmatched { reason } => write!(
                formatter,
                "unmatched: no request was meant for this host yet, and the last one was refused, reason `{reason}`; \
                 compare issuer, xkey and clock with the server's"
            ),
            Self::PermitsRejected { reason } => write!(
                formatter,
                "permits-rejected: the server rejected the last permits, reason `{}`; compare issuer-seed-file, the \
                 keys under [operator.accounts] and target-accounts with the server's accounts",
                // Most reasons contain quotes. A line break would end the line of `/readyz`.
                reason.replace(char::is_control, " ")
            ),
            Self::NotAsked { account } => write!(
                formatter,
                "not-asked: the server does not show that it hands logins to account `{account}`; set `auth_callout` with this \
                 account on the server, or authorization with auth_users in the account's JWT"
            ),
            Self::ProbeLost { server } => write!(
                formatter,
                "probe-lost: a login that the host made at `{server}` was refused without asking the host; set \
                 `auth_callout` with the host's account there, or `probe = false` under [callout]"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_reason_stays_on_one_line() {
        let reason = "No valid account \"APP\"\nfor auth callout response".into();
        let text = Obstacle::PermitsRejected { reason }.to_string();
        let expected = "permits-rejected: the server rejected the last permits, reason \
                        `No valid account \"APP\" for auth callout response`; ";
        assert!(text.starts_with(expected), "{text}");
    }
}
