//! NATS wire forms: keys, JWTs, authorization request and response.
//!
//! This crate turns a server's message into a verified domain request, and a decision into a signed
//! response. No response leaves that the server would refuse.
//!
//! # Layout
//!
//! - [`IssuerKey`], [`UserKey`], [`PublicKey`]: keys of distinct types; [`SigningKey`] is one of
//!   any kind that signs.
//! - [`CurveKey`]: seals and opens encrypted messages (xkeys).
//! - [`UserCredentials`]: a credentials file, read in every variant and written as `nsc` writes it.
//! - [`Claims`]: a JWT's claims of any kind; [`decode`](Claims::decode) reads versions 1 and 2,
//!   [`sign`](Claims::sign) writes version 2 with any [`Signer`].
//! - [`OpenedRequest`]: an authorization request, decoded, verified and converted.
//!   [`decoded_request`] converts one that a tool has decoded.
//! - [`UserClaims`]: the user JWT of a permit, in config mode, in operator mode, or for a scoped
//!   signing key.
//! - [`OperatorClaims`], [`AccountClaims`], [`ActivationClaims`], [`GenericClaims`]: the other
//!   kinds of token.
//! - [`ResponseClaims`]: the authorization response with a user JWT or a denial.
//! - [`server_verdict`]: the verdict of a server of a [`ServerVersion`] in its [`ServerMode`] on a
//!   response, with the reason.
//! - [`login_ends`]: the end of a login within a user JWT's times.
//! - [`preflight`], [`preflight_for`]: the checks of the strictest server, made before a response
//!   leaves.
//!
//! # Example
//!
//! ```
//! use portcullis_claims::{
//!     Answer, Expectations, IssuerKey, ResponseClaims, Signatures, UserClaims, preflight,
//! };
//! use portcullis_core::Permit;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let user_nkey = "UB2X2SCUJM2GNJ4ZTW5P3WXBZZDYBMIPDYHDOBFJSKEJQBZ7MN2XKWGB";
//! # let server_id = "NCBZ5GGBPVWMJPM2IBAI5AR4A6YGB3CWGZESM6O2DQHAE6Q2VVUHHTUE";
//! # let now = 1_795_300_862;
//! let issuer = IssuerKey::from_seed(IssuerKey::generate_seed()?.expose())?;
//! let mut permit = Permit::builder("APP", now);
//! permit.publish_allow("orders.>");
//! let permit = permit.finish().map_err(|problems| format!("{problems:?}"))?;
//!
//! let user = UserClaims::from_permit(user_nkey, &permit, now).sign(&issuer)?;
//! let response = ResponseClaims::new(user_nkey, server_id, Answer::Jwt(user), now).sign(&issuer)?;
//!
//! let issuer = issuer.public_key();
//! let expectations = Expectations { user_nkey, server_id, issuer, now };
//! preflight(&response, expectations, Signatures::Trust)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Limits
//!
//! - Decoding proves the signer of claims and nothing else. Only a response is checked against the
//!   server's rules here. `portcullis-accounts` validates account, operator, user and activation
//!   claims as the Go library does.
//! - The crate does not read everything that Go reads. Names of fields have to be in lower case and
//!   unique. The kinds `cluster` and `server` of version 1 are read as [`GenericClaims`].
//!
//! This crate reads no clock and does no I/O. Times are seconds since the Unix epoch. The rules are
//! those of ADR-26, nats-io/jwt v2 and nats-server. Tests compare the encoders and decoders with
//! tokens of the Go library.

mod account;
mod activation;
mod credentials;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod generic;
mod jwt;
mod keys;
mod lenient;
mod operator;
mod request;
mod response;
mod server;
mod user;

pub use account::{
    AccountBody, AccountClaims, AccountFields, AccountLimits, Export, ExternalAuthorization,
    Import, JetStreamLimits, LatencySampling, MessageTrace, ScopeKind, ServiceLatency, ShareKind,
    SigningKeys, UserScope, WeightedMapping,
};
pub use activation::{ActivationBody, ActivationClaims, ActivationFields};
pub use credentials::{CredentialsError, MAX_CREDENTIALS_SIZE, UserCredentials};
pub use generic::{GenericBody, GenericClaims};
pub use jwt::{
    Body, Claims, Envelope, Fields, FirstVersion, MAX_TOKEN_SIZE, SignError, Signatures, Signer,
    TokenError,
};
pub use keys::{
    BoxError, CurveKey, InvalidPublicKey, IssuerKey, KeyError, KeyKind, KnownSigners, PublicKey,
    SharedKey, SigningKey, UserKey, VerifyingKey, is_public_sample, is_sealed, seed_from_bytes,
};
pub use operator::{OperatorBody, OperatorClaims, OperatorFields};
pub use request::{DecodedProblem, OpenedRequest, RequestError, decoded_request};
pub use response::{Answer, ResponseBody, ResponseClaims, ResponseFields};
pub use server::{
    Accepted, AccountView, CalloutAccountDenies, EffectivePermissions, Expectations,
    InvalidServerVersion, LoginFacts, OperatorView, Part, PermissionSide, Refusal, RoleTemplate,
    ScopeView, ServerMode, ServerVerdict, ServerVersion, SigningKeyView, TemplateProblem,
    deny_filter, is_network, is_time_of_day, is_time_zone, login_ends, preflight, preflight_for,
    server_verdict,
};
pub use user::{
    PermissionRules, ResponseRule, SubjectRule, TimeRule, UserBody, UserClaims, UserFields,
    UserTemplate,
};
