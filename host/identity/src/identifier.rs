//! Identify: from what a client presented to who it is.

use std::time::Instant;

use portcullis_core::{AuthorizationRequest, Denial, DenialClass, Identity, Method, Strength};

use crate::{certificate, nkey};

/// Proves and normalises who is asking, before any policy runs.
#[derive(Debug, Default)]
pub struct Identifier {}

impl Identifier {
    /// Who asks.
    ///
    /// # Errors
    ///
    /// [`DenialClass::IdentityRejected`] when the client presented something that does not prove what it should. A policy is not
    /// asked then.
    #[expect(
        clippy::unused_async,
        reason = "tokens will wait for their issuer's keys"
    )]
    pub async fn identify(
        &self,
        request: &AuthorizationRequest,
        _deadline: Instant,
    ) -> Result<Identity, Denial> {
        let mut identity = Identity {
            nkey: nkey::proved(request),
            certificate: request.client.tls.as_ref().and_then(certificate::read),
            ..Identity::claimed(&request.credentials)
        };
        match identity.method {
            Method::Nkey | Method::Jwt => prove_nkey(request, &mut identity)?,
            Method::None => name_certificate(&mut identity),
            _ => {}
        }
        end_with_certificate(&mut identity);
        Ok(identity)
    }
}

/// The holder of an nkey is who the nkey says. A signature that proves nothing is refused; without one, the nkey is a claim: in
/// config mode servers ask for no signature unless they know some nkey themselves.
fn prove_nkey(request: &AuthorizationRequest, identity: &mut Identity) -> Result<(), Denial> {
    if let Some(nkey) = &identity.nkey {
        identity.principal = Some(nkey.clone());
        identity.strength = Strength::Proved;
    } else if request.credentials.signature.is_some() && request.client.nonce.is_some() {
        let reason = "the signature over the server's nonce is not by the nkey that was presented";
        return Err(Denial::new(DenialClass::IdentityRejected, reason));
    }
    Ok(())
}

/// Who presents nothing but a verified certificate is whom the certificate names.
fn name_certificate(identity: &mut Identity) {
    let Some(leaf) = identity.certificate.as_ref().filter(|leaf| leaf.verified) else {
        return;
    };
    let id = leaf.spiffe_id.as_ref();
    let subject = Some(&leaf.subject).filter(|subject| !subject.is_empty());
    identity.method = Method::Certificate;
    identity.principal = id.or(subject).cloned();
    identity.strength = Strength::Proved;
    identity.issuer = Some(leaf.issuer.clone());
}

/// Servers look at certificates only when a connection begins, so that the login has to end with them.
fn end_with_certificate(identity: &mut Identity) {
    let verified = identity.certificate.as_ref().filter(|leaf| leaf.verified);
    let ends = [identity.expires_at, verified.map(|leaf| leaf.not_after)];
    identity.expires_at = ends.into_iter().flatten().min();
}
