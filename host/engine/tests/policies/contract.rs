//! Compatibility of the contract: the allowed changes, and modules of every released version, which
//! must still decide.

use std::path::PathBuf;
use std::{fs, iter};

use portcullis_core::Verdict;
use portcullis_engine::{Grants, Limits, LoadError};
use portcullis_test_policies::{SERVER, decide, engine, load_bytes, load_with};
use rstest::rstest;
use wit_component::{StringEncoding, dummy_module, embed_component_metadata, semver_check};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, WorldId};

/// The current contract.
const CONTRACT: &str = include_str!("../../../../wit/policy.wit");

/// The copy of the contract in the published SDK.
const COPY_OF_SDK: &str = include_str!("../../../../policy-sdk/wit/policy.wit");

/// The beginning of the package's line, without the version.
const PACKAGE: &str = "package portcullis:policy@";

/// A released version of the contract.
struct Released {
    version: String,
    text: String,
}

#[test]
fn the_sdk_is_published_with_the_contract() {
    assert_eq!(
        COPY_OF_SDK, CONTRACT,
        "copy `wit/policy.wit` to `policy-sdk/wit/policy.wit`"
    );
}

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Returns every version in `wit/released`.
fn released() -> Vec<Released> {
    let versions: Vec<_> = fs::read_dir(repository("wit/released"))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let version = entry.file_name().into_string().unwrap();
            let text = fs::read_to_string(entry.path().join("policy.wit")).unwrap();
            assert_eq!(version, version_of(&text), "of `wit/released/{version}`");
            Released { version, text }
        })
        .collect();
    assert!(!versions.is_empty());
    versions
}

fn version_of(text: &str) -> &str {
    let (_, rest) = text.split_once(PACKAGE).unwrap();
    rest.split_once(';').unwrap().0
}

/// Returns `text` with a different version.
fn renamed(text: &str, version: &str) -> String {
    let old = format!("{PACKAGE}{}", version_of(text));
    text.replace(&old, &format!("{PACKAGE}{version}"))
}

fn add(resolve: &mut Resolve, text: &str) -> WorldId {
    let package = resolve.push_source("policy.wit", text).unwrap();
    resolve.select_world(&[package], Some("policy")).unwrap()
}

/// Verifies that modules made for `old` run on a host with `new`. The error is the incompatibility.
fn succeeds(old: &str, new: &str) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let old = add(&mut resolve, &renamed(old, "0.0.1"));
    let new = add(&mut resolve, &renamed(new, "0.0.2"));
    semver_check(resolve, old, new).map_err(|error| format!("{error:#}"))
}

/// Returns `text` with `new` instead of `old`, which must occur once.
fn altered(text: &str, old: &str, new: &str) -> String {
    assert_eq!(text.matches(old).count(), 1, "`{old}`");
    text.replace(old, new)
}

#[test]
fn the_contract_is_a_compatible_successor_of_every_released_version() {
    for Released { version, text } in released() {
        succeeds(&text, CONTRACT).unwrap_or_else(|problem| {
            panic!("wit/policy.wit breaks modules made for {version}: {problem}")
        });
    }
}

#[test]
fn a_released_version_stays_as_it_is() {
    let current = version_of(CONTRACT);
    for Released { version, text } in released() {
        if version == current {
            succeeds(CONTRACT, &text).unwrap_or_else(|problem| {
                panic!(
                    "wit/policy.wit says more than {version} did; give it a new version: {problem}"
                )
            });
        }
    }
}

#[test]
fn what_adds_to_what_is_imported_is_accepted() {
    let function = altered(
        CONTRACT,
        "interface server {",
        "interface server {\n rain: func() -> bool;",
    );
    assert_eq!(succeeds(CONTRACT, &function), Ok(()));
    let interface = altered(
        CONTRACT,
        "    import server;",
        "    import server;\n import weather;",
    ) + "interface weather { rain: func() -> bool; }";
    assert_eq!(succeeds(CONTRACT, &interface), Ok(()));
}

#[rstest]
#[case::record_field("temperature: f64", "temperature: f64, rain: bool")]
#[case::case_of_the_verdict("        abstain,\n", "        abstain,\n        perhaps,\n")]
#[case::removed_function("    user-nkey: func() -> string;\n", "")]
#[case::changed_parameter("claim: func(path: string)", "claim: func(path: list<string>)")]
#[case::function_to_export(
    "    decide: func()",
    "    describe: func() -> string;\n    decide: func()"
)]
fn what_breaks_modules_is_refused(#[case] old: &str, #[case] new: &str) {
    // The contract has no record, because a new field would break modules.
    let before = altered(
        CONTRACT,
        "interface server {",
        "interface server {\n record weather { temperature: f64 }\n forecast: func() -> weather;",
    );
    let after = altered(&before, old, new);
    assert!(succeeds(&before, &before).is_ok());
    assert!(succeeds(&before, &after).is_err());
}

/// Returns settings for a module of the corpus, and the check of its decision.
fn expected(name: &str) -> (&'static str, fn(&Verdict) -> bool) {
    match name {
        "permits" => (
            "{}",
            |verdict| matches!(verdict, Verdict::Permit(permit) if permit.role() == Some("reader")),
        ),
        "tells" => (r#"{"greeting":"hello"}"#, |verdict| {
            matches!(verdict, Verdict::Deny(facts)
                if facts.contains("greeting=hello") && facts.contains(&format!("server.id={SERVER}")))
        }),
        _ => panic!("say here what `{name}` is to decide"),
    }
}

#[test]
fn modules_of_every_released_version_decide() {
    for Released { version, .. } in released() {
        let directory = repository("host/engine/tests/contract").join(&version);
        let files = fs::read_dir(&directory).unwrap_or_else(|error| {
            panic!("no modules of {version}, see host/engine/tests/contract/README.md: {error}")
        });
        let modules: Vec<_> = files
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "wasm")
            })
            .collect();
        let mut outcomes = [false, false];
        for path in modules {
            let (settings, is_expected) = expected(path.file_stem().unwrap().to_str().unwrap());
            let module = fs::read(&path).unwrap();
            let (limits, grants) = (Limits::default(), Grants::default());
            let policy = load_with(&engine(), &module, settings, limits, grants).unwrap();
            let verdict = decide(&policy).unwrap();
            assert!(is_expected(&verdict), "{}: {verdict:?}", path.display());
            outcomes[usize::from(matches!(verdict, Verdict::Permit(_)))] = true;
        }
        assert_eq!(outcomes, [true; 2], "one of {version} denies, one permits");
    }
}

/// Returns a module for this text that imports and exports everything in it. The host can load it
/// up to the point where it would run.
fn module_for(text: &str) -> Vec<u8> {
    let granted = "    import secrets;\n    import key-value;\n";
    let text = altered(text, granted, "");
    let mut resolve = Resolve::default();
    let world = add(&mut resolve, &text);
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}

#[test]
fn a_module_for_a_newer_host_is_refused_with_what_is_missing() {
    let newer = renamed(CONTRACT, "0.1.99");
    let error = load_bytes(&module_for(&newer)).unwrap_err();
    assert!(matches!(error, LoadError::Configure(_)), "{error}");
    for (interface, place, function) in [
        ("client", "interface client {", "rain: func() -> bool;"),
        (
            "permits",
            "        user-name: func(name: string);",
            "rain: func();",
        ),
    ] {
        let text = altered(&newer, place, &format!("{place}\n{function}"));
        let error = load_bytes(&module_for(&text)).unwrap_err();
        assert!(
            matches!(error, LoadError::UnknownFunction { .. }),
            "{error}"
        );
        let text = error.to_string();
        for words in [
            &format!("host interface `portcullis:policy/{interface}@0.1.99`"),
            "rain`",
            "update the host",
        ] {
            assert!(text.contains(words), "`{words}` is not in `{text}`");
        }
    }
}

#[test]
fn a_module_of_another_version_hears_which_are_spoken() {
    for version in ["0.2.0", "1.0.0", "0.1.1-rc.1"] {
        let error = load_bytes(&module_for(&renamed(CONTRACT, version))).unwrap_err();
        assert!(matches!(error, LoadError::OtherVersion { .. }), "{error}");
        let text = error.to_string();
        let made_for = format!("`portcullis:policy@{version}`");
        for words in iter::once(made_for.as_str()).chain(["speaks 0.1 ", version_of(CONTRACT)]) {
            assert!(text.contains(words), "`{words}` is not in `{text}`");
        }
    }
}
