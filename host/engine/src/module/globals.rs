//! Exports of mutable globals.
//!
//! The component in which `configure` runs exports the memory and the globals of the policy, so
//! that the host can read them. Cranelift compiles exported globals differently from others, in
//! every function that uses one, and nearly every function uses the stack pointer. If the component
//! that decides exports its globals too, both have identical functions, and the second compilation
//! reuses those of the first (`function_cache.rs`). No module imports these globals, because a
//! component hides the exports of its modules.

use std::collections::HashSet;

use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload, TypeRef};

/// Returns a valid core module with its own mutable globals exported, under names of the host. A
/// module without exports is returned unchanged.
pub(super) fn export_mutable(module: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut exporting = Module::new();
    let (mut imported, mut mutable) = (0_u32, Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::ImportSection(section) => {
                for import in section.clone().into_imports() {
                    let is_global = matches!(import?.ty, TypeRef::Global(_));
                    imported = imported.saturating_add(u32::from(is_global));
                }
            }
            Payload::GlobalSection(section) => {
                for (index, global) in (imported..).zip(section.clone()) {
                    if global?.ty.mutable {
                        mutable.push(index);
                    }
                }
            }
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                let mut names = HashSet::new();
                for export in section.clone() {
                    let export = export?;
                    names.insert(export.name);
                    exports.export(export.name, kind(export.kind), export.index);
                }
                for &index in &mutable {
                    let name = format!("portcullis:mutable-global-{index}");
                    if !names.contains(name.as_str()) {
                        exports.export(&name, ExportKind::Global, index);
                    }
                }
                exporting.section(&exports);
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = module.get(range).unwrap_or_default();
            exporting.section(&RawSection { id, data });
        }
    }
    Ok(exporting.finish())
}

const fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(text: &str) -> Vec<(String, u32)> {
        let module = wat::parse_str(text).unwrap();
        let exporting = export_mutable(&module).unwrap();
        wasmparser::Validator::new()
            .validate_all(&exporting)
            .unwrap();
        let exports = |payload| match payload {
            Ok(Payload::ExportSection(section)) => section.into_iter().collect(),
            _ => Vec::new(),
        };
        Parser::new(0)
            .parse_all(&exporting)
            .flat_map(exports)
            .map(|export| export.map(|export| (export.name.to_owned(), export.index)))
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn mutable_globals_of_the_module_itself_are_exported_too() {
        let exported = exported(
            r#"(module
                (import "a" "b" (global i32))
                (memory (export "memory") 1)
                (global i32 (i32.const 0))
                (global (mut i32) (i32.const 0))
                (global (export "heap") (mut i64) (i64.const 0))
                (func (export "f")) (table (export "t") 1 funcref))"#,
        );
        let expected = [
            ("memory", 0),
            ("heap", 3),
            ("f", 0),
            ("t", 0),
            ("portcullis:mutable-global-2", 2),
            ("portcullis:mutable-global-3", 3),
        ];
        assert_eq!(
            exported,
            expected.map(|(name, index)| (name.to_owned(), index))
        );
    }

    #[test]
    fn a_name_that_is_taken_stays_whose_it_is() {
        let exported = exported(
            r#"(module (global (mut i32) (i32.const 0)) (func (export "portcullis:mutable-global-0")))"#,
        );
        assert_eq!(exported, [("portcullis:mutable-global-0".to_owned(), 0)]);
    }
}
