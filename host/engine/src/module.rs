//! Conversion of a file's bytes to a component of the contract's world.

mod globals;
mod shape;

use std::collections::BTreeSet;

use portcullis_core::PolicyName;
use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, DecodedWasm};

use crate::contract::{CONTRACT, Name, PACKAGE, interfaces};
use crate::limits::Grants;
use crate::load::LoadError;
use crate::source::Source;

pub use shape::check_shape;

/// Interface that a policy exports.
const DECIDER: &str = "decider";
/// Interface with which a policy describes itself, which it may export.
const DESCRIPTION: &str = "description";
/// Interface that needs the grant `secrets`.
const SECRETS: &str = "secrets";
/// Interface that needs the grant `key-value`.
const KEY_VALUE: &str = "key-value";

/// A policy with its grants.
type Granted<'a> = (&'a PolicyName, &'a Grants);

/// Converts the module of a policy, a core module or a component, to a checked component.
pub(crate) fn componentize(source: Source<'_>, grants: &Grants) -> Result<Vec<u8>, LoadError> {
    checked_component(source.module, Some((source.name, grants)))
}

/// Converts `bytes` as [`componentize`] converts a module, regardless of grants. For tools.
pub(crate) fn ungranted_component(bytes: &[u8]) -> Result<Vec<u8>, LoadError> {
    checked_component(bytes, None)
}

/// Converts `bytes`. `None` for `granted` skips the check of grants.
fn checked_component(bytes: &[u8], granted: Option<Granted<'_>>) -> Result<Vec<u8>, LoadError> {
    let component = match kind(bytes)? {
        Encoding::Component => bytes.to_vec(),
        Encoding::Module => encode(bytes)?,
    };
    validate(&component)?;
    check_world(&component, granted)?;
    Ok(component)
}

/// The facts about a module that are known without running it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Description {
    /// Whether the module is already a component. A core module is converted when it is loaded.
    pub is_component: bool,
    /// Functions of the contract that the module uses, by interface (with its version).
    pub uses: Vec<(String, Vec<String>)>,
    /// Full name of the interface with which the module describes itself. `None` if it does not.
    pub describes: Option<String>,
}

/// Describes a module without compiling it.
///
/// # Errors
///
/// Fails if the module is not a policy, regardless of its grants.
pub fn describe(bytes: &[u8]) -> Result<Description, LoadError> {
    let component = ungranted_component(bytes)?;
    let mut description = Description {
        is_component: kind(bytes)? == Encoding::Component,
        uses: Vec::new(),
        describes: None,
    };
    if let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(&component)
        && let Some(world) = resolve.worlds.get(world)
    {
        description.uses = interfaces(&resolve, world)
            .map(|(name, functions)| (name, functions.into_iter().collect()))
            .collect();
        let mut exports = world.exports.keys().map(|key| resolve.name_world_key(key));
        description.describes = exports.find(|name| {
            let name = Name::read(name);
            name.is_some_and(|name| name.interface == DESCRIPTION && CONTRACT.speaks(name.version))
        });
    }
    Ok(description)
}

/// Checks that a file starts as WebAssembly does. Says nothing about the rest of the file.
///
/// # Errors
///
/// Fails if the file is empty or starts with other bytes.
pub fn require_wasm(file: &[u8]) -> Result<(), LoadError> {
    match file {
        [] => Err(LoadError::Empty),
        [b'\0', b'a', b's', b'm', ..] => Ok(()),
        _ => Err(LoadError::NotWasm),
    }
}

fn kind(bytes: &[u8]) -> Result<Encoding, LoadError> {
    require_wasm(bytes)?;
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Ok(_)) | None => Err(LoadError::NotWasm),
        Some(Err(error)) => Err(LoadError::invalid(error)),
    }
}

/// Validates bytes as a whole. wasmtime must not receive other bytes, and its own message for
/// truncated files is unclear.
fn validate(bytes: &[u8]) -> Result<(), LoadError> {
    let features = WasmFeatures::default() | WasmFeatures::COMPONENT_MODEL;
    Validator::new_with_features(features)
        .validate_all(bytes)
        .map(|_types| ())
        .map_err(LoadError::invalid)
}

fn encode(module: &[u8]) -> Result<Vec<u8>, LoadError> {
    validate(module)?;
    let (imports, typed) = survey(module)?;
    let foreign: Vec<_> = imports
        .into_iter()
        .filter(|name| {
            !name.starts_with(PACKAGE) && !name.starts_with("[export]portcullis:policy/")
        })
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::foreign_imports(&foreign));
    }
    if !typed {
        // The encoder would succeed and make an empty component.
        return Err(LoadError::Untyped);
    }
    let module = globals::export_mutable(module).map_err(LoadError::invalid)?;
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| LoadError::Componentize(format!("{error:#}")))
}

/// Returns the modules that a core module imports from, and whether it names the world that it was
/// made for.
fn survey(module: &[u8]) -> Result<(Vec<String>, bool), LoadError> {
    let mut imports = Vec::new();
    let mut typed = false;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(LoadError::invalid)? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imports.push(import.map_err(LoadError::invalid)?.module.to_owned());
                }
            }
            Payload::CustomSection(section) => {
                typed |= section.name().starts_with("component-type");
            }
            _ => {}
        }
    }
    imports.sort();
    imports.dedup();
    Ok((imports, typed))
}

/// Compares a component's imports and exports with the contract.
fn check_world(component: &[u8], granted: Option<Granted<'_>>) -> Result<(), LoadError> {
    let decoded = wit_component::decode(component)
        .map_err(|error| LoadError::Componentize(format!("{error:#}")))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err(LoadError::WrongWorld(
            "it is a WIT package, not a policy".to_owned(),
        ));
    };
    let Some(world) = resolve.worlds.get(world) else {
        return Err(LoadError::WrongWorld("it has no world".to_owned()));
    };
    check_imports(&interfaces(&resolve, world).collect::<Vec<_>>(), granted)?;
    let exports: Vec<_> = world
        .exports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    check_exports(&exports)
}

fn check_exports(exports: &[String]) -> Result<(), LoadError> {
    let decider = exports
        .iter()
        .filter_map(|name| Name::read(name))
        .find(|name| name.interface == DECIDER);
    if let Some(name) = decider {
        return check_version(name);
    }
    let found = if exports.is_empty() {
        "nothing".to_owned()
    } else {
        exports.join("`, `")
    };
    Err(LoadError::WrongWorld(format!(
        "it exports `{found}` where `{PACKAGE}{DECIDER}@{}.x` is needed",
        CONTRACT.track
    )))
}

fn check_imports(
    imports: &[(String, BTreeSet<String>)],
    granted: Option<Granted<'_>>,
) -> Result<(), LoadError> {
    let foreign: Vec<_> = imports
        .iter()
        .filter(|(name, _)| Name::read(name).is_none())
        .map(|(name, _)| name.clone())
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::foreign_imports(&foreign));
    }
    for (whole, needed) in imports {
        let Some(name) = Name::read(whole) else {
            continue;
        };
        check_version(name)?;
        let Some(lent) = CONTRACT.functions(name.interface) else {
            return Err(LoadError::UnknownInterface(whole.clone()));
        };
        if let Some(granted) = granted {
            check_grants(name.interface, granted)?;
        }
        if let Some(function) = needed.difference(lent).next() {
            return Err(LoadError::UnknownFunction {
                interface: whole.clone(),
                function: function.clone(),
            });
        }
    }
    Ok(())
}

fn check_grants(interface: &str, (policy, grants): Granted<'_>) -> Result<(), LoadError> {
    let missing = |interface, setting| {
        Err(LoadError::MissingGrant {
            interface,
            setting,
            policy: policy.clone(),
        })
    };
    match interface {
        SECRETS if !grants.secrets => missing(SECRETS, "secrets = true"),
        KEY_VALUE if grants.key_values.is_empty() => {
            missing(KEY_VALUE, r#"key-value = ["BUCKET"]"#)
        }
        _ => Ok(()),
    }
}

fn check_version(name: Name<'_>) -> Result<(), LoadError> {
    if CONTRACT.speaks(name.version) {
        return Ok(());
    }
    Err(LoadError::OtherVersion {
        made_for: name.version.to_owned(),
        spoken: &CONTRACT.track,
        newest: &CONTRACT.version,
    })
}
