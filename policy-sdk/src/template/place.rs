//! The places of templates.

use std::fmt;

/// The claims that identify the user (`OpenID` Connect Core 1.0, section 5.1, and Microsoft's
/// equivalents).
const OF_USER: [&str; 6] = [
    "sub",
    "email",
    "preferred_username",
    "nickname",
    "phone_number",
    "upn",
];

/// A place of a template, by what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A claim, by its path.
    Claim(String),
    /// The values of the tags of this name.
    Tag(String),
    Group,
    Principal,
    Nkey,
    /// The permit's account.
    Account,
    /// The permit's user name.
    UserName,
    /// A place of the policy's own.
    Own(String),
}

/// The kind of setting that a template is used in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Subject,
    /// An account or user name: the permit does not exist yet.
    Name,
}

/// The reason why a text between braces is not a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPlace {
    Unnamed,
    Unknown,
    /// A place of a server's template: `name()`, `tag(x)`.
    OfServer,
}

impl Place {
    /// Parses the name of a place. The policy's own places take precedence.
    pub(super) fn parse(name: &str, scope: Scope, own: &[&str]) -> Result<Self, NoPlace> {
        if own.contains(&name) {
            return Ok(Self::Own(name.to_owned()));
        }
        if let Some(path) = name.strip_prefix("claim.") {
            return named(path, Self::Claim);
        }
        if let Some(tag) = name.strip_prefix("tag.") {
            return named(tag, Self::Tag);
        }
        match (name, scope) {
            ("" | "claim" | "tag", _) => Err(NoPlace::Unnamed),
            ("group", _) => Ok(Self::Group),
            ("principal", _) => Ok(Self::Principal),
            ("nkey", _) => Ok(Self::Nkey),
            ("account", Scope::Subject) => Ok(Self::Account),
            ("user-name", Scope::Subject) => Ok(Self::UserName),
            _ if name.ends_with(')') => Err(NoPlace::OfServer),
            _ => Err(NoPlace::Unknown),
        }
    }

    /// Returns whether the place identifies the user.
    pub(super) fn is_of_user(&self) -> bool {
        match self {
            Self::UserName | Self::Principal => true,
            Self::Claim(path) => OF_USER.contains(&path.trim_start_matches('/')),
            _ => false,
        }
    }

    /// Lists the known places, for an error.
    pub(super) fn known(scope: Scope, own: &[&str]) -> String {
        let of_permit: &[&str] = match scope {
            Scope::Subject => &["account", "user-name"],
            Scope::Name => &[],
        };
        let always = ["claim.PATH", "tag.NAME", "group", "principal", "nkey"];
        let names: Vec<_> = always.iter().chain(of_permit).chain(own).collect();
        let mut known = String::new();
        for (index, name) in names.iter().enumerate() {
            known.push_str(if index == 0 { "`" } else { ", `" });
            known.push_str(name);
            known.push('`');
        }
        known
    }
}

fn named(name: &str, place: impl FnOnce(String) -> Place) -> Result<Place, NoPlace> {
    match name {
        "" => Err(NoPlace::Unnamed),
        _ => Ok(place(name.to_owned())),
    }
}

impl fmt::Display for Place {
    /// Writes the place as it is between the braces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(path) => write!(formatter, "claim.{path}"),
            Self::Tag(name) => write!(formatter, "tag.{name}"),
            Self::Group => formatter.write_str("group"),
            Self::Principal => formatter.write_str("principal"),
            Self::Nkey => formatter.write_str("nkey"),
            Self::Account => formatter.write_str("account"),
            Self::UserName => formatter.write_str("user-name"),
            Self::Own(name) => formatter.write_str(name),
        }
    }
}
