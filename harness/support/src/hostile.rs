//! Modules that attack a reader or compiler of WebAssembly.

use anyhow::{Context, Result};
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, Instruction, Module, RawSection, ValType,
};
use wasmparser::{Parser, Payload};

use crate::unsigned_leb128;

/// Returns a component whose only type nests component types, `levels` deep.
pub fn nested_component(levels: usize) -> Vec<u8> {
    // One type. Each level is a component type (0x41) of one declaration, which is a type (0x01).
    let mut types = vec![1];
    types.extend([0x41, 1, 1].repeat(levels));
    types.extend([0x41, 0]);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.push(7);
    component.extend(unsigned_leb128(types.len()));
    component.extend(types);
    component
}

/// Returns a core module whose world section is [`nested_component`].
pub fn nested_world(levels: usize) -> Vec<u8> {
    const NAME: &[u8] = b"component-type:x";
    let mut section = unsigned_leb128(NAME.len());
    section.extend(NAME);
    section.extend(nested_component(levels));
    let mut module = b"\0asm\x01\0\0\0\0".to_vec();
    module.extend(unsigned_leb128(section.len()));
    module.extend(section);
    module
}

/// Returns `policy`, a core module, with an additional function that is never called. The function
/// has `locals` locals and `loops` nested loops.
///
/// # Errors
///
/// Fails if `policy` is not a module.
pub fn with_loops(policy: &[u8], locals: u32, loops: usize) -> Result<Vec<u8>> {
    let mut function = Function::new([(locals, ValType::I64)]);
    for _ in 0..loops {
        function.instruction(&Instruction::Loop(BlockType::Empty));
    }
    for _ in 0..loops {
        function.instruction(&Instruction::End);
    }
    // `unreachable` satisfies every result type.
    function.instruction(&Instruction::Unreachable);
    function.instruction(&Instruction::End);
    with_function(policy, &function)
}

/// Returns the module with an additional function of its first type.
fn with_function(module: &[u8], function: &Function) -> Result<Vec<u8>> {
    let (mut changed, mut code, mut left) = (Module::new(), CodeSection::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        match &payload {
            Payload::FunctionSection(section) => {
                let mut functions = FunctionSection::new();
                for index in section.clone() {
                    functions.function(index?);
                }
                functions.function(0);
                changed.section(&functions);
                continue;
            }
            Payload::CodeSectionStart { count, .. } => {
                left = *count;
                continue;
            }
            Payload::CodeSectionEntry(body) => {
                code.raw(body.as_bytes());
                left -= 1;
                if left == 0 {
                    code.function(function);
                    changed.section(&code);
                }
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let data = module.get(range).context("a section beyond the end")?;
            changed.section(&RawSection { id, data });
        }
    }
    Ok(changed.finish())
}
