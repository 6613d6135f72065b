//! Tokens that another program provides: in a file, in a variable, or in the options.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use parking_lot::Mutex;
use portcullis_core::Secret;
use portcullis_environment::{Clock, SystemClock};
use portcullis_files::{Disk, SystemDisk};
use serde::Deserialize;

use super::{Token, TokenError, TokenFuture, TokenHeader, TokenSource};
use crate::secret::SecretSource;

/// A token that another program provides, such as an API key or the token that Kubernetes projects
/// into a pod.
///
/// The token is read again for every use, because that program can replace it. If it cannot be
/// read, the last good one is used. The end of a JWT is the time of its claim `exp`.
#[derive(Debug)]
pub struct StoredToken {
    place: SecretSource,
    header: TokenHeader,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    last_good: Arc<Mutex<Option<Secret>>>,
}

#[derive(Deserialize)]
struct Expiry {
    exp: Option<u64>,
}

impl StoredToken {
    /// Creates the source of the token in `place`, which goes into the header `Authorization`.
    pub fn new(place: impl Into<SecretSource>) -> Self {
        Self {
            place: place.into(),
            header: TokenHeader::Bearer,
            clock: Arc::new(SystemClock),
            disk: Arc::new(SystemDisk),
            last_good: Arc::default(),
        }
    }

    /// Creates the source of the token in a file that rotates.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::new(SecretSource::File(path.into()))
    }

    /// Creates the source of the API key in `place`, which goes into the header `header`.
    pub fn api_key(header: impl Into<String>, place: impl Into<SecretSource>) -> Self {
        Self {
            header: TokenHeader::Named(header.into()),
            ..Self::new(place)
        }
    }

    /// Returns the same source with another clock and disk.
    #[must_use]
    pub fn on(self, clock: Arc<dyn Clock>, disk: Arc<dyn Disk>) -> Self {
        Self {
            clock,
            disk,
            ..self
        }
    }

    async fn read(&self) -> Result<Token, TokenError> {
        let (place, disk) = (self.place.clone(), Arc::clone(&self.disk));
        let last_good = Arc::clone(&self.last_good);
        let read = move || {
            let read = place.read_from(&*disk);
            let mut last_good = last_good.lock();
            match read {
                Ok(secret) => Ok(last_good.insert(secret).clone()),
                // The other program may be in the middle of writing.
                Err(error) => last_good.clone().ok_or(error),
            }
        };
        let done = tokio::task::spawn_blocking(read).await;
        let secret = done.map_err(|_| TokenError::Interrupted)??;
        let Some(expiry) = expiry(&secret) else {
            return Ok(Token::new(secret, None).in_header(self.header.clone()));
        };
        let left = expiry.saturating_sub(self.clock.unix_seconds());
        if left == 0 {
            let place = self.place.clone();
            return Err(TokenError::Ended { place });
        }
        let ends_at = self.clock.now().checked_add(Duration::from_secs(left));
        Ok(Token::new(secret, ends_at).in_header(self.header.clone()))
    }
}

impl TokenSource for StoredToken {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { self.read().await.map_err(Arc::new) })
    }
}

/// Returns the expiry of a JWT, in seconds since the Unix epoch. Verifies nothing. `None` if the
/// secret is not a JWT, or does not expire.
fn expiry(secret: &Secret) -> Option<u64> {
    let mut chunks = secret.expose().split('.');
    let (_header, claims) = (chunks.next()?, chunks.next()?);
    let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).ok()?;
    let claims: Expiry = serde_json::from_slice(&claims).ok()?;
    claims.exp
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use portcullis_core::with_causes;
    use portcullis_environment::ManualClock;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn jwt(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(claims.as_bytes()))
    }

    fn stored(place: SecretSource) -> (StoredToken, ManualClock) {
        let clock = ManualClock::new(NOW);
        let source = StoredToken::new(place);
        (
            source.on(Arc::new(clock.clone()), Arc::new(SystemDisk)),
            clock,
        )
    }

    async fn seconds_left(source: &StoredToken, now: Instant) -> Option<u64> {
        let token = source.token().await.unwrap();
        token.ends_at().map(|end| end.duration_since(now).as_secs())
    }

    #[tokio::test]
    async fn a_token_in_a_file_is_read_again_and_the_last_good_one_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let (source, clock) = stored(SecretSource::File(path.clone()));
        let missing = with_causes(&*source.token().await.unwrap_err());
        assert!(missing.ends_with("does not exist"), "{missing}");
        for text in ["first", "second"] {
            fs::write(&path, format!("{text}\n")).unwrap();
            assert_eq!(source.token().await.unwrap().secret().expose(), text);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(source.token().await.unwrap().secret().expose(), "second");
        assert_eq!(seconds_left(&source, clock.now()).await, None);
    }

    #[tokio::test]
    async fn the_end_of_a_jwt_is_known_and_an_ended_one_is_not_used() {
        let token = jwt(&format!(r#"{{"exp":{}}}"#, NOW + 60));
        let (source, clock) = stored(Secret::new(token).into());
        assert_eq!(seconds_left(&source, clock.now()).await, Some(60));
        clock.advance(Duration::from_secs(59));
        assert_eq!(seconds_left(&source, clock.now()).await, Some(1));
        clock.advance(Duration::from_secs(1));
        let ended = source.token().await.unwrap_err();
        assert_eq!(ended.to_string(), "the token in the secret given has ended");
        for endless in ["{}", "[]", "not json"] {
            let (source, clock) = stored(Secret::new(jwt(endless)).into());
            assert_eq!(seconds_left(&source, clock.now()).await, None, "{endless}");
        }
    }

    #[tokio::test]
    async fn an_api_key_has_a_header_of_its_own() {
        let key = StoredToken::api_key("x-api-key", Secret::new("hunter2"));
        let (name, value) = key.token().await.unwrap().as_header();
        assert_eq!((name.as_str(), value.expose()), ("x-api-key", "hunter2"));
        let token = StoredToken::new(Secret::new("hunter2"));
        let (name, value) = token.token().await.unwrap().as_header();
        assert_eq!(
            (name.as_str(), value.expose()),
            ("authorization", "Bearer hunter2")
        );
    }
}
