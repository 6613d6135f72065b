//! A policy that a child hands over, up to where wasmtime takes its code.
//!
//! An input is metadata as JSON, a zero byte, and the code. After `s`, the target seals the bytes
//! as they are. After `r`, it seals nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_catalog_fuzz::check_error;
use portcullis_engine::CodeName;
use portcullis_engine::fuzzing::{head, reopen, seal_any};

fuzz_target!(|data: &[u8]| {
    if let Some((name, rest)) = CodeName::from_bytes(data) {
        assert_eq!([&name.to_bytes(), rest].concat(), data);
    }
    if let Some(raw) = data.strip_prefix(b"r") {
        // Without the key, no input is authentic.
        return check_error(&reopen(raw).unwrap_err(), data);
    }
    let sealed = match data.strip_prefix(b"s") {
        Some(bytes) => seal_any(bytes),
        None => {
            let mut parts = data.splitn(2, |byte| *byte == 0);
            let about = parts.next().unwrap_or_default();
            let code = parts.next().unwrap_or_default();
            let length = u32::try_from(about.len()).unwrap();
            seal_any(&[&head(length), about, code].concat())
        }
    };
    let (again, code) = match reopen(&sealed) {
        Ok(opened) => opened,
        Err(error) => return check_error(&error, data),
    };
    assert_eq!(reopen(&again).unwrap(), (again.clone(), code));
    // Every change and every cut is noticed.
    let at = usize::from(*data.first().unwrap_or(&0)) % sealed.len();
    let mut changed = sealed;
    changed[at] ^= 1;
    assert!(reopen(&changed).is_err());
    changed[at] ^= 1;
    changed.truncate(at);
    assert!(reopen(&changed).is_err());
});
