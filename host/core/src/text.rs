//! Texts of outside the host, shown in errors, and serialization of types as text.

/// Implements serde's traits through `Display` and `FromStr`. Deserialization then validates as
/// much as parsing does.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use serde_as_text;

/// Serialization of limits of accounts, by their names.
pub(crate) mod account_limits_as_text {
    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::AccountLimit;

    pub(crate) fn serialize<S: Serializer>(
        limits: &BTreeMap<AccountLimit, u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let named = limits.iter().map(|(limit, max)| (limit.as_str(), *max));
        named.collect::<BTreeMap<_, _>>().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<AccountLimit, u64>, D::Error> {
        let named = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let limits = named.into_iter().map(|(name, max)| {
            let limit: AccountLimit = name.parse().map_err(D::Error::custom)?;
            Ok((limit, max))
        });
        limits.collect()
    }
}

/// Serialization of the values of an [`Allowed`](crate::Allowed) as text, as [`serde_as_text`] does
/// it for types of this crate.
pub(crate) mod allowed_as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::Allowed;

    pub(crate) fn serialize<T: Display, S: Serializer>(
        allowed: &Allowed<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts = Allowed::only(allowed.listed().map(ToString::to_string));
        texts.unwrap_or(Allowed::Any).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Allowed<T>, D::Error> {
        match Allowed::<String>::deserialize(deserializer)? {
            Allowed::Any => Ok(Allowed::Any),
            Allowed::Only(texts) => {
                let values = texts.try_map(|text| text.parse().map_err(D::Error::custom));
                values.map(Allowed::Only)
            }
        }
    }
}
