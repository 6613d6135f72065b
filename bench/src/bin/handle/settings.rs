//! The settings of the policies. Every user gets the same four permissions.

use crate::requests::USER;

/// The role of the token.
pub(crate) const ROLE: &str = "staff";
const PERMISSIONS: &str = "publish = { allow = [\"orders.>\", \"returns.>\"] }\n\
     subscribe = { allow = [\"_INBOX.>\", \"orders.>\"] }\n";

/// Returns the settings of a chain of `static-users` policies. The last one knows the user of the
/// requests, the others do not.
pub(crate) fn of_users(policies: usize) -> Vec<String> {
    let user = |number| {
        if number == policies {
            USER
        } else {
            ["nobody", "nobody's"]
        }
    };
    (1..=policies).map(user).map(of_user).collect()
}

/// Returns settings with a plain-text password, so that no slow hash is part of the measurement.
fn of_user([user, password]: [&str; 2]) -> String {
    format!(
        "[settings]\n\
         dangerous-plain-text-passwords = true\n\
         unknown-users = \"abstain\"\n\
         default-account = \"APP\"\n\
         [settings.profiles.staff]\n{PERMISSIONS}\
         [settings.users.{user}]\n\
         password = \"plain:{password}\"\n\
         profile = \"staff\"\n"
    )
}

/// Returns the settings of `oidc-roles`.
pub(crate) fn of_roles() -> String {
    format!("[settings]\naccount = \"APP\"\n[settings.roles.{ROLE}]\n{PERMISSIONS}")
}
