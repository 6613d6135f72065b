//! A policy that becomes another one, again and again.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_tests::{
    Answer, Built, Event, Host, Site, Wire, wasm_with_new_code, wasm_with_note,
};
use serde_json::json;
use tokio::time::{sleep_until, timeout_at};

use crate::load::TOKEN;

/// The policy that is replaced.
pub(crate) const POLICY: &str = "tokens";

/// Which version of the policy lies in the directory. Each differs from the one before it in its module and in what it permits.
pub(crate) struct Versions<'site> {
    site: &'site Site,
    module: Vec<u8>,
    number: u32,
    /// What the next version is made of.
    pub(crate) code: Code,
}

/// The code of a version.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    /// As if all of it had been written anew: no function is one that the host has compiled before.
    New,
    /// That of another version before: other settings, or a version that is put back.
    Known,
}

/// What came of some replacements.
#[derive(Debug, Default)]
pub(crate) struct Replacements {
    /// How many there were.
    pub(crate) count: u32,
    /// How many times a new version was put in service. Fewer than there were replacements if the host was still loading one when
    /// the next one came: it does not load a version that is not there any more.
    pub(crate) published: usize,
    /// From the rename to when the host said that the new version serves, [`LATE`] for those that were replaced before.
    pub(crate) live_after: Vec<Duration>,
    /// How long loading took of it, as the host says.
    pub(crate) loading: Vec<Duration>,
}

/// When a version serves that was replaced before it did.
pub(crate) const LATE: Duration = Duration::MAX;

impl Replacements {
    /// Adds those of another phase.
    pub(crate) fn extend(&mut self, others: Self) {
        self.count += others.count;
        self.published += others.published;
        self.live_after.extend(others.live_after);
        self.loading.extend(others.loading);
    }
}

impl Replacements {
    /// Reads in the log, from `mark` on, what the host did.
    fn read(&mut self, log: &[Event], mark: usize) {
        for event in log.iter().skip(mark) {
            self.published += usize::from(event.says("policies published"));
            if event.says("policy loaded")
                && let Some(elapsed) = event.number("elapsed_ms")
            {
                self.loading.push(Duration::from_millis(elapsed));
            }
        }
    }
}

impl<'site> Versions<'site> {
    /// Puts the first version in place.
    pub(crate) fn create(site: &'site Site) -> Result<Self> {
        let module = Built::policy("static-users")?;
        let mut versions = Self {
            site,
            module,
            number: 0,
            code: Code::Known,
        };
        versions.replace()?;
        Ok(versions)
    }

    /// How large the module is, in bytes.
    pub(crate) const fn module_size(&self) -> usize {
        self.module.len()
    }

    /// Replaces the policy once a second for `length`, whether or not the version before is in service by then; returns once the
    /// last one is.
    pub(crate) async fn replace_every_second(
        &mut self,
        host: &Host,
        port: u16,
        length: Duration,
    ) -> Result<Replacements> {
        const PERIOD: Duration = Duration::from_secs(1);
        let (began, mark) = (Instant::now(), host.log().len());
        let mut replacements = Replacements::default();
        let mut next = began + PERIOD;
        while next <= began + length {
            let live = timeout_at(next.into(), self.replace_and_see(host, port)).await;
            let live_after = live.unwrap_or(Ok(LATE))?;
            replacements.count += 1;
            replacements.live_after.push(live_after);
            sleep_until(next.into()).await;
            next += PERIOD;
        }
        let last = host.log().len();
        if !self.is_in_service(port).await? {
            self.see(host, port, last).await?;
        }
        replacements.read(&host.log().all(), mark);
        Ok(replacements)
    }

    /// Replaces the policy `count` times, each time once the version before is in service.
    pub(crate) async fn replace_one_by_one(
        &mut self,
        host: &Host,
        port: u16,
        count: u32,
    ) -> Result<Replacements> {
        let mut replacements = Replacements::default();
        let mark = host.log().len();
        for _ in 0..count {
            let live_after = self.replace_and_see(host, port).await?;
            replacements.count += 1;
            replacements.live_after.push(live_after);
        }
        replacements.read(&host.log().all(), mark);
        Ok(replacements)
    }

    /// Replaces the policy and sees it serve; how long that took from the rename on.
    async fn replace_and_see(&mut self, host: &Host, port: u16) -> Result<Duration> {
        let mark = host.log().len();
        let renamed = self.replace()?;
        let published = self.see(host, port, mark).await?;
        Ok(published - renamed)
    }

    /// Waits until the host has said since `mark` that a version serves, and until a login is permitted what the one in the
    /// directory permits; when the host said so.
    async fn see(&self, host: &Host, port: u16, mut mark: usize) -> Result<Instant> {
        loop {
            host.published_from(mark, POLICY).await?;
            let published = Instant::now();
            mark = host.log().len();
            // Otherwise it was the version before, which was late.
            if self.is_in_service(port).await? {
                return Ok(published);
            }
        }
    }

    /// Puts the other version in place of this one; when the last file was renamed.
    fn replace(&mut self) -> Result<Instant> {
        self.number += 1;
        let module = match self.code {
            Code::New => wasm_with_new_code(&self.module, self.number)?,
            Code::Known => wasm_with_note(&self.module, &format!("version {}", self.number)),
        };
        let settings = format!(
            "[settings]\ndangerous-plain-text-passwords = true\n\
             [settings.profiles.version]\npublish = {{ allow = [\"{}\"] }}\n\
             [settings.users.one]\ntoken = \"plain:{TOKEN}\"\naccount = \"APP\"\nprofile = \"version\"\n",
            subject(self.number)
        );
        self.site.policies.put_policy(POLICY, &module, &settings)?;
        Ok(Instant::now())
    }

    /// Whether a login is permitted what the version in the directory permits, and not what the other one does.
    async fn is_in_service(&self, port: u16) -> Result<bool> {
        let mut client = Wire::open(port).await?;
        let answer = client.log_in(&json!({ "auth_token": TOKEN })).await?;
        ensure!(answer == Answer::Admitted, "a login failed: {answer:?}");
        let mut may_publish = [false; 2];
        for (number, may) in (self.number..).zip(&mut may_publish) {
            client
                .say(&format!("PUB {} 0\r\n\r\n", subject(number)))
                .await?;
            *may = client.answer().await? == Answer::Admitted;
        }
        Ok(may_publish == [true, false])
    }
}

/// What the version with this number lets clients publish to, and the versions before and after it do not.
fn subject(number: u32) -> &'static str {
    match number % 2 {
        0 => "version.even",
        _ => "version.odd",
    }
}
