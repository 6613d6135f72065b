//! What a host hears of a child: frames, their order and their JSON. No byte of it is trusted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_catalog::fuzzing::{hear_child, permitted};
use portcullis_catalog_fuzz::{check_error, stream};
use portcullis_core::{Ceiling, DenyFilter, OnExcess, WorkBudget};

/// Bytes before the payload of a frame.
const HEAD: usize = 5;

fuzz_target!(|data: &[u8]| {
    let bytes = stream(data);
    let heard = match hear_child(&bytes) {
        Ok(heard) => heard,
        Err(error) => return check_error(&error, data),
    };
    assert!(heard.lines <= bytes.len() / HEAD);
    // What was read is what stood there.
    let again = hear_child(&heard.repeated).unwrap();
    assert_eq!(again.left, 0);
    assert_eq!(again.repeated, heard.repeated);
    assert_eq!(again.verdict, heard.verdict);
    assert_eq!(again.code, heard.code);
    match heard.verdict.as_ref().unwrap() {
        Ok(_) => assert!(heard.code.is_some()),
        Err(error) => {
            assert!(heard.code.is_none());
            check_error(error, data);
        }
    }
    // No permit takes more than its budget, whether or not a policy could have made it.
    for login in permitted(&heard) {
        let permissions = login.permit.permissions();
        for on_excess in [OnExcess::Clip, OnExcess::Refuse] {
            let ceiling = Ceiling {
                publish: permissions.subscribe.clone(),
                subscribe: permissions.publish.clone(),
                responses: None,
                on_excess,
            };
            let mut work = WorkBudget::new(WorkBudget::INLINE);
            let _ = ceiling.apply(permissions, DenyFilter::Overlapping, &mut work);
        }
    }
});
