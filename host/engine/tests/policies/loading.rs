//! Modules that the host rejects, and the message for each.

use std::time::Duration;

use portcullis_engine::{Grants, Limits, LoadError};
use portcullis_test_policies::{engine, guest, load, load_bytes, load_with, wat};

/// Returns the rejection of `bytes`, after verifying that it is one line.
fn refusal(bytes: &[u8]) -> LoadError {
    let error = load_bytes(bytes).unwrap_err();
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.ends_with('.'), "{text:?}");
    error
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    assert!(matches!(refusal(b""), LoadError::Empty));
    assert!(matches!(refusal(b"#!/bin/sh\n"), LoadError::NotWasm));
    assert!(
        matches!(refusal(b"(module)"), LoadError::NotWasm),
        "text is not a module"
    );
    assert!(matches!(refusal(b"\0asm"), LoadError::Invalid(_)));
    assert!(matches!(
        refusal(b"\0asm\xff\xff\xff\xff"),
        LoadError::Invalid(_)
    ));
}

#[test]
fn every_truncation_is_refused() {
    let whole = guest("abstains");
    for parts in 1..20 {
        let cut = whole.len() * parts / 20;
        let error = refusal(&whole[..cut]);
        assert!(
            matches!(error, LoadError::Invalid(_)),
            "cut at {cut}: {error}"
        );
    }
}

#[test]
fn flipped_bytes_never_bring_the_host_down() {
    let whole = guest("abstains");
    for seed in 0_usize..64 {
        let mut bytes = whole.clone();
        for step in 0..8 {
            let position = (seed * 7919 + step * 104_729) % bytes.len();
            bytes[position] ^= 1 << (seed % 8);
        }
        // Some damage affects only names, so that the module loads. Any answer but a panic is
        // right.
        if let Err(error) = load_bytes(&bytes) {
            assert!(!matches!(error, LoadError::HostPanic), "seed {seed}");
        }
    }
}

#[test]
fn modules_of_other_worlds_are_refused() {
    assert!(matches!(refusal(&wat("(module)")), LoadError::Untyped));
    let error = refusal(&wat("(component)"));
    assert!(matches!(error, LoadError::WrongWorld(_)), "{error}");
    assert!(
        error.to_string().contains("portcullis:policy/decider"),
        "{error}"
    );
}

#[test]
fn what_a_dependency_wants_of_javascript_is_named_with_the_way_out() {
    for import in ["__wbindgen_placeholder__", "__wbindgen_externref_xform__"] {
        let module = wat(&format!(
            r#"(module (import "{import}" "f" (func)) (import "env" "g" (func)))"#
        ));
        let error = load_bytes(&module).unwrap_err().to_string();
        for words in [
            import,
            "cargo tree",
            "wasm-bindgen",
            "default-features = false",
        ] {
            assert!(error.contains(words), "`{words}` is not in `{error}`");
        }
        assert!(
            !error.contains("build for wasm32-unknown-unknown, without WASI"),
            "{error}"
        );
    }
}

#[test]
fn imports_from_outside_the_contract_are_named() {
    let error = refusal(&wat(r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "clock_time_get" (func (param i32 i64 i32) (result i32)))
            (import "env" "now" (func)))"#));
    assert!(matches!(error, LoadError::ForeignImports(_)));
    assert!(
        error
            .to_string()
            .contains("`env`, `wasi_snapshot_preview1`"),
        "{error}"
    );
    let error = refusal(&wat(r#"(component
            (import "wasi:clocks/wall-clock@0.2.6" (instance (export "now" (func (result u64))))))"#));
    assert!(matches!(error, LoadError::ForeignImports(_)), "{error}");
    assert!(
        error.to_string().contains("wasi:clocks/wall-clock@0.2.6"),
        "{error}"
    );
}

#[test]
fn interfaces_this_host_does_not_have_are_named() {
    let error = refusal(&wat(r#"(component
            (import "portcullis:policy/weather@0.1.0" (instance (export "rain" (func)))))"#));
    assert!(matches!(error, LoadError::UnknownInterface(_)), "{error}");
    assert!(
        error
            .to_string()
            .contains("`portcullis:policy/weather@0.1.0`"),
        "{error}"
    );
}

#[test]
fn secrets_need_a_grant() {
    let error = load("reads_secrets").unwrap_err();
    assert_eq!(
        error.to_string(),
        "it imports `portcullis:policy/secrets`, which needs `secrets = true` under [policies.grants.guest] in portcullis.toml"
    );
    let granted = Grants {
        secrets: true,
        ..Grants::default()
    };
    let loaded = load_with(
        &engine(),
        &guest("reads_secrets"),
        "{}",
        Limits::default(),
        granted,
    )
    .unwrap();
    let verdict = portcullis_test_policies::decide(&loaded).unwrap();
    let portcullis_core::Verdict::Deny(reason) = verdict else {
        panic!("{verdict:?}")
    };
    assert!(reason.contains("secret"), "{reason}");
}

#[test]
fn settings_the_policy_refuses_are_quoted() {
    let engine = engine();
    let load = |settings: &str| {
        load_with(
            &engine,
            &guest("tells"),
            settings,
            Limits::default(),
            Grants::default(),
        )
    };
    let missing = load("{}").unwrap_err();
    assert!(matches!(missing, LoadError::Settings(_)));
    assert!(missing.to_string().contains("greeting"), "{missing}");
    let wrong = load(r#"{"greeting":7}"#).unwrap_err();
    assert!(wrong.to_string().contains("greeting"), "{wrong}");
}

#[test]
fn a_configure_that_fails_or_never_ends_is_refused() {
    let error = load("panics_in_configure").unwrap_err();
    assert!(matches!(error, LoadError::Configure(_)));
    assert!(error.to_string().contains("no settings please"), "{error}");
    let error = load("spins_in_configure").unwrap_err();
    assert!(error.to_string().contains("deadline"), "{error}");
}

#[test]
fn limits_beyond_the_hosts_bounds_are_refused() {
    let most = Limits::MAX;
    let raise: [fn(&mut Limits); 9] = [
        |limits| limits.deadline += Duration::from_nanos(1),
        |limits| limits.memory += 1,
        |limits| limits.tables += 1,
        |limits| limits.host_call_bytes += 1,
        |limits| limits.log_lines += 1,
        |limits| limits.log_line_bytes += 1,
        |limits| limits.subjects += 1,
        |limits| limits.reason_bytes += 1,
        |limits| limits.comparisons += 1,
    ];
    let engine = engine();
    let load = |limits| load_with(&engine, &guest("abstains"), "{}", limits, Grants::default());
    assert!(load(most).is_ok());
    assert_eq!(raise.len(), most.each().len());
    for (raise, bound) in raise.into_iter().zip(most.each()) {
        let mut limits = most;
        raise(&mut limits);
        let error = load(limits).unwrap_err().to_string();
        let named = format!("limit `{}` is ", bound.name);
        let bound = format!("the host's bound is {}", bound.amount);
        assert!(error.contains(&named) && error.contains(&bound), "{error}");
    }
}

#[test]
fn limits_are_printed_as_settings_files_write_them() {
    let printed: Vec<_> = Limits::default()
        .each()
        .iter()
        .map(|limit| format!("{} = {}", limit.name, limit.amount))
        .collect();
    assert_eq!(
        printed,
        [
            "deadline = 100ms",
            "memory = 16MiB",
            "tables = 10000",
            "host-call-bytes = 1MiB",
            "log-lines = 32",
            "log-line-bytes = 1KiB",
            "subjects = 4096",
            "reason-bytes = 1KiB",
            "comparisons = 8",
        ]
    );
}

#[test]
fn a_policy_needs_the_memory_it_starts_with() {
    let limits = Limits {
        memory: 64 << 10,
        ..Limits::default()
    };
    let error = load_with(
        &engine(),
        &guest("abstains"),
        "{}",
        limits,
        Grants::default(),
    );
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("more than its limit of 65536"),
        "{error}"
    );
}
