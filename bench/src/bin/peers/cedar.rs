//! The comparison case in Cedar.

use std::collections::HashMap;
use std::str::FromStr;

use anyhow::{Result, ensure};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid,
    PolicySet, Request, RestrictedExpression,
};
use portcullis_bench::{CLAIMS, GROUPS, Work, texts};

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

pub(crate) fn works() -> Result<[Work<'static>; 3]> {
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
        same_questions()?,
    ])
}

/// Asks what the policy `cedar` asks about a login. It is made of its parts for every decision, as
/// the policy does.
fn same_questions() -> Result<Work<'static>> {
    let policies = PolicySet::from_str(texts::CEDAR)?;
    let authorizer = Authorizer::new();
    let user = EntityTypeName::from_str("User")?;
    let group = EntityTypeName::from_str("Group")?;
    let questions = [
        [r#"Action::"connect""#, r#"Account::"APP""#],
        [r#"Action::"use""#, r#"Profile::"reader""#],
        [r#"Action::"use""#, r#"Profile::"writer""#],
    ];
    let parsed = questions.map(|question| question.map(EntityUid::from_str));
    let questions = parsed
        .into_iter()
        .map(|[action, resource]| Ok((action?, resource?)));
    let questions: Vec<_> = questions.collect::<Result<_>>()?;
    Ok(Work::new(texts::NATIVE_CEDAR, move || {
        let uid = |kind: &EntityTypeName, id: &str| {
            EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
        };
        let principal = uid(&user, "7a1f0d1e-5d53-4f0c-9d1b-6a0e2f5a3c11");
        let groups = GROUPS.iter().map(|name| uid(&group, name));
        let entity = Entity::new(principal.clone(), attributes()?, groups.collect())?;
        let entities = Entities::from_entities([entity], None)?;
        let context = Context::from_pairs([
            (
                "now".to_owned(),
                RestrictedExpression::new_long(1_800_000_000),
            ),
            ("tls".to_owned(), RestrictedExpression::new_bool(false)),
            (
                "address".to_owned(),
                RestrictedExpression::new_ip("192.0.2.17"),
            ),
            ("connectionType".to_owned(), text("STANDARD")),
        ])?;
        for (action, resource) in &questions {
            let (principal, context) = (principal.clone(), context.clone());
            let request = Request::new(principal, action.clone(), resource.clone(), context, None)?;
            allowed(&authorizer, &request, &policies, &entities)?;
        }
        Ok(())
    }))
}

fn attributes() -> Result<HashMap<String, RestrictedExpression>> {
    let claims = [("scope".to_owned(), text("openid profile email"))];
    Ok(HashMap::from([
        (
            "name".to_owned(),
            text("7a1f0d1e-5d53-4f0c-9d1b-6a0e2f5a3c11"),
        ),
        ("method".to_owned(), text("oidc")),
        ("strength".to_owned(), text("proved")),
        (
            "issuer".to_owned(),
            text("https://login.example.com/realms/orders"),
        ),
        (
            "claims".to_owned(),
            RestrictedExpression::new_record(claims)?,
        ),
    ]))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
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
