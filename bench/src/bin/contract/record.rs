//! The record contract: one record in, one record out.

use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use self::generated::bench::one_record::types;
use self::generated::{Policy, PolicyPre};
use crate::login::{Login, Permit, Verdict};
use crate::shape::{Instance, Shape, Started, State, store};

mod generated {
    //! Bindings generated from `bench/wit/record`. Records that go in borrow their strings from the
    //! login, so that the host copies them only once.
    wasmtime::component::bindgen!({
        path: "wit/record",
        world: "policy",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The contract with its guest.
pub(crate) struct Record {
    engine: Engine,
    pre: PolicyPre<State>,
}

pub(crate) struct RecordInstance {
    store: Store<State>,
    policy: Policy,
}

impl Shape for Record {
    type Instance = RecordInstance;

    fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let pre = Linker::new(engine).instantiate_pre(component)?;
        Ok(Self {
            engine: engine.clone(),
            pre: PolicyPre::new(pre)?,
        })
    }

    fn start(&self, login: &Arc<Login>) -> wasmtime::Result<RecordInstance> {
        let mut store = store(&self.engine, login);
        let policy = self.pre.instantiate(&mut store)?;
        Ok(RecordInstance { store, policy })
    }

    fn run(&self, login: &Arc<Login>) -> wasmtime::Result<(Store<State>, Started)> {
        let mut store = store(&self.engine, login);
        let instance = self.pre.instance_pre().instantiate(&mut store)?;
        let policy = Policy::new(&mut store, &instance)?;
        let mut running = RecordInstance { store, policy };
        running.decide()?;
        Ok((running.store, instance))
    }
}

impl Instance for RecordInstance {
    fn decide(&mut self) -> wasmtime::Result<Verdict> {
        let login = Arc::clone(&self.store.data().login);
        let lists = Lists::of(&login);
        let verdict = self
            .policy
            .call_decide(&mut self.store, record(&login, &lists, &lists.claims()))?;
        Ok(match verdict {
            types::Verdict::Permit(permit) => Verdict::Permit(Permit {
                account: permit.account,
                user_name: permit.user_name,
                publish_allow: permit.publish_allow,
                subscribe_allow: permit.subscribe_allow,
                expires_in: permit.expires_in,
            }),
            types::Verdict::Deny(reason) => Verdict::Deny(reason),
            types::Verdict::Abstain => Verdict::Abstain,
        })
    }
}

/// The lists of a login, in the form that records borrow.
struct Lists<'login> {
    client_tags: Vec<&'login str>,
    server_tags: Vec<&'login str>,
    groups: Vec<&'login str>,
    tags: Vec<&'login str>,
    claims: Vec<(&'login str, Vec<&'login str>)>,
}

impl<'login> Lists<'login> {
    fn of(login: &'login Login) -> Self {
        let identity = &login.identity;
        let claims = identity.claims.iter();
        Self {
            client_tags: borrowed(&login.client.tags),
            server_tags: borrowed(&login.server.tags),
            groups: borrowed(&identity.groups),
            tags: borrowed(&identity.tags),
            claims: claims
                .map(|(name, values)| (name.as_str(), borrowed(values)))
                .collect(),
        }
    }

    fn claims(&self) -> Vec<types::Claim<'_>> {
        let claims = self.claims.iter();
        claims
            .map(|(name, values)| types::Claim { name, values })
            .collect()
    }
}

fn borrowed(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn record<'a>(
    login: &'a Login,
    lists: &'a Lists<'_>,
    claims: &'a [types::Claim<'a>],
) -> types::Login<'a> {
    let Login {
        client,
        server,
        identity,
        ..
    } = login;
    types::Login {
        now: login.now,
        user_nkey: &login.user_nkey,
        client: types::Client {
            host: client.host.as_deref(),
            id: client.id,
            user: client.user.as_deref(),
            name: client.name.as_deref(),
            kind: client.kind.as_deref(),
            transport: client.transport.as_deref(),
            mqtt_id: client.mqtt_id.as_deref(),
            lang: client.lang.as_deref(),
            version: client.version.as_deref(),
            tags: &lists.client_tags,
            name_tag: client.name_tag.as_deref(),
            connection_type: client.connection_type.as_deref(),
            tls_version: client.tls_version.as_deref(),
            tls_cipher: client.tls_cipher.as_deref(),
        },
        server: types::Server {
            id: &server.id,
            name: &server.name,
            host: &server.host,
            version: server.version.as_deref(),
            cluster: server.cluster.as_deref(),
            tags: &lists.server_tags,
        },
        identity: types::Identity {
            method: &identity.method,
            principal: identity.principal.as_deref(),
            strength: &identity.strength,
            issuer: identity.issuer.as_deref(),
            expires_at: identity.expires_at,
            claims,
            groups: &lists.groups,
            tags: &lists.tags,
            username: identity.username.as_deref(),
            nkey: identity.nkey.as_deref(),
        },
    }
}
