//! Modules that try to hurt whoever reads or compiles them.

use anyhow::{Context, Result};
use wasm_encoder::{
    BlockType, CodeSection, Function, FunctionSection, Instruction, Module, RawSection, ValType,
};
use wasmparser::{Parser, Payload};

use crate::policies::unsigned_leb128;

/// A component whose only type is a component type in a component type, and so on, `levels` deep.
pub fn nested_component(levels: usize) -> Vec<u8> {
    // One type; each level is a component type (0x41) of one declaration, which is a type (0x01).
    let mut types = vec![1];
    types.extend([0x41, 1, 1].repeat(levels));
    types.extend([0x41, 0]);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.push(7);
    component.extend(unsigned_leb128(types.len()));
    component.extend(types);
    component
}

/// A core module that says of its own world what [`nested_component`] says.
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

/// `policy`, a core module, with one more function, which has so many locals and loops in each other and is never called.
///
/// # Errors
///
/// When it is no module.
pub fn with_loops(policy: &[u8], locals: u32, loops: usize) -> Result<Vec<u8>> {
    let mut function = Function::new([(locals, ValType::I64)]);
    for _ in 0..loops {
        function.instruction(&Instruction::Loop(BlockType::Empty));
    }
    for _ in 0..loops {
        function.instruction(&Instruction::End);
    }
    // Whatever the function's type returns.
    function.instruction(&Instruction::Unreachable);
    function.instruction(&Instruction::End);
    with_function(policy, &function)
}

/// The module with one more function, of its first type.
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
