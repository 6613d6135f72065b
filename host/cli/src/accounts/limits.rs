//! Limits by name: the tables behind `--limit` and `--jetstream`.

use bytesize::ByteSize;
use portcullis_claims::{AccountLimits, JetStreamLimits, UserFields, UserTemplate};

use super::report::{absent, wrong};
use crate::failure::Failure;

/// Value for "no limit".
const UNLIMITED: i64 = -1;
/// Maximum of limits that servers before 2.12 keep in 32 bits. With a larger one, they refuse every
/// login or message.
const MAX_NARROW: i64 = i32::MAX as i64;

/// Expected values.
const COUNT: &str = "a number up to 2147483647, or `unlimited`";
const BYTES: &str = "a size such as `10MiB`, or `unlimited`";
const MESSAGE: &str = "a size such as `10MiB` below `2GiB`, or `unlimited`";

/// The place of a limit in claims, with the form of its value.
pub(super) enum Slot<'a> {
    Count(&'a mut i64),
    Bytes(&'a mut i64),
    /// Bytes of a message.
    Message(&'a mut i64),
    Switch(&'a mut bool),
}

/// Claims whose limits have names.
pub(super) trait Limits {
    /// Names of the limits, for error messages.
    const NAMES: &'static [&'static str];

    /// Returns the place of a limit.
    fn slot(&mut self, name: &str) -> Option<Slot<'_>>;
}

/// Defines the names of limits, each with its place.
macro_rules! limits {
    ($claims:ty { $($name:literal => $kind:ident($($field:ident).+),)+ }) => {
        impl Limits for $claims {
            const NAMES: &'static [&'static str] = &[$($name),+];

            fn slot(&mut self, name: &str) -> Option<Slot<'_>> {
                match name {
                    $($name => Some(Slot::$kind(&mut self.$($field).+)),)+
                    _ => None,
                }
            }
        }
    };
}

limits!(AccountLimits {
    "connections" => Count(connections),
    "leafnodes" => Count(leafnodes),
    "subscriptions" => Count(subs),
    "payload" => Message(payload),
    "data" => Bytes(data),
    "imports" => Count(imports),
    "exports" => Count(exports),
    "wildcard-exports" => Switch(wildcard_exports),
    "disallow-bearer" => Switch(disallow_bearer),
});

limits!(JetStreamLimits {
    "memory" => Bytes(memory_storage),
    "disk" => Bytes(disk_storage),
    "streams" => Count(streams),
    "consumers" => Count(consumers),
    "max-ack-pending" => Count(max_ack_pending),
    "max-memory-stream" => Bytes(memory_max_stream_bytes),
    "max-disk-stream" => Bytes(disk_max_stream_bytes),
    "max-bytes-required" => Switch(max_bytes_required),
});

limits!(UserFields {
    "subscriptions" => Count(subs),
    "payload" => Message(payload),
    "data" => Bytes(data),
    "bearer" => Switch(bearer_token),
    "proxy-required" => Switch(proxy_required),
});

limits!(UserTemplate {
    "subscriptions" => Count(subs),
    "payload" => Message(payload),
    "data" => Bytes(data),
    "bearer" => Switch(bearer_token),
    "proxy-required" => Switch(proxy_required),
});

/// Sets limits that are given as `NAME=VALUE`.
pub(super) fn set<L: Limits>(limits: &mut L, given: &[String]) -> Result<(), Failure> {
    given.iter().try_for_each(|text| set_one(limits, text))
}

/// Returns what is wrong with limits that were not given as `NAME=VALUE`.
pub(super) fn problems<L: Limits + Clone>(limits: &L) -> Vec<String> {
    let mut limits = limits.clone();
    let mut problems = Vec::new();
    for name in L::NAMES {
        let (value, most, expected) = match limits.slot(name) {
            Some(Slot::Count(slot)) => (*slot, MAX_NARROW, COUNT),
            Some(Slot::Message(slot)) => (*slot, MAX_NARROW, MESSAGE),
            Some(Slot::Bytes(slot)) => (*slot, i64::MAX, BYTES),
            Some(Slot::Switch(_)) | None => continue,
        };
        if !(UNLIMITED..=most).contains(&value) {
            problems.push(unexpected(&value.to_string(), name, expected));
        }
    }
    problems
}

/// Sets limits of `JetStream`: `unlimited`, `off`, `NAME=VALUE`, or `TIER.NAME=VALUE` for a tier
/// such as `R3`, which `TIER.off` removes.
pub(super) fn set_jetstream(limits: &mut AccountLimits, given: &[String]) -> Result<(), Failure> {
    for text in given {
        let tier = text.split_once('.').filter(|(tier, _)| !tier.contains('='));
        match (text.as_str(), tier) {
            ("off", _) => {
                limits.jetstream = JetStreamLimits::default();
                limits.tiers.clear();
            }
            ("unlimited", _) => {
                limits.tiers.clear();
                limits.jetstream = JetStreamLimits {
                    memory_storage: UNLIMITED,
                    disk_storage: UNLIMITED,
                    ..unlimited_counts()
                };
            }
            (_, Some((tier, "off"))) => {
                if limits.tiers.remove(tier).is_none() {
                    return Err(absent(format!(
                        "the account has no tier `{tier}`; `describe` shows those it has"
                    )));
                }
            }
            (_, None) if !text.contains('=') => {
                let names = JetStreamLimits::NAMES.join("`, `");
                return Err(wrong(format!(
                    "`{text}` is neither `unlimited` nor `off`, nor of the form NAME=VALUE with one of `{names}`"
                )));
            }
            (_, Some((tier, rest))) => {
                // Limits with and without tiers exclude each other.
                limits.jetstream = JetStreamLimits::default();
                let tier = limits.tiers.entry(tier.to_owned());
                set_one(tier.or_insert_with(unlimited_counts), rest)?;
            }
            (_, None) => {
                if limits.jetstream == JetStreamLimits::default() {
                    limits.jetstream = unlimited_counts();
                }
                set_one(&mut limits.jetstream, text)?;
            }
        }
    }
    Ok(())
}

/// Returns limits without storage, and with any number of streams and consumers.
fn unlimited_counts() -> JetStreamLimits {
    JetStreamLimits {
        streams: UNLIMITED,
        consumers: UNLIMITED,
        ..JetStreamLimits::default()
    }
}

fn set_one<L: Limits>(limits: &mut L, text: &str) -> Result<(), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| wrong(format!("`{text}` is not of the form NAME=VALUE")))?;
    let slot = limits.slot(name).ok_or_else(|| {
        let names = L::NAMES.join("`, `");
        wrong(format!("`{name}` is no limit here; those are `{names}`"))
    })?;
    let expected = match slot {
        Slot::Switch(slot) => match value.parse() {
            Ok(value) => {
                *slot = value;
                return Ok(());
            }
            Err(_) => "`true` or `false`",
        },
        Slot::Count(slot) | Slot::Bytes(slot) | Slot::Message(slot) if value == "unlimited" => {
            *slot = UNLIMITED;
            return Ok(());
        }
        Slot::Count(slot) => match value.parse::<u32>().map(i64::from) {
            Ok(value) if value <= MAX_NARROW => {
                *slot = value;
                return Ok(());
            }
            _ => COUNT,
        },
        Slot::Bytes(slot) => match bytes(value) {
            Some(bytes) => {
                *slot = bytes;
                return Ok(());
            }
            None => BYTES,
        },
        Slot::Message(slot) => match bytes(value) {
            Some(bytes) if bytes <= MAX_NARROW => {
                *slot = bytes;
                return Ok(());
            }
            _ => MESSAGE,
        },
    };
    Err(wrong(unexpected(value, name, expected)))
}

fn unexpected(value: &str, name: &str, expected: &str) -> String {
    format!("`{value}` for `{name}`: expected {expected}")
}

fn bytes(text: &str) -> Option<i64> {
    let ByteSize(bytes) = text.parse().ok()?;
    i64::try_from(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn limits_are_set_by_name() {
        let mut limits = AccountLimits::unlimited();
        let texts = [
            "connections=5",
            "payload=1MiB",
            "wildcard-exports=false",
            "data=unlimited",
        ];
        set(&mut limits, &given(&texts)).unwrap();
        let expected = AccountLimits {
            connections: 5,
            payload: 1 << 20,
            wildcard_exports: false,
            ..AccountLimits::unlimited()
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn unknown_names_and_wrong_values_say_what_is_expected() {
        let mut limits = AccountLimits::unlimited();
        let before = limits.clone();
        for (text, expected) in [
            ("conections=5", "those are `connections`"),
            ("connections", "NAME=VALUE"),
            (
                "connections=-1",
                "a number up to 2147483647, or `unlimited`",
            ),
            ("connections=2147483648", "a number up to 2147483647"),
            ("payload=2GiB", "below `2GiB`"),
            ("payload=lots", "such as `10MiB`"),
            ("disallow-bearer=yes", "`true` or `false`"),
        ] {
            let error = set(&mut limits, &given(&[text])).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(limits, before);
    }

    #[test]
    fn jetstream_is_limited_as_a_whole_or_by_tier() {
        let mut limits = AccountLimits::unlimited();
        set_jetstream(&mut limits, &given(&["disk=1GiB", "streams=3"])).unwrap();
        assert_eq!(limits.jetstream.disk_storage, 1 << 30);
        assert_eq!(
            (limits.jetstream.streams, limits.jetstream.consumers),
            (3, -1)
        );
        set_jetstream(&mut limits, &given(&["R3.disk=2GiB"])).unwrap();
        assert_eq!(limits.jetstream, JetStreamLimits::default());
        assert_eq!(limits.tiers["R3"].disk_storage, 2 << 30);
        set_jetstream(&mut limits, &given(&["unlimited"])).unwrap();
        assert!(limits.tiers.is_empty() && limits.jetstream.memory_storage == -1);
        set_jetstream(&mut limits, &given(&["off"])).unwrap();
        assert_eq!(limits, AccountLimits::unlimited());
    }
}
