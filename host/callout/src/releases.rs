//! Releases of nats-server whose rules the host does not know.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use portcullis_claims::ServerVersion;
use portcullis_core::Server;

/// Maximum number of recorded releases. A server chooses its text, and a fleet has few releases.
const MAX_RELEASES: usize = 16;

/// Maximum length of the text of a release that is recorded, in characters.
const MAX_LENGTH: usize = 32;

/// The releases that sent requests and that [`ServerVersion::is_known`] does not know.
#[derive(Debug, Default)]
pub(crate) struct UnknownReleases(Mutex<BTreeSet<String>>);

impl UnknownReleases {
    /// Records the release of a server that sent a request. Logs an unknown release at its first
    /// request.
    pub(crate) fn record(&self, server: &Server) {
        let text = server.version.as_deref().unwrap_or("none");
        let version = text.parse::<ServerVersion>();
        if version.is_ok_and(ServerVersion::is_known) {
            return;
        }
        let shown: String = text
            .chars()
            .take(MAX_LENGTH)
            .flat_map(char::escape_debug)
            .collect();
        let mut releases = self.0.lock();
        if releases.len() < MAX_RELEASES && releases.insert(shown.clone()) {
            tracing::warn!(
                server.name = server.name,
                server.version = shown,
                newest = %ServerVersion::NEWEST,
                "server of an unknown release: it counts as the newest known; try \
                 `cargo xtask conformance --server` with it, or update the host"
            );
        }
    }

    /// Returns the recorded releases, in the order of their texts.
    pub(crate) fn all(&self) -> Vec<String> {
        let releases = self.0.lock();
        releases.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use portcullis_core::{KeyKind, PublicKey};

    use super::*;

    fn recorded(versions: &[Option<&str>]) -> Vec<String> {
        let releases = UnknownReleases::default();
        for version in versions {
            releases.record(&Server {
                version: version.map(str::to_owned),
                ..Server::new(PublicKey::from_bytes(KeyKind::Server, [0; PublicKey::LEN]))
            });
        }
        releases.all()
    }

    #[test]
    fn releases_that_are_not_known_are_named_once() {
        let versions = ["2.15.3", "2.15.4", "2.10.26", "2.15.4", "3.0.0-RC.1"].map(Some);
        assert_eq!(recorded(&versions), ["2.15.4", "3.0.0-RC.1"]);
        assert_eq!(recorded(&[None, Some("fork")]), ["fork", "none"]);
    }

    #[test]
    fn a_fleet_of_odd_servers_does_not_fill_the_memory() {
        let many: Vec<_> = (0..100).map(|number| format!("3.0.{number}")).collect();
        let many: Vec<_> = many.iter().map(|text| Some(text.as_str())).collect();
        assert_eq!(recorded(&many).len(), MAX_RELEASES);
        let long = "9".repeat(1_000);
        assert_eq!(recorded(&[Some(&long)]), ["9".repeat(MAX_LENGTH)]);
    }
}
