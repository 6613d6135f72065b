//! Every guest has a test: a guest without one would test nothing.

use std::collections::BTreeSet;
use std::path::Path;

/// The guests, each with the module of its test.
const TESTED: [(&str, &str); 29] = [
    ("abstains", "catalog/tests/policies/catalog"),
    ("allocates", "engine/tests/policies/decisions"),
    ("buys_time", "engine/tests/policies/decisions"),
    ("conforms", "engine/tests/policies/decisions"),
    ("counts", "engine/tests/policies/decisions"),
    ("echoes", "engine/tests/policies/decisions"),
    ("fails_for", "catalog/tests/policies/chains"),
    ("floods_the_host", "engine/tests/policies/decisions"),
    ("floods_the_log", "engine/tests/policies/decisions"),
    ("floods_the_permit", "engine/tests/policies/decisions"),
    ("guesses", "engine/tests/policies/secrets"),
    ("hoards_permits", "engine/tests/policies/without_snapshot"),
    ("keeps_permits", "engine/tests/policies/reuse"),
    ("logs_and_spins", "engine/tests/policies/inline_budget"),
    ("logs_by_the_megabyte", "engine/tests/policies/abuse/corpus"),
    ("looks_up", "engine/tests/policies/key_value"),
    ("panics", "engine/tests/policies/decisions"),
    ("panics_in_configure", "engine/tests/policies/loading"),
    ("permits_nonsense", "engine/tests/policies/decisions"),
    ("permits_nothing", "engine/tests/policies/decisions"),
    ("ponders_settings", "engine/tests/policies/without_snapshot"),
    ("reads_secrets", "engine/tests/policies/loading"),
    ("recurses", "engine/tests/policies/decisions"),
    ("seeks_randomness", "engine/tests/policies/abuse"),
    ("spins", "engine/tests/policies/decisions"),
    ("spins_in_configure", "engine/tests/policies/loading"),
    ("swallows", "engine/tests/policies/abuse/corpus"),
    ("tells", "engine/tests/policies/decisions"),
    ("tells_the_time", "engine/tests/policies/abuse/corpus"),
];

#[test]
fn every_guest_has_a_test() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let sources = repository.join("tests/guests/examples");
    let guests: BTreeSet<_> = std::fs::read_dir(sources)
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let tested: BTreeSet<_> = TESTED
        .iter()
        .map(|(guest, _)| (*guest).to_owned())
        .collect();
    assert_eq!(guests, tested);
    for (guest, suite) in TESTED {
        let named = |path: &Path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains(&format!("\"{guest}\"")))
        };
        let found = named(&repository.join(format!("host/{suite}.rs")));
        assert!(found, "guest `{guest}` is not named in suite `{suite}`");
    }
}
