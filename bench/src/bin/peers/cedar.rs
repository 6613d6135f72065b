//! The toy case in Cedar.

use std::str::FromStr;

use anyhow::{Result, ensure};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use portcullis_bench::Work;

const POLICIES: &str = r#"
permit (principal in Group::"orders", action == Action::"connect", resource == Account::"APP")
when { context.now < principal.expires };

permit (principal in Group::"admins", action == Action::"connect", resource);
"#;

/// A user with what a token says of it, in eight groups.
const ENTITIES: &str = r#"[
    {
        "uid": { "type": "User", "id": "alice" },
        "attrs": {
            "expires": 1800003600,
            "iss": "https://login.example.com/realms/orders",
            "sub": "7a1f0d1e-5d53-4f0c-9d1b-6a0e2f5a3c11",
            "aud": "nats",
            "azp": "orders-frontend",
            "jti": "0f9f0bd4-6f44-4b50-a9fb-6bb5e2a6f2b3",
            "typ": "Bearer",
            "name": "Alice Example",
            "email": "alice@example.com",
            "preferred_username": "alice",
            "scope": "openid profile email",
            "org_unit": "fulfilment"
        },
        "parents": [
            { "type": "Group", "id": "staff" }, { "type": "Group", "id": "orders" },
            { "type": "Group", "id": "returns" }, { "type": "Group", "id": "billing" },
            { "type": "Group", "id": "oncall" }, { "type": "Group", "id": "reports" },
            { "type": "Group", "id": "beta" }, { "type": "Group", "id": "berlin" }
        ]
    }
]"#;

const CONTEXT: &str = r#"{ "now": 1800000000 }"#;

pub(crate) fn works() -> Result<[Work<'static>; 2]> {
    let policies = PolicySet::from_str(POLICIES)?;
    let (entities, request) = (entities()?, request()?);
    let authorizer = Authorizer::new();
    let prebuilt = {
        let (policies, authorizer) = (policies.clone(), authorizer.clone());
        move || allowed(&authorizer, &request, &policies, &entities)
    };
    let from_json = move || {
        allowed(
            &authorizer,
            &self::request()?,
            &policies,
            &self::entities()?,
        )
    };
    Ok([
        Work::new(
            "Cedar, entities and request prebuilt (allow or deny)",
            prebuilt,
        ),
        Work::new(
            "Cedar, both from JSON, no schema (allow or deny)",
            from_json,
        ),
    ])
}

fn entities() -> Result<Entities> {
    Ok(Entities::from_json_str(ENTITIES, None)?)
}

fn request() -> Result<Request> {
    let context = Context::from_json_str(CONTEXT, None)?;
    let [user, action, account] = [
        r#"User::"alice""#,
        r#"Action::"connect""#,
        r#"Account::"APP""#,
    ]
    .map(EntityUid::from_str);
    Ok(Request::new(user?, action?, account?, context, None)?)
}

fn allowed(
    authorizer: &Authorizer,
    request: &Request,
    policies: &PolicySet,
    entities: &Entities,
) -> Result<()> {
    let response = authorizer.is_authorized(request, policies, entities);
    ensure!(response.decision() == Decision::Allow, "Cedar refuses");
    Ok(())
}
