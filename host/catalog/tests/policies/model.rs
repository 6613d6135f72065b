//! A comparison of the catalog with a model: after any sequence of changes to the directory, the
//! right versions serve.

use std::collections::BTreeMap;
use std::fs;

use portcullis_catalog::{Catalog, CatalogOptions, rollback};
use portcullis_core::PolicyName;
use portcullis_engine::Engine;
use portcullis_test_policies::{engine, guest};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempfile::TempDir;

use crate::site::Site;

const NAMES: [&str; 2] = ["p", "q"];
const KEEP: usize = 3;

/// A change by an operator or by the environment.
#[derive(Clone, Debug)]
enum Step {
    /// A good version appears. The number distinguishes it from others.
    Put(&'static str, u8),
    /// A version appears that cannot be loaded.
    Break(&'static str),
    Remove(&'static str),
    Rollback(&'static str),
    /// The newest stored version is damaged.
    Damage(&'static str),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || proptest::sample::select(&NAMES[..]);
    let step = prop_oneof![
        4 => (name(), 0_u8..4).prop_map(|(name, version)| Step::Put(name, version)),
        2 => name().prop_map(Step::Break),
        1 => name().prop_map(Step::Remove),
        2 => name().prop_map(Step::Rollback),
        1 => name().prop_map(Step::Damage),
        2 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..12)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum File {
    Good(u8),
    Broken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    content: u8,
    generation: u64,
    /// The version that served before this one was first put in service.
    before: Option<u64>,
    damaged: bool,
}

/// The expected state of one policy.
#[derive(Clone, Debug, Default)]
struct Modelled {
    file: Option<File>,
    /// The last file that the host tried: it does not try the same one twice.
    tried: Option<File>,
    serving: Option<Version>,
    /// The version that served when the previous host ended.
    served_last: Option<u64>,
    /// The stored versions, newest first.
    kept: Vec<Version>,
    retired: bool,
}

#[derive(Debug, Default)]
struct Model {
    policies: BTreeMap<&'static str, Modelled>,
    generation: u64,
}

impl Modelled {
    /// Returns the version that an operator rolls back to from `version`.
    fn previous(&self, version: &Version) -> Option<Version> {
        let before = |kept: &&Version| Some(kept.generation) == version.before;
        let recorded = self.kept.iter().find(before);
        let lower = |kept: &&Version| kept.generation < version.generation;
        recorded.or(self.kept.iter().find(lower)).copied()
    }

    /// Returns the version `from` and those before it, then the others.
    fn lineage(&self, from: u64) -> Vec<Version> {
        let mut lineage = Vec::new();
        let mut kept = self.kept.iter();
        let mut next = kept.find(|kept| kept.generation == from).copied();
        while let Some(version) = next {
            lineage.push(version);
            next = self.previous(&version);
        }
        let others = self.kept.iter().filter(|kept| !lineage.contains(kept));
        let others: Vec<_> = others.copied().collect();
        lineage.extend(others);
        lineage
    }
}

impl Model {
    fn policy(&mut self, name: &'static str) -> &mut Modelled {
        self.policies.entry(name).or_default()
    }

    /// Applies a pass over the directory to one policy.
    fn pass(&mut self, name: &'static str, first: bool) {
        let next = self.generation + 1;
        let policy = self.policy(name);
        if policy.file == policy.tried && !first {
            return;
        }
        policy.tried = policy.file;
        let mut used = false;
        match policy.file {
            None => {
                if policy.serving.take().is_some() {
                    policy.retired = !policy.kept.is_empty();
                }
            }
            Some(File::Broken) => {
                if first && !policy.retired {
                    let from = policy.served_last;
                    let from = from.or(policy.kept.first().map(|newest| newest.generation));
                    let mut good = policy.lineage(from.unwrap_or(0)).into_iter();
                    policy.serving = good.find(|version| !version.damaged);
                }
            }
            Some(File::Good(version)) => {
                let mut known = policy.serving.iter().chain(&policy.kept);
                let same = known.find(|known| known.content == version).copied();
                used = same.is_none();
                let before = policy.serving.map(|serving| serving.generation);
                let served_last = policy.served_last.filter(|_| first);
                let serving = Version {
                    // The host writes a damaged copy again.
                    damaged: false,
                    ..same.unwrap_or(Version {
                        content: version,
                        generation: next,
                        before: before.or(served_last),
                        damaged: false,
                    })
                };
                policy.serving = Some(serving);
                policy.retired = false;
                if used {
                    policy.kept.insert(0, serving);
                    let keep: Vec<_> = policy.lineage(next).into_iter().take(KEEP).collect();
                    policy.kept.retain(|version| keep.contains(version));
                }
                for kept in &mut policy.kept {
                    kept.damaged &= kept.generation != serving.generation;
                }
            }
        }
        self.generation += u64::from(used);
    }

    /// Applies a rollback, and returns the version that it puts in place, if any.
    fn rollback(&mut self, name: &'static str) -> Option<u8> {
        let policy = self.policy(name);
        let is_present = |version: &&Version| policy.file == Some(File::Good(version.content));
        let target = if let Some(present) = policy.kept.iter().find(is_present) {
            policy.previous(present)
        } else {
            let serving = policy.serving.map(|serving| serving.generation);
            let is_serving = |kept: &&Version| Some(kept.generation) == serving;
            let serving = policy.kept.iter().find(is_serving);
            serving.or(policy.kept.first()).copied()
        };
        target
            .filter(|target| !target.damaged)
            .map(|target| target.content)
    }
}

struct World {
    engine: Engine,
    site: Site,
    state: TempDir,
    module: Vec<u8>,
    catalog: Option<Catalog>,
    model: Model,
}

impl World {
    fn options(&self) -> CatalogOptions {
        CatalogOptions {
            state_directory: Some(self.state.path().to_owned()),
            keep_versions: KEEP,
            ..self.site.options()
        }
    }

    fn start(&mut self) {
        // The old host must end before the new one starts, because a state directory belongs to one
        // host.
        self.catalog = None;
        let (catalog, _) = Catalog::open(self.engine.clone(), self.options()).unwrap();
        self.catalog = Some(catalog);
        for name in NAMES {
            let policy = self.model.policy(name);
            policy.served_last = policy.serving.map(|serving| serving.generation);
            policy.serving = None;
            policy.tried = None;
            self.model.pass(name, true);
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Put(name, version) => {
                self.site.put(&format!("{name}.wasm"), &self.module);
                let limits = format!("[limits]\ndeadline = \"{}ms\"\n", 100 + u32::from(version));
                self.site.put(&format!("{name}.toml"), limits.as_bytes());
                self.model.policy(name).file = Some(File::Good(version));
            }
            Step::Break(name) => {
                self.site.put(&format!("{name}.wasm"), b"\0asm broken");
                self.site.put(&format!("{name}.toml"), b"");
                self.model.policy(name).file = Some(File::Broken);
            }
            Step::Remove(name) => {
                for file in [format!("{name}.wasm"), format!("{name}.toml")] {
                    let _ = fs::remove_file(self.site.path().join(file));
                }
                self.model.policy(name).file = None;
            }
            Step::Rollback(name) => {
                let wanted = self.model.rollback(name);
                let policy: PolicyName = name.parse().unwrap();
                let done = rollback(&self.options(), &policy, None);
                assert_eq!(done.is_ok(), wanted.is_some(), "{done:?}");
                if let Some(version) = wanted {
                    self.model.policy(name).file = Some(File::Good(version));
                }
            }
            Step::Damage(name) => {
                let Some(newest) = self.model.policy(name).kept.first_mut() else {
                    return;
                };
                newest.damaged = true;
                let path = format!("versions/{name}/{}/{name}.toml", newest.generation);
                fs::write(self.state.path().join(path), "forged").unwrap();
            }
            Step::Restart => return self.start(),
        }
        self.catalog.as_ref().unwrap().reload().unwrap();
        for name in NAMES {
            self.model.pass(name, false);
        }
    }

    /// Compares the versions in service and in store with the model.
    fn compare(&self) {
        let status = self.catalog.as_ref().unwrap().status();
        for (name, policy) in &self.model.policies {
            let found = status.policies.iter().find(|found| found.name == *name);
            let serving = found.and_then(|found| found.serving.as_ref());
            let generations = (
                serving.map(|serving| serving.generation),
                policy.serving.map(|version| version.generation),
            );
            assert_eq!(generations.0, generations.1, "of `{name}`");
            if let (Some(found), Some(_)) = (found, policy.serving) {
                let kept: Vec<_> = policy
                    .kept
                    .iter()
                    .map(|version| version.generation)
                    .collect();
                assert_eq!(found.kept, kept, "kept of `{name}`");
            }
            if let (Some(found), Some(File::Broken)) = (found, policy.file) {
                let attempt = found.last_attempt.as_ref().unwrap();
                assert!(attempt.error.is_some(), "`{name}` is broken");
            }
        }
        let snapshot = self.catalog.as_ref().unwrap().snapshot();
        let serving: Vec<_> = snapshot
            .policies()
            .map(|policy| policy.name.to_string())
            .collect();
        let should: Vec<_> = self
            .model
            .policies
            .iter()
            .filter(|(_, policy)| policy.serving.is_some())
            .map(|(name, _)| (*name).to_owned())
            .collect();
        assert_eq!(serving, should);
    }
}

#[test]
fn after_any_change_of_the_directory_the_right_policies_serve() {
    let (engine, module) = (engine(), guest("abstains"));
    let config = Config {
        cases: 8,
        failure_persistence: None,
        max_shrink_iters: 50,
        ..Config::default()
    };
    let run = TestRunner::new(config).run(&steps(), |steps| {
        let mut world = World {
            engine: engine.clone(),
            site: Site::new(&[]),
            state: TempDir::new().unwrap(),
            module: module.clone(),
            catalog: None,
            model: Model::default(),
        };
        world.start();
        for step in &steps {
            world.step(step);
            world.compare();
        }
        Ok(())
    });
    run.unwrap();
}
