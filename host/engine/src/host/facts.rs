//! Facts about the connection, its server and the request, for policies.

use super::contract;
use crate::state::State;

impl contract::client::Host for State {
    fn host(&mut self) -> wasmtime::Result<Option<String>> {
        let client = &self.request("client.host")?.client;
        // A zone, or IPv4 written as IPv6, would hide the address from lists of networks.
        let address = client.address().map(|it| it.to_canonical().to_string());
        Ok(address.or_else(|| client.host.clone()))
    }

    fn id(&mut self) -> wasmtime::Result<u64> {
        Ok(self.request("client.id")?.client.id)
    }

    fn user(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("client.user")?.client.user.clone())
    }

    fn name(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("client.name")?.client.name.clone())
    }

    fn kind(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self
            .request("client.kind")?
            .client
            .kind
            .as_ref()
            .map(|kind| kind.as_str().to_owned()))
    }

    fn transport(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self
            .request("client.transport")?
            .client
            .transport
            .as_ref()
            .map(|transport| transport.as_str().to_owned()))
    }

    fn mqtt_id(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("client.mqtt-id")?.client.mqtt_id.clone())
    }

    fn lang(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("client.lang")?.client.lang.clone())
    }

    fn version(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("client.version")?.client.version.clone())
    }

    fn tags(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.request("client.tags")?.client.tags.clone())
    }

    fn name_tag(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("client.name-tag")?.client.name_tag.clone())
    }

    fn connection_type(&mut self) -> wasmtime::Result<Option<String>> {
        let client = &self.request("client.connection-type")?.client;
        Ok(client.connection_type().map(|known| known.to_string()))
    }

    fn tls_version(&mut self) -> wasmtime::Result<Option<String>> {
        let tls = &self.request("client.tls-version")?.client.tls;
        Ok(tls.as_ref().map(|tls| tls.version.clone()))
    }

    fn tls_cipher(&mut self) -> wasmtime::Result<Option<String>> {
        let tls = &self.request("client.tls-cipher")?.client.tls;
        Ok(tls.as_ref().map(|tls| tls.cipher.clone()))
    }
}

impl contract::server::Host for State {
    fn id(&mut self) -> wasmtime::Result<String> {
        Ok(self.request("server.id")?.server.id.to_string())
    }

    fn name(&mut self) -> wasmtime::Result<String> {
        Ok(self.request("server.name")?.server.name.clone())
    }

    fn host(&mut self) -> wasmtime::Result<String> {
        Ok(self.request("server.host")?.server.host.clone())
    }

    fn version(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("server.version")?.server.version.clone())
    }

    fn cluster(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(self.request("server.cluster")?.server.cluster.clone())
    }

    fn tags(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.request("server.tags")?.server.tags.clone())
    }
}

impl contract::request::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.request("request.now")?.received_at)
    }

    fn user_nkey(&mut self) -> wasmtime::Result<String> {
        Ok(self.request("request.user-nkey")?.user_nkey.to_string())
    }
}
