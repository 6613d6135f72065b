//! Imitation: clients that present the name of own logins are denied.

use portcullis_core::{AuthorizationRequest, Denial, DenialClass, Secret};

/// The connection name, user name, password and token of own logins. The authority denies a client
/// of any front door that brings it as a connection name, as a user name or as a token, so only own
/// logins reach policies with it.
pub const OWN_LOGIN: &str = "portcullis-probe:own-login";

/// Denies a client that imitates an own login: a policy may treat these otherwise.
pub(crate) fn check_imitation(request: &AuthorizationRequest) -> Result<(), Denial> {
    let credentials = &request.credentials;
    let names = [
        request.client.name.as_deref(),
        credentials.username.as_deref(),
        credentials.token.as_ref().map(Secret::expose),
    ];
    if names.contains(&Some(OWN_LOGIN)) {
        let reason = format!("`{OWN_LOGIN}` is for logins that the host makes up itself");
        return Err(Denial::new(DenialClass::IdentityRejected, reason));
    }
    Ok(())
}
