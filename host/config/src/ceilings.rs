//! Table `[ceilings]`: upper bounds on the permissions of logins, independent of policies.

use std::time::Duration;

use portcullis_authority::Ceilings;
use portcullis_core::{
    Ceiling, OnExcess, PermissionSubject, ResponsePermission, SubjectPermission,
};
use portcullis_toml::kinds::DURATION;
use portcullis_toml::{InvalidValue, Kind, Section};

use crate::values::{ACCOUNT, POLICY};

/// Maximum number of subjects in a list, because a ceiling is compared with every permit, subject
/// by subject.
const MAX_SUBJECTS: usize = 256;
const MAX_REPLIES: usize = 1_000_000;

const PUBLISH_SUBJECT: Kind<PermissionSubject> = Kind {
    expected: "a subject",
    parse: |text| PermissionSubject::publish(text).map_err(InvalidValue::rule),
};

const SUBSCRIBE_SUBJECT: Kind<PermissionSubject> = Kind {
    expected: "a subject, or a subject and a queue group",
    parse: |text| PermissionSubject::subscribe(text).map_err(InvalidValue::rule),
};

const ON_EXCESS: Kind<OnExcess> = Kind {
    expected: "`clip` or `refuse`",
    parse: |text| match text {
        "clip" => Ok(OnExcess::Clip),
        "refuse" => Ok(OnExcess::Refuse),
        _ => Err(InvalidValue::unexpected("`clip` or `refuse`", text)),
    },
};

/// Reads the table `[ceilings]`.
pub(crate) fn read(mut section: Section<'_>) -> Option<Ceilings> {
    let accounts = section.section("accounts").named(&ACCOUNT, read_ceiling);
    let policies = section.section("policies").named(&POLICY, read_ceiling);
    section.finish();
    Some(Ceilings {
        accounts: accounts?,
        policies: policies?,
    })
}

fn read_ceiling(mut section: Section<'_>) -> Option<Ceiling> {
    let publish = SubjectPermissionReader {
        allow: "publish-allow",
        deny: "publish-deny",
        kind: &PUBLISH_SUBJECT,
    }
    .read(&mut section);
    let subscribe = SubjectPermissionReader {
        allow: "subscribe-allow",
        deny: "subscribe-deny",
        kind: &SUBSCRIBE_SUBJECT,
    }
    .read(&mut section);
    let responses = if section.has("responses") {
        read_responses(section.section("responses")).map(Some)
    } else {
        section.setting("responses");
        Some(None)
    };
    let on_excess = section.value("on-excess", &ON_EXCESS, OnExcess::Clip);
    let ceiling = Ceiling {
        publish: publish?,
        subscribe: subscribe?,
        responses: responses?,
        on_excess: on_excess?,
    };
    for doubt in ceiling.permissions().doubts() {
        section.warn(doubt);
    }
    section.finish();
    Some(ceiling)
}

/// The keys of one side.
struct SubjectPermissionReader {
    allow: &'static str,
    deny: &'static str,
    kind: &'static Kind<PermissionSubject>,
}

impl SubjectPermissionReader {
    fn read(&self, section: &mut Section<'_>) -> Option<SubjectPermission> {
        let allow = read_subjects(section, self.allow, self.kind);
        let deny = read_subjects(section, self.deny, self.kind);
        Some(SubjectPermission {
            allow: allow?,
            deny: deny?,
        })
    }
}

fn read_subjects(
    section: &mut Section<'_>,
    key: &'static str,
    kind: &Kind<PermissionSubject>,
) -> Option<Vec<PermissionSubject>> {
    let Some(setting) = section.setting(key) else {
        return Some(Vec::new());
    };
    let subjects = setting.list(kind)?;
    if subjects.len() > MAX_SUBJECTS {
        setting.report(format!("more than {MAX_SUBJECTS} subjects"));
        return None;
    }
    Some(subjects)
}

fn read_responses(mut section: Section<'_>) -> Option<ResponsePermission> {
    let max = match section.setting("max") {
        None => Some(1),
        Some(setting) => setting.count(MAX_REPLIES),
    };
    let ttl = section.value("ttl", &DURATION, Duration::from_mins(2));
    section.finish();
    Some(ResponsePermission {
        max: u32::try_from(max?).ok()?,
        ttl: ttl?,
    })
}
