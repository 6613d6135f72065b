//! A login as Cedar sees it: the principal with its groups and claims, and the context.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression,
};
use portcullis_sdk::{Request, Strength};
use serde_json::Value;

use crate::settings::ClaimType;

/// The names of the entity types. Parsing one costs more than the rest of a request.
#[derive(Debug)]
pub(crate) struct Types {
    pub(crate) user: EntityTypeName,
    pub(crate) group: EntityTypeName,
}

/// The parts of a request that all questions of one login share.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) principal: EntityUid,
    pub(crate) entities: Entities,
    pub(crate) context: Context,
}

/// The facts about a login that Cedar sees.
struct Facts<'a> {
    name: &'a str,
    method: &'a str,
    strength: &'a str,
    issuer: Option<String>,
    groups: Vec<String>,
    claims: Vec<(String, RestrictedExpression)>,
    context: Vec<(String, RestrictedExpression)>,
}

impl Login {
    /// Returns the login of the user `name`.
    ///
    /// # Errors
    ///
    /// Fails with the reason of a denial if a claim does not have its declared type.
    pub(crate) fn new(
        request: &Request,
        name: &str,
        claims: &BTreeMap<String, ClaimType>,
        types: &Types,
    ) -> Result<Self, String> {
        let facts = Facts {
            name,
            method: &String::from(request.method()),
            strength: match request.strength() {
                Strength::Proved => "proved",
                _ => "claimed",
            },
            issuer: request.issuer(),
            groups: request.groups(),
            claims: self::claims(request, claims)?,
            context: context(request),
        };
        facts.login(types)
    }

    /// Returns a login that no client makes, with a value for each part of a request.
    pub(crate) fn made_up(types: &Types) -> Result<Self, String> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let context = [
            ("now", RestrictedExpression::new_long(0)),
            ("tls", RestrictedExpression::new_bool(true)),
            ("address", RestrictedExpression::new_ip("192.0.2.1")),
            ("connectionType", text("STANDARD")),
        ];
        let facts = Facts {
            name: "nobody",
            method: "oidc",
            strength: "proved",
            issuer: Some("https://id.example".to_owned()),
            groups: vec!["none".to_owned()],
            claims: Vec::new(),
            context: context.map(|(key, value)| (key.to_owned(), value)).into(),
        };
        facts.login(types)
    }
}

impl Facts<'_> {
    fn login(self, types: &Types) -> Result<Login, String> {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let mut attributes = HashMap::from([
            ("name".to_owned(), text(self.name)),
            ("method".to_owned(), text(self.method)),
            ("strength".to_owned(), text(self.strength)),
        ]);
        if let Some(issuer) = &self.issuer {
            attributes.insert("issuer".to_owned(), text(issuer));
        }
        let claims = RestrictedExpression::new_record(self.claims);
        let claims = claims.map_err(|error| error.to_string())?;
        attributes.insert("claims".to_owned(), claims);
        let uid = |kind: &EntityTypeName, id: &str| {
            EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
        };
        let groups = self.groups.iter().map(|group| uid(&types.group, group));
        let principal = uid(&types.user, self.name);
        let user = Entity::new(principal.clone(), attributes, groups.collect());
        let user = user.map_err(|error| error.to_string())?;
        let entities = Entities::from_entities([user], None).map_err(|error| error.to_string())?;
        let context = Context::from_pairs(self.context).map_err(|error| error.to_string())?;
        Ok(Login {
            principal,
            entities,
            context,
        })
    }
}

/// Returns the context of a login.
fn context(request: &Request) -> Vec<(String, RestrictedExpression)> {
    let client = request.client();
    let now = i64::try_from(request.now()).unwrap_or(i64::MAX);
    let mut context = vec![
        ("now".to_owned(), RestrictedExpression::new_long(now)),
        (
            "tls".to_owned(),
            RestrictedExpression::new_bool(client.tls_version().is_some()),
        ),
    ];
    let address = client.host().and_then(|host| host.parse::<IpAddr>().ok());
    if let Some(address) = address {
        let address = RestrictedExpression::new_ip(address.to_string());
        context.push(("address".to_owned(), address));
    }
    if let Some(kind) = client.connection_type() {
        let kind = RestrictedExpression::new_string(kind.as_str().to_owned());
        context.push(("connectionType".to_owned(), kind));
    }
    context
}

/// Returns the declared claims that the login has.
fn claims(
    request: &Request,
    declared: &BTreeMap<String, ClaimType>,
) -> Result<Vec<(String, RestrictedExpression)>, String> {
    let mut claims = Vec::with_capacity(declared.len());
    for (path, kind) in declared {
        let Some(json) = request.claim_json(path) else {
            continue;
        };
        let value = serde_json::from_str(&json).ok();
        // A missing value would make a `forbid` about it silent.
        let value = value
            .and_then(|value| expression(value, *kind))
            .ok_or_else(|| {
                format!("claim `{path}` does not have the type that the settings declare")
            })?;
        claims.push((path.clone(), value));
    }
    Ok(claims)
}

/// Returns a claim as an expression; `None` if it has another type.
fn expression(value: Value, kind: ClaimType) -> Option<RestrictedExpression> {
    match (kind, value) {
        (ClaimType::String, Value::String(text)) => Some(RestrictedExpression::new_string(text)),
        (ClaimType::Long, Value::Number(number)) => {
            Some(RestrictedExpression::new_long(number.as_i64()?))
        }
        (ClaimType::Bool, Value::Bool(flag)) => Some(RestrictedExpression::new_bool(flag)),
        // As with groups, one text stands for a list of one.
        (ClaimType::Strings, Value::String(text)) => {
            let texts = [RestrictedExpression::new_string(text)];
            Some(RestrictedExpression::new_set(texts))
        }
        (ClaimType::Strings, Value::Array(items)) => {
            let texts = items.into_iter().map(|item| match item {
                Value::String(text) => Some(RestrictedExpression::new_string(text)),
                _ => None,
            });
            Some(RestrictedExpression::new_set(
                texts.collect::<Option<Vec<_>>>()?,
            ))
        }
        _ => None,
    }
}
