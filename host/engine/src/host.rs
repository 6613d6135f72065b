//! The imported interfaces, with one `Host` implementation each.
//!
//! An outer error traps the policy. An inner error is an answer that the policy can handle.

use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{Asker, AuthorizationRequest, HashError, PermitBuilder, PolicyName, Secret};
use wasmtime::component::{HasSelf, Linker, Resource};

use crate::state::{Phase, State};

mod certificate;
mod facts;
mod identity;
mod key_value;
mod permits;

mod generated {
    //! Bindings generated from `wit/policy.wit`.
    wasmtime::component::bindgen!({
        path: "wit",
        world: "policy",
        imports: { default: trappable },
        with: { "portcullis:policy/permits.permit": portcullis_core::PermitBuilder },
    });
}

pub(crate) use generated::exports::portcullis::policy::decider::Verdict as GuestVerdict;
pub(crate) use generated::{Policy as PolicyBindings, PolicyPre};

use crate::text::truncate;
use generated::portcullis::policy as contract;

/// A call of a policy for facts of a request during `configure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` was called during `configure`, when there is no request")]
pub struct NoRequest(&'static str);

/// A comparison with a slow hash that did not end before the request's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the request's deadline passed before the password hash was computed: the hash costs too much for this machine, or \
     too many are computed at the same time"
)]
pub struct NoTime;

/// A comparison with a `plain:` form that the policy has no grant for.
#[derive(Debug, thiserror::Error)]
#[error(
    "`plain:` is not granted: make a hash with `portcullis hash`, or write `plain-hashes = true` under [policies.grants.{0}] in \
     portcullis.toml"
)]
struct PlainNotGranted(PolicyName);

/// Links every interface, and `secrets` if it is granted. `key-value` answers only for granted
/// buckets, so a policy without a grant gets nothing from it.
pub(crate) fn add_to_linker(linker: &mut Linker<State>, secrets: bool) -> wasmtime::Result<()> {
    contract::client::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::server::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::request::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::identity::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::certificate::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::permits::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::log::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    contract::key_value::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    if secrets {
        contract::secrets::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    }
    Ok(())
}

impl State {
    fn request(&self, asked: &'static str) -> wasmtime::Result<&AuthorizationRequest> {
        self.request_about(asked, None)
    }

    /// Returns the request, and records a question with an argument. Without one, see
    /// [`request`](Self::request).
    fn request_about(
        &self,
        asked: &'static str,
        about: Option<&str>,
    ) -> wasmtime::Result<&AuthorizationRequest> {
        self.record(asked, about);
        match &self.phase {
            Phase::Decide { request, .. } => Ok(request),
            Phase::Configure => Err(NoRequest(asked).into()),
        }
    }

    /// Returns the user nkey of the login, which the log line of its decision has too.
    pub(crate) fn user_nkey(&self) -> Option<&str> {
        match &self.phase {
            Phase::Decide { request, .. } => Some(request.user_nkey.as_str()),
            Phase::Configure => None,
        }
    }

    fn received_at(&self) -> u64 {
        match &self.phase {
            Phase::Decide { request, .. } => request.received_at,
            Phase::Configure => 0,
        }
    }

    /// Compares a secret of the request with a hash. The time of slow hashes does not count for the
    /// policy.
    fn compare(
        &mut self,
        asked: &'static str,
        secret: impl FnOnce(&AuthorizationRequest) -> Option<&Secret>,
        hash: &str,
    ) -> wasmtime::Result<Result<bool, String>> {
        self.record(asked, None);
        let Phase::Decide { request, deadline } = &self.phase else {
            return Err(NoRequest(asked).into());
        };
        let (request, deadline): (Arc<_>, Instant) = (Arc::clone(request), *deadline);
        let Some(secret) = secret(&request) else {
            return Ok(Ok(false));
        };
        // Each comparison is a guess at the secret, regardless of its cost.
        self.charge_comparison()?;
        if let Err(refusal) = self.check_form(hash) {
            return Ok(Err(refusal.to_string()));
        }
        if self.skips_slow_hashes && hash.starts_with('$') {
            let checked = self.verifier.check(hash);
            return Ok(checked.map(|()| false).map_err(|error| error.to_string()));
        }
        let verifier = Arc::clone(&self.verifier);
        if deadline <= Instant::now() {
            return Err(NoTime.into());
        }
        let name = self.name.clone();
        let on_behalf_of = Asker {
            policy: name.as_str(),
            address: request.client.host.as_deref(),
        };
        let compare = || verifier.matches(secret, hash, on_behalf_of, deadline);
        // Only deliberately slow hashes are free of charge, so that a policy cannot gain time with
        // fast ones.
        let matches = if hash.starts_with('$') {
            self.clock.lend(compare)
        } else {
            compare()
        };
        match matches {
            // Any answer of the policy would be too late.
            Err(HashError::Deadline) => Err(NoTime.into()),
            matches => Ok(matches.map_err(|error| error.to_string())),
        }
    }

    /// Refuses a form of hash that this policy has no grant for.
    fn check_form(&self, hash: &str) -> Result<(), PlainNotGranted> {
        if self.plain_hashes || !hash.starts_with("plain:") {
            return Ok(());
        }
        Err(PlainNotGranted(self.name.clone()))
    }

    fn permit(&mut self, handle: &Resource<PermitBuilder>) -> wasmtime::Result<&mut PermitBuilder> {
        Ok(self.permits.get_mut(handle)?)
    }

    /// Returns the permit after charging `texts`, which the caller adds to it.
    fn permit_with<'a>(
        &mut self,
        handle: &Resource<PermitBuilder>,
        texts: impl IntoIterator<Item = &'a String>,
    ) -> wasmtime::Result<&mut PermitBuilder> {
        for text in texts {
            self.charge_permit(text)?;
        }
        self.permit(handle)
    }

    fn line(&mut self, level: &'static str, mut message: String) -> Option<String> {
        self.log.lines = self.log.lines.saturating_add(1);
        truncate(&mut message, self.limits.log_line_bytes);
        // The last line before a trap reports a panic, so it is kept regardless of the number of
        // lines before it. An error with other lines after it reports none.
        self.log.last_error = (level == "error").then(|| message.clone());
        if self.log.lines > self.limits.log_lines {
            return None;
        }
        if let Some(kept) = &mut self.log.kept {
            kept.push(format!("{level}: {message}"));
        }
        (self.log.lines > self.log.logged).then_some(message)
    }
}

fn exposed(secret: Option<&Secret>) -> Option<String> {
    secret.map(|secret| secret.expose().to_owned())
}

impl contract::secrets::Host for State {
    fn password(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(exposed(
            self.request("secrets.password")?
                .credentials
                .password
                .as_ref(),
        ))
    }

    fn token(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(exposed(
            self.request("secrets.token")?.credentials.token.as_ref(),
        ))
    }

    fn jwt(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(exposed(
            self.request("secrets.jwt")?.credentials.jwt.as_ref(),
        ))
    }
}

/// Logs a policy's lines at the policy's own level.
impl contract::log::Host for State {
    fn debug(&mut self, message: String) -> wasmtime::Result<()> {
        if let Some(line) = self.line("debug", message) {
            tracing::debug!(
                policy.name = %self.name,
                user_nkey = self.user_nkey(),
                guest.message = line,
                "policy log"
            );
        }
        Ok(())
    }

    fn info(&mut self, message: String) -> wasmtime::Result<()> {
        if let Some(line) = self.line("info", message) {
            tracing::info!(
                policy.name = %self.name,
                user_nkey = self.user_nkey(),
                guest.message = line,
                "policy log"
            );
        }
        Ok(())
    }

    fn warn(&mut self, message: String) -> wasmtime::Result<()> {
        if let Some(line) = self.line("warn", message) {
            tracing::warn!(
                policy.name = %self.name,
                user_nkey = self.user_nkey(),
                guest.message = line,
                "policy log"
            );
        }
        Ok(())
    }

    fn error(&mut self, message: String) -> wasmtime::Result<()> {
        if let Some(line) = self.line("error", message) {
            tracing::error!(
                policy.name = %self.name,
                user_nkey = self.user_nkey(),
                guest.message = line,
                "policy log"
            );
        }
        Ok(())
    }
}
