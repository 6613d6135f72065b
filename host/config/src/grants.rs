//! Tables `[policies.max-limits]` and `[policies.grants.NAME]`: upper bounds on limits, and grants.

use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_catalog::{MaxLimits, PolicyGrants};
use portcullis_engine::{Amount, Grants, Limits};
use portcullis_toml::kinds::{SIZE, SOME_TIME};
use portcullis_toml::{Kind, Section};

use crate::key_value::BUCKET;

/// A time limit of a decision, up to the engine's bound.
pub(crate) const DECISION: Kind<Duration> = Kind {
    expected: SOME_TIME.expected,
    parse: |text| match (SOME_TIME.parse)(text) {
        Ok(time) if time > Limits::MAX.deadline => {
            Err(format!("must be at most `1m`, found `{text}`"))
        }
        time => time,
    },
};

/// A memory limit of a policy, up to the size of a slot in the engine's pool.
pub(crate) const MEMORY: Kind<u64> = Kind {
    expected: SIZE.expected,
    parse: |text| {
        let bytes = (SIZE.parse)(text)?;
        if usize::try_from(bytes).is_ok_and(|bytes| bytes <= Limits::MAX_MEMORY) {
            Ok(bytes)
        } else {
            let most = Amount::Bytes(Limits::MAX_MEMORY);
            Err(format!("must be at most `{most}`, found `{text}`"))
        }
    },
};

/// Reads the maximum limits of all policies. Their defaults are never below `deadline` and
/// `memory`, which the operator gives policies that set no limits themselves.
pub(crate) fn read_max_limits(
    section: &mut Section<'_>,
    deadline: Option<Duration>,
    memory: Option<u64>,
) -> Option<MaxLimits> {
    let mut base = MaxLimits::default();
    let memory = memory.and_then(|memory| usize::try_from(memory).ok());
    base.limits.deadline = base.limits.deadline.max(deadline.unwrap_or_default());
    base.limits.memory = base.limits.memory.max(memory.unwrap_or_default());
    read_limits(section.section("max-limits"), base)
}

/// Reads the grants of one policy. Missing maximum limits are those of `base`.
pub(crate) fn read_grants(mut section: Section<'_>, base: MaxLimits) -> Option<PolicyGrants> {
    let secrets = section.flag("secrets", false);
    let key_values = section.list("key-value", &BUCKET);
    let plain_hashes = section.flag("plain-hashes", false);
    let max_limits = section.section("max-limits");
    let max_limits = if max_limits.is_present() {
        read_limits(max_limits, base).map(Some)
    } else {
        Some(None)
    };
    section.finish();
    Some(PolicyGrants {
        grants: Grants {
            secrets: secrets?,
            key_values: key_values?.into_iter().collect(),
            plain_hashes: plain_hashes?,
        },
        max_limits: max_limits?,
    })
}

fn read_limits(mut section: Section<'_>, base: MaxLimits) -> Option<MaxLimits> {
    let (limits, max) = (base.limits, Limits::MAX);
    let deadline = section.value("deadline", &DECISION, limits.deadline);
    let memory = read_size(&mut section, "memory", limits.memory, max.memory);
    let tables = read_count(&mut section, "tables", limits.tables, max.tables);
    let host_call_bytes = read_size(
        &mut section,
        "host-call-bytes",
        limits.host_call_bytes,
        max.host_call_bytes,
    );
    let log_lines = read_count(&mut section, "log-lines", limits.log_lines, max.log_lines);
    let log_line_bytes = read_size(
        &mut section,
        "log-line-bytes",
        limits.log_line_bytes,
        max.log_line_bytes,
    );
    let subjects = read_count(&mut section, "subjects", limits.subjects, max.subjects);
    let reason_bytes = read_size(
        &mut section,
        "reason-bytes",
        limits.reason_bytes,
        max.reason_bytes,
    );
    let comparisons = read_count(
        &mut section,
        "comparisons",
        limits.comparisons,
        max.comparisons,
    );
    let decisions_per_instance = match section.setting("decisions-per-instance") {
        None => Some(base.decisions_per_instance),
        Some(setting) => setting
            .number(1, MaxLimits::MAX_DECISIONS.into())
            .and_then(|number| NonZeroU32::new(u32::try_from(number).ok()?)),
    };
    section.finish();
    Some(MaxLimits {
        limits: Limits {
            deadline: deadline?,
            memory: memory?,
            tables: tables?,
            host_call_bytes: host_call_bytes?,
            log_lines: log_lines?,
            log_line_bytes: log_line_bytes?,
            subjects: subjects?,
            reason_bytes: reason_bytes?,
            comparisons: comparisons?,
        },
        decisions_per_instance: decisions_per_instance?,
    })
}

fn read_size(
    section: &mut Section<'_>,
    key: &'static str,
    default: usize,
    most: usize,
) -> Option<usize> {
    let Some(setting) = section.setting(key) else {
        return Some(default);
    };
    let bytes = usize::try_from(setting.parse(&SIZE)?).ok();
    let bytes = bytes.filter(|bytes| *bytes <= most);
    if bytes.is_none() {
        setting.report(format!("must be at most `{}`", Amount::Bytes(most)));
    }
    bytes
}

fn read_count(
    section: &mut Section<'_>,
    key: &'static str,
    default: usize,
    most: usize,
) -> Option<usize> {
    match section.setting(key) {
        None => Some(default),
        Some(setting) => {
            let number = setting.number(0, i64::try_from(most).unwrap_or(i64::MAX))?;
            usize::try_from(number).ok()
        }
    }
}
