//! Accounts that the host would make or sign for a decision. The command does neither.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use portcullis_accounts::AccountRequestOptions;
use portcullis_authority::{AccountIssuer, Issuers, PermitRules};
use portcullis_claims::{AccountLimits, IssuerKey, JetStreamLimits, KeyError, SigningKey};
use portcullis_config::Operator;
use portcullis_core::{AuthorizationRequest, KeyKind, Permit};
use portcullis_toml::text::one_line;
use serde_json::{Value, json};

/// Limits of the accounts that the host makes or signs, by the configuration.
#[derive(Debug, Default)]
pub(super) struct NewAccounts {
    made: Option<AccountLimits>,
    signed: Option<AccountRequestOptions>,
}

/// What the host does about an account before it answers a permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewAccount {
    name: String,
    /// Whether the account asks to be signed. Otherwise the host makes it.
    pub(super) is_signed: bool,
    /// Limits of the account, or the most that it can get.
    limits: AccountLimits,
}

impl NewAccounts {
    pub(super) fn new(operator: Option<&Operator>) -> Self {
        let made = operator.and_then(|operator| operator.first_login.as_ref());
        let signed = operator.and_then(|operator| operator.account_requests.as_ref());
        Self {
            made: made.map(|table| table.options.limits.clone()),
            signed: signed.map(|table| table.options.clone()),
        }
    }

    /// Returns what the host does about the account of `permit`. `None` if it does nothing.
    pub(super) fn of_permit(
        &self,
        request: &AuthorizationRequest,
        permit: &Permit,
        rules: &PermitRules,
    ) -> Option<NewAccount> {
        let is_signed = request.client.is_account_request();
        let limits = if is_signed {
            let options = self.signed.as_ref()?;
            options.limits_within(permit.account_limits())
        } else if rules.is_new(permit.account()) {
            self.made.clone()?
        } else {
            return None;
        };
        let name = permit.account().to_string();
        Some(NewAccount {
            name,
            is_signed,
            limits,
        })
    }
}

/// Lets `issuers` sign for the account of `permit` with a key that exists only here, as the account
/// would have one after its first login.
///
/// # Errors
///
/// Fails if no key can be made.
pub(super) fn sign_for(issuers: &Issuers, permit: &Permit) -> Result<(), KeyError> {
    if let Issuers::Operator(operator) = issuers {
        let seed = SigningKey::generate_seed(KeyKind::Account)?;
        let own = SigningKey::from_seed(seed.expose(), KeyKind::Account)?;
        if let Ok(key) = own.public_key().parse() {
            let issuer = AccountIssuer {
                key,
                issuer: Some(IssuerKey::from_seed(seed.expose())?),
                roles: BTreeMap::new(),
            };
            operator.add(permit.account().clone(), issuer);
        }
    }
    Ok(())
}

impl NewAccount {
    /// Renders the account, in one line.
    pub(super) fn render(&self, text: &mut String) -> fmt::Result {
        let name = one_line(&self.name);
        let (what, limits) = (self.what(), self.limits_in_words());
        writeln!(text, "account `{name}`: {what}: {limits}")
    }

    pub(super) fn json(&self) -> Value {
        let (limits, jetstream) = (&self.limits, &self.limits.jetstream);
        json!({
            "name": self.name,
            "step": if self.is_signed { "sign" } else { "make" },
            "limits": {
                "connections": limits.connections,
                "leafnodes": limits.leafnodes,
                "subscriptions": limits.subs,
                "payload": limits.payload,
                "imports": limits.imports,
                "exports": limits.exports,
                "jetstream-memory": jetstream.memory_storage,
                "jetstream-disk": jetstream.disk_storage,
                "jetstream-streams": jetstream.streams,
                "jetstream-consumers": jetstream.consumers,
            },
        })
    }

    const fn what(&self) -> &'static str {
        if self.is_signed {
            "would be signed on its request, with at most"
        } else {
            "would be made at this login unless the store has it, with"
        }
    }

    fn limits_in_words(&self) -> String {
        let limits = &self.limits;
        let mut words = vec![
            format!("{} connections", limits.connections),
            format!("{} subscriptions", limits.subs),
            format!("messages of {} bytes", limits.payload),
            format!("{} leafnodes", limits.leafnodes),
            format!("{} imports", limits.imports),
            format!("{} exports", limits.exports),
        ];
        words.push(jetstream_in_words(&limits.jetstream));
        words.join(", ")
    }
}

fn jetstream_in_words(limits: &JetStreamLimits) -> String {
    if *limits == JetStreamLimits::default() {
        return "no JetStream".to_owned();
    }
    format!(
        "JetStream with {} bytes in memory, {} bytes on disk, {} streams, {} consumers",
        limits.memory_storage, limits.disk_storage, limits.streams, limits.consumers
    )
}
