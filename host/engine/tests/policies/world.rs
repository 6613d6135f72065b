//! The type of the contract's world, for modules in the text format.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// Adds the type of the world `policy`, whose exports every policy has.
pub(crate) fn typed(mut module: Vec<u8>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let contract = include_str!("../../../../wit/policy.wit");
    let package = resolve.push_source("policy.wit", contract).unwrap();
    let world = resolve.select_world(&[package], Some("policy")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}
