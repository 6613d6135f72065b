//! The description of the routes, generated from their handlers (`OpenAPI` 3.1).

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::{Modify, OpenApi};

use crate::problem::Details;
use crate::routes;

/// The description without the security scheme.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Portcullis token exchange",
        description = "Gives a caller with a bearer token a NATS user JWT for its public nkey.",
        contact(),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        routes::own_token,
        routes::nonce,
        routes::core_token,
        routes::admin_token,
        routes::document,
    ),
    components(schemas(Details<'_>)),
    modifiers(&BearerToken),
)]
struct Description;

/// The scheme of the header `Authorization`.
struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Returns the description as JSON. A cookie with the name `token_cookie` is then another place for
/// the bearer token.
pub(crate) fn json(token_cookie: Option<&str>) -> String {
    let mut document = Description::openapi();
    if let Some(name) = token_cookie {
        add_cookie(&mut document, name);
    }
    // Texts always have a form in JSON.
    document.to_json().unwrap_or_default()
}

/// Adds the cookie as an alternative to the header, for the operations that need a token.
fn add_cookie(document: &mut Document, name: &str) {
    let scheme = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("cookie", scheme);
    let operations = document.paths.paths.values_mut();
    for operation in operations.filter_map(|path| path.post.as_mut()) {
        if let Some(security) = &mut operation.security {
            security.push(SecurityRequirement::new("cookie", [""; 0]));
        }
    }
}
