//! Policies in the text format, for what Rust does not let a policy do.

use std::fmt::Write as _;

use wit_component::{StringEncoding, embed_component_metadata, metadata};

use crate::support::{guest, wat};

/// What is different about one of these policies; everything else is as it should be.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// The memory, in pages of 64 KiB. What is returned is at 0, `APP` is at 128, two bytes that are no UTF-8 are at 136.
    pub(super) pages: u32,
    /// More fields of the module.
    pub(super) fields: &'static str,
    /// How memory is allocated once `configure` is over.
    pub(super) realloc: &'static str,
    /// What `decide` does; it returns an address.
    pub(super) decide: &'static str,
}

impl Source {
    /// Abstains.
    pub(super) const HARMLESS: Self = Self {
        pages: 1,
        fields: "",
        realloc: "",
        decide: "(i32.store8 (i32.const 0) (i32.const 2)) (i32.const 0)",
    };

    /// The module, with the type of the contract's world.
    pub(super) fn build(self) -> Vec<u8> {
        let Self {
            pages,
            fields,
            realloc,
            decide,
        } = self;
        let mut text = String::from("(module");
        for import in IMPORTS {
            let (interface, name, function) = import;
            write!(
                text,
                r#" (import "portcullis:policy/{interface}@0.1.1" "{name}" (func {function}))"#
            )
            .unwrap();
        }
        write!(
            text,
            r#"
            (memory (export "memory") {pages})
            (data (i32.const 128) "APP")
            (data (i32.const 136) "\ff\fe")
            (global $configured (mut i32) (i32.const 0))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
              (if (global.get $configured) (then {realloc}))
              (i32.const 256))
            (func (export "portcullis:policy/decider@0.1.1#configure") (param i32 i32) (result i32)
              (global.set $configured (i32.const 1))
              (i32.const 0))
            (func (export "portcullis:policy/decider@0.1.1#decide") (result i32)
              (local $permit i32) (local $count i32)
              {decide})
            {fields})"#
        )
        .unwrap();
        typed(wat(&text))
    }
}

/// Interface, name and type of what these policies can call.
const IMPORTS: [(&str, &str, &str); 5] = [
    ("log", "info", "$info (param i32 i32)"),
    ("client", "user", "$user (param i32)"),
    (
        "permits",
        "[constructor]permit",
        "$new (param i32 i32) (result i32)",
    ),
    (
        "permits",
        "[method]permit.publish",
        "$publish (param i32 i32 i32 i32 i32)",
    ),
    ("permits", "[resource-drop]permit", "$drop (param i32)"),
];

/// Adds the type of the contract's world, which every guest that Rust made carries.
pub(super) fn typed(mut module: Vec<u8>) -> Vec<u8> {
    let (_, carried) = metadata::decode(&guest("abstains")).unwrap();
    let encoding = StringEncoding::UTF8;
    embed_component_metadata(&mut module, &carried.resolve, carried.world, encoding).unwrap();
    module
}
