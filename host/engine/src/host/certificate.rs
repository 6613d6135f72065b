//! Facts about the client's TLS certificate, for policies.

use portcullis_core::Certificate;

use super::contract;
use crate::state::State;

impl State {
    fn certificate(&self, asked: &'static str) -> wasmtime::Result<Option<&Certificate>> {
        Ok(self.request(asked)?.identity.certificate.as_ref())
    }

    /// Returns what `read` takes from the certificate, if the server verified it. The content of
    /// any other certificate is unproved.
    fn if_verified<T: Default>(
        &self,
        asked: &'static str,
        read: impl FnOnce(&Certificate) -> T,
    ) -> wasmtime::Result<T> {
        let certificate = self.certificate(asked)?;
        let verified = certificate.filter(|certificate| certificate.verified);
        Ok(verified.map(read).unwrap_or_default())
    }
}

impl contract::certificate::Host for State {
    fn verified(&mut self) -> wasmtime::Result<bool> {
        self.if_verified("certificate.verified", |_| true)
    }

    fn fingerprint(&mut self) -> wasmtime::Result<Option<String>> {
        let certificate = self.certificate("certificate.fingerprint")?;
        Ok(certificate.map(|certificate| certificate.fingerprint.clone()))
    }

    fn subject(&mut self) -> wasmtime::Result<Option<String>> {
        self.if_verified("certificate.subject", |leaf| Some(leaf.subject.clone()))
    }

    fn issuer(&mut self) -> wasmtime::Result<Option<String>> {
        self.if_verified("certificate.issuer", |leaf| Some(leaf.issuer.clone()))
    }

    fn serial(&mut self) -> wasmtime::Result<Option<String>> {
        self.if_verified("certificate.serial", |leaf| Some(leaf.serial.clone()))
    }

    fn dns_names(&mut self) -> wasmtime::Result<Vec<String>> {
        self.if_verified("certificate.dns-names", |leaf| leaf.dns_names.clone())
    }

    fn uri_names(&mut self) -> wasmtime::Result<Vec<String>> {
        self.if_verified("certificate.uri-names", |leaf| leaf.uri_names.clone())
    }

    fn email_names(&mut self) -> wasmtime::Result<Vec<String>> {
        self.if_verified("certificate.email-names", |leaf| leaf.email_names.clone())
    }

    fn ip_names(&mut self) -> wasmtime::Result<Vec<String>> {
        self.if_verified("certificate.ip-names", |leaf| leaf.ip_names.clone())
    }

    fn spiffe_id(&mut self) -> wasmtime::Result<Option<String>> {
        self.if_verified("certificate.spiffe-id", |leaf| leaf.spiffe_id.clone())
    }

    fn not_before(&mut self) -> wasmtime::Result<Option<u64>> {
        self.if_verified("certificate.not-before", |leaf| Some(leaf.not_before))
    }

    fn not_after(&mut self) -> wasmtime::Result<Option<u64>> {
        self.if_verified("certificate.not-after", |leaf| Some(leaf.not_after))
    }
}
