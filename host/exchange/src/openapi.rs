//! The description of the routes, generated from their handlers (`OpenAPI` 3.1).

use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
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

/// Returns the description as JSON.
pub(crate) fn json() -> String {
    // Texts always have a form in JSON.
    Description::openapi().to_json().unwrap_or_default()
}
