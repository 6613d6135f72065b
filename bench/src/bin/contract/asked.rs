//! The present contract, `wit/policy.wit`: the policy asks for facts, and builds the permit through
//! a resource of the host.

use std::sync::Arc;

use wasmtime::component::{
    Component, ComponentNamedList, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType,
};
use wasmtime::{Engine, Store, StoreContextMut};

use self::generated::exports::portcullis::policy::decider::Verdict as GuestVerdict;
use self::generated::{Policy, PolicyPre};
use crate::login::{Login, Permit, Verdict};
use crate::shape::{Instance, Shape, Started, State, store};

mod generated {
    //! Bindings generated from `wit/policy.wit`. Only the exports are used. The imports are linked
    //! by hand, because the generated traits require every function of the contract.
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "policy",
        with: { "portcullis:policy/permits.permit": crate::login::Permit },
    });
}

/// The contract with one guest.
pub(crate) struct Asked {
    engine: Engine,
    pre: PolicyPre<State>,
}

pub(crate) struct AskedInstance {
    store: Store<State>,
    policy: Policy,
}

impl Shape for Asked {
    type Instance = AskedInstance;

    fn link(engine: &Engine, component: &Component) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(engine);
        add_facts(&mut linker)?;
        add_identity(&mut linker)?;
        add_permits(&mut linker)?;
        Ok(Self {
            engine: engine.clone(),
            pre: PolicyPre::new(linker.instantiate_pre(component)?)?,
        })
    }

    fn start(&self, login: &Arc<Login>) -> wasmtime::Result<AskedInstance> {
        let mut store = store(&self.engine, login);
        let policy = self.pre.instantiate(&mut store)?;
        Ok(AskedInstance { store, policy })
    }

    fn run(&self, login: &Arc<Login>) -> wasmtime::Result<(Store<State>, Started)> {
        let mut store = store(&self.engine, login);
        let instance = self.pre.instance_pre().instantiate(&mut store)?;
        let policy = Policy::new(&mut store, &instance)?;
        let mut running = AskedInstance { store, policy };
        running.decide()?;
        Ok((running.store, instance))
    }
}

impl Instance for AskedInstance {
    fn decide(&mut self) -> wasmtime::Result<Verdict> {
        let decider = self.policy.portcullis_policy_decider();
        Ok(match decider.call_decide(&mut self.store)? {
            GuestVerdict::Permit(permit) => {
                Verdict::Permit(self.store.data_mut().permits.delete(permit)?)
            }
            GuestVerdict::Deny(reason) => Verdict::Deny(reason),
            GuestVerdict::Abstain => Verdict::Abstain,
        })
    }
}

/// Links a function that returns a fact and takes no arguments.
fn fact<R>(
    interface: &mut LinkerInstance<'_, State>,
    name: &str,
    read: impl Fn(&Login) -> R + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    (R,): ComponentNamedList + Lower + 'static,
{
    interface.func_wrap(name, move |store: StoreContextMut<'_, State>, (): ()| {
        Ok((read(&store.data().login),))
    })
}

fn add_facts(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let client = &mut linker.instance("portcullis:policy/client@0.1.1")?;
    fact(client, "host", |login| login.client.host.clone())?;
    fact(client, "id", |login| login.client.id)?;
    fact(client, "user", |login| login.client.user.clone())?;
    fact(client, "name", |login| login.client.name.clone())?;
    fact(client, "kind", |login| login.client.kind.clone())?;
    fact(client, "transport", |login| login.client.transport.clone())?;
    fact(client, "mqtt-id", |login| login.client.mqtt_id.clone())?;
    fact(client, "lang", |login| login.client.lang.clone())?;
    fact(client, "version", |login| login.client.version.clone())?;
    fact(client, "tags", |login| login.client.tags.clone())?;
    fact(client, "name-tag", |login| login.client.name_tag.clone())?;
    fact(client, "connection-type", |login| {
        login.client.connection_type.clone()
    })?;
    fact(client, "tls-version", |login| {
        login.client.tls_version.clone()
    })?;
    fact(client, "tls-cipher", |login| {
        login.client.tls_cipher.clone()
    })?;
    let server = &mut linker.instance("portcullis:policy/server@0.1.1")?;
    fact(server, "id", |login| login.server.id.clone())?;
    fact(server, "name", |login| login.server.name.clone())?;
    fact(server, "host", |login| login.server.host.clone())?;
    fact(server, "version", |login| login.server.version.clone())?;
    fact(server, "cluster", |login| login.server.cluster.clone())?;
    fact(server, "tags", |login| login.server.tags.clone())?;
    let request = &mut linker.instance("portcullis:policy/request@0.1.1")?;
    fact(request, "now", |login| login.now)?;
    fact(request, "user-nkey", |login| login.user_nkey.clone())
}

fn add_identity(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let identity = &mut linker.instance("portcullis:policy/identity@0.1.1")?;
    fact(identity, "method", |login| login.identity.method.clone())?;
    fact(identity, "principal", |login| {
        login.identity.principal.clone()
    })?;
    fact(identity, "strength", |login| {
        login.identity.strength.clone()
    })?;
    fact(identity, "issuer", |login| login.identity.issuer.clone())?;
    fact(identity, "expires-at", |login| login.identity.expires_at)?;
    fact(identity, "groups", |login| login.identity.groups.clone())?;
    fact(identity, "tags", |login| login.identity.tags.clone())?;
    fact(identity, "username", |login| {
        login.identity.username.clone()
    })?;
    fact(identity, "nkey", |login| login.identity.nkey.clone())?;
    fact(identity, "claim-names", |login| {
        login.identity.claims.keys().cloned().collect::<Vec<_>>()
    })?;
    identity.func_wrap(
        "claim",
        |store: StoreContextMut<'_, State>, (path,): (String,)| {
            let claims = &store.data().login.identity.claims;
            Ok((claims.get(&path).cloned().unwrap_or_default(),))
        },
    )
}

/// Links a function that adds a part to a permit.
fn part<T>(
    interface: &mut LinkerInstance<'_, State>,
    name: &str,
    add: impl Fn(&mut Permit, T) + Send + Sync + 'static,
) -> wasmtime::Result<()>
where
    (Resource<Permit>, T): ComponentNamedList + Lift + 'static,
{
    interface.func_wrap(
        name,
        move |mut store: StoreContextMut<'_, State>, (permit, value): (Resource<Permit>, T)| {
            add(store.data_mut().permits.get_mut(&permit)?, value);
            Ok(())
        },
    )
}

/// Links a function that adds subjects to a permit. No guest denies any.
fn subjects(
    interface: &mut LinkerInstance<'_, State>,
    name: &str,
    list: impl Fn(&mut Permit) -> &mut Vec<String> + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    interface.func_wrap(
        name,
        move |mut store: StoreContextMut<'_, State>,
              (permit, allow, _deny): (Resource<Permit>, Vec<String>, Vec<String>)| {
            list(store.data_mut().permits.get_mut(&permit)?).extend(allow);
            Ok(())
        },
    )
}

fn add_permits(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let permits = &mut linker.instance("portcullis:policy/permits@0.1.1")?;
    let resource = ResourceType::host::<Permit>();
    permits.resource("permit", resource, |mut store, handle| {
        let permit = Resource::<Permit>::new_own(handle);
        store.data_mut().permits.delete(permit)?;
        Ok(())
    })?;
    permits.func_wrap(
        "[constructor]permit",
        |mut store: StoreContextMut<'_, State>, (account,): (String,)| {
            let permit = Permit {
                account,
                ..Permit::default()
            };
            Ok((store.data_mut().permits.push(permit)?,))
        },
    )?;
    part(permits, "[method]permit.user-name", |permit, name| {
        permit.user_name = Some(name);
    })?;
    subjects(permits, "[method]permit.publish", |permit| {
        &mut permit.publish_allow
    })?;
    subjects(permits, "[method]permit.subscribe", |permit| {
        &mut permit.subscribe_allow
    })?;
    part(permits, "[method]permit.expires-in", |permit, seconds| {
        permit.expires_in = Some(seconds);
    })
}
