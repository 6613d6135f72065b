//! Locks: logins that the operator has closed for a time, in a key-value bucket that every host
//! follows.
//!
//! A lock is a key of the bucket: `user.alice`, `issuer.…`, `account.APP`, `policy.orders` or
//! `network.…`. A name with other characters than letters, digits, `-` and `_` is written as `=`
//! and its base64url. The value is JSON: the end in seconds since the Unix epoch, and the reason.

mod copy;
mod lock;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use portcullis_core::{
    AuthorizationRequest, BucketName, Certificate, Denial, DenialClass, Identity, KeyValues,
    LookUpError, Permit, PolicyRef, PresentedNkey, PublicKey,
};

use crate::rules::PermitRules;

pub use copy::{CopiedLock, InvalidLockCopy, LatestLockCopy, LockCopy};
pub use lock::Lock;

/// Lengths of the networks that a lock may have. A login looks up one key for each.
const V4_LENGTHS: [u8; 4] = [8, 16, 24, 32];
const V6_LENGTHS: [u8; 5] = [32, 48, 56, 64, 128];

/// The object that a lock closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockTarget {
    /// Logins of the identity with this principal, those that present this user name, nkey or
    /// verified certificate, and those that a policy gives this user name.
    User(String),
    /// Logins for whose identity, or for whose certificate, this issuer vouches.
    Issuer(String),
    /// Logins that a policy places in this account.
    Account(String),
    /// Logins that this policy permits.
    Policy(String),
    /// Logins from this network.
    Network(LockedNetwork),
}

/// A network whose logins can be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockedNetwork {
    address: IpAddr,
    length: u8,
}

/// A text is no network that can be locked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no network that can be locked: write an address, or a network of length 8, 16, 24 or 32 (IPv4), or 32, 48, 56, 64 or 128 (IPv6)"
)]
pub struct InvalidLockedNetwork(String);

/// The locks in a bucket.
#[derive(Clone, Debug)]
pub struct Locks {
    /// Buckets of the host, which answer from memory.
    pub key_values: Arc<dyn KeyValues>,
    /// The bucket with the locks.
    pub bucket: BucketName,
    /// The locks as the host last knew them. They count while the bucket is not synchronised.
    /// Default: none.
    pub copy: LatestLockCopy,
}

impl LockTarget {
    /// Returns the key of the lock in its bucket.
    pub fn key(&self) -> String {
        let (kind, name) = match self {
            Self::User(name) => ("user", name.as_str()),
            Self::Issuer(name) => ("issuer", name.as_str()),
            Self::Account(name) => ("account", name.as_str()),
            Self::Policy(name) => ("policy", name.as_str()),
            Self::Network(network) => {
                return format!("network.{}", encoded(&network.to_string()));
            }
        };
        format!("{kind}.{}", encoded(name))
    }
}

impl LockedNetwork {
    /// Returns the network of this length around `address`. `None` if the length is too large.
    fn around(address: IpAddr, length: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(address) => {
                let shift = 32_u32.checked_sub(u32::from(length))?;
                let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
                IpAddr::V4((u32::from(address) & mask).into())
            }
            IpAddr::V6(address) => {
                let shift = 128_u32.checked_sub(u32::from(length))?;
                let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
                IpAddr::V6((u128::from(address) & mask).into())
            }
        };
        Some(Self { address, length })
    }

    /// Returns whether `address` is in this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::all_around(address).any(|network| network == *self)
    }

    /// Returns the networks around `address` that a lock can have.
    fn all_around(address: IpAddr) -> impl Iterator<Item = Self> {
        // A server may write an IPv4 client as an IPv6 address.
        let address = address.to_canonical();
        let lengths: &[u8] = if address.is_ipv4() {
            &V4_LENGTHS
        } else {
            &V6_LENGTHS
        };
        let around = move |length: &u8| Self::around(address, *length);
        lengths.iter().filter_map(around)
    }
}

impl std::fmt::Display for LockedNetwork {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

impl FromStr for LockedNetwork {
    type Err = InvalidLockedNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidLockedNetwork> {
        let invalid = || InvalidLockedNetwork(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(longest), |length| length.parse().map_err(|_| invalid()))?;
        // Bits behind the length would never match.
        Self::all_around(address)
            .find(|network| network.length == length && network.address == address)
            .ok_or_else(invalid)
    }
}

impl Locks {
    /// Checks that no lock closes the identity or the address of a login. Runs before any policy.
    ///
    /// # Errors
    ///
    /// Fails with the denial of a locked login, or of any login while the locks are unknown.
    pub(crate) fn check_request(
        &self,
        request: &AuthorizationRequest,
        now: u64,
    ) -> Result<(), Denial> {
        let users = names_of(request)
            .into_iter()
            .map(|name| LockTarget::User(name.to_owned()));
        let issuers = issuers_of(&request.identity).map(|name| LockTarget::Issuer(name.to_owned()));
        // An account that asks to be signed is locked by its key here, and by its name later.
        let is_account = request.client.is_account_request();
        let asking = is_account.then(|| LockTarget::Account(request.user_nkey.to_string()));
        let address = request.client.address();
        let networks = address.into_iter().flat_map(LockedNetwork::all_around);
        let networks = networks.map(LockTarget::Network);
        for target in users.chain(issuers).chain(asking).chain(networks) {
            self.check(&target, now)?;
        }
        Ok(())
    }

    /// Checks that no lock closes the account of a permit, the user name that it gives, or the
    /// policy that made it. A lock names an account of `rules` by its name or its key, and so does
    /// a permit. `made` is the key of an account that the host made.
    ///
    /// # Errors
    ///
    /// Fails as [`check_request`](Self::check_request) does.
    pub(crate) fn check_permit(
        &self,
        permit: &Permit,
        rules: &PermitRules,
        made: Option<&PublicKey>,
        policy: Option<&PolicyRef>,
        now: u64,
    ) -> Result<(), Denial> {
        let names = rules.names_of(permit.account());
        for name in names.chain(made.map(PublicKey::as_str)) {
            self.check(&LockTarget::Account(name.to_owned()), now)?;
        }
        // The name that servers and records show. A token or a claim that leads to it may be all
        // that the client presented.
        if let Some(name) = permit.user_name() {
            self.check(&LockTarget::User(name.to_owned()), now)?;
        }
        policy.map_or(Ok(()), |policy| {
            self.check(&LockTarget::Policy(policy.name.to_string()), now)
        })
    }

    fn check(&self, target: &LockTarget, now: u64) -> Result<(), Denial> {
        let key = target.key();
        match self.key_values.get(&self.bucket, &key) {
            Ok(None) => Ok(()),
            Ok(Some(value)) => check_lock(&key, Some(&value), "", now),
            Err(error) => self.check_copy(&key, &error, now),
        }
    }

    /// Returns why the locks are unknown, so that every login is denied. `None` if the bucket tells
    /// them, or a copy does.
    pub(crate) fn unknown(&self) -> Option<String> {
        let key = LockTarget::User(String::new()).key();
        match self.key_values.get(&self.bucket, &key) {
            // The value of this one key says nothing about the others.
            Ok(_) | Err(LookUpError::NotText(_)) => None,
            Err(error) if self.copy_in_place_of(&error).is_some() => None,
            Err(error) => Some(unknown(&error)),
        }
    }

    /// Returns the local copy if it counts for a bucket that fails with `error`.
    fn copy_in_place_of(&self, error: &LookUpError) -> Option<Arc<LockCopy>> {
        // A bucket over its limit stays so, and its new locks would never count.
        let is_unreachable = matches!(error, LookUpError::NotSynchronised(_));
        self.copy.get().filter(|_| is_unreachable)
    }

    /// Checks the local copy for the lock `key`, which the bucket does not tell because of `error`.
    fn check_copy(&self, key: &str, error: &LookUpError, now: u64) -> Result<(), Denial> {
        let Some(copy) = self.copy_in_place_of(error) else {
            return denied(unknown(error));
        };
        let Some(lock) = copy.get(key, now) else {
            return Ok(());
        };
        let age = humantime::format_duration(copy.age_at(now));
        let source = format!(", by the host's copy of the locks, which is {age} old");
        check_lock(key, lock.value.as_deref(), &source, now)
    }
}

fn unknown(error: &LookUpError) -> String {
    format!("the locks are unknown: {error}")
}

/// Checks a value under `key`, which `source` says the origin of. `None` stands for a value that is
/// not text.
fn check_lock(key: &str, value: Option<&str>, source: &str, now: u64) -> Result<(), Denial> {
    match value.map(serde_json::from_str::<Lock>) {
        Some(Ok(lock)) if !lock.is_closed_at(now) => Ok(()),
        Some(Ok(lock)) => {
            let reason = lock.reason.escape_debug();
            denied(format!("locked by `{key}`{source}: {reason}"))
        }
        // A lock that cannot be read was meant to close something.
        Some(Err(_)) | None => denied(format!("locked by `{key}`{source}, whose value is no lock")),
    }
}

/// Returns every name of the client of a login, each once. Another credential next to one of them
/// changes the principal, and a policy may still look at any.
fn names_of(request: &AuthorizationRequest) -> Vec<&str> {
    let (identity, credentials) = (&request.identity, &request.credentials);
    let certificate = verified_certificate(identity);
    let certificate = certificate
        .map(|leaf| [leaf.spiffe_id.as_deref(), Some(leaf.subject.as_str())])
        .into_iter()
        .flatten();
    let names = [
        identity.principal.as_deref(),
        credentials.username.as_deref(),
        identity.nkey.as_ref().map(PublicKey::as_str),
        credentials.nkey.as_ref().map(PresentedNkey::as_str),
    ];
    let mut found: Vec<&str> = Vec::with_capacity(1);
    for name in names.into_iter().chain(certificate).flatten() {
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Returns the issuers that vouch for the client: that of the principal, and that of a verified
/// certificate next to it.
fn issuers_of(identity: &Identity) -> impl Iterator<Item = &str> {
    let issuer = identity.issuer.as_deref();
    let certificate = verified_certificate(identity).map(|leaf| leaf.issuer.as_str());
    let certificate = certificate.filter(|name| !name.is_empty() && Some(*name) != issuer);
    issuer.into_iter().chain(certificate)
}

fn verified_certificate(identity: &Identity) -> Option<&Certificate> {
    identity.certificate.as_ref().filter(|leaf| leaf.verified)
}

fn denied(reason: String) -> Result<(), Denial> {
    Err(Denial::new(DenialClass::Locked, reason))
}

/// Returns the name as a token of a key.
fn encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_plain) {
        name.to_owned()
    } else {
        format!("={}", BASE64URL_NOPAD.encode(name.as_bytes()))
    }
}

#[cfg(test)]
mod tests;
