//! The keys of identity providers: those that this command fetches, and those that a running host
//! holds.

use std::collections::BTreeMap;

use futures::future::join_all;
use portcullis_config::Config;
use portcullis_core::with_causes;
use portcullis_identity::{IssuerOptions, TokenVerifier};

use super::samples::samples;
use crate::doctor::evidence::{HeldKeys, IssuerKeys};

/// Fetches the keys of every issuer, as the host does. A file that is wrong concerns its own issuer
/// only.
pub(super) async fn fetch(config: &Config) -> Vec<IssuerKeys> {
    let fetches = config.identity.issuers.iter().map(fetch_one);
    join_all(fetches).await.into_iter().flatten().collect()
}

/// Fetches the keys of one issuer.
async fn fetch_one(options: &IssuerOptions) -> Vec<IssuerKeys> {
    let verifier = match TokenVerifier::new(vec![options.clone()]) {
        Ok(verifier) => verifier,
        Err(error) => {
            return vec![IssuerKeys {
                name: options.name.clone(),
                keys: Err(with_causes(&error)),
                required: options.required,
            }];
        }
    };
    verifier.fetch_all().await;
    let statuses = verifier.status().into_iter();
    let keys = statuses.map(|status| IssuerKeys {
        name: status.name,
        keys: match status.error {
            Some(error) => Err(error),
            None => Ok(status.keys),
        },
        required: status.required,
    });
    keys.collect()
}

/// Returns the keys that a host holds, by its page `/metrics`.
pub(super) fn held(page: &str) -> BTreeMap<String, HeldKeys> {
    let mut issuers: BTreeMap<String, HeldKeys> = BTreeMap::new();
    for (sample, value) in samples(page) {
        let labels = |name: &str| sample.strip_prefix(name)?.strip_prefix("{issuer=\"");
        let issuer = |labels: &str| labels.strip_suffix("\"}").map(unescaped);
        // Both values are whole numbers from 0 on.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a cast of a float stops at the ends of the integers"
        )]
        let value = value as u64;
        if let Some(name) = labels("portcullis_issuer_keys").and_then(issuer) {
            issuers.entry(name).or_default().keys = value;
        }
        let fetched = labels("portcullis_issuer_keys_fetched_timestamp_seconds");
        if let Some(name) = fetched.and_then(issuer) {
            issuers.entry(name).or_default().fetched_at = Some(value);
        }
    }
    issuers
}

/// Returns the text of a label, which Prometheus escapes.
fn unescaped(label: &str) -> String {
    let mut text = String::with_capacity(label.len());
    let mut characters = label.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                other => text.extend(other),
            },
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[tokio::test]
    async fn a_broken_file_concerns_its_own_issuer_only() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("portcullis.toml");
        let keys = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA",
            "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        std::fs::write(scratch.path().join("good.json"), keys).unwrap();
        std::fs::write(scratch.path().join("bad.json"), "{").unwrap();
        let issuer = |name: &str| {
            format!(
                "[identity.issuers.{name}]\nissuer = \"https://{name}.example.com\"\n\
                 audiences = [\"nats\"]\njwks-file = \"{name}.json\"\n"
            )
        };
        let text = format!(
            "[callout]\nissuer-seed-file = \"a.nk\"\ntarget-accounts = [\"APP\"]\n{}{}",
            issuer("bad"),
            issuer("good")
        );
        let config = Config::parse(Path::new(&file), &text).unwrap().value;
        let mut fetched = fetch(&config).await;
        fetched.sort_by(|one, other| one.name.cmp(&other.name));
        let names: Vec<_> = fetched.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["bad", "good"]);
        assert!(fetched[0].keys.is_err());
        assert_eq!(fetched[1].keys, Ok(1));
    }

    #[test]
    fn the_keys_that_a_host_holds_are_read_from_its_metrics() {
        let page = "HTTP/1.1 200 OK\r\n\r\n# HELP portcullis_issuer_keys keys\n\
            portcullis_issuer_keys{issuer=\"company\"} 2.0\n\
            portcullis_issuer_keys_fetched_timestamp_seconds{issuer=\"company\"} 1795300862.0\n\
            portcullis_issuer_keys{issuer=\"a \\\"b\\\\\"} 0\n\
            portcullis_issuer_fetches_total{issuer=\"company\"} 7\n";
        let company = HeldKeys {
            keys: 2,
            fetched_at: Some(1_795_300_862),
        };
        let expected = [("a \"b\\", HeldKeys::default()), ("company", company)];
        let expected = expected.map(|(name, keys)| (name.to_owned(), keys));
        assert_eq!(held(page), BTreeMap::from(expected));
        for name in ["issuer_keys", "issuer_keys_fetched_timestamp_seconds"] {
            let page = include_str!("../../../../../docs/reference/metrics.md");
            assert!(page.contains(&format!("`{name}`")), "{name}");
        }
    }
}
