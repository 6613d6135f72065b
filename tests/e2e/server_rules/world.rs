//! The keys, accounts and roles of a server in either mode.

use std::fmt::Write;

use anyhow::Result;
use nkeys::KeyPair;
use portcullis_claims::{
    AccountView, CurveKey, OperatorView, ScopeView, ServerMode, SigningKeyView,
};
use serde_json::{Value, json};

use super::draft::{Draft, Facts};
use super::mint::{trusted, unlimited};
use super::roles::roles;

/// The accounts of a server in config mode.
pub(super) const ACCOUNTS: [&str; 4] = ["AUTH", "APP", "SYS", "$G"];

/// The setup of a server and its service.
pub(super) struct World {
    /// The issuer in config mode; in operator mode, the account that users are placed in.
    pub(super) issuer: KeyPair,
    /// An account key that the server does not know.
    pub(super) other: KeyPair,
    /// The key of a user.
    pub(super) user: KeyPair,
    /// The key of the service.
    pub(super) service: KeyPair,
    /// The curve key, if the server encrypts.
    pub(super) curve: Option<CurveKey>,
    /// The accounts in operator mode; `None` in config mode.
    pub(super) tree: Option<Tree>,
    issuer_key: String,
}

/// The accounts of an operator.
pub(super) struct Tree {
    operator: KeyPair,
    system: KeyPair,
    /// The callout account.
    pub(super) callout: KeyPair,
    /// The signing key of the callout account.
    pub(super) callout_signer: KeyPair,
    /// A signing key of the target account, without a role.
    pub(super) plain_signer: KeyPair,
    /// The signing keys of the target account, one for each role.
    pub(super) roles: Vec<(&'static str, KeyPair)>,
    /// An account that the callout may not place users in.
    pub(super) barred: KeyPair,
    /// An account that the callout may place users in, but that the server does not have.
    pub(super) absent: KeyPair,
    sentinel: KeyPair,
    callout_view: AccountView,
    views: Vec<AccountView>,
}

impl World {
    pub(super) fn config_mode(curve: Option<CurveKey>) -> Box<Self> {
        let issuer = KeyPair::new_account();
        Box::new(Self {
            issuer_key: issuer.public_key(),
            issuer,
            other: KeyPair::new_account(),
            user: KeyPair::new_user(),
            service: KeyPair::new_user(),
            curve,
            tree: None,
        })
    }

    pub(super) fn operator_mode(curve: Option<CurveKey>) -> Box<Self> {
        let mut world = Self::config_mode(curve);
        world.tree = Some(Tree::under(&world.issuer_key));
        world
    }

    /// Returns the accounts of operator mode.
    pub(super) fn tree(&self) -> &Tree {
        self.tree.as_ref().unwrap()
    }

    /// Returns the key of a role in operator mode.
    pub(super) fn role(&self, name: &str) -> &KeyPair {
        let roles = &self.tree().roles;
        &roles.iter().find(|(role, _)| *role == name).unwrap().1
    }

    /// Returns the mode for the function under test.
    pub(super) fn mode(&self) -> ServerMode<'_> {
        match &self.tree {
            None => ServerMode::Config {
                issuer: &self.issuer_key,
                accounts: Some(&ACCOUNTS),
            },
            Some(tree) => ServerMode::Operator(OperatorView {
                callout: &tree.callout_view,
                accounts: &tree.views,
                strict_signing_keys: false,
            }),
        }
    }

    /// Returns a response that permits the user in `APP` or in the target account.
    pub(super) fn draft(&self, facts: &Facts) -> Draft<'_> {
        match &self.tree {
            None => {
                let mut draft = Draft::new(facts, &self.issuer, &self.issuer);
                draft.user["aud"] = json!("APP");
                draft
            }
            Some(tree) => Draft::new(facts, &self.issuer, &tree.callout),
        }
    }

    /// Returns the client's CONNECT options.
    pub(super) fn connect(&self) -> Value {
        let mut connect = json!({
            "user": "alice", "pass": "p", "lang": "test", "version": "0", "verbose": false, "pedantic": false,
            "headers": true, "protocol": 1,
        });
        if let Some(tree) = &self.tree {
            connect["jwt"] = json!(tree.sentinel_token().unwrap());
        }
        connect
    }

    /// Returns the credentials of the service; `None` if the service logs in with a key alone.
    pub(super) fn service_credentials(&self) -> Result<Option<String>> {
        let Some(tree) = &self.tree else {
            return Ok(None);
        };
        let nats = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
        let token = trusted(&self.service.public_key(), "service", &nats, &tree.callout)?;
        let seed = self.service.seed()?;
        Ok(Some(format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )))
    }

    pub(super) fn server_config(&self) -> String {
        match &self.tree {
            None => self.config_of_config_mode(),
            Some(tree) => tree.config(self).unwrap(),
        }
    }

    fn xkey(&self) -> Option<&str> {
        self.curve.as_ref().map(CurveKey::public_key)
    }

    fn config_of_config_mode(&self) -> String {
        let service = self.service.public_key();
        let xkey = self.xkey().map(|xkey| format!(", xkey: {xkey}"));
        format!(
            "server_name: rules\nsystem_account: SYS\n\
             accounts {{ AUTH {{ users: [ {{ nkey: {service} }} ] }}, APP {{}}, SYS {{}} }}\n\
             authorization {{ timeout: 20, auth_callout {{ issuer: {}, account: AUTH, auth_users: [ {service} ] {} }} }}\n",
            self.issuer_key,
            xkey.unwrap_or_default(),
        )
    }
}

impl Tree {
    fn under(target: &str) -> Self {
        let [callout, callout_signer, plain_signer, barred, absent] =
            std::array::from_fn(|_| KeyPair::new_account());
        let keys: Vec<_> = roles()
            .into_iter()
            .map(|(name, _)| (name, KeyPair::new_account()))
            .collect();
        let view = |key: &KeyPair, name: &str| AccountView {
            key: key.public_key(),
            name: name.to_owned(),
            ..AccountView::default()
        };
        let plain = |key: &KeyPair| SigningKeyView {
            key: key.public_key(),
            scope: None,
        };
        let scoped = keys
            .iter()
            .zip(roles())
            .map(|((role, key), (_, template))| SigningKeyView {
                key: key.public_key(),
                scope: Some(ScopeView {
                    role: (*role).to_owned(),
                    template: Some(template),
                }),
            });
        let callout_view = AccountView {
            signing_keys: vec![plain(&callout_signer)],
            allowed_accounts: Some(vec![target.to_owned(), absent.public_key()]),
            ..view(&callout, "AUTH")
        };
        let target_view = AccountView {
            key: target.to_owned(),
            name: "APP".to_owned(),
            tags: vec!["region:eu".to_owned()],
            signing_keys: std::iter::once(plain(&plain_signer))
                .chain(scoped)
                .collect(),
            allowed_accounts: None,
        };
        Self {
            views: vec![target_view, view(&barred, "BARRED")],
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            sentinel: KeyPair::new_user(),
            callout,
            callout_signer,
            plain_signer,
            roles: keys,
            barred,
            absent,
            callout_view,
        }
    }

    fn sentinel_token(&self) -> Result<String> {
        let deny = json!({ "deny": [">"] });
        let nats = json!({
            "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1,
            "bearer_token": true, "pub": deny, "sub": deny,
        });
        trusted(
            &self.sentinel.public_key(),
            "sentinel",
            &nats,
            &self.callout,
        )
    }

    fn account(&self, view: &AccountView, authorization: &Value) -> Result<String> {
        let signing_keys: Vec<_> = view.signing_keys.iter().map(signing_key).collect();
        let nats = json!({
            "type": "account", "version": 2, "limits": unlimited(), "tags": view.tags,
            "signing_keys": signing_keys, "authorization": authorization,
        });
        trusted(&view.key, &view.name, &nats, &self.operator)
    }

    fn config(&self, world: &World) -> Result<String> {
        let system = AccountView {
            key: self.system.public_key(),
            name: "SYS".to_owned(),
            ..AccountView::default()
        };
        let authorization = json!({
            "auth_users": [world.service.public_key()],
            "allowed_accounts": self.callout_view.allowed_accounts,
            "xkey": world.xkey().unwrap_or_default(),
        });
        let mut preload = format!(
            "{}: {}\n",
            self.callout_view.key,
            self.account(&self.callout_view, &authorization)?
        );
        for view in self.views.iter().chain([&system]) {
            let token = self.account(view, &json!({}))?;
            writeln!(preload, "{}: {token}", view.key)?;
        }
        let nats = json!({ "type": "operator", "version": 2, "system_account": system.key });
        let operator = trusted(
            &self.operator.public_key(),
            "operator",
            &nats,
            &self.operator,
        )?;
        Ok(format!(
            "server_name: rules\noperator: {operator}\nsystem_account: {}\nresolver: MEMORY\n\
             resolver_preload: {{\n{preload}}}\nauthorization {{ timeout: 20 }}\n",
            system.key
        ))
    }
}

fn signing_key(view: &SigningKeyView) -> Value {
    let Some(scope) = &view.scope else {
        return json!(view.key);
    };
    let template = scope.template.as_ref().unwrap();
    let mut json = json!({
        "pub": template.publish, "sub": template.subscribe, "data": -1,
        "subs": limit(template.subscriptions), "payload": limit(template.payload),
        "src": template.sources, "times": template.times,
        "times_location": template.times_location.as_deref().unwrap_or_default(),
        "allowed_connection_types": template.connection_types,
    });
    if let Some(responses) = template.responses {
        json["resp"] = json!(responses);
    }
    if template.proxy_required {
        json["proxy_required"] = json!(true);
    }
    json!({ "kind": "user_scope", "key": view.key, "role": scope.role, "template": json })
}

/// Returns a limit as JWTs write it.
fn limit(most: Option<u64>) -> i64 {
    most.map_or(-1, |most| i64::try_from(most).unwrap())
}
