//! How proving who asks is going, in numbers.

use portcullis_callout::{Sample, SampleValue};
use portcullis_identity::{IssuerStatus, PasswordStatus};

/// The numbers of identity providers and of passwords.
pub(crate) fn samples(issuers: &[IssuerStatus], passwords: PasswordStatus) -> Vec<Sample> {
    let mut samples = vec![
        Sample::counter(
            "password_hashes",
            "Slow hashes of passwords and tokens that were computed",
            passwords.computed,
        ),
        Sample::counter(
            "passwords_recalled",
            "Comparisons that needed no hash, because the same password had matched lately",
            passwords.recalled,
        ),
    ];
    samples.extend(issuers.iter().flat_map(of_issuer));
    samples
}

fn of_issuer(issuer: &IssuerStatus) -> Vec<Sample> {
    let whole = |number: u64| u32::try_from(number).map_or(f64::INFINITY, f64::from);
    let keys = u64::try_from(issuer.keys).unwrap_or(u64::MAX);
    let mut samples = vec![
        Sample::gauge(
            "issuer_keys",
            "Keys of the identity provider that are held",
            whole(keys),
        ),
        Sample::gauge(
            "issuer_reachable",
            "Whether the last fetch of its keys succeeded, 0 or 1",
            if issuer.fetched_at.is_some() && issuer.error.is_none() {
                1.0
            } else {
                0.0
            },
        ),
        Sample::counter(
            "issuer_fetches",
            "How often its keys were fetched, with or without success",
            issuer.fetches,
        ),
        Sample::counter(
            "issuer_fetch_failures",
            "How often that failed",
            issuer.failures,
        ),
    ];
    if let Some(time) = issuer.fetched_at {
        samples.push(Sample {
            name: "issuer_keys_fetched_timestamp_seconds",
            help: "When its keys were last fetched, in seconds since the Unix epoch",
            labels: Vec::new(),
            value: SampleValue::Gauge(whole(time)),
        });
    }
    samples
        .into_iter()
        .map(|sample| sample.with("issuer", &issuer.name))
        .collect()
}
