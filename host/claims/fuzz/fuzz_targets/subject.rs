//! Subjects of permissions: accepted ones follow the server's rules, and no error grows with its
//! input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_core::PermissionSubject;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let publish = PermissionSubject::publish(text);
    let subscribe = PermissionSubject::subscribe(text);
    assert_eq!(subscribe, text.parse());
    if let Ok(subject) = &publish {
        assert_eq!(subscribe.as_ref(), Ok(subject));
        assert!(!text.contains(' '));
    }
    match subscribe {
        Ok(subject) => {
            assert_eq!(subject.as_str(), text);
            assert_eq!(subject.to_string().parse(), Ok(subject));
            follows_the_rules(text);
        }
        Err(error) => assert!(error.to_string().len() < 2048),
    }
});

/// Checks `text` with a second implementation of `Subject.Validate` of nats-io/jwt.
fn follows_the_rules(text: &str) {
    assert!(!text.is_empty() && text.len() <= PermissionSubject::MAX_LEN);
    let parts: Vec<&str> = text.split(' ').collect();
    assert!(parts.len() <= 2);
    for part in parts {
        assert!(!part.starts_with('.') && !part.ends_with('.') && !part.contains(".."));
        assert!(!part.is_empty() && !part.contains(|letter: char| letter.is_whitespace()));
    }
}
