//! Bodies of the exchange's routes: after `o`, that of `/v1/tokens`; after `a`, an account in a
//! path; after any other byte, a body of Overmind's routes. `@U` stands for a public key.
#![no_main]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use portcullis_exchange::fuzzing::{Asked, Route, read_account, read_body};

/// The maximum size of a body.
const MAX: usize = 2048;
const KEY: &str = "UACPRGLNU5R3PKLJWEBI5YYAOVU6V45GGVEG3WVSCHKRFSC3TX4PW42R";

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    if *first == b'a' {
        if let Ok(text) = str::from_utf8(rest)
            && let Ok(account) = read_account(text)
        {
            assert_eq!(account, text);
        }
        return;
    }
    let route = if *first == b'o' {
        Route::Own
    } else {
        Route::Connect
    };
    let body = String::from_utf8_lossy(rest)
        .replace("@U", KEY)
        .into_bytes();
    let size = body.len();
    match ready(read_body(route, body, MAX)) {
        Ok(asked) => {
            assert!(size <= MAX);
            check(route, &asked);
        }
        Err(error) => {
            assert!(error.len() < 600, "{error}");
            assert!(!error.chars().any(char::is_control), "{error}");
        }
    }
});

fn check(route: Route, asked: &Asked) {
    assert!(asked.nkey.starts_with('U') && asked.nkey.len() == 56);
    let name = asked.name.as_deref().unwrap_or_default();
    assert!(name.len() <= 256 && !name.chars().any(char::is_control));
    assert_ne!(asked.lifetime, Some(0));
    if route == Route::Connect {
        assert_eq!((&asked.account, asked.lifetime), (&None, None));
    }
}

/// Returns the result of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("a body in memory is complete"),
    }
}
