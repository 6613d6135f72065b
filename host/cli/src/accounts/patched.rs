//! The checks of arguments, for claims that a patch changes. The validation of the Go library lets
//! such claims pass.

use std::collections::BTreeSet;

use portcullis_claims::{
    AccountFields, KeyKind, OperatorFields, PermissionRules, PublicKey, SubjectRule, UserFields,
    UserTemplate,
};

use super::limits::{self, Limits};
use super::values;

/// Fields of claims that are checked beyond the validation of the Go library.
pub(super) trait Checked {
    /// Returns what arguments would refuse.
    fn problems(&self) -> Vec<String>;
}

impl Checked for OperatorFields {
    fn problems(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Checked for AccountFields {
    fn problems(&self) -> Vec<String> {
        let mut problems = of_limits("", &self.limits);
        problems.extend(of_limits("JetStream, ", &self.limits.jetstream));
        for (tier, limits) in &self.limits.tiers {
            problems.extend(of_limits(&format!("JetStream tier {tier}, "), limits));
        }
        problems.extend(of_rules(&self.default_permissions));
        let exports = self.exports.iter().map(|export| &export.subject);
        let imports = self.imports.iter();
        let imports = imports.flat_map(|import| [&import.subject, &import.local_subject]);
        let subjects = exports.chain(imports);
        problems.extend(subjects.filter_map(|subject| values::misplaced_wildcard(subject)));
        let mut roles = BTreeSet::new();
        for (_, scope) in self.signing_keys.iter() {
            let Some(scope) = scope else { continue };
            problems.extend(of_template(&scope.template));
            if !roles.insert(&scope.role) {
                let role = &scope.role;
                problems.push(format!("several signing keys have the role `{role}`"));
            }
        }
        for key in self.revocations.keys() {
            if key != "*" && !PublicKey::is_valid(key, KeyKind::User) {
                problems.push(format!(
                    "`{key}` among the revocations is neither `*` nor a public key of a user (U…)"
                ));
            }
        }
        problems
    }
}

impl Checked for UserFields {
    fn problems(&self) -> Vec<String> {
        let mut problems = of_limits("", self);
        problems.extend(of_side(&self.publish));
        problems.extend(of_side(&self.subscribe));
        problems.extend(of_types(&self.allowed_connection_types));
        problems
    }
}

fn of_template(template: &UserTemplate) -> Vec<String> {
    let mut problems = of_limits("", template);
    problems.extend(of_rules(&template.permissions));
    problems.extend(of_types(&template.allowed_connection_types));
    problems
}

fn of_limits<L: Limits + Clone>(place: &str, limits: &L) -> Vec<String> {
    let problems = limits::problems(limits).into_iter();
    problems
        .map(|problem| format!("{place}{problem}"))
        .collect()
}

fn of_rules(rules: &PermissionRules) -> impl Iterator<Item = String> {
    of_side(&rules.publish).chain(of_side(&rules.subscribe))
}

fn of_side(side: &SubjectRule) -> impl Iterator<Item = String> {
    let subjects = side.allow.iter().chain(&side.deny);
    subjects.filter_map(|subject| values::permission(subject).err())
}

fn of_types(types: &[String]) -> impl Iterator<Item = String> {
    let types = types.iter();
    types.filter_map(|kind| values::connection_type(kind).err())
}

#[cfg(test)]
mod tests {
    use portcullis_claims::UserScope;

    use super::*;

    #[test]
    fn an_account_has_the_problems_that_arguments_refuse() {
        let mut account = AccountFields::default();
        assert_eq!(account.problems(), Vec::<String>::new());
        account.limits.connections = i64::from(i32::MAX) + 1;
        account.limits.jetstream.streams = -2;
        account.default_permissions.publish.allow = vec!["a.>.b".to_owned()];
        account.revocations.insert("alice".to_owned(), 1);
        for key in ["AA", "AB"] {
            let mut scope = UserScope {
                key: key.to_owned(),
                role: "reader".to_owned(),
                ..UserScope::default()
            };
            scope.template.allowed_connection_types = vec!["TCP".to_owned()];
            account.signing_keys.insert_scope(scope);
        }
        let problems = account.problems().join("\n");
        for expected in [
            "`connections`: expected a number up to 2147483647, or `unlimited`",
            "JetStream, `-2` for `streams`",
            "`>` in `a.>.b`",
            "`alice` among the revocations",
            "several signing keys have the role `reader`",
            "expected STANDARD",
        ] {
            assert!(problems.contains(expected), "{expected}: {problems}");
        }
    }

    #[test]
    fn a_user_has_the_problems_that_arguments_refuse() {
        let mut user = UserFields::unlimited();
        assert_eq!(user.problems(), Vec::<String>::new());
        user.payload = 3 << 30;
        user.data = -5;
        user.subscribe.deny = vec![">.a".to_owned()];
        user.allowed_connection_types = vec!["MQTT".to_owned(), "mqtts".to_owned()];
        assert_eq!(user.problems().len(), 4, "{:?}", user.problems());
    }
}
