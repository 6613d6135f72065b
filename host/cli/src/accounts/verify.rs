//! `portcullis operator verify`: every JWT of a store.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use portcullis_accounts::{AccountJwt, Findings, Store, StoreError, Validate as _};
use portcullis_claims::OperatorClaims;
use portcullis_core::with_causes;
use serde_json::{Value, json};

use super::describe;
use super::report::{Report, now};
use super::shares;
use crate::exit::ExitCode;

/// The results of the checks.
#[derive(Debug, Default)]
struct Checked {
    problems: Vec<Problem>,
    accounts: usize,
    users: usize,
}

/// A reason why servers refuse an entry, or why it cannot be read.
#[derive(Debug)]
struct Problem {
    /// Kind and name of the entry. `None` if it cannot be read, and the text names its file.
    entry: Option<String>,
    text: String,
}

/// Checks the operator, the accounts and the users of a store, and who else may change it.
///
/// # Errors
///
/// Fails if the store has no readable operator, or if a directory cannot be read.
pub(super) fn verify(store: &Store) -> Result<Report, StoreError> {
    let (operator, _) = store.operator()?;
    let mut checked = Checked::default();
    let name = operator.name.clone().unwrap_or_default();
    checked.add(
        &format!("operator `{name}`"),
        Vec::new(),
        &operator.validate(now()),
    );
    let system = &operator.nats.system_account;
    let mut names = BTreeSet::new();
    let mut has_system = system.is_empty();
    for account in store.list_accounts()? {
        match account {
            Ok(account) => {
                has_system |= account.account.as_str() == system;
                let name = account.claims.name.clone().unwrap_or_default();
                if !names.insert(name.clone()) {
                    checked.problem(
                        &format!("account `{name}`"),
                        "another account has the same name; commands need the public key of one",
                    );
                }
                checked.account(store, &operator, &account)?;
            }
            Err(error) => checked.unreadable(&error),
        }
    }
    for path in store.accounts().misnamed()? {
        checked.problems.push(Problem {
            entry: None,
            text: format!(
                "`{}` is read by nothing: its name is not the public key of an account",
                path.display()
            ),
        });
    }
    for exposed in store.exposed() {
        checked.problems.push(Problem {
            entry: None,
            text: exposed.to_string(),
        });
    }
    if !has_system {
        let text = format!("the store does not have the system account {system}");
        checked.problem(&format!("operator `{name}`"), &text);
    }
    Ok(checked.report())
}

impl Checked {
    fn account(
        &mut self,
        store: &Store,
        operator: &OperatorClaims,
        account: &AccountJwt,
    ) -> Result<(), StoreError> {
        self.accounts = self.accounts.saturating_add(1);
        let name = account.claims.name.as_deref().unwrap_or_default();
        let lines = describe::of_account(&account.claims, operator);
        let findings = account.claims.validate(now());
        self.add(&format!("account `{name}`"), lines, &findings);
        for problem in shares::refused_imports(store, account) {
            self.problem(&format!("account `{name}`"), &problem);
        }
        for user in store.users(&account.account)? {
            match user {
                Ok(user) => {
                    self.users = self.users.saturating_add(1);
                    let of = user.claims.name.as_deref().unwrap_or_default();
                    let entry = format!("user `{of}` of `{name}`");
                    let findings = user.claims.validate(now());
                    self.add(&entry, describe::of_user(&user, account), &findings);
                }
                Err(error) => self.unreadable(&error),
            }
        }
        Ok(())
    }

    /// Adds the lines and the findings that say why servers refuse an entry.
    fn add(&mut self, entry: &str, lines: Vec<String>, findings: &Findings) {
        // A revoked user is as the operator wants it.
        let refused = lines.into_iter().filter(|line| {
            line.starts_with(describe::REFUSED) && line.as_str() != describe::REVOKED
        });
        for line in refused {
            self.problem(entry, &line);
        }
        if findings.is_refused() {
            for finding in findings.iter() {
                self.problem(entry, &finding.to_string());
            }
        }
    }

    fn problem(&mut self, entry: &str, text: &str) {
        self.problems.push(Problem {
            entry: Some(entry.to_owned()),
            text: text.to_owned(),
        });
    }

    fn unreadable(&mut self, error: &StoreError) {
        self.problems.push(Problem {
            entry: None,
            text: with_causes(error),
        });
    }

    fn report(&self) -> Report {
        let (accounts, users) = (self.accounts, self.users);
        let mut text = String::new();
        for problem in &self.problems {
            // Writing to a string does not fail.
            let _ = match &problem.entry {
                Some(entry) => writeln!(text, "{entry}: {}", problem.text),
                None => writeln!(text, "{}", problem.text),
            };
        }
        let is_ok = self.problems.is_empty();
        let verdict = if is_ok { "ok" } else { "not ok" };
        let accounts_text = describe::counted(accounts, "account");
        let users_text = describe::counted(users, "user");
        let _ = writeln!(text, "{verdict}: {accounts_text}, {users_text}");
        let problems = self.problems.iter();
        let problems: Vec<Value> = problems
            .map(|problem| json!({ "entry": problem.entry, "problem": problem.text }))
            .collect();
        let json =
            json!({ "ok": is_ok, "accounts": accounts, "users": users, "problems": problems });
        let code = if is_ok {
            ExitCode::Success
        } else {
            ExitCode::BadConfiguration
        };
        Report::new(text, json).with_code(code)
    }
}
