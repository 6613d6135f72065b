//! The log line of a decision.

use std::time::Duration;

use portcullis_core::{
    AuthorizationRequest, Blame, ClientKind, Decision, Outcome, PermissionSubject, Permit,
    PolicyName, ResponsePermission, Transport,
};

/// A decision with the facts for its log line.
#[derive(Clone, Copy, Debug)]
pub struct DecisionLine<'a> {
    /// The request that was decided.
    pub request: &'a AuthorizationRequest,
    /// The decision.
    pub decision: &'a Decision,
    /// The time since the arrival of the request.
    pub elapsed: Duration,
    /// The result of sending the reply, as one word.
    pub reply: &'a str,
    /// The reason for which the reply could not be sent.
    pub error: Option<&'a str>,
    /// The id by which the peer knows the request. `None` for requests of servers, which have none.
    pub request_id: Option<&'a str>,
    /// The W3C trace that the request belongs to.
    pub trace_id: Option<&'a str>,
}

/// Writes the log line of a decision.
pub(crate) fn log_decision(line: DecisionLine<'_>) {
    let DecisionLine {
        request,
        decision,
        elapsed,
        ..
    } = line;
    let (permit, denial) = match &decision.outcome {
        Outcome::Permit(permit) => (Some(permit), None),
        Outcome::Deny(denial) => (None, Some(denial)),
    };
    let policy = decision.policy.as_deref();
    let abstained: Vec<_> = decision.abstained.iter().map(PolicyName::as_str).collect();
    let abstained = (!abstained.is_empty()).then(|| abstained.join(","));
    tracing::info!(
        decision = if permit.is_some() { "permit" } else { "deny" },
        denial.class = denial.map(|denial| denial.class.as_str()),
        denial.reason = denial.map(|denial| denial.reason.as_str()),
        denial.blame = denial
            .and_then(|denial| denial.class.blame())
            .map(Blame::as_str),
        policy.name = policy.map(|policy| policy.name.as_str()),
        policy.digest = policy.map(|policy| policy.digest.to_string()),
        policy.version = policy.map(|policy| policy.version.to_string()),
        policy.generation = policy.map(|policy| policy.generation),
        abstained,
        account = permit.map(|permit| permit.account_name().as_str()),
        role = permit.and_then(Permit::role),
        user_name = permit.and_then(Permit::user_name),
        user_nkey = request.user_nkey.as_str(),
        expires_at = permit.and_then(Permit::expires_at),
        client.host = request.client.host.as_deref(),
        client.id = request.client.id,
        client.user = request.client.user.as_deref(),
        client.name = request.client.name.as_deref(),
        client.kind = request.client.kind.as_ref().map(ClientKind::as_str),
        client.transport = request.client.transport.as_ref().map(Transport::as_str),
        client.mqtt_id = request.client.mqtt_id.as_deref(),
        client.method = request.identity.method.as_str(),
        identity.principal = request.identity.principal.as_deref(),
        identity.strength = request.identity.strength.as_str(),
        identity.issuer = request.identity.issuer.as_deref(),
        identity.role = request.identity.role.as_deref(),
        server.id = request.server.id.as_str(),
        server.name = request.server.name.as_str(),
        server.version = request.server.version.as_deref(),
        elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        reply = line.reply,
        error = line.error,
        request_id = line.request_id,
        trace_id = line.trace_id,
        "authorization decided"
    );
    if let Some(permit) = permit {
        log_permit(request, permit);
    }
}

/// Writes a line at the level `debug` for a throttled login. The summaries count such logins.
pub(crate) fn log_summed_up(line: DecisionLine<'_>) {
    let request = line.request;
    if let Outcome::Deny(denial) = &line.decision.outcome {
        tracing::debug!(
            denial.class = denial.class.as_str(),
            denial.reason = denial.reason.as_str(),
            user_nkey = request.user_nkey.as_str(),
            client.host = request.client.host.as_deref(),
            client.id = request.client.id,
            client.user = request.client.user.as_deref(),
            client.name = request.client.name.as_deref(),
            server.id = request.server.id.as_str(),
            request_id = line.request_id,
            trace_id = line.trace_id,
            "login throttled"
        );
    }
}

/// Writes what a permit allows, at the level `debug`. Subjects and names are not secret, and a
/// permit holds no secrets.
fn log_permit(request: &AuthorizationRequest, permit: &Permit) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let permissions = permit.permissions();
    let responses = permissions.responses.map(ResponsePermission::effective);
    tracing::debug!(
        user_nkey = request.user_nkey.as_str(),
        account = permit.account_name().as_str(),
        publish.allow = listed(&permissions.publish.allow),
        publish.deny = listed(&permissions.publish.deny),
        subscribe.allow = listed(&permissions.subscribe.allow),
        subscribe.deny = listed(&permissions.subscribe.deny),
        responses.max = responses.map(|responses| responses.max),
        responses.ttl_s = responses.map(|responses| responses.ttl.as_secs_f64()),
        "login permitted"
    );
}

/// Returns `subjects` joined by commas, as the log shows lists.
fn listed(subjects: &[PermissionSubject]) -> String {
    let subjects: Vec<_> = subjects.iter().map(ToString::to_string).collect();
    subjects.join(",")
}
