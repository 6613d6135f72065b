//! Announcements that are repeated, and versions that other processes store.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use portcullis_core::SampleValue;
use portcullis_files::Operation;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::account_jwts::AccountJwts;

/// Servers that answer each announcement as the script says, and the last way from then on. `None`
/// is a failed attempt.
#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<Option<Vec<&'static str>>>>,
    told: Mutex<Vec<String>>,
    announced: Notify,
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Option<Vec<&'static str>>>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            told: Mutex::default(),
            announced: Notify::new(),
        })
    }

    /// Waits until the servers were told `count` times, and returns the versions.
    async fn told(&self, count: usize) -> Vec<String> {
        self.until(|told| told.len() >= count).await
    }

    /// Waits until the versions that the servers were told are as wanted, and returns them.
    async fn until(&self, is_wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        loop {
            let told = self.told.lock().clone();
            if is_wanted(&told) {
                return told;
            }
            self.announced.notified().await;
        }
    }
}

impl Announcer for Script {
    fn announce<'a>(
        &'a self,
        jwt: &'a AccountJwt,
    ) -> BoxFuture<'a, Result<Announcement, AnnounceError>> {
        self.told.lock().push(jwt.token.clone());
        self.announced.notify_one();
        let mut answers = self.answers.lock();
        let servers = match answers.len() {
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        };
        let answered = match servers.flatten() {
            Some(servers) => Ok(Announcement {
                answers: servers
                    .into_iter()
                    .map(|name| (name.to_owned(), "jwt updated".to_owned()))
                    .collect(),
            }),
            None => Err(AnnounceError("no connection".into())),
        };
        async move { answered }.boxed()
    }
}

fn options() -> ResolverOptions {
    ResolverOptions {
        announce_delay: Duration::ZERO,
        change_interval: Duration::from_millis(5),
        ..ResolverOptions::default()
    }
}

/// Starts a resolver that repeats its announcements to `script`.
fn start(script: &Arc<Script>) -> Site {
    let site = Site::with(options(), Some(Arc::clone(script) as Arc<dyn Announcer>));
    let resolver = site.resolver.clone();
    tokio::spawn(async move { resolver.maintain().await });
    site
}

/// Waits until no announcement is pending, and returns the counts by outcome.
async fn outcomes(site: &Site) -> Vec<(String, u64)> {
    loop {
        let samples = site.resolver.samples();
        let pending = samples
            .iter()
            .find(|sample| sample.name == "resolver_announcements_pending");
        if pending.unwrap().value == SampleValue::Gauge(0.0) {
            let counts = samples.iter().filter_map(|sample| match sample.value {
                SampleValue::Counter(count)
                    if sample.name == "resolver_announcements" && count > 0 =>
                {
                    Some((sample.labels[0].1.clone(), count))
                }
                _ => None,
            });
            return counts.collect();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_announcement_is_repeated_until_every_known_server_has_answered() {
    let script = Script::new([
        Some(vec!["n1", "n2"]),
        Some(vec!["n1"]),
        Some(vec![]),
        Some(vec!["n1", "n2"]),
    ]);
    let site = start(&script);
    let (first, second) = (site.sign(NOW + 1, |_| {}), site.sign(NOW + 2, |_| {}));
    assert_eq!(site.post(first.clone()).await.status, StatusCode::OK);
    let answer = site.post(second.clone()).await;
    assert_eq!(answer.text, "stored; `n1`: jwt updated\n");
    let told = script.told(4).await;
    assert_eq!(told, [first, second.clone(), second.clone(), second]);
    let counts = outcomes(&site).await;
    let expected = [("answered".to_owned(), 2), ("incomplete".to_owned(), 2)];
    assert_eq!(counts, expected);
    assert_eq!(script.told.lock().len(), 4, "confirmed");
}

#[tokio::test]
async fn a_repeated_announcement_has_the_version_that_is_stored_then() {
    let script = Script::new([Some(vec!["n1", "n2"]), Some(vec!["n1"])]);
    let site = start(&script);
    site.post(site.sign(NOW + 1, |_| {})).await;
    // From here on, `n2` does not answer.
    site.post(site.sign(NOW + 2, |_| {})).await;
    let last = site.sign(NOW + 3, |_| {});
    site.post(last.clone()).await;
    // One attempt of each version, and nine more of those that `n2` has not confirmed.
    outcomes(&site).await;
    let told = script.told.lock().clone();
    let position = told.iter().position(|token| *token == last).unwrap();
    assert!(told[position..].iter().all(|token| *token == last));
}

#[tokio::test]
async fn a_server_that_stays_silent_is_given_up_and_no_longer_expected() {
    let script = Script::new([Some(vec!["n1", "n2"]), Some(vec!["n1"])]);
    let site = start(&script);
    site.post(site.sign(NOW + 1, |_| {})).await;
    site.post(site.sign(NOW + 2, |_| {})).await;
    let counts = outcomes(&site).await;
    let expected = [("answered", 1), ("incomplete", 9), ("gave-up", 1)];
    assert_eq!(
        counts,
        expected.map(|(name, count)| (name.to_owned(), count))
    );
    site.post(site.sign(NOW + 3, |_| {})).await;
    let expected = [("answered", 2), ("incomplete", 9), ("gave-up", 1)];
    let counts = outcomes(&site).await;
    assert_eq!(
        counts,
        expected.map(|(name, count)| (name.to_owned(), count))
    );
}

#[tokio::test]
async fn a_failed_announcement_is_reported_and_kept() {
    let script = Script::new([None]);
    let site = start(&script);
    let answer = site.post(site.sign(NOW + 1, |_| {})).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(answer.text.contains("no connection"), "{}", answer.text);
    let samples = site.resolver.samples();
    let pending = samples
        .iter()
        .find(|sample| sample.name == "resolver_announcements_pending");
    assert_eq!(pending.unwrap().value, SampleValue::Gauge(1.0));
}

/// The looks of resolvers at the store. Before each but the first, a resolver records what it has
/// announced. Looks for files that killed writers left behind are among them.
struct Looks {
    begun: UnboundedReceiver<()>,
    accounts: AccountJwts,
}

impl Looks {
    /// Sees the looks from now on, until it is dropped.
    fn at(site: &Site) -> Self {
        let (sender, begun) = unbounded_channel();
        site.disk.set_hook(move |operation, _| {
            if operation == Operation::Stamps {
                // The test may have ended.
                let _ = sender.send(());
            }
            Ok(())
        });
        let accounts = site.store.accounts().clone();
        Self { begun, accounts }
    }

    /// Waits until the record of what was announced is as wanted, and returns it.
    async fn recorded(
        &mut self,
        is_wanted: impl Fn(Option<SystemTime>) -> bool,
    ) -> Option<SystemTime> {
        loop {
            let recorded = self.accounts.announced_until().unwrap();
            if is_wanted(recorded) {
                return recorded;
            }
            self.begun.recv().await.unwrap();
        }
    }
}

#[tokio::test]
async fn versions_that_were_stored_while_no_resolver_was_running_are_announced_once() {
    let script = Script::new([Some(vec!["n1"])]);
    let site = Site::with(options(), Some(Arc::clone(&script) as Arc<dyn Announcer>));
    // A first start announces nothing, and records what the store has.
    let mut resolver = site.resolver.clone();
    let mut looks = Looks::at(&site);
    let accounts = site.store.accounts().clone();
    for (issued, announced) in [(NOW, 0), (NOW + 1, 1), (NOW + 2, 2)] {
        let version = site.sign(issued, |_| {});
        accounts.put(&version).unwrap();
        let stamp = |account| accounts.stamps().unwrap().get(account).unwrap().modified();
        let running = resolver.clone();
        let running = tokio::spawn(async move { running.maintain().await });
        let stored = stamp(&site.account);
        looks.recorded(|until| until == Some(stored)).await;
        let told = script.told.lock().clone();
        assert_eq!(told.len(), announced);
        assert!(announced == 0 || told.last() == Some(&version));
        running.abort();
        let _ = running.await;
        resolver = Resolver::new(
            site.store.clone(),
            Arc::new(site.clock.clone()),
            options(),
            Some(Arc::clone(&script) as Arc<dyn Announcer>),
        );
    }
    // Nothing new was stored, so the next start announces nothing.
    let running = tokio::spawn(async move { resolver.maintain().await });
    let later = site.sign(NOW + 3, |_| {});
    accounts.put(&later).unwrap();
    let told = script.told(3).await;
    assert_eq!((told.len(), told.last()), (3, Some(&later)));
    running.abort();
}

#[tokio::test]
async fn a_version_that_is_not_announced_yet_is_announced_after_the_next_start() {
    let script = Script::new([None]);
    let site = start(&script);
    let accounts = site.store.accounts().clone();
    let before = Looks::at(&site).recorded(|until| until.is_some()).await;
    accounts.put(&site.sign(NOW + 1, |_| {})).unwrap();
    script.told(3).await;
    assert_eq!(accounts.announced_until().unwrap(), before);
    let reached = Script::new([Some(vec!["n1"])]);
    let next = Resolver::new(
        site.store.clone(),
        Arc::new(site.clock.clone()),
        options(),
        Some(Arc::clone(&reached) as Arc<dyn Announcer>),
    );
    tokio::spawn(async move { next.maintain().await });
    assert_eq!(reached.told(1).await, [site.sign(NOW + 1, |_| {})]);
}

#[tokio::test]
async fn a_record_that_is_ahead_of_the_clock_hides_no_version() {
    let script = Script::new([Some(vec!["n1"])]);
    let site = Site::with(options(), Some(Arc::clone(&script) as Arc<dyn Announcer>));
    let accounts = site.store.accounts().clone();
    let ahead = site.clock.wall() + Duration::from_hours(24);
    accounts.set_announced_until(ahead).unwrap();
    let version = site.sign(NOW + 1, |_| {});
    accounts.put(&version).unwrap();
    let mut looks = Looks::at(&site);
    let resolver = site.resolver.clone();
    let running = tokio::spawn(async move { resolver.maintain().await });
    let told = tokio::time::timeout(Duration::from_mins(1), script.told(1)).await;
    assert_eq!(told.unwrap(), [version]);
    looks.recorded(|until| until != Some(ahead)).await;
    running.abort();
}

#[tokio::test]
async fn a_version_that_another_process_stores_is_announced_once() {
    let script = Script::new([Some(vec!["n1"])]);
    let site = start(&script);
    let other = Store::at(Arc::new(site.disk.clone()), Path::new("/store"));
    // The first look at the store takes its versions as known.
    Looks::at(&site).recorded(|until| until.is_some()).await;
    let first = site.sign(NOW + 1, |_| {});
    other.accounts().put(&first).unwrap();
    script.until(|told| told.contains(&first)).await;
    let own = site.sign(NOW + 2, |_| {});
    site.post(own.clone()).await;
    let others = site.sign(NOW + 3, |_| {});
    other.accounts().put(&others).unwrap();
    let told = script.until(|told| told.contains(&others)).await;
    let count = |token: &String| told.iter().filter(|told| *told == token).count();
    assert_eq!((count(&own), count(&others)), (1, 1));
    other.accounts().delete(&site.account).unwrap();
    assert_eq!(site.get_account("").await.status, StatusCode::NOT_FOUND);
}
