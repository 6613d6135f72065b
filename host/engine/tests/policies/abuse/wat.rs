//! Policies in the text format, for what Rust does not allow a policy to do.

use std::fmt::Write as _;

use portcullis_test_policies::wat;

use crate::world::typed;

/// The differences of a policy from a correct one.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// The memory, in pages of 64 KiB. The result is at 0, `APP` is at 128, and two bytes that are
    /// not UTF-8 are at 136.
    pub(super) pages: u32,
    /// Additional fields of the module.
    pub(super) fields: &'static str,
    /// The body of the allocator after `configure`.
    pub(super) realloc: &'static str,
    /// The body of `decide`, which returns an address.
    pub(super) decide: &'static str,
}

impl Source {
    /// A correct policy, which abstains.
    pub(super) const HARMLESS: Self = Self {
        pages: 1,
        fields: "",
        realloc: "",
        decide: "(i32.store8 (i32.const 0) (i32.const 2)) (i32.const 0)",
    };

    /// Builds the module, with the type of the contract's world.
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

/// The interface, name and type of the functions that these policies can call.
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
