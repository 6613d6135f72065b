//! The keys of the host.

use std::sync::Arc;

use portcullis_authority::Issuers;
use portcullis_claims::{CurveKey, PublicKey};
use portcullis_core::Sample;

use crate::last_use::LastUse;
use crate::xkeys::Xkeys;

/// The keys that sign user JWTs and responses, and that open and seal messages.
///
/// A server's request names the issuer that the server expects, so several issuers can serve at the
/// same time: see `docs/design/how-are-the-callouts-keys-rotated.md`.
#[derive(Debug)]
pub struct HostKeys {
    main: IssuersInUse,
    others: Vec<IssuersInUse>,
    pub(crate) xkeys: Xkeys,
}

#[derive(Debug)]
struct IssuersInUse {
    issuers: Arc<Issuers>,
    used: LastUse,
}

/// The keys for the response to one request.
#[derive(Clone, Debug)]
pub(crate) struct ResponseKeys {
    /// The signers that the server expects.
    pub(crate) issuers: Arc<Issuers>,
    /// The keys that seal the response. `None` if the request was plain.
    pub(crate) sealing: Option<Sealing>,
}

/// The two curve keys of one request and its response.
#[derive(Clone, Debug)]
pub(crate) struct Sealing {
    /// The host's key, to which the server sealed the request.
    pub(crate) own: Arc<CurveKey>,
    /// The server's key.
    pub(crate) server: PublicKey,
}

impl HostKeys {
    /// Creates the keys of a host that signs with `issuers` and expects plain requests.
    pub fn new(issuers: impl Into<Arc<Issuers>>) -> Self {
        Self::with_others(issuers.into(), [], Xkeys::default())
    }

    /// Creates the keys of a host that signs with `main` and opens requests with `xkeys`. Servers
    /// that expect one of `others` get responses of that one.
    pub fn with_others(
        main: Arc<Issuers>,
        others: impl IntoIterator<Item = Arc<Issuers>>,
        xkeys: Xkeys,
    ) -> Self {
        Self {
            main: main.into(),
            others: others.into_iter().map(IssuersInUse::from).collect(),
            xkeys,
        }
    }

    /// Returns the main signers, with which other front doors sign too.
    pub const fn main(&self) -> &Arc<Issuers> {
        &self.main.issuers
    }

    /// Returns the signers that answer requests of this subject, and records the request at `now`
    /// (seconds since the Unix epoch). `None` if the host has no such key.
    pub(crate) fn expected_by(&self, subject: &str, now: u64) -> Option<&Arc<Issuers>> {
        let mut all = self.all();
        let found = all.find(|found| found.issuers.request_subject() == subject)?;
        found.used.record(now);
        Some(&found.issuers)
    }

    /// Returns the issuers or accounts that these keys answer for, as a list for an error.
    pub(crate) fn listed(&self) -> String {
        let subjects: Vec<_> = self
            .all()
            .map(|all| all.issuers.request_subject())
            .collect();
        subjects.join("` or `")
    }

    /// Returns a sample for each key that requests used, for `/metrics`.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let issuers = self.all().map(|all| {
            let key = all.issuers.request_subject();
            ("issuer", key, &all.used)
        });
        let xkeys = self.xkeys.uses().map(|(key, used)| ("xkey", key, used));
        let used = issuers.chain(xkeys).filter_map(|(kind, key, used)| {
            let help =
                "When a server last sent a request for this key, in seconds since the Unix epoch";
            let at = u32::try_from(used.get()?).map_or(f64::INFINITY, f64::from);
            let sample = Sample::gauge("key_last_request_timestamp_seconds", help, at);
            Some(sample.with("kind", kind).with("key", key))
        });
        used.collect()
    }

    fn all(&self) -> impl Iterator<Item = &IssuersInUse> {
        std::iter::once(&self.main).chain(&self.others)
    }
}

impl From<Arc<Issuers>> for IssuersInUse {
    fn from(issuers: Arc<Issuers>) -> Self {
        Self {
            issuers,
            used: LastUse::default(),
        }
    }
}
