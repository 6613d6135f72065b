//! Identify: from what a client presented to who it is.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{
    AuthorizationRequest, Certificate, Credentials, Denial, DenialClass, Identity, Method,
    Strength, with_causes,
};

use crate::bearer::{Presented, TokenPlace, presented};
use crate::claimant::Claimant;
use crate::oidc::{TokenError, TokenVerifier, VerifiedToken};
use crate::user_jwt::{PresentedJwt, TrustedAccounts, VerifiedUser, claimed_subject};
use crate::{certificate, nkey};

/// What clients can present, and what proves it.
#[derive(Debug)]
pub struct IdentifierOptions {
    /// Where bearer tokens are looked for, in this order.
    pub token_places: Vec<TokenPlace>,
    /// Whose tokens are believed; none if a token is only what a policy compares.
    pub tokens: Option<Arc<TokenVerifier>>,
    /// Whose user JWTs are believed; of others no more than that their holder has signed the server's nonce.
    pub accounts: TrustedAccounts,
}

/// Proves and normalises who is asking, before any policy runs.
#[derive(Debug, Default)]
pub struct Identifier {
    options: IdentifierOptions,
}

impl Default for IdentifierOptions {
    fn default() -> Self {
        Self {
            token_places: TokenPlace::ALL.to_vec(),
            tokens: None,
            accounts: TrustedAccounts::default(),
        }
    }
}

impl Identifier {
    /// An identifier for what `options` say.
    pub const fn new(options: IdentifierOptions) -> Self {
        Self { options }
    }

    /// What verifies tokens, for whoever watches how it is going with the keys.
    pub fn tokens(&self) -> Option<Arc<TokenVerifier>> {
        self.options.tokens.clone()
    }

    /// Who asks.
    ///
    /// # Errors
    ///
    /// [`DenialClass::IdentityRejected`] when the client presented something that does not prove what it should, and
    /// [`DenialClass::IdentityUnavailable`] when that cannot be told now. No policy is to be asked then.
    pub async fn identify(
        &self,
        request: &AuthorizationRequest,
        deadline: Instant,
    ) -> Result<Identity, Denial> {
        let mut identity = match self.bearer(request, deadline).await? {
            Some(identity) => identity,
            None => self.unassisted(request)?,
        };
        end_with_certificate(&mut identity);
        Ok(identity)
    }

    /// Who asks, by what needs no identity provider.
    fn unassisted(&self, request: &AuthorizationRequest) -> Result<Identity, Denial> {
        let jwt = PresentedJwt::of(&request.credentials);
        let mut identity = Identity {
            nkey: nkey::proved(request, &jwt),
            certificate: request.client.tls.as_ref().and_then(certificate::read),
            ..Identity::claimed(&request.credentials)
        };
        match identity.method {
            Method::Jwt => {
                let nkey = identity.nkey.as_deref();
                let verified = self.options.accounts.verify(&jwt, nkey, request);
                match verified.map_err(|error| rejected(with_causes(&error)))? {
                    Some(user) => vouch_for(user, &mut identity),
                    None => prove_nkey(request, &mut identity)?,
                }
            }
            Method::Nkey => prove_nkey(request, &mut identity)?,
            Method::None => name_certificate(&mut identity),
            _ => {}
        }
        Ok(identity)
    }

    /// Returns the names that a login carries, before anything is verified.
    pub fn claimant<'r>(&self, request: &'r AuthorizationRequest) -> Claimant<'r> {
        let credentials = &request.credentials;
        let method = credentials.method();
        let bearer = self.presented(credentials);
        // Many clients that present a token as their password share one user name, and no password is compared.
        let is_password = bearer
            .as_ref()
            .is_none_or(|token| token.place != TokenPlace::Password);
        let user = credentials.username.as_deref();
        let subject = || {
            // A user JWT beside anything else is a sentinel, which every client has.
            let jwt = credentials.jwt.as_ref();
            let jwt = jwt.filter(|_| method == Method::Jwt && bearer.is_none());
            jwt.and_then(|jwt| claimed_subject(jwt.expose()))
        };
        let nkey = credentials.nkey.as_deref().map(Cow::Borrowed);
        let key = nkey.or_else(|| subject().map(Cow::Owned));
        let certificate = || {
            let leaf = request.client.tls.as_ref().and_then(certificate::read)?;
            certificate_name(&leaf).cloned()
        };
        let has_certificate_only = method == Method::None && bearer.is_none();
        Claimant {
            user: user
                .filter(|user| is_password && !user.is_empty())
                .map(Cow::Borrowed),
            key,
            certificate: has_certificate_only.then(certificate).flatten(),
            token: claimed_token(credentials, bearer),
        }
    }

    /// What is presented as a bearer token; nothing if there is nobody whose tokens are believed.
    fn presented<'r>(&self, credentials: &'r Credentials) -> Option<Presented<'r>> {
        self.options.tokens.as_ref()?;
        presented(credentials, &self.options.token_places)
    }

    /// Who a bearer token says it is; nothing if there is none.
    async fn bearer(
        &self,
        request: &AuthorizationRequest,
        deadline: Instant,
    ) -> Result<Option<Identity>, Denial> {
        let Some(tokens) = &self.options.tokens else {
            return Ok(None);
        };
        let Some(token) = self.presented(&request.credentials) else {
            return Ok(None);
        };
        let place = token.place;
        if let Some(problem) = token.problem {
            return Err(rejected(format!(
                "the bearer token in the {} is not a signed JWT; {problem}",
                place.as_str()
            )));
        }
        let verified = tokens
            .verify(token.text, request.received_at, deadline)
            .await
            .map_err(|error| refusal(place, &error))?;
        Ok(Some(of_token(verified, request)))
    }
}

/// Returns the subject that a bearer token names, or else the token itself, or else the bare token of the login.
fn claimed_token<'r>(
    credentials: &'r Credentials,
    bearer: Option<Presented<'r>>,
) -> Option<Cow<'r, str>> {
    let Some(token) = bearer else {
        let bare = credentials.token.as_ref();
        return bare.map(|token| Cow::Borrowed(token.expose()));
    };
    let subject = token.problem.is_none().then(|| claimed_subject(token.text));
    let subject = subject.flatten().map(Cow::Owned);
    Some(subject.unwrap_or(Cow::Borrowed(token.text)))
}

fn rejected(reason: impl Into<String>) -> Denial {
    Denial::new(DenialClass::IdentityRejected, reason)
}

fn refusal(place: TokenPlace, error: &TokenError) -> Denial {
    let class = if error.is_unavailable() {
        DenialClass::IdentityUnavailable
    } else {
        DenialClass::IdentityRejected
    };
    Denial::new(
        class,
        format!("the token in the {}: {error}", place.as_str()),
    )
}

fn of_token(token: VerifiedToken, request: &AuthorizationRequest) -> Identity {
    let jwt = PresentedJwt::of(&request.credentials);
    Identity {
        principal: token.principal,
        method: Method::Oidc,
        strength: Strength::Proved,
        issuer: Some(token.issuer),
        expires_at: Some(token.expires_at),
        claims: token.claims,
        groups: token.groups,
        tags: Vec::new(),
        role: None,
        nkey: nkey::proved(request, &jwt),
        certificate: request.client.tls.as_ref().and_then(certificate::read),
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
        return Err(rejected(reason));
    }
    Ok(())
}

/// A user JWT that its issuer stands for is about whom it says: of a bearer token nobody asks who holds the key.
fn vouch_for(user: VerifiedUser, identity: &mut Identity) {
    identity.principal = Some(user.subject);
    identity.strength = Strength::Proved;
    identity.issuer = Some(user.account);
    identity.role = user.role;
    identity.expires_at = user.expires_at;
    identity.claims = user.claims;
    identity.tags = user.tags;
}

/// Returns who a certificate names, if the server verified it: the SPIFFE id, or else the subject.
fn certificate_name(leaf: &Certificate) -> Option<&String> {
    let subject = Some(&leaf.subject).filter(|subject| !subject.is_empty());
    leaf.spiffe_id
        .as_ref()
        .or(subject)
        .filter(|_| leaf.verified)
}

/// Who presents nothing but a verified certificate is whom the certificate names.
fn name_certificate(identity: &mut Identity) {
    let Some(leaf) = identity.certificate.as_ref().filter(|leaf| leaf.verified) else {
        return;
    };
    identity.method = Method::Certificate;
    identity.principal = certificate_name(leaf).cloned();
    identity.strength = Strength::Proved;
    identity.issuer = Some(leaf.issuer.clone());
}

/// Servers look at certificates only when a connection begins, so that the login has to end with them.
fn end_with_certificate(identity: &mut Identity) {
    let verified = identity.certificate.as_ref().filter(|leaf| leaf.verified);
    let ends = [identity.expires_at, verified.map(|leaf| leaf.not_after)];
    identity.expires_at = ends.into_iter().flatten().min();
}

#[cfg(test)]
mod tests;
