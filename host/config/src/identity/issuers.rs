//! Tables `[identity.issuers.NAME]`: trusted issuers of tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::Allowed;
use portcullis_identity::{
    GroupForm, GroupPath, InvalidTokenAlgorithm, IssuerOptions, KeySource, RequiredClaim,
    TokenAlgorithm,
};
use portcullis_toml::kinds::{DURATION, SECONDS, SIZE, SOME_SECONDS, TEXT, WORD, seconds_up_to};
use portcullis_toml::{InvalidValue, Kind, Read, Section};
use url::Url;

use crate::allowed::{only, read_allowed};
use crate::values::WEB_ADDRESS;

/// A signature algorithm.
const ALGORITHM: Kind<TokenAlgorithm> = Kind {
    expected: "a signature algorithm such as `RS256`",
    parse: |text| {
        text.parse().map_err(|error| {
            let text = text.escape_debug().to_string();
            InvalidValue::rule(InvalidAlgorithm { text, error })
        })
    },
};

/// A text that is not a signature algorithm.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is {error}")]
struct InvalidAlgorithm {
    /// The text, escaped.
    text: String,
    #[source]
    error: InvalidTokenAlgorithm,
}

/// A required claim, `path` or `path=value`.
const REQUIRED_CLAIM: Kind<RequiredClaim> = Kind {
    expected: "a claim, or a claim and its value as `claim=value`",
    parse: |text| {
        let (path, values) = match text.split_once('=') {
            Some((path, value)) => (path, Allowed::only([value.to_owned()])),
            None => (text, None),
        };
        if path.is_empty() {
            return Err(InvalidValue::Nothing("the name of a claim"));
        }
        Ok(RequiredClaim {
            path: path.to_owned(),
            values: values.unwrap_or(Allowed::Any),
        })
    },
};

/// Time until the host fetches keys again. A removed key stays in use for that long.
const REFRESH: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| seconds_up_to(text, Duration::from_hours(24), "1day"),
};

/// Pause between fetches.
const COOL_DOWN: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| seconds_up_to(text, Duration::from_hours(1), "1h"),
};

/// Longest time of one fetch.
const TIMEOUT: Kind<Duration> = Kind {
    expected: DURATION.expected,
    parse: |text| seconds_up_to(text, Duration::from_mins(1), "1min"),
};

/// Time by which the clock of an issuer may be off. A longer one would extend every token.
const LEEWAY: Kind<Duration> = Kind {
    expected: SECONDS.expected,
    parse: |text| match (SECONDS.parse)(text) {
        Ok(leeway) if leeway > Duration::from_hours(1) => Err(InvalidValue::above("1h", text)),
        leeway => leeway,
    },
};

/// Reads the tables, by the operator's names.
pub(crate) fn read(section: Section<'_>) -> Option<Vec<IssuerOptions>> {
    let issuers: BTreeMap<String, IssuerOptions> = section.named(&WORD, read_issuer)?;
    let named = issuers.into_iter();
    Some(
        named
            .map(|(name, issuer)| IssuerOptions { name, ..issuer })
            .collect(),
    )
}

fn read_issuer(mut section: Section<'_>) -> Option<IssuerOptions> {
    let issuer = if let Some(setting) = section.setting("issuer") {
        setting.parse(&TEXT)
    } else {
        let missing = "missing: the `iss` of the tokens, exactly as it stands in them";
        section.report_missing("issuer", missing);
        None
    };
    let audiences = read_audiences(&mut section);
    let keys = read_keys(&mut section);
    let default = IssuerOptions::new("", "");
    let rules = read_rules(&mut section, &default);
    let fetching = read_fetching(&mut section, &default);
    let claims = read_claims(&mut section, &default);
    section.finish();
    // Everything has been read before the first return, so that no problem hides another.
    let (rules, fetching, claims) = (rules?, fetching?, claims?);
    Some(IssuerOptions {
        issuer: issuer?,
        audiences: audiences?,
        keys: keys?,
        algorithms: rules.algorithms,
        token_types: rules.token_types,
        leeway: rules.leeway,
        max_age: rules.max_age,
        required_claims: rules.required_claims,
        principal: claims.principal,
        groups: claims.groups,
        ..fetching
    })
}

/// Element of `audiences` that stands for any audience, or none.
const ANY_AUDIENCE: &str = "*";

/// Reads the audiences, which are required. Without them, every token of the issuer would be valid,
/// regardless of its audience.
fn read_audiences(section: &mut Section<'_>) -> Option<Allowed<String>> {
    let Some(setting) = section.setting("audiences") else {
        section.report_missing(
            "audiences",
            "missing: one of these has to be in a token's `aud`; `[\"*\"]` accepts tokens for any other service too",
        );
        return None;
    };
    let if_empty =
        "must name at least one audience, or `*` to accept tokens for any other service too";
    let audiences = only(setting, &TEXT, if_empty)?;
    if !audiences.listed().any(|audience| audience == ANY_AUDIENCE) {
        return Some(audiences);
    }
    if audiences.listed().count() > 1 {
        setting.report("`*` stands for any audience: name it alone, or leave it out");
        return None;
    }
    Some(Allowed::Any)
}

fn read_keys(section: &mut Section<'_>) -> Option<KeySource> {
    let file = section.path("jwks-file").map(KeySource::File);
    let jwks = read_url(section, "jwks-url");
    let discovery = read_url(section, "discovery-url");
    let named = ["jwks-file", "jwks-url", "discovery-url"];
    let named = named.into_iter().filter(|key| section.has(key)).count();
    if named > 1 {
        section.report("has more than one of `jwks-file`, `jwks-url` and `discovery-url`; keys come from one place");
        return None;
    }
    let (jwks, discovery) = (jwks?.map(KeySource::Jwks), discovery?);
    Some(file.or(jwks).unwrap_or(KeySource::Discovery(discovery)))
}

fn read_url(section: &mut Section<'_>, key: &'static str) -> Read<Option<Url>> {
    match section.setting(key) {
        None => Some(None),
        Some(setting) => setting.parse(&WEB_ADDRESS).map(Some),
    }
}

fn read_rules(section: &mut Section<'_>, default: &IssuerOptions) -> Option<IssuerOptions> {
    let algorithms = match section.setting("algorithms") {
        None => Some(default.algorithms.clone()),
        Some(setting) => setting.list(&ALGORITHM),
    };
    let token_types = read_allowed(section, "token-types", &TEXT);
    let leeway = section.value("leeway", &LEEWAY, default.leeway);
    let max_age = match section.setting("max-age") {
        None => Some(None),
        Some(setting) => setting.parse(&SOME_SECONDS).map(Some),
    };
    let required = section.list("required-claims", &REQUIRED_CLAIM).map(merged);
    Some(IssuerOptions {
        algorithms: algorithms?,
        token_types: token_types?,
        leeway: leeway?,
        max_age: max_age?,
        required_claims: required?,
        ..default.clone()
    })
}

/// Merges several values of one claim, one of which the claim must have.
fn merged(claims: Vec<RequiredClaim>) -> Vec<RequiredClaim> {
    let mut merged: Vec<RequiredClaim> = Vec::new();
    for claim in claims {
        match merged.iter_mut().find(|known| known.path == claim.path) {
            Some(known) => claim
                .values
                .listed()
                .for_each(|value| known.values.add(value.clone())),
            None => merged.push(claim),
        }
    }
    merged
}

fn read_fetching(section: &mut Section<'_>, default: &IssuerOptions) -> Option<IssuerOptions> {
    let refresh = section.value("refresh", &REFRESH, default.refresh);
    let cool_down = section.value("cool-down", &COOL_DOWN, default.cool_down);
    let timeout = section.value("timeout", &TIMEOUT, default.timeout);
    let max_bytes = u64::try_from(default.max_bytes).unwrap_or(u64::MAX);
    let max_bytes = section.value("max-size", &SIZE, max_bytes);
    let ca_file = section.path("ca-file");
    let bearer_token_file = section.path("bearer-token-file");
    let allow_http = section.flag("allow-http", default.allow_http);
    let required = section.flag("required", default.required);
    Some(IssuerOptions {
        refresh: refresh?,
        cool_down: cool_down?,
        timeout: timeout?,
        max_bytes: usize::try_from(max_bytes?).unwrap_or(usize::MAX),
        ca_file,
        bearer_token_file,
        allow_http: allow_http?,
        required: required?,
        ..default.clone()
    })
}

fn read_claims(section: &mut Section<'_>, default: &IssuerOptions) -> Option<IssuerOptions> {
    let principal = match section.setting("principal") {
        None => Some(default.principal.clone()),
        Some(setting) => setting.list(&TEXT),
    };
    let mut read = |key, form| read_groups(section, key, form, &default.groups);
    let groups = read("groups", GroupForm::Texts);
    let scopes = read("space-separated-groups", GroupForm::Spaced);
    let members = read("object-groups", GroupForm::Members);
    Some(IssuerOptions {
        principal: principal?,
        groups: [groups?, scopes?, members?].concat(),
        ..default.clone()
    })
}

fn read_groups(
    section: &mut Section<'_>,
    key: &'static str,
    form: GroupForm,
    default: &[GroupPath],
) -> Option<Vec<GroupPath>> {
    let Some(setting) = section.setting(key) else {
        let fitting = default.iter().filter(|group| group.form == form);
        return Some(fitting.cloned().collect());
    };
    let paths = setting.list(&TEXT)?.into_iter();
    Some(paths.map(|path| GroupPath { path, form }).collect())
}
