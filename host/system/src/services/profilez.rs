//! PROFILEZ: profiles of a server's process.

use std::time::Duration;

use data_encoding::BASE64;
use portcullis_connect::Nats;
use serde::{Deserialize, Serialize, Serializer};

use crate::client::SystemClient;
use crate::error::{ReplyError, SystemError};
use crate::server::ServerId;
use crate::subject;

/// A request for a profile of a server's process. Servers need no `prof_port` for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProfilezRequest {
    /// Name of the profile: `allocs`, `block`, `cpu`, `goroutine`, `heap`, `mutex` or
    /// `threadcreate`.
    pub name: String,
    /// Detail: 0, the default, for the format of `go tool pprof`, 1 and more for text.
    pub debug: u32,
    /// Time to profile for, of `cpu` only: more than 0 and at most 15 s.
    #[serde(
        serialize_with = "nanoseconds",
        skip_serializing_if = "Duration::is_zero"
    )]
    pub duration: Duration,
}

/// The data of the answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Profilez {
    profile: Option<String>,
    error: String,
}

impl<N: Nats> SystemClient<N> {
    /// Returns a profile of a server's process, as the server makes it.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer in time, or has no such profile. Waits for the duration
    /// of the profile in addition to the client's time for one answer.
    pub async fn profile(
        &self,
        server: &ServerId,
        request: &ProfilezRequest,
    ) -> Result<Vec<u8>, SystemError> {
        let subject = subject::of_server(server, "PROFILEZ");
        let body = serde_json::to_vec(request).map_err(SystemError::Encode)?;
        let patience = self.patience().saturating_add(request.duration);
        let profilez: Profilez = self.answer(subject.clone(), body, patience).await?;
        if !profilez.error.is_empty() {
            return Err(SystemError::Profile {
                reason: profilez.error,
            });
        }
        let base64 = profilez.profile.unwrap_or_default();
        BASE64.decode(base64.as_bytes()).map_err(|error| {
            let source = ReplyError::Malformed(serde::de::Error::custom(error));
            SystemError::Reply { subject, source }
        })
    }
}

fn nanoseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
