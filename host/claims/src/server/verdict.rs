//! The verdict of a server on a response.

use super::accepted::{
    Accepted, EffectivePermissions, ServerVerdict, ignored, own_permissions, own_template,
};
use super::blank::check_survival;
use super::claims::{UserFacts, texts};
use super::mode::{LoginFacts, OperatorView, RoleTemplate, ScopeView, ServerMode, Signer};
use super::refusal::{Part, Refusal};
use super::template::{self, Values};
use super::times;
use super::user_checks::{check_connection_types, check_form, check_source};
use super::version::ServerVersion;
use crate::jwt::{self, Claims, Signatures, VERSION};
use crate::keys::{KeyKind, PublicKey};
use crate::response::{ResponseBody, ResponseClaims};

/// One response, and what it is checked against.
pub(super) struct Case<'a> {
    pub(super) login: &'a LoginFacts<'a>,
    pub(super) mode: &'a ServerMode<'a>,
    pub(super) now: u64,
    pub(super) signatures: Signatures,
}

/// A decoded response with its user JWT, before rules that depend on the server's version.
pub(super) struct Decoded {
    response: ResponseClaims,
    /// What every server finds wrong with the response first.
    response_checked: Result<(), Refusal>,
    user: Option<Result<Claims<UserFacts>, Refusal>>,
    /// What every server finds wrong with the user JWT first. `Ok` without a user JWT.
    user_checked: Result<(), Refusal>,
}

/// Returns the verdict of a server of `version` on the response `token`, opened if it was sealed,
/// at `now` (seconds since the Unix epoch).
///
/// The rules and their order are those of `processClientOrLeafCallout` in nats-server and of
/// `Validate` in nats-io/jwt v2. With [`Signatures::Trust`], the function skips only the
/// signatures. It then refuses version 1, whose signatures cover another text. It does not know
/// limits of the target account, such as its maximum number of connections.
///
/// # Errors
///
/// Fails with the first reason for which the server refuses the response.
pub fn server_verdict(
    token: &str,
    login: &LoginFacts<'_>,
    mode: &ServerMode<'_>,
    version: ServerVersion,
    now: u64,
    signatures: Signatures,
) -> Result<ServerVerdict, Refusal> {
    let case = Case {
        login,
        mode,
        now,
        signatures,
    };
    case.verdict(&case.decode(token)?, version)
}

impl Decoded {
    /// Returns the first part with claims of version 1. `None` if no part has such claims.
    pub(super) fn part_of_first_version(&self) -> Option<Part> {
        let is_user = matches!(&self.user, Some(Ok(user)) if version_of(user) != VERSION);
        let is_response = version_of(&self.response) != VERSION;
        match (is_response, is_user) {
            (true, _) => Some(Part::Response),
            (false, true) => Some(Part::User),
            (false, false) => None,
        }
    }

    /// Returns whether the user JWT requires a proxy.
    pub(super) fn demands_proxy(&self) -> bool {
        matches!(&self.user, Some(Ok(user)) if user.nats.proxy_required.unwrap_or_default())
    }
}

impl Case<'_> {
    pub(super) fn decode(&self, token: &str) -> Result<Decoded, Refusal> {
        if token.is_empty() {
            return Err(Refusal::Empty);
        }
        let decoded =
            jwt::decode::<ResponseBody>(token.as_bytes(), self.signatures).map_err(|source| {
                Refusal::Token {
                    part: Part::Response,
                    source,
                }
            })?;
        let response = decoded.claims;
        if self.signatures == Signatures::Trust && version_of(&response) != VERSION {
            return Err(Refusal::Version(Part::Response));
        }
        let user = response.nats.jwt().map(|jwt| self.decode_user(jwt));
        let user_checked = match &user {
            Some(Ok(user)) => self.check_user(user),
            _ => Ok(()),
        };
        Ok(Decoded {
            response_checked: self.check_response(&response),
            response,
            user,
            user_checked,
        })
    }

    fn decode_user(&self, token: &str) -> Result<Claims<UserFacts>, Refusal> {
        let part = Part::User;
        let decoded = jwt::decode::<UserFacts>(token.as_bytes(), self.signatures)
            .map_err(|source| Refusal::Token { part, source })?;
        let user = decoded.claims;
        let version = version_of(&user);
        if version == VERSION || (version == 1 && self.signatures == Signatures::Verify) {
            Ok(user)
        } else {
            Err(Refusal::Version(part))
        }
    }

    pub(super) fn verdict(
        &self,
        decoded: &Decoded,
        version: ServerVersion,
    ) -> Result<ServerVerdict, Refusal> {
        let response = &decoded.response;
        decoded.response_checked.clone()?;
        let signed = self.check_signer(response, version);
        // Earlier servers check the signer after the error.
        if version.checks_who_signed_the_response() {
            signed.clone()?;
        }
        if let Some(error) = response.nats.error() {
            return Ok(ServerVerdict::Denied(error.to_owned()));
        }
        signed?;
        match &decoded.user {
            None => Err(Refusal::NoAnswer),
            Some(Err(refusal)) => Err(refusal.clone()),
            Some(Ok(user)) => self.judge_user(user, &decoded.user_checked, version),
        }
    }

    /// Checks the form of the response, its times, its user and its server.
    fn check_response(&self, response: &ResponseClaims) -> Result<(), Refusal> {
        let is =
            |text: Option<&str>, kind| text.is_some_and(|text| PublicKey::is_valid(text, kind));
        if !is(response.subject.as_deref(), KeyKind::User) {
            return Err(Refusal::SubjectKind);
        }
        if !is(response.audience.as_deref(), KeyKind::Server) {
            return Err(Refusal::AudienceKind);
        }
        match (response.nats.jwt(), response.nats.error()) {
            (None, None) => return Err(Refusal::NoAnswer),
            (Some(_), Some(_)) => return Err(Refusal::TwoAnswers),
            _ => {}
        }
        let account = response.nats.issuer_account();
        if account.is_some() && !is(account, KeyKind::Account) {
            return Err(Refusal::IssuerAccountKind(Part::Response));
        }
        check_times(response, Part::Response, self.now)?;
        if response.subject.as_deref() != Some(self.login.user_nkey) {
            return Err(Refusal::User(Part::Response));
        }
        if response.audience.as_deref() != Some(self.login.server_id) {
            return Err(Refusal::Server);
        }
        Ok(())
    }

    /// Checks the signer of the response. For any server, a sealed response needs no further proof.
    fn check_signer(
        &self,
        response: &ResponseClaims,
        version: ServerVersion,
    ) -> Result<(), Refusal> {
        if self.login.sealed {
            return Ok(());
        }
        let issuer = response.issuer.as_deref().unwrap_or_default();
        let strict = version.checks_who_signed_the_response();
        match self.mode {
            ServerMode::Config { .. } if !strict => Ok(()),
            ServerMode::Config { issuer: ours, .. } if issuer == *ours => Ok(()),
            ServerMode::Config { .. } => Err(Refusal::Issuer(Part::Response)),
            ServerMode::Operator(view) => {
                let asserted = response.nats.issuer_account();
                let callout = view.callout;
                if strict && asserted.is_some_and(|asserted| asserted != callout.key) {
                    return Err(Refusal::NotTheCalloutAccount);
                }
                // Earlier servers trust the `issuer_account` of the response.
                let speaks_for = asserted.filter(|_| !strict).unwrap_or(issuer);
                if speaks_for == callout.key || view.signer(callout, speaks_for) != Signer::Unknown
                {
                    Ok(())
                } else {
                    Err(Refusal::NotACalloutKey)
                }
            }
        }
    }

    /// Checks the times and the form of the user JWT, and whom it is about.
    fn check_user(&self, user: &Claims<UserFacts>) -> Result<(), Refusal> {
        check_times(user, Part::User, self.now)?;
        check_form(&user.nats)?;
        if user.subject.as_deref() == Some(self.login.user_nkey) {
            Ok(())
        } else {
            Err(Refusal::User(Part::User))
        }
    }

    fn judge_user(
        &self,
        user: &Claims<UserFacts>,
        checked: &Result<(), Refusal>,
        version: ServerVersion,
    ) -> Result<ServerVerdict, Refusal> {
        let facts = &user.nats;
        let demands_proxy = facts.proxy_required.unwrap_or_default();
        if demands_proxy && version.knows_proxies() && !self.login.proxied {
            return Err(Refusal::ProxyRequired);
        }
        checked.clone()?;
        let own = own_template(facts);
        let mut until = None;
        if !version.finds_the_account_first() {
            until = self.check_connection(&own, version)?;
        }
        let (account, role) = match self.mode {
            ServerMode::Config { issuer, accounts } => {
                (config_account(user, issuer, *accounts)?.to_owned(), None)
            }
            ServerMode::Operator(view) => operator_account(user, view, version)?,
        };
        let template = role.as_ref().and_then(|role| role.template.as_ref());
        if version.finds_the_account_first() {
            until = self.check_connection(template.unwrap_or(&own), version)?;
        }
        if template.is_some_and(|template| template.proxy_required)
            && version.checks_who_signed_the_response()
            && !self.login.proxied
        {
            return Err(Refusal::ProxyRequired);
        }
        let permissions = match role {
            Some(ScopeView { role, template }) => EffectivePermissions::Role(role, template),
            None => own_permissions(own),
        };
        check_survival(&permissions, version)?;
        let expires_at = user.expires_at.filter(|expires_at| *expires_at > 0);
        let expires_at = expires_at.map(|expires_at| closes_at(expires_at, self.now));
        let name = user.name.as_deref().filter(|name| !name.is_empty());
        Ok(ServerVerdict::Accepted(Box::new(Accepted {
            account,
            shown_user: name.or(self.login.client_user).map(str::to_owned),
            expires_at: expires_at.into_iter().chain(until).min(),
            permissions,
            ignored: ignored(facts, version),
        })))
    }
}

impl Case<'_> {
    /// Checks the client's address, the time of day and the connection type. Returns the end of the
    /// current range of times, in seconds since the Unix epoch.
    fn check_connection(
        &self,
        bounds: &RoleTemplate,
        version: ServerVersion,
    ) -> Result<Option<u64>, Refusal> {
        if version.enforces_limits() {
            check_source(&bounds.sources, self.login.client_host)?;
        }
        let location = bounds.times_location.as_deref();
        let until = times::login_ends(&bounds.times, location, self.now, version)?;
        let types = bounds.connection_types.iter().map(String::as_str);
        check_connection_types(types, self.login.connection_type, version)?;
        Ok(until)
    }
}

/// Returns the target account in config mode, where one issuer signs and the audience names the
/// account.
fn config_account<'a>(
    user: &'a Claims<UserFacts>,
    issuer: &str,
    accounts: Option<&[&str]>,
) -> Result<&'a str, Refusal> {
    if user.nats.issuer_account().is_some() {
        return Err(Refusal::IssuerAccount(Part::User));
    }
    if user.issuer.as_deref() != Some(issuer) {
        return Err(Refusal::Issuer(Part::User));
    }
    let account = user.audience.as_deref().unwrap_or_default();
    match accounts {
        _ if account.is_empty() => Err(Refusal::NoAccount),
        Some(accounts) if !accounts.contains(&account) => {
            Err(Refusal::UnknownAccount(account.to_owned()))
        }
        _ => Ok(account),
    }
}

/// Returns the time at which a server closes a connection whose user JWT expires at `expires_at`.
/// Servers count the remaining time in nanoseconds and 64 bits. So a time more than 292 years ahead
/// wraps around, to an earlier time or one that has passed.
fn closes_at(expires_at: u64, now: u64) -> u64 {
    let left = i64::try_from(expires_at.saturating_sub(now)).unwrap_or(i64::MAX);
    let seconds = left.wrapping_mul(NANOSECONDS) / NANOSECONDS;
    now.saturating_add(u64::try_from(seconds).unwrap_or_default())
}

/// Nanoseconds in a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// Returns the target account in operator mode: the signer, or the account of the signing key. Also
/// returns the role that the key is scoped to, with its template expanded.
fn operator_account(
    user: &Claims<UserFacts>,
    view: &OperatorView<'_>,
    version: ServerVersion,
) -> Result<(String, Option<ScopeView>), Refusal> {
    let issuer = user.issuer.as_deref().unwrap_or_default();
    let target = user.nats.issuer_account().unwrap_or(issuer);
    if target != view.callout.key && !view.callout.may_place_into(target) {
        return Err(Refusal::AccountNotAllowed);
    }
    let Some(account) = view.account(target) else {
        return Err(Refusal::UnknownAccount(target.to_owned()));
    };
    let scope = match view.signer(account, issuer) {
        Signer::Unknown => return Err(Refusal::NotAnAccountKey),
        Signer::Plain => return Ok((account.key.clone(), None)),
        Signer::Scoped(scope) => scope,
    };
    let role = scope.role.clone();
    if !user.nats.is_bare(version.reads_proxy_required()) {
        return Err(Refusal::ScopedWithPermissions(role));
    }
    let Some(template) = &scope.template else {
        let template = None;
        return Ok((account.key.clone(), Some(ScopeView { role, template })));
    };
    let tags: Vec<_> = texts(user.nats.tags.as_ref()).map(str::to_owned).collect();
    let values = Values {
        name: user.name.as_deref().unwrap_or_default(),
        subject: user.subject.as_deref().unwrap_or_default(),
        tags: &tags,
        issuer_account: user.nats.issuer_account().unwrap_or_default(),
        account,
    };
    match template::expanded(template, values, version) {
        Ok(template) => {
            let template = Some(template);
            Ok((account.key.clone(), Some(ScopeView { role, template })))
        }
        Err(source) => Err(Refusal::Template { role, source }),
    }
}

fn version_of<B: jwt::Body>(claims: &Claims<B>) -> i64 {
    claims.nats.version().unwrap_or_default()
}

/// Checks the times of a part. A token is still valid in the second of its expiry.
fn check_times<B>(claims: &Claims<B>, part: Part, now: u64) -> Result<(), Refusal> {
    let times = [claims.expires_at, claims.not_before, claims.issued_at];
    if times
        .into_iter()
        .flatten()
        .any(|time| i64::try_from(time).is_err())
    {
        return Err(Refusal::TimeOutOfRange(part));
    }
    if let Some(expires_at) = claims.expires_at
        && expires_at > 0
        && now > expires_at
    {
        return Err(Refusal::Expired {
            part,
            expires_at,
            now,
        });
    }
    if let Some(not_before) = claims.not_before
        && not_before > now
    {
        return Err(Refusal::NotYetValid {
            part,
            not_before,
            now,
        });
    }
    Ok(())
}
