//! A policy that is replaced repeatedly by another version.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use portcullis_harness::{
    Answer, Built, Event, Host, Site, Wire, wasm_with_new_code, wasm_with_note,
};
use serde_json::json;
use tokio::time::{sleep_until, timeout_at};

use crate::logins::TOKEN;

/// The name of the policy.
pub(crate) const POLICY: &str = "tokens";

/// The version of the policy in the directory. Each version differs from the one before in its
/// module and its permissions.
pub(crate) struct Versions<'site> {
    site: &'site Site,
    module: Vec<u8>,
    number: u32,
    /// The kind of code of the next version.
    pub(crate) code: Code,
}

/// The kind of code of a version.
#[derive(Clone, Copy)]
pub(crate) enum Code {
    /// Completely new code: the host has not compiled any of its functions before.
    New,
    /// The code of an earlier version, as with new settings or a rollback.
    Known,
}

/// The results of replacements.
#[derive(Debug, Default)]
pub(crate) struct Replacements {
    /// The number of replacements.
    pub(crate) count: u32,
    /// The number of times that the host published a new version.
    ///
    /// The number is smaller than that of replacements if the host was still loading a version when
    /// the next one appeared. The host does not load a replaced version.
    pub(crate) published: usize,
    /// The time from the rename to the host's log line that the version serves; [`LATE`] for
    /// versions replaced before that.
    pub(crate) live_after: Vec<Duration>,
    /// The duration of each load, as the host logs it.
    pub(crate) loading: Vec<Duration>,
}

/// The time of a version that was replaced before it served.
pub(crate) const LATE: Duration = Duration::MAX;

impl Replacements {
    /// Adds the replacements of a different phase.
    pub(crate) fn extend(&mut self, others: Self) {
        self.count += others.count;
        self.published += others.published;
        self.live_after.extend(others.live_after);
        self.loading.extend(others.loading);
    }
}

impl Replacements {
    /// Reads the host's publications and loads from the log, from `mark` on.
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
    /// Writes the first version.
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

    /// Returns the size of the module, in bytes.
    pub(crate) const fn module_size(&self) -> usize {
        self.module.len()
    }

    /// Replaces the policy once a second for `length`, also if the earlier version does not serve
    /// yet. Returns once the last version serves.
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

    /// Replaces the policy `count` times, each time once the earlier version serves.
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

    /// Replaces the policy and waits until the version serves. Returns the time from the rename on.
    async fn replace_and_see(&mut self, host: &Host, port: u16) -> Result<Duration> {
        let mark = host.log().len();
        let renamed = self.replace()?;
        let published = self.see(host, port, mark).await?;
        Ok(published - renamed)
    }

    /// Waits until the host has logged, since `mark`, that a version serves, and until a login gets
    /// the permissions of the version in the directory. Returns the time of the log line.
    async fn see(&self, host: &Host, port: u16, mut mark: usize) -> Result<Instant> {
        loop {
            host.published_from(mark, POLICY).await?;
            let published = Instant::now();
            mark = host.log().len();
            // Otherwise the line was about the earlier version.
            if self.is_in_service(port).await? {
                return Ok(published);
            }
        }
    }

    /// Replaces the version in the directory, and returns the time of the last rename.
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

    /// Returns whether a login gets the permissions of the version in the directory, and not those
    /// of the other version.
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

/// Returns the subject that the version with this number permits; the versions before and after it
/// do not.
fn subject(number: u32) -> &'static str {
    match number % 2 {
        0 => "version.even",
        _ => "version.odd",
    }
}
