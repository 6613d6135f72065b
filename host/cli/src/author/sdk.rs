//! The SDK that the program was built with: the sources of its crates, with manifests that need no
//! workspace.

use toml::{Table, Value};

/// The sources by path, which begins with the name of the package.
pub(super) const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));
/// The manifest of the workspace, from which the crates inherit.
const WORKSPACE: &str = include_str!("../../workspace.toml");
/// The parts of a manifest that a crate needs only inside the workspace.
const LEFT_OUT: [&str; 3] = ["dev-dependencies", "example", "lints"];

/// Returns the manifest of a crate with everything that it inherits from the workspace. The crates
/// of the workspace among its dependencies lie next to it, in folders of their names.
///
/// # Errors
///
/// Fails if the manifest inherits what the workspace does not have.
pub(super) fn manifest(text: &str) -> anyhow::Result<String> {
    let workspace: Table = WORKSPACE.parse()?;
    let workspace = table(&workspace, "workspace")?;
    let mut manifest: Table = text.parse()?;
    for part in LEFT_OUT {
        manifest.remove(part);
    }
    if let Some(package) = manifest.get_mut("package").and_then(Value::as_table_mut) {
        let inherited = table(workspace, "package")?;
        for (key, value) in package.iter_mut() {
            if inherits(value) {
                *value = get(inherited, key)?.clone();
            }
        }
    }
    let dependencies = table(workspace, "dependencies")?;
    resolve(manifest.get_mut("dependencies"), dependencies)?;
    if let Some(targets) = manifest.get_mut("target").and_then(Value::as_table_mut) {
        for (_, target) in targets.iter_mut() {
            resolve(target.get_mut("dependencies"), dependencies)?;
        }
    }
    Ok(toml::to_string(&manifest)?)
}

/// Replaces inherited dependencies by those of the workspace.
fn resolve(dependencies: Option<&mut Value>, workspace: &Table) -> anyhow::Result<()> {
    let Some(dependencies) = dependencies.and_then(Value::as_table_mut) else {
        return Ok(());
    };
    for (name, dependency) in dependencies.iter_mut() {
        let Some(own) = dependency.as_table().filter(|_| inherits(dependency)) else {
            continue;
        };
        let mut merged = match get(workspace, name)? {
            Value::Table(table) => table.clone(),
            version => Table::from_iter([("version".to_owned(), version.clone())]),
        };
        if let Some(path) = merged.get_mut("path") {
            *path = format!("../{name}").into();
        }
        for (key, value) in own {
            match (merged.get_mut(key), value) {
                (Some(Value::Array(features)), Value::Array(more)) => {
                    features.extend(more.iter().cloned());
                }
                _ if key == "workspace" => {}
                _ => {
                    merged.insert(key.clone(), value.clone());
                }
            }
        }
        *dependency = merged.into();
    }
    Ok(())
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

fn table<'a>(table: &'a Table, key: &str) -> anyhow::Result<&'a Table> {
    let value = get(table, key)?.as_table();
    value.ok_or_else(|| anyhow::anyhow!("`{key}` is no table"))
}

fn get<'a>(table: &'a Table, key: &str) -> anyhow::Result<&'a Value> {
    let value = table.get(key);
    value.ok_or_else(|| anyhow::anyhow!("the manifest of the workspace has no `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_has_a_manifest_that_needs_no_workspace() {
        let manifests = FILES
            .iter()
            .filter(|(path, _)| path.ends_with("/Cargo.toml"));
        let mut packages = Vec::new();
        for (path, text) in manifests {
            let manifest: Table = manifest(text).unwrap().parse().unwrap();
            assert!(
                !manifest.to_string().contains("workspace"),
                "{path}: {manifest}"
            );
            let name = manifest["package"]["name"].as_str().unwrap().to_owned();
            assert_eq!(*path, format!("{name}/Cargo.toml"));
            packages.push((name, manifest));
        }
        let (_, sdk) = packages
            .iter()
            .find(|(name, _)| name == "portcullis-sdk")
            .unwrap();
        assert_eq!(
            sdk["package"]["version"].as_str(),
            Some(env!("CARGO_PKG_VERSION"))
        );
        let serde = &sdk["dependencies"]["serde"];
        assert_eq!(serde["features"][0].as_str(), Some("derive"), "{serde}");
        for (name, manifest) in &packages {
            let dependencies = manifest.get("dependencies").and_then(Value::as_table);
            for (dependency, value) in dependencies.into_iter().flatten() {
                if let Some(path) = value.get("path") {
                    assert_eq!(path.as_str(), Some(format!("../{dependency}").as_str()));
                    let is_brought = packages.iter().any(|(name, _)| name == dependency);
                    assert!(
                        is_brought,
                        "`{name}` needs `{dependency}`: link it into `host/cli/sdk`"
                    );
                }
            }
        }
    }

    #[test]
    fn what_only_the_repository_needs_stays_behind() {
        let bytes: usize = FILES.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes < 512 << 10, "{bytes} bytes in the program");
        assert!(
            FILES
                .iter()
                .all(|(path, _)| !path.contains("fuzz") && !path.contains("tests"))
        );
        assert!(
            FILES
                .iter()
                .any(|(path, _)| *path == "portcullis-sdk/wit/policy.wit")
        );
    }
}
