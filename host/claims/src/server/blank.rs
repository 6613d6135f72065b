//! Entries of `sub` that are only white space, which crash earlier servers.

use super::accepted::EffectivePermissions;
use super::refusal::Refusal;
use super::template::TemplateProblem;
use super::version::ServerVersion;
use crate::user::SubjectRule;

/// Refuses permissions that crash a server of `version`.
///
/// Servers split an entry of `sub` at every white space of Unicode and take the first part. Before
/// 2.12.14, and from 2.14.0 to 2.14.3, they do not check whether it exists (`splitSubjectQueue`).
/// Their validation and their expansion of templates recognise fewer characters as white space:
/// U+00A0, for example, passes both.
pub(super) fn check_survival(
    permissions: &EffectivePermissions,
    version: ServerVersion,
) -> Result<(), Refusal> {
    if survives_blank_entries(version) {
        return Ok(());
    }
    match permissions {
        EffectivePermissions::Own(own) if has_blank_entry(&own.subscribe) => {
            Err(Refusal::BlankSubject)
        }
        EffectivePermissions::Role(role, Some(template))
            if has_blank_entry(&template.subscribe) =>
        {
            Err(Refusal::Template {
                role: role.clone(),
                source: TemplateProblem::BlankSubject,
            })
        }
        _ => Ok(()),
    }
}

fn survives_blank_entries(version: ServerVersion) -> bool {
    let (early, late) = (ServerVersion::new(2, 12, 14), ServerVersion::new(2, 14, 4));
    version >= late || (version >= early && (version.major, version.minor) == (2, 12))
}

fn has_blank_entry(subscribe: &SubjectRule) -> bool {
    let mut entries = subscribe.allow.iter().chain(&subscribe.deny);
    entries.any(|entry| entry.split_whitespace().next().is_none())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::RoleTemplate;

    fn subscribe(allow: &str, deny: &str) -> RoleTemplate {
        RoleTemplate {
            subscribe: SubjectRule {
                allow: vec![allow.to_owned()],
                deny: vec![deny.to_owned()],
            },
            ..RoleTemplate::default()
        }
    }

    #[rstest]
    #[case("2.10.26", false)]
    #[case("2.11.17", false)]
    #[case("2.12.12", false)]
    #[case("2.12.14", true)]
    #[case("2.14.0", false)]
    #[case("2.14.3", false)]
    #[case("2.14.4", true)]
    #[case("2.15.1", true)]
    fn a_blank_entry_crashes_the_servers_that_do_not_look(
        #[case] version: &str,
        #[case] survives: bool,
    ) {
        let version = version.parse().unwrap();
        for (allow, deny) in [
            ("\u{a0}", "a"),
            ("a", "\u{2003}\u{85}"),
            ("", "a"),
            ("\u{b}", "a"),
        ] {
            let own = EffectivePermissions::Own(subscribe(allow, deny));
            assert_eq!(check_survival(&own, version).is_ok(), survives);
            let role = EffectivePermissions::Role("r".to_owned(), Some(subscribe(allow, deny)));
            assert_eq!(check_survival(&role, version).is_ok(), survives);
        }
        let own = EffectivePermissions::Own(subscribe("a\u{a0}b", "c"));
        assert_eq!(check_survival(&own, version), Ok(()));
    }
}
