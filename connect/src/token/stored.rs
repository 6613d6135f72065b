//! Tokens that another program provides: in a file, in a variable, or in the options.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_core::Secret;
use portcullis_environment::{Clock, SystemClock};
use portcullis_files::{Disk, SystemDisk};

use super::jwt::Times;
use super::{Token, TokenError, TokenFuture, TokenHeader, TokenSource};
use crate::secret::SecretSource;

/// A token that another program provides, such as an API key or the token that Kubernetes projects
/// into a pod.
///
/// The token is read again for every use, because that program can replace it. If it cannot be
/// read, the last good one is used until its end, and [`TokenSource::last_failure`] has the reason.
/// The end of a JWT is the time of its claim `exp`.
#[derive(Debug)]
pub struct StoredToken {
    place: SecretSource,
    header: TokenHeader,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    state: Arc<Mutex<State>>,
}

/// The outcomes of reading.
#[derive(Debug, Default)]
struct State {
    last_good: Option<Secret>,
    /// The failure of the last time. `None` after a success.
    failure: Option<Arc<TokenError>>,
}

impl StoredToken {
    /// Creates the source of the token in `place`, which goes into the header `Authorization`.
    pub fn new(place: impl Into<SecretSource>) -> Self {
        Self {
            place: place.into(),
            header: TokenHeader::Bearer,
            clock: Arc::new(SystemClock),
            disk: Arc::new(SystemDisk),
            state: Arc::default(),
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

    async fn read(&self) -> Result<Token, Arc<TokenError>> {
        let (place, disk) = (self.place.clone(), Arc::clone(&self.disk));
        let (header, state) = (self.header.clone(), Arc::clone(&self.state));
        let read = move || {
            let read = read(&place, &header, &*disk);
            state.lock().record(read)
        };
        let done = tokio::task::spawn_blocking(read).await;
        let secret = done.map_err(|_| Arc::new(TokenError::Interrupted))??;
        let Some(times) = Times::of(&secret) else {
            return Ok(Token::new(secret, None).in_header(self.header.clone()));
        };
        let left = times.end.saturating_sub(self.clock.unix_seconds());
        if left == 0 {
            let place = self.place.clone();
            let ended = || Arc::new(TokenError::Ended { place });
            // A token that was not replaced because it cannot be read has ended for that reason.
            return Err(self.last_failure().unwrap_or_else(ended));
        }
        let ends_at = self.clock.now().checked_add(Duration::from_secs(left));
        Ok(Token::new(secret, ends_at).in_header(self.header.clone()))
    }
}

impl State {
    /// Returns the token that was read, or the last good one, because the other program may be in
    /// the middle of writing.
    fn record(&mut self, read: Result<Secret, TokenError>) -> Result<Secret, Arc<TokenError>> {
        let error = match read {
            Ok(secret) => {
                self.failure = None;
                return Ok(self.last_good.insert(secret).clone());
            }
            Err(error) => Arc::new(error),
        };
        self.failure = Some(Arc::clone(&error));
        self.last_good.clone().ok_or(error)
    }
}

/// Reads a token that `header` can carry. Blocks.
fn read(place: &SecretSource, header: &TokenHeader, disk: &dyn Disk) -> Result<Secret, TokenError> {
    let secret = place.read_from(disk)?;
    let is_possible = |byte: u8| match header {
        TokenHeader::Bearer => byte.is_ascii_graphic(),
        // A value can consist of words, such as a scheme and a key.
        TokenHeader::Named(_) => byte.is_ascii_graphic() || byte == b' ',
    };
    if secret.expose().bytes().all(is_possible) {
        Ok(secret)
    } else {
        let place = place.clone();
        Err(TokenError::Malformed { place })
    }
}

impl TokenSource for StoredToken {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(self.read())
    }

    fn last_failure(&self) -> Option<Arc<TokenError>> {
        self.state.lock().failure.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use data_encoding::BASE64URL_NOPAD;
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
        assert!(source.last_failure().is_none());
        fs::remove_file(&path).unwrap();
        assert_eq!(source.token().await.unwrap().secret().expose(), "second");
        assert_eq!(seconds_left(&source, clock.now()).await, None);
        let failure = source.last_failure().map(|error| error.to_string());
        assert_eq!(failure, Some(missing));
    }

    #[tokio::test]
    async fn a_text_that_no_header_carries_is_not_a_token() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for text in ["two words", "two\nlines", "t\u{f6}ken"] {
            fs::write(&path, text).unwrap();
            let source = StoredToken::file(&path);
            let problem = "has a space, a line end or a character that is not ascii";
            assert_eq!(
                source.token().await.unwrap_err().to_string(),
                format!("the token in `{}` {problem}", path.display())
            );
        }
        let key = StoredToken::api_key("authorization", Secret::new("Key 7"));
        assert_eq!(key.token().await.unwrap().secret().expose(), "Key 7");
    }

    #[tokio::test]
    async fn the_end_of_a_token_that_cannot_be_read_again_has_that_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, jwt(&format!(r#"{{"exp":{}}}"#, NOW + 60))).unwrap();
        let (source, clock) = stored(SecretSource::File(path.clone()));
        source.token().await.unwrap();
        fs::write(&path, "").unwrap();
        source.token().await.unwrap();
        clock.advance(Duration::from_mins(1));
        let error = source.token().await.unwrap_err();
        assert_eq!(error.to_string(), format!("`{}` is empty", path.display()));
    }

    #[tokio::test]
    async fn the_end_of_a_jwt_is_known_and_an_ended_one_is_not_used() {
        // Some issuers write a fraction (RFC 7519, section 2).
        let token = jwt(&format!(r#"{{"exp":{}.75}}"#, NOW + 60));
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
