//! How a policy builds a permit.

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
        builder.most_subjects(self.limits.subjects);
        Ok(self.permits.push(builder)?)
    }

    fn user_name(&mut self, permit: Resource<PermitBuilder>, name: String) -> wasmtime::Result<()> {
        self.permit_with(&permit, &name)?.user_name(&name);
        Ok(())
    }

    fn publish_allow(
        &mut self,
        permit: Resource<PermitBuilder>,
        subject: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &subject)?.publish_allow(&subject);
        Ok(())
    }

    fn publish_deny(
        &mut self,
        permit: Resource<PermitBuilder>,
        subject: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &subject)?.publish_deny(&subject);
        Ok(())
    }

    fn subscribe_allow(
        &mut self,
        permit: Resource<PermitBuilder>,
        subject: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &subject)?
            .subscribe_allow(&subject);
        Ok(())
    }

    fn subscribe_deny(
        &mut self,
        permit: Resource<PermitBuilder>,
        subject: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &subject)?
            .subscribe_deny(&subject);
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

    fn role(&mut self, permit: Resource<PermitBuilder>, name: String) -> wasmtime::Result<()> {
        self.permit_with(&permit, &name)?.role(&name);
        Ok(())
    }

    fn source_allow(
        &mut self,
        permit: Resource<PermitBuilder>,
        network: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &network)?.source_allow(&network);
        Ok(())
    }

    fn connection_type_allow(
        &mut self,
        permit: Resource<PermitBuilder>,
        name: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &name)?
            .connection_type_allow(&name);
        Ok(())
    }

    fn time_allow(
        &mut self,
        permit: Resource<PermitBuilder>,
        start: String,
        end: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &start)?.time_allow(&start, &end);
        Ok(())
    }

    fn times_location(
        &mut self,
        permit: Resource<PermitBuilder>,
        zone: String,
    ) -> wasmtime::Result<()> {
        self.permit_with(&permit, &zone)?.times_location(&zone);
        Ok(())
    }

    fn proxy_required(&mut self, permit: Resource<PermitBuilder>) -> wasmtime::Result<()> {
        self.permit(&permit)?.proxy_required();
        Ok(())
    }

    fn limit_subscriptions(
        &mut self,
        permit: Resource<PermitBuilder>,
        most: i64,
    ) -> wasmtime::Result<()> {
        self.permit(&permit)?.limit_subscriptions(most);
        Ok(())
    }

    fn limit_payload(
        &mut self,
        permit: Resource<PermitBuilder>,
        bytes: i64,
    ) -> wasmtime::Result<()> {
        self.permit(&permit)?.limit_payload(bytes);
        Ok(())
    }

    fn limit_data(&mut self, permit: Resource<PermitBuilder>, bytes: i64) -> wasmtime::Result<()> {
        self.permit(&permit)?.limit_data(bytes);
        Ok(())
    }

    fn tag(&mut self, permit: Resource<PermitBuilder>, tag: String) -> wasmtime::Result<()> {
        self.permit_with(&permit, &tag)?.tag(&tag);
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
