//! Expected verdicts, and their difference from the actual ones.

use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_core::{
    PermissionSubject, Permit, PermitBuilder, ResponsePermission, SubjectPermission, Verdict,
};
use portcullis_engine::EvaluationError;

use super::format;
use super::problem::TestProblem;

/// The expected verdict on a login.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a few dozen live while a policy is loaded; most of them are permits"
)]
pub(super) enum Expectation {
    /// A permit. The account and all permissions must match, and the fields in `stated`.
    Permit { permit: Permit, stated: Vec<Field> },
    /// A permit for this account, or for any. The test states what the login may do, and not the
    /// lists.
    AnyPermit { account: Option<String> },
    /// A denial whose reason contains this text.
    Deny(String),
    /// An abstention.
    Abstain,
}

/// A field of a permit that is compared only if the test states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Role,
    UserName,
    ExpiresAt,
    Tags,
    Sources,
    ConnectionTypes,
    Times,
    TimesLocation,
    ProxyRequired,
    Subscriptions,
    Payload,
    AccountLimits,
}

impl Expectation {
    /// Takes the expectation out of a test. `states_access` says whether the test states what a
    /// permitted login may do.
    pub(super) fn new(test: &mut format::Test, states_access: bool) -> Result<Self, TestProblem> {
        let account = test.account.take();
        if account.is_some() && (test.permit.is_some() || !states_access) {
            return Err(TestProblem::AccountAlone);
        }
        let abstains = test.abstain == Some(true);
        match (test.permit.take(), test.deny.take(), abstains) {
            (Some(permit), None, false) => expected_permit(&permit, test.now),
            (None, Some(_), false) | (None, None, true) if states_access => {
                Err(TestProblem::AccessWithoutPermit)
            }
            (None, Some(reason), false) => Ok(Self::Deny(reason)),
            (None, None, true) => Ok(Self::Abstain),
            (None, None, false) if states_access => Ok(Self::AnyPermit { account }),
            (None, None, false) => Err(TestProblem::NoVerdict),
            (permit, deny, _) => {
                let stated = [
                    ("permit", permit.is_some()),
                    ("deny", deny.is_some()),
                    ("abstain", abstains),
                ];
                let stated = stated.into_iter().filter(|(_, is_stated)| *is_stated);
                Err(TestProblem::SeveralVerdicts(
                    stated.map(|(key, _)| key).collect(),
                ))
            }
        }
    }

    /// Returns the difference of `found` from the expected verdict, in one line. `None` if they
    /// match.
    pub(super) fn difference(&self, found: Result<Verdict, EvaluationError>) -> Option<String> {
        match (self, found) {
            (_, Err(error)) => Some(format!("{}, but {error}", self.wanted())),
            (Self::Permit { permit, stated }, Ok(Verdict::Permit(found))) => {
                permit_difference(permit, stated, &found)
            }
            (Self::AnyPermit { account }, Ok(Verdict::Permit(found)))
                if account
                    .as_deref()
                    .is_none_or(|account| account == found.account().as_str()) =>
            {
                None
            }
            (Self::Deny(part), Ok(Verdict::Deny(reason))) if reason.contains(part) => None,
            (Self::Abstain, Ok(Verdict::Abstain)) => None,
            (_, Ok(found)) => Some(format!("{}, found {}", self.wanted(), told(&found))),
        }
    }

    fn wanted(&self) -> String {
        match self {
            Self::Permit { permit, .. } => {
                format!("expected a permit for account `{}`", permit.account())
            }
            Self::AnyPermit { account: None } => "expected a permit".to_owned(),
            Self::AnyPermit {
                account: Some(account),
            } => format!("expected a permit for account `{account}`"),
            Self::Deny(part) if part.is_empty() => "expected a deny".to_owned(),
            Self::Deny(part) => format!("expected a deny because of `{part}`"),
            Self::Abstain => "expected it to abstain".to_owned(),
        }
    }
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Permit(permit) => format!("a permit for account `{}`", permit.account()),
        Verdict::Deny(reason) => format!("a deny because of `{reason}`"),
        Verdict::Abstain => "that it abstains".to_owned(),
    }
}

/// Adds an attribute of the expected permit to the builder. Returns whether the test states it.
type Add = fn(&format::Permit, &mut PermitBuilder) -> bool;

/// The attributes of a permit that are compared only if the test states them.
const ATTRIBUTES: [(Field, Add); 13] = [
    (Field::Role, |expected, permit| {
        one(expected.role.as_ref(), |role| permit.role(role))
    }),
    (Field::UserName, |expected, permit| {
        one(expected.user_name.as_ref(), |name| permit.user_name(name))
    }),
    (Field::ExpiresAt, |expected, permit| {
        one(expected.expires_at, |time| permit.expires_at(time))
    }),
    (Field::ExpiresAt, |expected, permit| {
        one(expected.expires_in, |seconds| permit.expires_in(seconds))
    }),
    (Field::Tags, |expected, permit| {
        each(expected.tags.as_ref(), |tag| permit.tag(tag))
    }),
    (Field::Sources, |expected, permit| {
        each(expected.sources.as_ref(), |network| {
            permit.source_allow(network);
        })
    }),
    (Field::ConnectionTypes, |expected, permit| {
        let names = expected.connection_types.as_ref();
        each(names, |name| permit.connection_type_allow(name))
    }),
    (Field::Times, |expected, permit| {
        let ranges = expected.times.as_ref();
        each(ranges, |range| permit.time_allow(&range.start, &range.end))
    }),
    (Field::TimesLocation, |expected, permit| {
        one(expected.times_location.as_ref(), |zone| {
            permit.times_location(zone);
        })
    }),
    (Field::ProxyRequired, |expected, permit| {
        one(expected.proxy_required, |required| {
            if required {
                permit.proxy_required();
            }
        })
    }),
    (Field::Subscriptions, |expected, permit| {
        one(expected.subscriptions, |most| {
            permit.limit_subscriptions(most.into());
        })
    }),
    (Field::Payload, |expected, permit| {
        one(expected.payload, |bytes| permit.limit_payload(bytes.into()))
    }),
    (Field::AccountLimits, |expected, permit| {
        one(expected.account_limits.as_ref(), |limits| {
            let limits = limits.iter().map(|(name, max)| format!("{name}={max}"));
            permit.attribute("account-limit", &limits.collect::<Vec<_>>());
        })
    }),
];

/// A method of the builder that adds one subject.
type AddSubject = fn(&mut PermitBuilder, &str);

/// Calls `add` with `stated`, if the test states it. Returns whether it does.
fn one<T>(stated: Option<T>, add: impl FnOnce(T)) -> bool {
    stated.map(add).is_some()
}

/// Calls `add` with each item of `stated`, if the test states the list. Returns whether it does.
fn each<T>(stated: Option<&Vec<T>>, add: impl FnMut(&T)) -> bool {
    stated.map(|items| items.iter().for_each(add)).is_some()
}

/// Builds the permit in the way a policy does, so that the same rules apply.
fn expected_permit(expected: &format::Permit, now: u64) -> Result<Expectation, TestProblem> {
    let mut permit = Permit::builder(expected.account.clone(), now);
    let (publish, subscribe) = (&expected.publish, &expected.subscribe);
    let lists: [(&[String], AddSubject); 4] = [
        (&publish.allow, PermitBuilder::publish_allow),
        (&publish.deny, PermitBuilder::publish_deny),
        (&subscribe.allow, PermitBuilder::subscribe_allow),
        (&subscribe.deny, PermitBuilder::subscribe_deny),
    ];
    for (subjects, add) in lists {
        for subject in subjects {
            add(&mut permit, subject);
        }
    }
    if let Some(responses) = &expected.responses {
        permit.responses_allow(responses.max, Duration::from_millis(responses.ttl_ms));
    }
    let mut stated = Vec::new();
    for (field, add) in ATTRIBUTES {
        if add(expected, &mut permit) {
            stated.push(field);
        }
    }
    let permit = permit.finish().map_err(TestProblem::Permit)?;
    Ok(Expectation::Permit { permit, stated })
}

fn permit_difference(expected: &Permit, stated: &[Field], found: &Permit) -> Option<String> {
    let mut differences = Vec::new();
    if expected.account() != found.account() {
        let (expected, found) = (expected.account(), found.account());
        differences.push(format!("account: expected `{expected}`, found `{found}`"));
    }
    let (wanted, got) = (expected.permissions(), found.permissions());
    for (side, wanted, got) in [
        ("publish", &wanted.publish, &got.publish),
        ("subscribe", &wanted.subscribe, &got.subscribe),
    ] {
        let allow = (texts(&wanted.allow), texts(&got.allow));
        differences.extend(subject_difference(&format!("{side} allow"), &allow));
        let deny = (written_denies(wanted), written_denies(got));
        differences.extend(subject_difference(&format!("{side} deny"), &deny));
    }
    differences.extend(response_difference(wanted.responses, got.responses));
    for field in stated {
        let (wanted, got) = (field.told(expected), field.told(found));
        if wanted != got {
            let name = field.name();
            differences.push(format!("{name}: expected {wanted}, found {got}"));
        }
    }
    (!differences.is_empty()).then(|| differences.join(", "))
}

/// Returns the subjects as texts. Their order means nothing to a server.
fn texts(subjects: &[PermissionSubject]) -> BTreeSet<String> {
    subjects.iter().map(ToString::to_string).collect()
}

/// Returns the denied subjects, without the `>` that the host writes on a side that allows nothing.
fn written_denies(side: &SubjectPermission) -> BTreeSet<String> {
    let mut denies = texts(&side.deny);
    if side.allow.is_empty() {
        denies.remove(">");
    }
    denies
}

/// Returns the missing and the unexpected subjects of a list: the expected and the actual ones.
fn subject_difference(
    list: &str,
    (wanted, got): &(BTreeSet<String>, BTreeSet<String>),
) -> Option<String> {
    let listed = |subjects: Vec<&String>, what: &str| {
        let quoted: Vec<_> = subjects.iter().map(|text| format!("`{text}`")).collect();
        (!quoted.is_empty()).then(|| format!("{what} {}", quoted.join(" ")))
    };
    let missing = listed(wanted.difference(got).collect(), "missing");
    let excess = listed(got.difference(wanted).collect(), "unexpected");
    let parts: Vec<_> = missing.into_iter().chain(excess).collect();
    (!parts.is_empty()).then(|| format!("{list}: {}", parts.join(", ")))
}

/// Returns the difference of two permissions to reply, as servers apply them, and the line that
/// states the actual one.
fn response_difference(
    wanted: Option<ResponsePermission>,
    got: Option<ResponsePermission>,
) -> Option<String> {
    let (wanted, got) = (
        wanted.map(ResponsePermission::effective),
        got.map(ResponsePermission::effective),
    );
    if wanted == got {
        return None;
    }
    let stated = match got {
        None => "no `responses`".to_owned(),
        Some(ResponsePermission { max, ttl }) => {
            format!(
                "`responses = {{ max = {max}, ttl-ms = {} }}`",
                ttl.as_millis()
            )
        }
    };
    Some(format!(
        "responses: expected {}, found {}; if the policy is right, the test's permit needs {stated}",
        optional(wanted.as_ref()),
        optional(got.as_ref())
    ))
}

impl Field {
    const fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::UserName => "user-name",
            Self::ExpiresAt => "expires-at",
            Self::Tags => "tags",
            Self::Sources => "sources",
            Self::ConnectionTypes => "connection-types",
            Self::Times => "times",
            Self::TimesLocation => "times-location",
            Self::ProxyRequired => "proxy-required",
            Self::Subscriptions => "subscriptions",
            Self::Payload => "payload",
            Self::AccountLimits => "account-limits",
        }
    }

    /// Returns the value of this field in `permit`, as text.
    fn told(self, permit: &Permit) -> String {
        match self {
            Self::Role => optional(permit.role()),
            Self::UserName => optional(permit.user_name()),
            Self::ExpiresAt => optional(permit.expires_at()),
            Self::Tags => listed(permit.tags()),
            Self::Sources => listed(permit.sources().listed()),
            Self::ConnectionTypes => listed(permit.connection_types().listed()),
            Self::Times => listed(permit.times().listed()),
            Self::TimesLocation => optional(permit.times_location()),
            Self::ProxyRequired => permit.requires_proxy().to_string(),
            Self::Subscriptions => optional(permit.subscriptions()),
            Self::Payload => optional(permit.payload()),
            Self::AccountLimits => {
                let limits = permit.account_limits().iter();
                listed(limits.map(|(limit, max)| format!("{limit}={max}")))
            }
        }
    }
}

fn optional<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(
        || "nothing".to_owned(),
        |value| format!("`{}`", value.to_string()),
    )
}

fn listed<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values = values.into_iter();
    let values: Vec<_> = values
        .map(|value| format!("`{}`", value.to_string()))
        .collect();
    if values.is_empty() {
        "nothing".to_owned()
    } else {
        values.join(" ")
    }
}
