//! Events: the first byte is the kind, and the rest the payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_system::EventKind;
use portcullis_system::fuzzing::{kind_of, read_event};
use portcullis_system_fuzz::without_kind;

fuzz_target!(|data: &[u8]| {
    let Some((first, payload)) = data.split_first() else {
        return;
    };
    if let Ok(subject) = str::from_utf8(payload) {
        let _ = kind_of(subject);
    }
    let kind = EventKind::ALL[usize::from(*first) % EventKind::ALL.len()];
    let Ok(event) = read_event(kind, payload) else {
        return;
    };
    assert_eq!(event.kind(), kind);
    let _ = event.server().server_id();
    let written = without_kind(&event, kind.as_str());
    let again = read_event(kind, written.to_string().as_bytes()).unwrap();
    assert_eq!(without_kind(&again, kind.as_str()), written);
});
