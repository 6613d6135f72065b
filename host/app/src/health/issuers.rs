//! Metrics of identity providers' keys.

use portcullis_core::Sample;
use portcullis_identity::IssuerStatus;

/// Returns the state of each issuer's keys. No state makes the service unready: current keys stay
/// in use, and other logins need none.
pub(crate) fn samples(issuers: &[IssuerStatus]) -> Vec<Sample> {
    issuers.iter().flat_map(of_one).collect()
}

fn of_one(issuer: &IssuerStatus) -> Vec<Sample> {
    let mut samples = vec![
        Sample::whole(
            "issuer_keys",
            "Keys of the identity provider that are held",
            issuer.keys,
        ),
        Sample::counter(
            "issuer_fetches",
            "How often the identity provider's keys were fetched, with or without success",
            issuer.fetches,
        ),
        Sample::counter(
            "issuer_fetch_failures",
            "How often the identity provider's keys could not be fetched",
            issuer.failures,
        ),
    ];
    samples.extend(issuer.fetched_at.map(|time| {
        Sample::whole(
            "issuer_keys_fetched_timestamp_seconds",
            "When the keys that are held were fetched, in seconds since the Unix epoch",
            time,
        )
    }));
    samples
        .into_iter()
        .map(|sample| sample.with("issuer", issuer.name.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_issuer_has_its_numbers_and_no_time_before_the_first_fetch() {
        let mut up = IssuerStatus::default();
        up.name = "up".to_owned();
        up.keys = 3;
        up.fetched_at = Some(1_800_000_000);
        up.fetches = 5;
        let mut down = IssuerStatus::default();
        down.name = "down".to_owned();
        down.fetches = 2;
        down.failures = 2;
        let told: Vec<String> = samples(&[up, down])
            .iter()
            .map(|sample| {
                let (_, issuer) = sample.labels.first().unwrap();
                format!("{issuer} {} {:?}", sample.name, sample.value)
            })
            .collect();
        assert_eq!(
            told,
            [
                "up issuer_keys Gauge(3.0)",
                "up issuer_fetches Counter(5)",
                "up issuer_fetch_failures Counter(0)",
                "up issuer_keys_fetched_timestamp_seconds Gauge(1800000000.0)",
                "down issuer_keys Gauge(0.0)",
                "down issuer_fetches Counter(2)",
                "down issuer_fetch_failures Counter(2)",
            ]
        );
    }
}
