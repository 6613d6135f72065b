//! The comparison case in Cedar.

use std::str::FromStr;

use anyhow::{Result, ensure};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use portcullis_bench::{CLAIMS, GROUPS, Work};

const POLICIES: &str = r#"
permit (principal in Group::"orders", action == Action::"connect", resource == Account::"APP")
when { context.now < principal.expires };

permit (principal in Group::"admins", action == Action::"connect", resource);
"#;

/// Returns a user in eight groups, with the claims of a token.
fn entities_text() -> String {
    let groups = GROUPS.map(|group| format!(r#"{{ "type": "Group", "id": "{group}" }}"#));
    format!(
        r#"[{{
            "uid": {{ "type": "User", "id": "alice" }},
            "attrs": {{ "expires": 1800003600, {CLAIMS} }},
            "parents": [{}]
        }}]"#,
        groups.join(",")
    )
}

const CONTEXT: &str = r#"{ "now": 1800000000 }"#;

pub(crate) fn works() -> Result<[Work<'static>; 2]> {
    let policies = PolicySet::from_str(POLICIES)?;
    let text = entities_text();
    let (entities, request) = (entities(&text)?, request()?);
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
            &self::entities(&text)?,
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

fn entities(text: &str) -> Result<Entities> {
    Ok(Entities::from_json_str(text, None)?)
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
