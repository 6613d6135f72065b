//! What a child reads of its host: the task and the files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_catalog::fuzzing::read_host;
use portcullis_catalog_fuzz::stream;

fuzz_target!(|data: &[u8]| {
    let Ok(repeated) = read_host(&stream(data)) else {
        return;
    };
    assert_eq!(read_host(&repeated).unwrap(), repeated);
});
