//! Permits that policies build.

use std::time::Duration;

use portcullis_core::{Permit, PermitBuilder};
use wasmtime::component::Resource;

use super::contract;
use crate::state::State;

impl contract::permits::Host for State {}

impl contract::permits::HostPermit for State {
    fn new(&mut self, account: String) -> wasmtime::Result<Resource<PermitBuilder>> {
        self.charge_permit(&account)?;
        let mut builder = Permit::builder(account, self.received_at());
        builder.limit_subjects(self.limits.subjects);
        Ok(self.permits.push(builder)?)
    }

    fn user_name(&mut self, permit: Resource<PermitBuilder>, name: String) -> wasmtime::Result<()> {
        self.permit_with(&permit, [&name])?.user_name(&name);
        Ok(())
    }

    fn publish(
        &mut self,
        permit: Resource<PermitBuilder>,
        allow: Vec<String>,
        deny: Vec<String>,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, allow.iter().chain(&deny))?
            .publish(&allow, &deny);
        Ok(())
    }

    fn subscribe(
        &mut self,
        permit: Resource<PermitBuilder>,
        allow: Vec<String>,
        deny: Vec<String>,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, allow.iter().chain(&deny))?
            .subscribe(&allow, &deny);
        Ok(())
    }

    fn responses_allow(
        &mut self,
        permit: Resource<PermitBuilder>,
        max: u32,
        ttl_ms: u64,
    ) -> wasmtime::Result<()> {
        self.permit(&permit)?
            .responses_allow(max, Duration::from_millis(ttl_ms));
        Ok(())
    }

    fn expires_in(
        &mut self,
        permit: Resource<PermitBuilder>,
        seconds: u64,
    ) -> wasmtime::Result<()> {
        self.permit(&permit)?.expires_in(seconds);
        Ok(())
    }

    fn expires_at(&mut self, permit: Resource<PermitBuilder>, time: u64) -> wasmtime::Result<()> {
        self.permit(&permit)?.expires_at(time);
        Ok(())
    }

    fn attribute(
        &mut self,
        permit: Resource<PermitBuilder>,
        name: String,
        values: Vec<String>,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &values)?
            .attribute(&name, &values);
        Ok(())
    }

    fn problems(&mut self, permit: Resource<PermitBuilder>) -> wasmtime::Result<Vec<String>> {
        Ok(self
            .permit(&permit)?
            .problems()
            .iter()
            .map(ToString::to_string)
            .collect())
    }

    fn drop(&mut self, permit: Resource<PermitBuilder>) -> wasmtime::Result<()> {
        self.permits.delete(permit)?;
        Ok(())
    }
}
