//! Checks for modules that would exhaust the tools that read them. For programs that read modules
//! in their own process.
//!
//! The reader of component types recurses into nested types, so that a few kilobytes overflow a
//! stack. The compiler allocates memory for every local of a function at every block that may be a
//! loop. A few hundred kilobytes then exhaust a machine's memory. This module counts both in a loop
//! that allocates little.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, FunctionBody, Operator, Parser, Payload,
};

use crate::load::LoadError;

/// Maximum depth of nested types. The contract has two levels.
const MAX_NESTING: usize = 100;
/// Maximum product of a function's locals and blocks. An interpreter's main loop, built as one
/// function, has a tenth of it.
const MAX_LOCALS_TIMES_BLOCKS: u64 = 20_000_000;

/// Refuses a module whose shape would exhaust the tools that read it. Unnecessary if that would
/// only end a child process.
///
/// # Errors
///
/// Fails if component types are nested too deeply, if a function is too large, or if the module
/// cannot be parsed.
pub fn check_shape(bytes: &[u8]) -> Result<(), LoadError> {
    if !bytes.starts_with(b"\0asm") {
        // Another check refuses it, with a better message.
        return Ok(());
    }
    check(bytes, true)
}

fn check(bytes: &[u8], outermost: bool) -> Result<(), LoadError> {
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(LoadError::invalid)? {
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                let section = bytes.get(range).unwrap_or_default();
                check_types(section)?;
            }
            // Tools write the description of a module's world as a component of its own.
            Payload::CustomSection(section)
                if outermost && section.name().starts_with("component-type") =>
            {
                check(section.data(), false)?;
            }
            Payload::CodeSectionEntry(body) => check_function(&body)?,
            _ => {}
        }
    }
    Ok(())
}

/// Counts the depth of the types in a section.
fn check_types(section: &[u8]) -> Result<(), LoadError> {
    let mut reader = BinaryReader::new(section, 0);
    // Number of remaining items of each open list, the section's own first.
    let mut open = vec![reader.read_var_u32().map_err(LoadError::invalid)?];
    while let Some(left) = open.last_mut() {
        if *left == 0 {
            open.pop();
            continue;
        }
        *left = left.saturating_sub(1);
        let is_type = open.len() == 1 || is_type(&mut reader)?;
        if is_type && let Some(items) = read_type(&mut reader).map_err(LoadError::invalid)? {
            open.push(items);
        }
        if open.len() > MAX_NESTING {
            return Err(LoadError::TooNested { limit: MAX_NESTING });
        }
    }
    Ok(())
}

/// Reads a declaration, up to the type if it declares one. Returns whether it does.
fn is_type(reader: &mut BinaryReader<'_>) -> Result<bool, LoadError> {
    let read = |reader: &mut BinaryReader<'_>| -> wasmparser::Result<u8> {
        let declaration = reader.read_u8()?;
        match declaration {
            0x00 => {
                reader.read::<CoreType<'_>>()?;
            }
            0x02 => {
                reader.read::<ComponentAlias<'_>>()?;
            }
            0x03 => {
                reader.read::<ComponentImport<'_>>()?;
            }
            0x04 => {
                reader.read::<ComponentExternName<'_>>()?;
                reader.read::<ComponentTypeRef>()?;
            }
            _ => {}
        }
        Ok(declaration)
    };
    match read(reader).map_err(LoadError::invalid)? {
        0x01 => Ok(true),
        0x00 | 0x02..=0x04 => Ok(false),
        other => Err(LoadError::Invalid(format!(
            "invalid leading byte (0x{other:x}) for a declaration in a type"
        ))),
    }
}

/// Reads a type. If it is a list of declarations, reads and returns only their number.
fn read_type(reader: &mut BinaryReader<'_>) -> wasmparser::Result<Option<u32>> {
    const COMPONENT: u8 = 0x41;
    const INSTANCE: u8 = 0x42;
    let kind = reader.clone().read_u8()?;
    if matches!(kind, COMPONENT | INSTANCE) {
        reader.read_u8()?;
        return reader.read_var_u32().map(Some);
    }
    reader.read::<ComponentType<'_>>()?;
    Ok(None)
}

fn check_function(body: &FunctionBody<'_>) -> Result<(), LoadError> {
    let mut locals = 0_u64;
    for declared in body.get_locals_reader().map_err(LoadError::invalid)? {
        let (count, _) = declared.map_err(LoadError::invalid)?;
        locals = locals.saturating_add(u64::from(count));
    }
    let mut blocks = 1_u64;
    for operator in body.get_operators_reader().map_err(LoadError::invalid)? {
        let operator = operator.map_err(LoadError::invalid)?;
        let opens = matches!(
            operator,
            Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::Else
                | Operator::TryTable { .. }
                | Operator::BrIf { .. }
                | Operator::BrTable { .. }
        );
        blocks = blocks.saturating_add(u64::from(opens));
    }
    if locals.saturating_mul(blocks) > MAX_LOCALS_TIMES_BLOCKS {
        return Err(LoadError::TooComplex { locals, blocks });
    }
    Ok(())
}
