//! Facts about the client's identity, for policies.

use super::contract;
use crate::state::State;

impl contract::identity::Host for State {
    fn method(&mut self) -> wasmtime::Result<String> {
        let request = self.request("identity.method")?;
        Ok(request.identity.method.as_str().to_owned())
    }

    fn username(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self
            .request("identity.username")?
            .credentials
            .username
            .clone())
    }

    fn password_matches(&mut self, hash: String) -> wasmtime::Result<Result<bool, String>> {
        // SHA-256 is fast to compute and so fast to guess. It suits long random tokens, not
        // passwords of humans.
        if hash.starts_with("sha256:") {
            return Ok(Err(
                "`sha256:` is for tokens; hash passwords with `portcullis hash`".to_owned(),
            ));
        }
        self.compare(
            "identity.password-matches",
            |request| request.credentials.password.as_ref(),
            &hash,
        )
    }

    fn token_matches(&mut self, hash: String) -> wasmtime::Result<Result<bool, String>> {
        self.compare(
            "identity.token-matches",
            |request| request.credentials.token.as_ref(),
            &hash,
        )
    }

    fn nkey(&mut self) -> wasmtime::Result<Option<String>> {
        let nkey = self.request("identity.nkey")?.identity.nkey.as_ref();
        Ok(nkey.map(|nkey| nkey.as_str().to_owned()))
    }

    fn check_hash(&mut self, hash: String) -> wasmtime::Result<Result<(), String>> {
        if let Err(refusal) = self.check_form(&hash) {
            return Ok(Err(refusal.to_string()));
        }
        let checked = self.verifier.check(&hash);
        Ok(checked.map_err(|error| error.to_string()))
    }

    fn principal(&mut self) -> wasmtime::Result<Option<String>> {
        let identity = &self.request("identity.principal")?.identity;
        Ok(identity.principal.clone())
    }

    fn strength(&mut self) -> wasmtime::Result<String> {
        let identity = &self.request("identity.strength")?.identity;
        Ok(identity.strength.as_str().to_owned())
    }

    fn issuer(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("identity.issuer")?.identity.issuer.clone())
    }

    fn expires_at(&mut self) -> wasmtime::Result<Option<u64>> {
        Ok(self.request("identity.expires-at")?.identity.expires_at)
    }

    fn claim(&mut self, path: String) -> wasmtime::Result<Vec<String>> {
        let identity = &self.request_about("identity.claim", Some(&path))?.identity;
        Ok(identity.claims.texts(&path))
    }

    fn claim_json(&mut self, path: String) -> wasmtime::Result<Option<String>> {
        let identity = &self
            .request_about("identity.claim-json", Some(&path))?
            .identity;
        Ok(identity.claims.get(&path).map(ToString::to_string))
    }

    fn claim_members(&mut self, path: String) -> wasmtime::Result<Vec<String>> {
        let identity = &self
            .request_about("identity.claim-members", Some(&path))?
            .identity;
        Ok(identity.claims.members(&path).map(str::to_owned).collect())
    }

    fn claim_names(&mut self) -> wasmtime::Result<Vec<String>> {
        let identity = &self.request("identity.claim-names")?.identity;
        Ok(identity.claims.names().map(str::to_owned).collect())
    }

    fn groups(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.request("identity.groups")?.identity.groups.clone())
    }

    fn tags(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.request("identity.tags")?.identity.tags.clone())
    }

    fn role(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("identity.role")?.identity.role.clone())
    }
}
