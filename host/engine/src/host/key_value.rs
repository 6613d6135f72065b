//! Look-ups of keys for policies.

use super::{NoRequest, contract};
use crate::look_up::not_granted;
use crate::state::{Phase, State};

const GET: &str = "key-value.get";

impl contract::key_value::Host for State {
    fn get(
        &mut self,
        bucket: String,
        key: String,
    ) -> wasmtime::Result<Result<Option<String>, String>> {
        if self.asked.is_some() {
            self.record(GET, Some(&format!("{bucket},{key}")));
        }
        // The snapshot would keep what `configure` looks up for ever.
        if matches!(self.phase, Phase::Configure) {
            return Err(NoRequest(GET).into());
        }
        let longest = self.limits.host_call_bytes;
        let look_ups = self.look_ups.as_mut();
        let answer = look_ups.and_then(|look_ups| look_ups.get(&bucket, key, longest));
        let answer = answer.unwrap_or_else(|| Err(not_granted(&self.name, &bucket)));
        Ok(answer
            .map(|value| value.map(|text| text.as_ref().to_owned()))
            .map_err(|error| error.to_string()))
    }
}
