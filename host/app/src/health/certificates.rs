//! Metrics of the host's own certificates: that of the exchange's listener, and those that the host
//! presents to servers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_config::Config;
use portcullis_core::Sample;
use portcullis_files::{Disk as _, SystemDisk};
use portcullis_identity::certificates_expiry;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// Time between two reads of the files.
const INTERVAL: Duration = Duration::from_mins(1);

/// Maximum size of a file of certificates, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// The ends of the host's certificates, as their files last said.
#[derive(Clone, Debug)]
pub(crate) struct OwnCertificates {
    /// The key of the configuration that names each file.
    files: Arc<[(String, PathBuf)]>,
    /// The end of each, in seconds since the Unix epoch. `None` if the file cannot be read.
    ends: Arc<Mutex<Vec<Option<u64>>>>,
}

impl OwnCertificates {
    /// Creates the certificates that the configuration names. They are not read yet.
    pub(crate) fn new(config: &Config) -> Self {
        let of_connections = config.connections().filter_map(|(table, nats)| {
            let files = nats.tls.certificate.as_ref()?;
            Some((format!("{table}.tls-cert-file"), files.certificate.clone()))
        });
        let exchange = config.exchange.certificate.iter().map(|files| {
            let key = "exchange.tls-cert-file".to_owned();
            (key, files.certificate.clone())
        });
        Self {
            files: of_connections.chain(exchange).collect(),
            ends: Arc::default(),
        }
    }

    /// Reads the files each minute. Runs until the task is dropped.
    pub(crate) async fn run(self) {
        if self.files.is_empty() {
            return;
        }
        loop {
            let files = Arc::clone(&self.files);
            let read = spawn_blocking(move || files.iter().map(|(_, file)| end_of(file)).collect());
            if let Ok(ends) = read.await {
                *self.ends.lock() = ends;
            }
            sleep(INTERVAL).await;
        }
    }

    /// Returns the ends of the certificates that were read.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let ends = self.ends.lock();
        let named = self.files.iter().zip(ends.iter());
        let help = "When the first certificate in the file that this key names expires";
        named
            .filter_map(|((key, _), end)| {
                let end = seconds((*end)?);
                let sample = Sample::gauge("certificate_expiry_timestamp_seconds", help, end);
                Some(sample.with("key", key.clone()))
            })
            .collect()
    }
}

/// Returns a number of seconds as a gauge has it. Certificates can outlive 32 bits, in 2106.
fn seconds(number: u64) -> f64 {
    let half = |number: u64| f64::from(u32::try_from(number & 0xffff_ffff).unwrap_or(u32::MAX));
    half(number >> 32).mul_add(4_294_967_296.0, half(number))
}

/// Returns the end of the first certificate of a file to expire. Blocks.
fn end_of(file: &Path) -> Option<u64> {
    let content = SystemDisk.read(file, MAX_SIZE).ok()?;
    certificates_expiry(&content.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_exact_beyond_32_bits() {
        for (number, expected) in [(0, 0.0), (1_798_761_600, 1_798_761_600.0)] {
            assert!((seconds(number) - expected).abs() < 0.5, "{number}");
        }
        let far = seconds(67_767_926_400);
        assert!((far - 67_767_926_400.0).abs() < 0.5, "{far}");
    }
}
