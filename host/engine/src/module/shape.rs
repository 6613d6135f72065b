//! What hurts the tools that read a module, found without them: for programs that read modules in their own process.
//!
//! The reader of component types calls itself for every type inside a type, so that a few kilobytes overflow a stack. The compiler
//! takes memory for every local of a function at every block that may be a loop, so that a few hundred kilobytes fill the memory of
//! a machine. Both are counted here in a loop, with memory that does not grow.

use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CoreType, FunctionBody, Operator, Parser, Payload,
};

use crate::load::LoadError;

/// The most types inside each other. The contract has two.
const MAX_NESTING: usize = 100;
/// The most that the locals of a function times its blocks may come to. An interpreter's main loop, built with all of it in one
/// function, comes to a tenth.
const MAX_LOCALS_TIMES_BLOCKS: u64 = 20_000_000;

/// Refuses a module whose shape brings down the tools that read it. Not needed where that ends a child process only.
///
/// # Errors
///
/// When its component types are nested too deep, a function is too large, or it cannot be read so far.
pub fn check_shape(bytes: &[u8]) -> Result<(), LoadError> {
    if !bytes.starts_with(b"\0asm") {
        // Refused elsewhere, in better words.
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
            // What tools write of a module's world is a component by itself.
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

/// Counts how deep the types of a section are nested.
fn check_types(section: &[u8]) -> Result<(), LoadError> {
    let mut reader = BinaryReader::new(section, 0);
    // How many more items there are of each list that is open, the section's own first.
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

/// Reads a declaration, up to the type if it declares one.
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

/// Reads a type; of one that is a list of declarations, only how many they are.
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
