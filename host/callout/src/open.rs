//! Open: from a message to a request that can be trusted.

use std::time::Duration;

use portcullis_claims::{OpenedRequest, RequestError};

use crate::service::ServiceOptions;

/// Why a request is not decided.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// It is not an authorization request of a server.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The server would not accept the answer.
    #[error(
        "the server expects issuer `{expected}`, this host signs as `{actual}`: compare `issuer` in the \
         server's auth_callout block with the seed in `issuer-seed-file`"
    )]
    Issuer {
        /// The server's.
        expected: String,
        /// Ours.
        actual: String,
    },
}

/// Decodes and verifies `payload`, received at `now` (seconds since the Unix epoch).
pub(crate) fn open(
    payload: &[u8],
    now: u64,
    options: &ServiceOptions,
) -> Result<OpenedRequest, OpenError> {
    let opened = OpenedRequest::open(payload, now, options.clock_skew)?;
    let actual = options.issuer.public_key();
    if opened.subject() == actual {
        Ok(opened)
    } else {
        Err(OpenError::Issuer {
            expected: opened.subject().to_owned(),
            actual: actual.to_owned(),
        })
    }
}

/// How long a server waits for an answer, by its own account (both in seconds since the Unix epoch); at most `most`.
pub(crate) fn budget(issued_at: Option<u64>, expires_at: Option<u64>, most: Duration) -> Duration {
    match (issued_at, expires_at) {
        (Some(issued_at), Some(expires_at)) => {
            // Both are cut to seconds: a server with a time-out of less than one says zero.
            let seconds = expires_at.saturating_sub(issued_at).max(1);
            most.min(Duration::from_secs(seconds))
        }
        _ => most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NOW, options};

    /// A request that a server would send to a service that signs as `issuer`.
    fn token(issuer: &str) -> String {
        let server = nats_token::KeyPair::new_server();
        let mut claims = nats_token::AuthorizationRequestClaims::new(issuer).unwrap();
        claims.claims.audience = "nats-authorization-request".to_owned();
        claims.request.user_nkey = nats_token::KeyPair::new_user().public_key();
        claims.request.server_id.id = server.public_key();
        claims.encode(&server).unwrap()
    }

    fn now() -> u64 {
        std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()
    }

    #[test]
    fn a_server_that_expects_another_issuer_is_told_apart() {
        let options = options();
        let other = nats_token::KeyPair::new_account().public_key();
        let error = open(token(&other).as_bytes(), now(), &options)
            .unwrap_err()
            .to_string();
        assert!(error.contains(&other), "{error}");
        assert!(error.contains(options.issuer.public_key()), "{error}");
        assert!(
            open(
                token(options.issuer.public_key()).as_bytes(),
                now(),
                &options
            )
            .is_ok()
        );
    }

    #[test]
    fn garbage_is_refused() {
        for garbage in [&b""[..], b"\xff\xfe", b"a.b.c", b"xkv1"] {
            assert!(open(garbage, NOW, &options()).is_err());
        }
    }

    #[test]
    fn the_servers_own_patience_limits_the_budget() {
        let seconds = Duration::from_secs;
        assert_eq!(budget(Some(100), Some(102), seconds(10)), seconds(2));
        assert_eq!(budget(Some(100), Some(130), seconds(1)), seconds(1));
        assert_eq!(budget(Some(100), Some(100), seconds(10)), seconds(1));
        assert_eq!(budget(Some(100), None, seconds(10)), seconds(10));
    }
}
