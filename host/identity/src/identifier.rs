//! Identification: from the presented credentials to an identity.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use portcullis_core::{
    AuthorizationRequest, Certificate, Credentials, Denial, DenialClass, Identity, Method, Secret,
    Strength, with_causes,
};

use crate::bearer::{BEARER_PLACES, Presented, TokenPlace, presented};
use crate::claimant::Claimant;
use crate::oidc::{TokenError, TokenVerifier, VerifiedToken};
use crate::user_jwt::{PresentedJwt, TrustedAccounts, VerifiedUser, claimed_subject};
use crate::{certificate, nkey};

/// The accepted credentials and their proofs.
#[derive(Debug)]
pub struct IdentifierOptions {
    /// Fields that are searched for bearer tokens, in this order.
    pub token_places: Vec<TokenPlace>,
    /// Verifier of the trusted issuers' tokens. `None` leaves tokens to policies, which compare
    /// them.
    pub tokens: Option<Arc<TokenVerifier>>,
    /// Accounts whose user JWTs are trusted. JWTs of other accounts prove only that their holder
    /// signed the server's nonce.
    pub accounts: TrustedAccounts,
}

/// A stage that proves and normalises a client's identity before any policy runs.
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
    /// Returns an identifier with these options.
    pub const fn new(options: IdentifierOptions) -> Self {
        Self { options }
    }

    /// Starts to fetch issuers' keys and to check accounts' files, until the identifier is dropped.
    /// Returns at once. Without this call, keys are fetched when a login needs them, and files are
    /// read once.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub fn start(&self) {
        if let Some(tokens) = &self.options.tokens {
            tokens.start();
        }
        self.options.accounts.start();
    }

    /// Returns the verifier of tokens, whose status shows the state of the issuers' keys.
    pub fn tokens(&self) -> Option<Arc<TokenVerifier>> {
        self.options.tokens.clone()
    }

    /// Returns the identity of the client.
    ///
    /// # Errors
    ///
    /// Fails with [`DenialClass::IdentityRejected`] if the credentials do not prove what they
    /// should, and with [`DenialClass::IdentityUnavailable`] if they cannot be verified now. The
    /// caller then runs no policy.
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

    /// Returns the identity by credentials that need no identity provider.
    fn unassisted(&self, request: &AuthorizationRequest) -> Result<Identity, Denial> {
        let jwt = PresentedJwt::of(&request.credentials);
        let mut identity = Identity {
            nkey: nkey::proved(request, &jwt),
            certificate: request.client.tls.as_ref().and_then(certificate::read),
            ..Identity::claimed(&request.credentials)
        };
        match identity.method {
            Method::Jwt => {
                let nkey = identity.nkey.as_ref();
                let verified = self.options.accounts.verify(&jwt, nkey, request);
                match verified.map_err(|error| rejected(with_causes(&error)))? {
                    Some(user) => vouch_for(user, &mut identity),
                    // A stranger can make such a JWT itself. A server in operator mode passes none
                    // on, but no server has looked at a request to the exchange.
                    None if request.client.is_exchange() => {
                        return Err(rejected(
                            "the user JWT is of no account under [identity.accounts]",
                        ));
                    }
                    None => prove_nkey(request, &mut identity)?,
                }
            }
            Method::Nkey => prove_nkey(request, &mut identity)?,
            Method::None => name_certificate(&mut identity),
            _ => {}
        }
        Ok(identity)
    }

    /// Returns the names that a login carries, unverified.
    pub fn claimant<'r>(&self, request: &'r AuthorizationRequest) -> Claimant<'r> {
        let credentials = &request.credentials;
        let method = credentials.method();
        let bearer = self.presented(request);
        // Many clients that present a token as their password share one user name, and no password
        // is compared.
        let is_password = bearer
            .as_ref()
            .is_none_or(|token| token.place != TokenPlace::Password);
        let user = credentials.username.as_deref();
        let subject = || {
            // A user JWT next to other credentials is a sentinel, which all clients share.
            let jwt = credentials.jwt.as_ref();
            let jwt = jwt.filter(|_| method == Method::Jwt && bearer.is_none());
            jwt.and_then(|jwt| claimed_subject(jwt.expose()))
        };
        let nkey = credentials.nkey.as_ref();
        let nkey = nkey.map(|nkey| Cow::Borrowed(nkey.as_str()));
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
            token: bare_token(credentials, bearer.as_ref()).map(Cow::Borrowed),
            key,
            subject: bearer.as_ref().map(bearer_subject),
            certificate: has_certificate_only.then(certificate).flatten(),
        }
    }

    /// Returns the presented bearer token. `None` if no issuer of tokens is configured.
    fn presented<'r>(&self, request: &'r AuthorizationRequest) -> Option<Presented<'r>> {
        self.options.tokens.as_ref()?;
        let places = if request.client.is_exchange() {
            BEARER_PLACES
        } else {
            &self.options.token_places
        };
        presented(&request.credentials, places)
    }

    /// Returns the identity of a bearer token. `None` if the login presents none.
    async fn bearer(
        &self,
        request: &AuthorizationRequest,
        deadline: Instant,
    ) -> Result<Option<Identity>, Denial> {
        let Some(tokens) = &self.options.tokens else {
            return Ok(None);
        };
        let Some(token) = self.presented(request) else {
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

/// Returns the bare token of a login. `None` if the login presents a bearer token: a policy then
/// compares no bare token.
fn bare_token<'r>(credentials: &'r Credentials, bearer: Option<&Presented<'_>>) -> Option<&'r str> {
    let token = credentials.token.as_ref().filter(|_| bearer.is_none());
    token.map(Secret::expose)
}

/// Returns the subject of a bearer token, or the bearer token itself if it names none.
fn bearer_subject<'r>(token: &Presented<'r>) -> Cow<'r, str> {
    let subject = token.problem.is_none().then(|| claimed_subject(token.text));
    let subject = subject.flatten().map(Cow::Owned);
    subject.unwrap_or(Cow::Borrowed(token.text))
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

/// Makes a proved nkey the principal. Rejects a signature that is not by the presented nkey.
/// Without a signature, the nkey stays a claim: in config mode, servers ask for a signature only if
/// an nkey user is configured.
fn prove_nkey(request: &AuthorizationRequest, identity: &mut Identity) -> Result<(), Denial> {
    if let Some(nkey) = &identity.nkey {
        identity.principal = Some(nkey.as_str().to_owned());
        identity.strength = Strength::Proved;
    } else if request.credentials.signature.is_some() && request.client.nonce.is_some() {
        let reason = "the signature over the server's nonce is not by the nkey that was presented";
        return Err(rejected(reason));
    }
    Ok(())
}

/// Applies a user JWT of a trusted account. Its subject becomes the principal, even if it is a
/// bearer token and no client has proved to hold the key.
fn vouch_for(user: VerifiedUser, identity: &mut Identity) {
    identity.principal = Some(user.subject);
    identity.strength = Strength::Proved;
    identity.issuer = Some(user.account.as_str().to_owned());
    identity.role = user.role;
    identity.expires_at = user.expires_at;
    identity.claims = user.claims;
    identity.tags = user.tags;
}

/// Returns the name in a certificate that the server verified: the SPIFFE id, or else the subject.
fn certificate_name(leaf: &Certificate) -> Option<&String> {
    let subject = Some(&leaf.subject).filter(|subject| !subject.is_empty());
    leaf.spiffe_id
        .as_ref()
        .or(subject)
        .filter(|_| leaf.verified)
}

/// Makes the name in a verified certificate the principal of a client that presents nothing else.
fn name_certificate(identity: &mut Identity) {
    let Some(leaf) = identity.certificate.as_ref().filter(|leaf| leaf.verified) else {
        return;
    };
    identity.method = Method::Certificate;
    identity.principal = certificate_name(leaf).cloned();
    identity.strength = Strength::Proved;
    identity.issuer = Some(leaf.issuer.clone());
}

/// Ends the login with its certificate, because servers check certificates only when a connection
/// begins.
fn end_with_certificate(identity: &mut Identity) {
    let verified = identity.certificate.as_ref().filter(|leaf| leaf.verified);
    let ends = [identity.expires_at, verified.map(|leaf| leaf.not_after)];
    identity.expires_at = ends.into_iter().flatten().min();
}

#[cfg(test)]
mod tests;
