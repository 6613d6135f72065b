//! From a file's bytes to a component of our world, or a sentence that says why not.

use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};
use wit_component::{ComponentEncoder, DecodedWasm};

use crate::limits::Grants;
use crate::load::LoadError;

/// The package of the contract. A module may import nothing else.
const PACKAGE: &str = "portcullis:policy/";
/// The interface a policy exports.
const DECIDER: &str = "portcullis:policy/decider";
/// The versions of the contract this host speaks: a track of compatible ones.
const VERSION: &str = "0.1.";
/// The interfaces this host lends, apart from the ones that need a grant.
const LENT: [&str; 7] = [
    "client",
    "server",
    "request",
    "identity",
    "certificate",
    "permits",
    "log",
];
/// The interface that needs the grant `secrets`.
const SECRETS: &str = "secrets";

/// Turns `bytes`, a core module or a component, into a checked component.
pub(crate) fn componentize(bytes: &[u8], grants: Grants) -> Result<Vec<u8>, LoadError> {
    let component = match kind(bytes)? {
        Encoding::Component => bytes.to_vec(),
        Encoding::Module => encode(bytes)?,
    };
    validate(&component)?;
    check_world(&component, grants)?;
    Ok(component)
}

fn kind(bytes: &[u8]) -> Result<Encoding, LoadError> {
    if bytes.is_empty() {
        return Err(LoadError::Empty);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(LoadError::NotWasm);
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Ok(_)) | None => Err(LoadError::NotWasm),
        Some(Err(error)) => Err(LoadError::invalid(error)),
    }
}

/// wasmtime may not be given bytes that were never validated as a whole, and its own message for truncated files is poor.
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
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| LoadError::Componentize(format!("{error:#}")))
}

/// The modules a core module imports from, and whether it says what world it was made for.
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
fn check_world(component: &[u8], grants: Grants) -> Result<(), LoadError> {
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
    let imports: Vec<_> = world
        .imports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    check_imports(&imports, grants)?;
    let exports: Vec<_> = world
        .exports
        .keys()
        .map(|key| resolve.name_world_key(key))
        .collect();
    if exports.iter().any(|name| is_ours(name, DECIDER)) {
        return Ok(());
    }
    let found = if exports.is_empty() {
        "nothing".to_owned()
    } else {
        exports.join("`, `")
    };
    Err(LoadError::WrongWorld(format!(
        "it exports `{found}` where `{DECIDER}@{VERSION}x` is needed"
    )))
}

fn check_imports(imports: &[String], grants: Grants) -> Result<(), LoadError> {
    let foreign: Vec<_> = imports
        .iter()
        .filter(|name| !name.starts_with(PACKAGE))
        .cloned()
        .collect();
    if !foreign.is_empty() {
        return Err(LoadError::foreign_imports(&foreign));
    }
    let is = |name: &str, interface: &str| is_ours(name, &format!("{PACKAGE}{interface}"));
    for name in imports {
        if is(name, SECRETS) {
            if !grants.secrets {
                return Err(LoadError::MissingGrant(SECRETS));
            }
        } else if !LENT.iter().any(|interface| is(name, interface)) {
            return Err(LoadError::UnknownInterface(name.clone()));
        }
    }
    Ok(())
}

/// Whether `name` is `interface` in a version this host speaks.
fn is_ours(name: &str, interface: &str) -> bool {
    name.strip_prefix(interface)
        .and_then(|rest| rest.strip_prefix('@'))
        .is_some_and(|version| version.starts_with(VERSION))
}
