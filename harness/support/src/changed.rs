//! Modules with other bytes than a built one.

use anyhow::{Context, Result};
use wasm_encoder::{CodeSection, Encode as _, Instruction, Module, RawSection};
use wasmparser::{Parser, Payload};

/// Returns the module with a custom section that holds `note`. The bytes and the digest differ; the
/// behaviour is equal.
pub fn wasm_with_note(module: &[u8], note: &str) -> Vec<u8> {
    const NAME: &[u8] = b"note";
    let mut section = unsigned_leb128(NAME.len());
    section.extend_from_slice(NAME);
    section.extend_from_slice(note.as_bytes());
    let mut changed = module.to_vec();
    changed.push(0);
    changed.extend(unsigned_leb128(section.len()));
    changed.extend(section);
    changed
}

/// Returns the module with `number` pushed and dropped at the beginning of every function. The
/// behaviour is equal, but no compiler has compiled these functions before.
///
/// # Errors
///
/// Fails if `module` is not a module.
pub fn wasm_with_new_code(module: &[u8], number: u32) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    Instruction::I32Const(number.cast_signed()).encode(&mut start);
    Instruction::Drop.encode(&mut start);
    let (mut changed, mut code, mut left) = (Module::new(), CodeSection::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CodeSectionStart { count, .. } = payload {
            left = count;
        } else if let Payload::CodeSectionEntry(body) = &payload {
            let locals = body.get_operators_reader()?.original_position() - body.range().start;
            let (locals, operators) = body
                .as_bytes()
                .split_at_checked(locals)
                .context("a function without code")?;
            code.raw(&[locals, &start, operators].concat());
            left -= 1;
            if left == 0 {
                changed.section(&code);
            }
        } else if let Some((id, range)) = payload.as_section() {
            let data = module.get(range).context("a section beyond the end")?;
            changed.section(&RawSection { id, data });
        }
    }
    Ok(changed.finish())
}

/// Encodes a number as WebAssembly and MQTT do (unsigned LEB128).
pub fn unsigned_leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_custom_section_at_the_end() {
        let empty = b"\0asm\x01\0\0\0";
        let changed = wasm_with_note(empty, "v2");
        assert_eq!(changed, b"\0asm\x01\0\0\0\x00\x07\x04notev2");
    }

    #[test]
    fn long_numbers_take_several_bytes() {
        assert_eq!(unsigned_leb128(127), [0x7f]);
        assert_eq!(unsigned_leb128(300), [0xac, 0x02]);
    }
}
