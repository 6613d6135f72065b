//! Tables `[policies.max-limits]` and `[policies.grants.NAME]`: upper bounds on limits, and grants.

use std::num::NonZeroU32;
use std::time::Duration;

use portcullis_catalog::{MaxLimits, PolicyGrants};
use portcullis_engine::{Amount, AmountMut, Grants, Limits};
use portcullis_toml::kinds::{SIZE, SOME_TIME};
use portcullis_toml::{InvalidValue, Kind, Section};

use crate::key_value::BUCKET;

/// A time limit of a decision, up to the engine's bound.
pub(crate) const DECISION: Kind<Duration> = Kind {
    expected: SOME_TIME.expected,
    parse: |text| match (SOME_TIME.parse)(text) {
        Ok(time) if time > Limits::MAX.deadline => Err(InvalidValue::above("1m", text)),
        time => time,
    },
};

/// A memory limit of a policy, up to the size of a slot in the engine's pool.
pub(crate) const MEMORY: Kind<usize> = Kind {
    expected: SIZE.expected,
    parse: |text| match usize::try_from((SIZE.parse)(text)?) {
        Ok(bytes) if bytes <= Limits::MAX_MEMORY => Ok(bytes),
        _ => {
            let most = Amount::Bytes(Limits::MAX_MEMORY);
            Err(InvalidValue::above(most, text))
        }
    },
};

/// Reads the maximum limits of all policies. Their defaults are never below `deadline` and
/// `memory`, which the operator gives policies that set no limits themselves.
pub(crate) fn read_max_limits(
    section: &mut Section<'_>,
    deadline: Option<Duration>,
    memory: Option<usize>,
) -> Option<MaxLimits> {
    let mut base = MaxLimits::default();
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
    let mut limits = base.limits;
    let mut is_valid = true;
    for (key, amount) in limits.each_mut() {
        is_valid &= read_limit(&mut section, key, amount).is_some();
    }
    let decisions_per_instance = match section.setting("decisions-per-instance") {
        None => Some(base.decisions_per_instance),
        Some(setting) => setting
            .number(1, MaxLimits::MAX_DECISIONS.into())
            .and_then(|number| NonZeroU32::new(u32::try_from(number).ok()?)),
    };
    section.finish();
    Some(MaxLimits {
        limits: is_valid.then_some(limits)?,
        decisions_per_instance: decisions_per_instance?,
    })
}

/// Reads the limit `key` into `amount`, which is unchanged without the key.
fn read_limit(section: &mut Section<'_>, key: &'static str, amount: AmountMut<'_>) -> Option<()> {
    match amount {
        AmountMut::Time(time) => *time = section.value(key, &DECISION, *time)?,
        AmountMut::Bytes { bytes, max } => *bytes = read_size(section, key, *bytes, max)?,
        AmountMut::Count { count, max } => *count = read_count(section, key, *count, max)?,
    }
    Some(())
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
